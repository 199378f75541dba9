/* Columns: prose in two columns that was drawn row by row is put into the order of reading. Pure. */
#ifndef QUIRE_COLUMNS_H
#define QUIRE_COLUMNS_H

#include "parts.h"

/* Reorders lines. Returns 0, or -1 with NO_MEMORY. */
MUST_CHECK int columns_order (parts_t *parts);

#endif
