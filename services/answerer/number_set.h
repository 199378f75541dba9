/* A set of short names: which files a search may look at, which pages it has found. Pure. */
#ifndef QUIRE_NUMBER_SET_H
#define QUIRE_NUMBER_SET_H

#ifdef __cplusplus
extern "C" {
#endif

#include "macros.h"

typedef struct {
    uint64_t *words;      /* bit n: number n is in */
    size_t word_count;
    size_t count;         /* numbers in the set */
} number_set_t;             /* zeroed is the empty set */

MUST_CHECK int number_set_add (number_set_t *set, uint32_t number);   /* -1 with NO_MEMORY */
void number_set_clear (number_set_t *set);

static inline bool number_set_has (const number_set_t *set, uint32_t number)
{
    size_t word = number / 64;
    return word < set->word_count && (set->words [word] >> (number % 64) & 1);
}

#ifdef __cplusplus
}
#endif
#endif
