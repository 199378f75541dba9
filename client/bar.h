/* Bars: a line that shows how far something is. Pure. */
#ifndef QUIRE_CLIENT_BAR_H
#define QUIRE_CLIENT_BAR_H

#include <stdio.h>

#include "macros.h"

typedef struct {
    const char *name;       /* fit for a terminal (plain.h) */
    const char *state;      /* a word */
    uint64_t done, total;   /* total 0: not known, so there is no bar */
    const char *amount;     /* such as "36 of 120 pages" */
} bar_t;

/* Writes the line, without a line end, in at most `width` columns: what does not fit is left out, the
 * amount first, then the bar. blocks: with U+2588 and its parts, else with '#'. */
void bar_write (FILE *out, const bar_t *bar, size_t width, bool blocks);

#endif
