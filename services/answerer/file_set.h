/* A set of file numbers: which files a search may look at. Pure. */
#ifndef QUIRE_FILE_SET_H
#define QUIRE_FILE_SET_H

#ifdef __cplusplus
extern "C" {
#endif

#include "macros.h"

typedef struct {
    uint64_t *words;      /* bit n: file number n is in */
    size_t word_count;
    size_t count;         /* numbers in the set */
} file_set_t;             /* zeroed is the empty set */

MUST_CHECK int file_set_add (file_set_t *set, uint32_t number);   /* -1 with NO_MEMORY */
void file_set_clear (file_set_t *set);

static inline bool file_set_has (const file_set_t *set, uint32_t number)
{
    size_t word = number / 64;
    return word < set->word_count && (set->words [word] >> (number % 64) & 1);
}

#ifdef __cplusplus
}
#endif
#endif
