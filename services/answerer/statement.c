/* Statements: the only file that knows SQLite. Each is prepared at first use and stands in
 * store_statements.def. */
#include "statement.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "metrics.h"

#define WAIT_MS     5000
#define STEPS_A_ASK 1000   /* of SQLite's machine, between two questions whether it is over */

static const char *const statements [] = {
#define STATEMENT(name, sql) [STATEMENT_##name] = sql,
#include "store_statements.def"
#undef STATEMENT
};

/* A string or blob of the row that was read last. */
typedef struct kept {
    struct kept *next;
    char bytes [];
} kept_t;

struct store {
    sqlite3 *db;
    sqlite3_stmt *prepared [STATEMENT_COUNT_OF_ALL];
    kept_t *kept;
};

/* -- failures ------------------------------------------------------------------------------- */

static bool disk_is_full (sqlite3 *db, int code)
{
    int cause = sqlite3_system_errno (db);
    return code == SQLITE_FULL
        || ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && (cause == ENOSPC || cause == EDQUOT));
}

/* Whoever meets it makes it known; the log says it once. */
static int fail_damaged (store_t *store, const char *tried)
{
    if (metric_get (METRIC_STORE_DAMAGED) == 0)
        log_error ("store_damaged", "tried=\"%s\" why=\"%s\" text=\"%s\"", tried, sqlite3_errmsg (store->db),
                   error_default (ERROR_STORE_DAMAGED));
    metric_set (METRIC_STORE_DAMAGED, 1);
    return error_set (ERROR_STORE_DAMAGED, NULL);
}

static int fail (store_t *store, const char *tried)
{
    int code = sqlite3_errcode (store->db) & 0xFF;
    if (disk_is_full (store->db, code))
        return error_set (ERROR_DISK_FULL, NULL);
    if (code == SQLITE_NOMEM)
        return error_set (ERROR_NO_MEMORY, NULL);
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        return fail_damaged (store, tried);
    return error_set (ERROR_STORE_FAILED, "store: %s: %s", tried, sqlite3_errmsg (store->db));
}

/* -- statements ----------------------------------------------------------------------------- */

static rows_t *prepared (store_t *store, statement_t id)
{
    rows_t **slot = &store->prepared [id];
    if (*slot == NULL
        && sqlite3_prepare_v3 (store->db, statements [id], -1, SQLITE_PREPARE_PERSISTENT, slot, NULL)
            != SQLITE_OK) {
        fail (store, statements [id]);
        return NULL;
    }
    return *slot;
}

/* Binds ?1, ?2, … by a format (statement.h). */
static void bind (rows_t *statement, const char *format, va_list arguments)
{
    for (int i = 1; *format != '\0'; format++, i++) {
        if (*format == 'i') {
            sqlite3_bind_int64 (statement, i, va_arg (arguments, int64_t));
        } else if (*format == 'd') {
            sqlite3_bind_double (statement, i, va_arg (arguments, double));
        } else if (*format == 't') {
            const char *text = va_arg (arguments, const char *);
            sqlite3_bind_text (statement, i, text == NULL ? "" : text, -1, SQLITE_STATIC);
        } else {
            const void *bytes = va_arg (arguments, const void *);
            size_t size = va_arg (arguments, size_t);
            if (*format == 'T')
                sqlite3_bind_text64 (statement, i, size == 0 ? "" : bytes, size, SQLITE_STATIC, SQLITE_UTF8);
            else
                sqlite3_bind_blob64 (statement, i, size == 0 ? "" : bytes, size, SQLITE_STATIC);
        }
    }
}

static rows_t *bound (store_t *store, statement_t id, const char *format, va_list arguments)
{
    rows_t *statement = prepared (store, id);
    if (statement != NULL)
        bind (statement, format, arguments);
    return statement;
}

rows_t *statement_start (store_t *store, statement_t id, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    rows_t *statement = bound (store, id, format, arguments);
    va_end (arguments);
    return statement;
}

int statement_step (store_t *store, rows_t *statement)
{
    if (statement == NULL)
        return -1;   /* its start has said why */
    int code = sqlite3_step (statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : fail (store, sqlite3_sql (statement));
}

void statement_finish (rows_t *statement)
{
    if (statement == NULL)
        return;
    sqlite3_reset (statement);
    sqlite3_clear_bindings (statement);
}

bool statement_next (store_t *store, rows_t *statement, int *result)
{
    *result = statement_step (store, statement);
    if (*result != 1)
        statement_finish (statement);
    return *result == 1;
}

int statement_found (rows_t *statement, int result, error_t missing, const char *words, const char *named)
{
    statement_finish (statement);
    if (result != 0)
        return result < 0 ? -1 : 0;
    if (words == NULL)
        return error_set (missing, NULL);
    return named == NULL ? error_set (missing, "%s", words) : error_set (missing, "%s: %.64s", words, named);
}

int statement_run (store_t *store, statement_t id, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    rows_t *statement = bound (store, id, format, arguments);
    va_end (arguments);
    int result = statement_step (store, statement);
    statement_finish (statement);
    return result < 0 ? -1 : 0;
}

int statement_numbers (store_t *store, int64_t out [2], statement_t id, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    rows_t *statement = bound (store, id, format, arguments);
    va_end (arguments);
    int result = statement_step (store, statement);
    for (int i = 0; result == 1 && i < 2 && i < sqlite3_column_count (statement); i++)
        out [i] = sqlite3_column_int64 (statement, i);
    statement_finish (statement);
    return result;
}

bool statement_changes (const store_t *store)
{
    return sqlite3_changes (store->db) > 0;
}

int64_t statement_last_number (const store_t *store)
{
    return sqlite3_last_insert_rowid (store->db);
}

/* -- rows ----------------------------------------------------------------------------------- */

void rows_forget (store_t *store)
{
    while (store->kept != NULL) {
        kept_t *next = store->kept->next;
        free (store->kept);
        store->kept = next;
    }
}

const char *row_keep (store_t *store, const void *bytes, size_t size)
{
    kept_t *kept = malloc (sizeof *kept + size + 1);
    if (kept == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    if (size > 0)
        memcpy (kept->bytes, bytes, size);
    kept->bytes [size] = '\0';
    kept->next = store->kept;
    store->kept = kept;
    return kept->bytes;
}

bool row_keep_text (store_t *store, const char **text, size_t size)
{
    return (*text = row_keep (store, *text, size)) != NULL;
}

bool row_keep_string (store_t *store, const char **text)
{
    return row_keep_text (store, text, strlen (*text));
}

const char *column_text (rows_t *statement, int column)
{
    const char *text = (const char *) sqlite3_column_text (statement, column);
    return text == NULL ? "" : text;
}

const void *column_blob (rows_t *statement, int column)
{
    return sqlite3_column_blob (statement, column);
}

size_t column_size (rows_t *statement, int column)
{
    return (size_t) sqlite3_column_bytes (statement, column);
}

double column_real (rows_t *statement, int column)
{
    return sqlite3_column_double (statement, column);
}

uint32_t column_u32 (rows_t *statement, int column)
{
    return (uint32_t) sqlite3_column_int64 (statement, column);
}

uint64_t column_u64 (rows_t *statement, int column)
{
    return (uint64_t) sqlite3_column_int64 (statement, column);
}

/* -- connections ---------------------------------------------------------------------------- */

static int open_database (store_t *store, const char *path, connection_mode_t mode)
{
    static const int flags [] = {
        [CONNECTION_READS] = SQLITE_OPEN_READONLY, [CONNECTION_WRITES] = SQLITE_OPEN_READWRITE,
        [CONNECTION_MAKES] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };
    if (sqlite3_open_v2 (path, &store->db, flags [mode] | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return store->db == NULL ? error_set (ERROR_NO_MEMORY, NULL) : fail (store, path);
    sqlite3_busy_timeout (store->db, WAIT_MS);
    return 0;
}

store_t *connection_open (const char *path, connection_mode_t mode)
{
    store_t *store = calloc (1, sizeof *store);
    if (store == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    if (open_database (store, path, mode) != 0)
        connection_close (&store);
    return store;
}

void connection_close (store_t **store)
{
    if (*store == NULL)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT_OF_ALL; i++)
        sqlite3_finalize ((*store)->prepared [i]);
    sqlite3_close ((*store)->db);
    rows_forget (*store);
    free (*store);
    *store = NULL;
}

static int is_over (void *over)
{
    return atomic_load ((const atomic_bool *) over);
}

void connection_give_up_when (store_t *store, const atomic_bool *over)
{
    sqlite3_progress_handler (store->db, STEPS_A_ASK, is_over, (void *) over);
}

bool connection_in_group (const store_t *store)
{
    return sqlite3_get_autocommit (store->db) == 0;
}

int connection_execute (store_t *store, const char *sql)
{
    return sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail (store, sql);
}

int connection_pragma (store_t *store, const char *sql, int64_t *value)
{
    rows_t *statement = NULL;
    if (sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return fail (store, sql);
    int result = statement_step (store, statement);
    if (result == 1)
        *value = sqlite3_column_int64 (statement, 0);
    sqlite3_finalize (statement);
    return result == 1 ? 0 : -1;
}
