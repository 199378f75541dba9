/* A set of numbers as a bitmap that grows to the highest one. */
#include "number_set.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static int reach (number_set_t *set, size_t word)
{
    if (word < set->word_count)
        return 0;
    size_t count = word + 1 + word / 2;
    uint64_t *words = realloc (set->words, count * sizeof *words);
    if (words == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    memset (words + set->word_count, 0, (count - set->word_count) * sizeof *words);
    set->words = words;
    set->word_count = count;
    return 0;
}

int number_set_add (number_set_t *set, uint32_t number)
{
    if (number_set_has (set, number))
        return 0;
    if (reach (set, number / 64) != 0)
        return -1;
    set->words [number / 64] |= UINT64_C (1) << (number % 64);
    set->count++;
    return 0;
}

void number_set_clear (number_set_t *set)
{
    free (set->words);
    *set = (number_set_t) {0};
}
