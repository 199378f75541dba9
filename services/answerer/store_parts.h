/* What the parts of the store share: rows of files, the pages of lists. For store_*.c only. */
#ifndef QUIRE_STORE_PARTS_H
#define QUIRE_STORE_PARTS_H

#include "statement.h"

/* -- files ---------------------------------------------------------------------------------- */

#define FILE_COLUMN_COUNT 18   /* of FILE_COLUMNS */

file_row_t file_from (rows_t *s);
MUST_CHECK int keep_file (store_t *store, file_row_t *row);

/* Takes the statement's one row, which is kept. */
MUST_CHECK int get_file (store_t *store, rows_t *s, const char *named, file_row_t *row);

/* Writes a file's numbers and the state that follows from them: the one door to both. */
MUST_CHECK int number_settle (store_t *store, file_row_t *file);

MUST_CHECK int add_change (store_t *store, change_kind_t kind, uint32_t number);

/* -- lists ---------------------------------------------------------------------------------- */

/* The open interval of (created, number) that a page of a list lies in, and which way to walk. */
typedef struct {
    int64_t low [2], high [2];
    bool up;
    int64_t limit;
} span_t;

/* place: the statement that tells (created, number) of an id, and of its owner if that is not NULL. */
MUST_CHECK int find_span (store_t *store, const paging_t *paging, statement_t place, const char *owner,
                          span_t *span);

#endif
