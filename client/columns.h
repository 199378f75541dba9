/* Columns: rows of cells, aligned for a terminal or parted by tabs for a program. Pure. */
#ifndef QUIRE_CLIENT_COLUMNS_H
#define QUIRE_CLIENT_COLUMNS_H

#include <stdio.h>

#include "macros.h"

#define MAX_COLUMNS 8

typedef struct columns columns_t;

/* right: which columns stand at their right border, as bits. NULL when there is no memory. */
MUST_CHECK columns_t *columns_new (size_t count, unsigned right);
void columns_destroy (columns_t **columns);

/* Copies a row of cells, which are made fit for a terminal. Returns 0, or -1 without memory. */
MUST_CHECK int columns_add (columns_t *columns, const char *const cells []);

/* Aligned, two blanks between; or, for programs, with a tab between. */
void columns_write (FILE *out, const columns_t *columns, bool aligned);

#endif
