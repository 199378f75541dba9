/* Statements: what the parts of the store say to SQLite, without knowing it. A store_t is a connection
 * and the statements that it has prepared. For store*.c only. */
#ifndef QUIRE_STATEMENT_H
#define QUIRE_STATEMENT_H

#include "store.h"

/* -- connections ---------------------------------------------------------------------------- */

typedef enum { CONNECTION_READS, CONNECTION_WRITES, CONNECTION_MAKES } connection_mode_t;

MUST_CHECK store_t *connection_open (const char *path, connection_mode_t mode);
void connection_close (store_t **store);
MUST_CHECK int connection_execute (store_t *store, const char *sql);   /* any number of statements */
MUST_CHECK int connection_pragma (store_t *store, const char *sql, int64_t *value);
void connection_give_up_when (store_t *store, const atomic_bool *over);
bool connection_in_group (const store_t *store);

/* -- statements ----------------------------------------------------------------------------- */

typedef enum {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "store_statements.def"
#undef STATEMENT
    STATEMENT_COUNT_OF_ALL
} statement_t;

typedef struct sqlite3_stmt rows_t;   /* of a statement that is being stepped through */

/* Values are given by a format: i int64_t, d double, t text, T text with size_t, b blob with size_t. */

/* A statement ready to be stepped through, NULL when it failed; then end it with statement_finish. */
MUST_CHECK rows_t *statement_start (store_t *store, statement_t id, const char *format, ...);

/* 1: there is a row, 0: no more, -1: failed, also when the rows are NULL. */
MUST_CHECK int statement_step (store_t *store, rows_t *rows);
void statement_finish (rows_t *rows);   /* NULL is nothing to do */

/* Steps and finishes at the end: while (statement_next (…)); *result gets 0, or -1 when it failed. */
MUST_CHECK bool statement_next (store_t *store, rows_t *rows, int *result);

/* Finishes a statement of one row, of which `result` tells as statement_step does: 0, or -1 with the
 * error that it is missing, in these words and with its name, both may be NULL. */
MUST_CHECK int statement_found (rows_t *rows, int result, error_t missing, const char *words, const char *named);

/* Runs a statement that gives no rows. */
MUST_CHECK int statement_run (store_t *store, statement_t id, const char *format, ...);

/* Runs a statement that gives one row of up to two numbers. 1: it did, 0: no row, -1: failed. */
MUST_CHECK int statement_numbers (store_t *store, int64_t out [2], statement_t id, const char *format, ...);

bool statement_changes (const store_t *store);         /* did the last one change anything? */
int64_t statement_last_number (const store_t *store);   /* of the row that was added last */

/* -- rows ----------------------------------------------------------------------------------- */

const char *column_text (rows_t *rows, int column);   /* never NULL */
const void *column_blob (rows_t *rows, int column);
size_t column_size (rows_t *rows, int column);        /* of the text or blob that was asked for */
uint32_t column_u32 (rows_t *rows, int column);
uint64_t column_u64 (rows_t *rows, int column);
double column_real (rows_t *rows, int column);

/* Copies that live until rows_forget. Fail with NO_MEMORY. */
const char *row_keep (store_t *store, const void *bytes, size_t size);
bool row_keep_text (store_t *store, const char **text, size_t size);
bool row_keep_string (store_t *store, const char **text);
void rows_forget (store_t *store);

#endif
