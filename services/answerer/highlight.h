/* Highlights: from ranges of a page's text to the quads that mark them. Pure. */
#ifndef QUIRE_HIGHLIGHT_H
#define QUIRE_HIGHLIGHT_H

#include "page.h"

#define MAX_RANGES 1000u

typedef struct {
    uint32_t start, end;
} range_t;

typedef struct {
    float corners [8];   /* as word_t.quad */
} mark_t;

/* The words that lie in any of the ranges, neighbours on a line joined into one quad. quads must
 * have room for word_count. Returns how many there are. */
size_t highlight_quads (const word_t *words, size_t word_count, const range_t *ranges,
                        size_t range_count, mark_t *quads);

#endif
