/* The store: SQLite in WAL mode, every commit synced to the disk. The only file that knows SQLite.
 * Statements are prepared at first use and stand in store_statements.def, tables in
 * store_schema.def. */
#include "store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "sync_folder.h"
#include "terms.h"
#include "utf8.h"

#define APPLICATION_ID 0x51756972   /* "Quir": this database is ours */
#define WAIT_MS        5000
#define MAX_PATH       4096

typedef enum {
#define STATEMENT(name, sql) STATEMENT_##name,
#include "store_statements.def"
#undef STATEMENT
    STATEMENT_COUNT_OF_ALL
} statement_t;

static const char *const statements [] = {
#define STATEMENT(name, sql) [STATEMENT_##name] = sql,
#include "store_statements.def"
#undef STATEMENT
};

/* By the version that they raise. */
static const char *const upgrades [STORE_VERSION] = {
#define UPGRADE(from, sql) [from] = sql,
#include "store_upgrades.def"
#undef UPGRADE
};

static const char *const schema [] = {
#define SCHEMA(sql) sql,
#include "store_schema.def"
#undef SCHEMA
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

const char *file_state_name (file_state_t state)
{
    static const char *const names [] = {
        [FILE_QUEUED] = "queued", [FILE_READING] = "reading", [FILE_INDEXING] = "indexing",
        [FILE_COMPLETED] = "completed", [FILE_FAILED] = "failed",
    };
    return names [state];
}

/* -- failures ------------------------------------------------------------------------------- */

static bool disk_is_full (sqlite3 *db, int code)
{
    int cause = sqlite3_system_errno (db);
    return code == SQLITE_FULL
        || ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && (cause == ENOSPC || cause == EDQUOT));
}

static int fail (store_t *store, const char *tried)
{
    int code = sqlite3_errcode (store->db) & 0xFF;
    if (disk_is_full (store->db, code))
        return error_set (ERROR_DISK_FULL, NULL);
    if (code == SQLITE_NOMEM)
        return error_set (ERROR_NO_MEMORY, NULL);
    const char *advice = code == SQLITE_CORRUPT || code == SQLITE_NOTADB
        ? "; the file is damaged: restore store.sqlite from a backup, or move it away to begin anew" : "";
    return error_set (ERROR_STORE_FAILED, "store: %s: %s%s", tried, sqlite3_errmsg (store->db), advice);
}

/* -- statements ----------------------------------------------------------------------------- */

static sqlite3_stmt *prepared (store_t *store, statement_t id)
{
    sqlite3_stmt **slot = &store->prepared [id];
    if (*slot == NULL
        && sqlite3_prepare_v3 (store->db, statements [id], -1, SQLITE_PREPARE_PERSISTENT, slot, NULL)
            != SQLITE_OK) {
        fail (store, statements [id]);
        return NULL;
    }
    return *slot;
}

/* Binds ?1, ?2, … by a format: i int64_t, d double, t text, T text with size_t, b blob with size_t. */
static void bind (sqlite3_stmt *statement, const char *format, va_list arguments)
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

static sqlite3_stmt *bound (store_t *store, statement_t id, const char *format, va_list arguments)
{
    sqlite3_stmt *statement = prepared (store, id);
    if (statement != NULL)
        bind (statement, format, arguments);
    return statement;
}

/* A statement ready to be stepped through; end it with finish. */
static sqlite3_stmt *start (store_t *store, statement_t id, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    sqlite3_stmt *statement = bound (store, id, format, arguments);
    va_end (arguments);
    return statement;
}

/* 1: there is a row, 0: no more, -1: failed. */
static int step (store_t *store, sqlite3_stmt *statement)
{
    int code = sqlite3_step (statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : fail (store, sqlite3_sql (statement));
}

static void finish (sqlite3_stmt *statement)
{
    sqlite3_reset (statement);
    sqlite3_clear_bindings (statement);
}

/* Runs a statement that gives no rows. */
static int run (store_t *store, statement_t id, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    sqlite3_stmt *statement = bound (store, id, format, arguments);
    va_end (arguments);
    if (statement == NULL)
        return -1;
    int result = step (store, statement);
    finish (statement);
    return result < 0 ? -1 : 0;
}

/* Runs a statement that gives one row of up to two numbers. 1: it did, 0: no row, -1: failed. */
static int read_numbers (store_t *store, int64_t out [2], statement_t id, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    sqlite3_stmt *statement = bound (store, id, format, arguments);
    va_end (arguments);
    if (statement == NULL)
        return -1;
    int result = step (store, statement);
    for (int i = 0; result == 1 && i < 2 && i < sqlite3_column_count (statement); i++)
        out [i] = sqlite3_column_int64 (statement, i);
    finish (statement);
    return result;
}

/* -- rows ----------------------------------------------------------------------------------- */

static void forget_kept (store_t *store)
{
    while (store->kept != NULL) {
        kept_t *next = store->kept->next;
        free (store->kept);
        store->kept = next;
    }
}

/* A copy that lives until the next forget_kept; "" when there is no memory (error is set). */
static const char *keep (store_t *store, const void *bytes, size_t size)
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

static bool keep_text (store_t *store, const char **text, size_t size)
{
    return (*text = keep (store, *text, size)) != NULL;
}

static bool keep_string (store_t *store, const char **text)
{
    return keep_text (store, text, strlen (*text));
}

static const char *column_text (sqlite3_stmt *statement, int column)
{
    const char *text = (const char *) sqlite3_column_text (statement, column);
    return text == NULL ? "" : text;
}

static uint32_t column_u32 (sqlite3_stmt *statement, int column)
{
    return (uint32_t) sqlite3_column_int64 (statement, column);
}

static uint64_t column_u64 (sqlite3_stmt *statement, int column)
{
    return (uint64_t) sqlite3_column_int64 (statement, column);
}

static error_t error_named (const char *name)
{
    for (unsigned code = 1; code < ERROR_COUNT; code++)
        if (strcmp (error_name ((error_t) code), name) == 0)
            return (error_t) code;
    return name [0] == '\0' ? ERROR_NONE : ERROR_INTERNAL;
}

static file_row_t file_from (sqlite3_stmt *s)
{
    return (file_row_t) {
        .number = column_u32 (s, 0), .id = column_text (s, 1), .sha256 = column_text (s, 2),
        .name = column_text (s, 3), .bytes = column_u64 (s, 4), .purpose = column_text (s, 5),
        .created = column_u64 (s, 6), .password = column_text (s, 7), .title = column_text (s, 8),
        .state = (file_state_t) sqlite3_column_int (s, 9), .error = error_named (column_text (s, 10)),
        .reason = column_text (s, 11), .pages = column_u32 (s, 12), .pages_done = column_u32 (s, 13),
        .pages_failed = column_u32 (s, 14), .chunks = column_u32 (s, 15), .vectors = column_u32 (s, 16),
        .vectors_failed = column_u32 (s, 17),
    };
}
#define FILE_COLUMN_COUNT 18

static int keep_file (store_t *store, file_row_t *row)
{
    return keep_string (store, &row->id) && keep_string (store, &row->sha256)
        && keep_string (store, &row->name) && keep_string (store, &row->purpose)
        && keep_string (store, &row->password) && keep_string (store, &row->title)
        && keep_string (store, &row->reason) ? 0 : -1;
}

static page_row_t page_facts_from (sqlite3_stmt *s)
{
    return (page_row_t) {
        .number = column_u32 (s, 0), .file = column_u32 (s, 1), .page = column_u32 (s, 2),
        .status = (page_status_t) sqlite3_column_int (s, 3),
        .width = (float) sqlite3_column_double (s, 4), .height = (float) sqlite3_column_double (s, 5),
        .number_share = (float) sqlite3_column_double (s, 6), .words = column_u32 (s, 7),
        .chunks = column_u32 (s, 8), .reason = column_text (s, 9),
        .has_terms = sqlite3_column_int (s, 10) != 0, .is_headed = sqlite3_column_int (s, 11) != 0,
        .head = "", .text = "",
    };
}

static page_row_t page_from (sqlite3_stmt *s)
{
    page_row_t row = page_facts_from (s);
    row.head = column_text (s, 12);
    row.head_size = (size_t) sqlite3_column_bytes (s, 12);
    row.text = column_text (s, 13);
    row.text_size = (size_t) sqlite3_column_bytes (s, 13);
    row.packed_words = (bytes_t) {sqlite3_column_blob (s, 14), (size_t) sqlite3_column_bytes (s, 14)};
    return row;
}

static int keep_page (store_t *store, page_row_t *row)
{
    const char *words = row->packed_words.data;
    if (!keep_string (store, &row->reason) || !keep_text (store, &row->head, row->head_size)
        || !keep_text (store, &row->text, row->text_size)
        || !keep_text (store, &words, row->packed_words.size))
        return -1;
    row->packed_words.data = words;
    return 0;
}

static chunk_row_t chunk_from (sqlite3_stmt *s)
{
    return (chunk_row_t) {
        .id = column_u32 (s, 0), .file = column_u32 (s, 1), .page = column_u32 (s, 2),
        .start = column_u32 (s, 3), .end = column_u32 (s, 4),
        .state = (chunk_state_t) sqlite3_column_int (s, 5), .text = "",
    };
}

static chunk_row_t chunk_with_text_from (sqlite3_stmt *s)
{
    chunk_row_t row = chunk_from (s);
    const char *page = column_text (s, 6);
    size_t size = (size_t) sqlite3_column_bytes (s, 6);
    size_t start = utf8_offset (page, size, row.start), end = utf8_offset (page, size, row.end);
    row.text = page + start;
    row.text_size = end - start;
    return row;
}

static store_row_t store_from (sqlite3_stmt *s)
{
    return (store_row_t) {
        .number = column_u32 (s, 0), .id = column_text (s, 1), .name = column_text (s, 2),
        .metadata = column_text (s, 3), .created = column_u64 (s, 4), .active = column_u64 (s, 5),
        .bytes = column_u64 (s, 6), .in_progress = column_u32 (s, 7), .completed = column_u32 (s, 8),
        .failed = column_u32 (s, 9), .cancelled = column_u32 (s, 10),
    };
}

static store_file_row_t store_file_from (sqlite3_stmt *s)
{
    return (store_file_row_t) {
        .file = file_from (s), .store_id = column_text (s, FILE_COLUMN_COUNT),
        .attributes = column_text (s, FILE_COLUMN_COUNT + 1),
        .attached = column_u64 (s, FILE_COLUMN_COUNT + 2),
        .cancelled = sqlite3_column_int (s, FILE_COLUMN_COUNT + 3) != 0,
    };
}

/* -- life ----------------------------------------------------------------------------------- */

static int execute (store_t *store, const char *sql)
{
    return sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail (store, sql);
}

static int open_database (store_t *store, const char *path, int flags)
{
    if (sqlite3_open_v2 (path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return store->db == NULL ? error_set (ERROR_NO_MEMORY, NULL) : fail (store, path);
    sqlite3_busy_timeout (store->db, WAIT_MS);
    return 0;
}

static int make_schema (store_t *store)
{
    char versions [96];
    snprintf (versions, sizeof versions, "PRAGMA application_id = %d; PRAGMA user_version = %d",
              APPLICATION_ID, STORE_VERSION);
    if (execute (store, "PRAGMA synchronous = FULL; BEGIN") != 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF (schema); i++)
        if (execute (store, schema [i]) != 0)
            return -1;
    return execute (store, versions) != 0 ? -1 : execute (store, "COMMIT");
}

/* A new store is made under another name and renamed when it is whole, so that an empty or half
 * file under the real name always means damage. */
static int make_new (const char *path)
{
    char unready [MAX_PATH], journal [MAX_PATH + 16];
    if (snprintf (unready, sizeof unready, "%s.new", path) >= (int) sizeof unready)
        return error_set (ERROR_STORE_FAILED, "store: the path %s is too long", path);
    snprintf (journal, sizeof journal, "%s-journal", unready);
    unlink (unready);
    unlink (journal);
    store_t store = {0};
    int result = open_database (&store, unready, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (result == 0)
        result = make_schema (&store);
    sqlite3_close (store.db);
    if (result == 0 && rename (unready, path) != 0)
        result = error_set (ERROR_STORE_FAILED, "store: rename %s: %s", unready, strerror (errno));
    if (result == 0 && sync_folder_of (path) != 0)
        result = error_set (ERROR_STORE_FAILED, "store: sync the folder of %s: %s", path, strerror (errno));
    return result;
}

static int see_that_it_is_there (const char *path)
{
    struct stat info;
    if (stat (path, &info) == 0)
        return info.st_size > 0 ? 0 : error_set (ERROR_STORE_FAILED, "store: %s is empty, so it is damaged:"
            " restore it from a backup, or move it away to begin anew", path);
    if (errno != ENOENT)
        return error_set (ERROR_STORE_FAILED, "store: %s: %s", path, strerror (errno));
    char log [MAX_PATH + 8];
    snprintf (log, sizeof log, "%s-wal", path);
    if (stat (log, &info) == 0 && info.st_size > 0)
        return error_set (ERROR_STORE_FAILED, "store: %s is missing but its log %s is there:"
            " restore it from a backup, or move the log away to begin anew", path, log);
    return make_new (path);
}

static int read_pragma (store_t *store, const char *sql, int64_t *value)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return fail (store, sql);
    int result = step (store, statement);
    if (result == 1)
        *value = sqlite3_column_int64 (statement, 0);
    sqlite3_finalize (statement);
    return result == 1 ? 0 : -1;
}

static int upgrade (store_t *store, int64_t version)
{
    log_info ("store_upgraded", "from=%d to=%d", (int) version, STORE_VERSION);
    if (execute (store, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE") != 0)
        return -1;
    for (; version < STORE_VERSION; version++)
        if (execute (store, upgrades [version]) != 0)
            return -1;
    return execute (store, "COMMIT");
}

static int check_version (store_t *store, const char *path, bool writer)
{
    int64_t application = 0, version = 0;
    if (read_pragma (store, "PRAGMA application_id", &application) != 0
        || read_pragma (store, "PRAGMA user_version", &version) != 0)
        return -1;
    if (application != APPLICATION_ID)
        return error_set (ERROR_STORE_FAILED, "store: %s is no store of Quire, or is damaged:"
                          " restore it from a backup, or move it away to begin anew", path);
    if (version < 1 || version > STORE_VERSION || (version < STORE_VERSION && !writer))
        return error_set (ERROR_STORE_FAILED, "store: %s has version %lld, this program knows %d:"
                          " run the version of Quire that wrote it", path, (long long) version, STORE_VERSION);
    return version < STORE_VERSION ? upgrade (store, version) : 0;
}

static int open_all (store_t *store, const char *path, bool writer)
{
    if (writer && see_that_it_is_there (path) != 0)
        return -1;
    if (open_database (store, path, writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) != 0
        || check_version (store, path, writer) != 0)
        return -1;
    return execute (store, writer
        ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
          "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384"
        : "PRAGMA query_only = ON; PRAGMA cache_size = -4096");
}

store_t *store_open (const char *path, bool writer)
{
    store_t *store = calloc (1, sizeof *store);
    if (store == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    if (open_all (store, path, writer) != 0)
        store_close (&store);
    return store;
}

void store_close (store_t **store)
{
    if (*store == NULL)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT_OF_ALL; i++)
        sqlite3_finalize ((*store)->prepared [i]);
    sqlite3_close ((*store)->db);
    forget_kept (*store);
    free (*store);
    *store = NULL;
}

int store_identity (store_t *store, char identity [33])
{
    sqlite3_stmt *s = start (store, STATEMENT_META_GET, "t", "identity");
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1)
        snprintf (identity, 33, "%s", column_text (s, 0));
    finish (s);
    return result == 1 ? 0 : error_set (ERROR_STORE_FAILED, "store: its identity is missing: it is damaged");
}

int store_begin (store_t *store) { return run (store, STATEMENT_BEGIN, ""); }
int store_commit (store_t *store) { return run (store, STATEMENT_COMMIT, ""); }
int store_part_begin (store_t *store) { return run (store, STATEMENT_PART_BEGIN, ""); }
int store_part_keep (store_t *store) { return run (store, STATEMENT_PART_KEEP, ""); }

bool store_in_group (const store_t *store)
{
    return sqlite3_get_autocommit (store->db) == 0;
}

void store_rollback (store_t *store)
{
    if (store_in_group (store) && run (store, STATEMENT_ROLLBACK, "") != 0)
        log_error ("store_rollback_failed", "error=\"%s\"", error_text ());
}

void store_part_drop (store_t *store)
{
    if (store_in_group (store)
        && (run (store, STATEMENT_PART_DROP, "") != 0 || run (store, STATEMENT_PART_KEEP, "") != 0))
        log_error ("store_part_drop_failed", "error=\"%s\"", error_text ());
}

/* -- lists ---------------------------------------------------------------------------------- */

/* The open interval of (created, number) that a page of a list lies in, and which way to walk. */
typedef struct {
    int64_t low [2], high [2];
    bool up;
    int64_t limit;
} span_t;

bool paging_backwards (const paging_t *paging)
{
    return paging->before [0] != '\0' && paging->after [0] == '\0';
}

static int find_place (store_t *store, statement_t id, const char *param, const char *row,
                       const char *owner, int64_t place [2])
{
    int result = owner == NULL ? read_numbers (store, place, id, "t", row)
                               : read_numbers (store, place, id, "tt", row, owner);
    if (result == 0)
        return error_set (ERROR_BAD_FIELD, "'%s' names nothing in this list: %.64s", param, row);
    return result < 0 ? -1 : 0;
}

static int find_span (store_t *store, const paging_t *paging, statement_t place, const char *owner,
                      span_t *span)
{
    *span = (span_t) {.low = {-1, -1}, .high = {INT64_MAX, INT64_MAX},
                      .up = paging->ascending != paging_backwards (paging),
                      .limit = (int64_t) paging->limit + 1};
    int64_t *after = paging->ascending ? span->low : span->high;
    int64_t *before = paging->ascending ? span->high : span->low;
    if (paging->after [0] != '\0'
        && find_place (store, place, "after", paging->after, owner, after) != 0)
        return -1;
    return paging->before [0] == '\0'
        ? 0 : find_place (store, place, "before", paging->before, owner, before);
}

static int each_file (store_t *store, sqlite3_stmt *s, file_row_handler_t *handler, void *context)
{
    if (s == NULL)
        return -1;
    int result;
    while ((result = step (store, s)) == 1) {
        file_row_t row = file_from (s);
        handler (context, &row);
    }
    finish (s);
    return result;
}

int store_list_files (store_t *store, const paging_t *paging, const char *purpose,
                      file_row_handler_t *handler, void *context)
{
    span_t span;
    if (find_span (store, paging, STATEMENT_FILE_PLACE, NULL, &span) != 0)
        return -1;
    sqlite3_stmt *s = start (store, span.up ? STATEMENT_FILES_UP : STATEMENT_FILES_DOWN, "iiiiit",
                             span.low [0], span.low [1], span.high [0], span.high [1], span.limit, purpose);
    return each_file (store, s, handler, context);
}

/* -- files ---------------------------------------------------------------------------------- */

static int add_change (store_t *store, change_kind_t kind, uint32_t number)
{
    return run (store, STATEMENT_CHANGE_ADD, "ii", (int64_t) kind, (int64_t) number);
}

static int get_file (store_t *store, sqlite3_stmt *s, const char *named, file_row_t *row)
{
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1) {
        *row = file_from (s);
        result = keep_file (store, row) == 0 ? 1 : -1;
    }
    finish (s);
    if (result == 0)
        return error_set (ERROR_FILE_NOT_FOUND, "No such file: %.64s", named);
    return result < 0 ? -1 : 0;
}

static int load_file (store_t *store, const char *id, file_row_t *row)
{
    return get_file (store, start (store, STATEMENT_FILE_GET, "t", id), id, row);
}

int store_get_file (store_t *store, const char *id, file_row_t *row)
{
    forget_kept (store);
    return load_file (store, id, row);
}

int store_get_file_by_number (store_t *store, uint32_t number, file_row_t *row)
{
    forget_kept (store);
    return get_file (store, start (store, STATEMENT_FILE_NUMBERED, "i", (int64_t) number), "", row);
}

/* The state that follows from what is there. */
static file_state_t state_of (const file_row_t *file)
{
    if (file->state == FILE_FAILED || file->error != ERROR_NONE)
        return FILE_FAILED;
    if (file->pages == 0)
        return FILE_QUEUED;
    if (file->pages_done < file->pages)
        return FILE_READING;
    if (file->pages_failed >= file->pages)
        return FILE_FAILED;
    return file->vectors + file->vectors_failed < file->chunks ? FILE_INDEXING : FILE_COMPLETED;
}

static int first_reason (store_t *store, file_row_t *file)
{
    sqlite3_stmt *s = start (store, STATEMENT_PAGES_REASON, "i", (int64_t) file->number);
    if (s == NULL)
        return -1;
    int result = step (store, s);
    file->error = ERROR_PAGE_DAMAGED;
    file->reason = keep (store, column_text (s, 0), strlen (column_text (s, 0)));
    finish (s);
    if (result < 0 || file->reason == NULL)
        return -1;
    if (file->reason [0] == '\0')
        file->reason = error_default (ERROR_PAGE_DAMAGED);
    return 0;
}

/* Writes a file's numbers and the state that follows from them: the one door to both. */
static int number_settle (store_t *store, file_row_t *file)
{
    file_state_t before = file->state;
    file->state = state_of (file);
    if (file->state == FILE_FAILED && file->error == ERROR_NONE && first_reason (store, file) != 0)
        return -1;
    if (file->state != before)
        log_info ("file_state", "file=%s from=%s to=%s", file->id, file_state_name (before),
                  file_state_name (file->state));
    return run (store, STATEMENT_FILE_SET, "itittiiiiii", (int64_t) file->number, file->title,
                (int64_t) file->state, file->error == ERROR_NONE ? "" : error_name (file->error),
                file->reason, (int64_t) file->pages, (int64_t) file->pages_done,
                (int64_t) file->pages_failed, (int64_t) file->chunks, (int64_t) file->vectors,
                (int64_t) file->vectors_failed);
}

int store_add_file (store_t *store, const add_file_message_t *file)
{
    if (run (store, STATEMENT_FILE_ADD, "tttitit", file->file_id, file->sha256, file->name,
             (int64_t) file->bytes, file->purpose, (int64_t) file->created, file->password) != 0)
        return -1;
    if (sqlite3_changes (store->db) == 0)
        return 0;
    return add_change (store, CHANGE_CARD, (uint32_t) sqlite3_last_insert_rowid (store->db));
}

int store_set_inspected (store_t *store, const char *id, uint32_t pages, const char *title)
{
    file_row_t file;
    if (store_get_file (store, id, &file) != 0)
        return -1;
    if (file.pages != 0 || file.state == FILE_FAILED)
        return 0;
    file.pages = pages;
    file.title = title;
    if (number_settle (store, &file) != 0)
        return -1;
    return add_change (store, CHANGE_CARD, file.number);
}

int store_fail_file (store_t *store, const char *id, error_t error, const char *reason)
{
    file_row_t file;
    if (store_get_file (store, id, &file) != 0)
        return -1;
    if (file.state >= FILE_INDEXING)
        return 0;
    file.error = error == ERROR_NONE ? ERROR_INTERNAL : error;
    file.reason = reason [0] == '\0' ? error_default (file.error) : reason;
    return number_settle (store, &file);
}

/* Leaves sha256 as it is when nobody has these bytes any more, else makes it "". */
static int keep_if_last (store_t *store, char sha256 [MAX_ID_BYTES + 1])
{
    int64_t sharers [2] = {0, 0};
    if (read_numbers (store, sharers, STATEMENT_FILE_SHARED, "t", sha256) < 0)
        return -1;
    if (sharers [0] > 0)
        sha256 [0] = '\0';
    return 0;
}

static int find_deleted (store_t *store, const char *id, uint64_t request, char sha256 [MAX_ID_BYTES + 1])
{
    sqlite3_stmt *s = start (store, STATEMENT_FILE_BURIED, "ti", id, (int64_t) request);
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1)
        snprintf (sha256, MAX_ID_BYTES + 1, "%s", column_text (s, 0));
    finish (s);
    if (result == 0)
        return error_set (ERROR_FILE_NOT_FOUND, "No such file: %.64s", id);
    return result < 0 ? -1 : keep_if_last (store, sha256);
}

int store_delete_file (store_t *store, const char *id, uint64_t request,
                       char sha256 [MAX_ID_BYTES + 1], uint32_t *number)
{
    file_row_t file;
    sha256 [0] = '\0';
    *number = 0;
    if (store_get_file (store, id, &file) != 0)
        return error_get () == ERROR_FILE_NOT_FOUND ? find_deleted (store, id, request, sha256) : -1;
    snprintf (sha256, MAX_ID_BYTES + 1, "%s", file.sha256);
    if (add_change (store, CHANGE_FILE_GONE, file.number) != 0
        || run (store, STATEMENT_FILE_BURY, "itti", (int64_t) file.number, id, sha256, (int64_t) request) != 0
        || run (store, STATEMENT_FILE_FORGET, "") != 0
        || run (store, STATEMENT_FILE_DELETE, "i", (int64_t) file.number) != 0)
        return -1;
    *number = file.number;
    return keep_if_last (store, sha256);
}

int store_list_unfinished (store_t *store, const char *after, uint32_t limit,
                           file_row_handler_t *handler, void *context)
{
    return each_file (store, start (store, STATEMENT_FILES_UNFINISHED, "ti", after, (int64_t) limit),
                      handler, context);
}

/* -- pages ---------------------------------------------------------------------------------- */

static bool status_failed (page_status_t status)
{
    return status >= PAGE_FAILED;
}

static int add_chunks (store_t *store, uint32_t file, uint32_t page, const chunk_t *chunks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (run (store, STATEMENT_CHUNK_ADD, "iiiii", (int64_t) file, (int64_t) page,
                 (int64_t) chunks [i].start, (int64_t) chunks [i].end, (int64_t) chunks [i].pieces) != 0)
            return -1;
    return 0;
}

/* Puts a page's row in. 1: new, 0: was there, -1: failed. */
static int insert_page (store_t *store, uint32_t file, const page_message_t *page, size_t word_count,
                        size_t chunk_count)
{
    float number_share, ignored;
    size_t size = strlen (page->text), head_size = strlen (page->head);
    size_t terms = terms_count (page->text, size, &number_share);
    bool headed = terms_count (page->head, head_size, &ignored) > 0;
    if (run (store, STATEMENT_PAGE_ADD, "iiiddidiiitTTb", (int64_t) file, (int64_t) page->page,
             (int64_t) page->status, (double) page->width, (double) page->height, (int64_t) terms,
             (double) number_share, (int64_t) headed, (int64_t) word_count, (int64_t) chunk_count,
             page->reason, page->head, head_size, page->text, size, page->words.data,
             page->words.size) != 0)
        return -1;
    return sqlite3_changes (store->db) > 0;
}

static int count_page (store_t *store, file_row_t *file, const page_message_t *page, size_t chunk_count)
{
    file->pages_done++;
    file->pages_failed += status_failed ((page_status_t) page->status);
    file->chunks += (uint32_t) chunk_count;
    if (page->page <= CARD_PAGES && add_change (store, CHANGE_CARD, file->number) != 0)
        return -1;
    return number_settle (store, file);
}

static int insert_page_and_chunks (store_t *store, file_row_t *file, const page_message_t *page,
                                   size_t word_count, const chunk_t *chunks, size_t chunk_count,
                                   page_outcome_t *outcome)
{
    int added = insert_page (store, file->number, page, word_count, chunk_count);
    *outcome = added == 1 ? PAGE_STORED : PAGE_DUPLICATE;
    if (added != 1)
        return added;
    int64_t number = sqlite3_last_insert_rowid (store->db);
    if (number > UINT32_MAX)
        return error_set (ERROR_STORE_FAILED, "store: page numbers are used up");
    if (add_change (store, CHANGE_PAGE, (uint32_t) number) != 0
        || add_chunks (store, file->number, (uint32_t) number, chunks, chunk_count) != 0)
        return -1;
    return count_page (store, file, page, chunk_count);
}

int store_add_page (store_t *store, const page_message_t *page, page_outcome_t *outcome,
                    uint32_t *file_number)
{
    file_row_t file;
    *outcome = PAGE_ORPHAN;
    if (store_get_file (store, page->file_id, &file) != 0)
        return error_get () == ERROR_FILE_NOT_FOUND ? 0 : -1;
    *file_number = file.number;
    if (page->page == 0 || page->status == 0 || page->status >= PAGE_STATUS_END
        || strlen (page->text) > MAX_PAGE_TEXT_BYTES || strlen (page->head) > MAX_HEAD_BYTES)
        return error_set (ERROR_BAD_MESSAGE, "page %u of %s is not as pages are", page->page, page->file_id);
    uint32_t length = utf8_length (page->text, strlen (page->text));
    size_t word_count = 0, chunk_count = 0;
    word_t *words = words_unpack (page->words, page->width, page->height, length, &word_count);
    chunk_t *chunks = words == NULL ? NULL : chunks_unpack (page->chunks, length, &chunk_count);
    int result = chunks == NULL ? -1 : insert_page_and_chunks (store, &file, page, word_count, chunks,
                                                               chunk_count, outcome);
    free (words);
    free (chunks);
    return result;
}

int store_fail_pages (store_t *store, const char *id, uint32_t first, uint32_t last, const char *reason)
{
    file_row_t file;
    if (store_get_file (store, id, &file) != 0)
        return -1;
    if (file.pages != 0 && last > file.pages)
        last = file.pages;
    for (uint32_t page = first == 0 ? 1 : first; page <= last; page++) {
        page_outcome_t ignored;
        page_message_t failed = {.file_id = id, .page = page, .status = PAGE_FAILED, .text = "",
                                 .head = "", .reason = reason};
        if (insert_page_and_chunks (store, &file, &failed, 0, NULL, 0, &ignored) != 0)
            return -1;
    }
    return 0;
}

static int each_page (store_t *store, sqlite3_stmt *s, bool texts, page_row_handler_t *handler,
                      void *context)
{
    if (s == NULL)
        return -1;
    int result;
    while ((result = step (store, s)) == 1) {
        page_row_t row = texts ? page_from (s) : page_facts_from (s);
        handler (context, &row);
    }
    finish (s);
    return result;
}

int store_list_pages (store_t *store, uint32_t file, uint32_t after, uint32_t limit,
                      page_row_handler_t *handler, void *context)
{
    return each_page (store, start (store, STATEMENT_PAGES_LIST, "iii", (int64_t) file, (int64_t) after,
                                    (int64_t) limit), false, handler, context);
}

int store_list_texts (store_t *store, uint32_t file, uint32_t after, uint32_t limit,
                      page_row_handler_t *handler, void *context)
{
    return each_page (store, start (store, STATEMENT_PAGES_TEXTS, "iii", (int64_t) file, (int64_t) after,
                                    (int64_t) limit), true, handler, context);
}

static int get_page (store_t *store, sqlite3_stmt *s, bool texts, page_row_t *row)
{
    if (s == NULL)
        return -1;
    forget_kept (store);
    int result = step (store, s);
    if (result == 1) {
        *row = texts ? page_from (s) : page_facts_from (s);
        result = keep_page (store, row) == 0 ? 1 : -1;
    }
    finish (s);
    if (result == 0)
        return error_set (ERROR_PAGE_NOT_READ, NULL);
    return result < 0 ? -1 : 0;
}

int store_get_page (store_t *store, uint32_t file, uint32_t page, page_row_t *row)
{
    return get_page (store, start (store, STATEMENT_PAGE_GET, "ii", (int64_t) file, (int64_t) page),
                     true, row);
}

int store_get_page_by_number (store_t *store, uint32_t number, page_row_t *row)
{
    return get_page (store, start (store, STATEMENT_PAGE_NUMBERED, "i", (int64_t) number), true, row);
}

int store_get_page_facts (store_t *store, uint32_t number, page_row_t *row)
{
    return get_page (store, start (store, STATEMENT_PAGE_FACTS_OF, "i", (int64_t) number), false, row);
}

int store_missing_pages (store_t *store, const file_row_t *file, range_handler_t *handler, void *context)
{
    sqlite3_stmt *s = start (store, STATEMENT_PAGES_PRESENT, "i", (int64_t) file->number);
    if (s == NULL)
        return -1;
    uint32_t next = 1;
    int result;
    while ((result = step (store, s)) == 1) {
        uint32_t page = column_u32 (s, 0);
        if (page > next && next <= file->pages)
            handler (context, next, page - 1);
        next = page + 1;
    }
    finish (s);
    if (result == 0 && next <= file->pages)
        handler (context, next, file->pages);
    return result;
}

/* -- chunks and vectors --------------------------------------------------------------------- */

static int each_chunk (store_t *store, sqlite3_stmt *s, bool texts, chunk_row_handler_t *handler,
                       void *context)
{
    if (s == NULL)
        return -1;
    int result;
    while ((result = step (store, s)) == 1) {
        chunk_row_t row = texts ? chunk_with_text_from (s) : chunk_from (s);
        handler (context, &row);
    }
    finish (s);
    return result;
}

int store_list_chunks (store_t *store, uint32_t page, chunk_row_handler_t *handler, void *context)
{
    return each_chunk (store, start (store, STATEMENT_CHUNKS_OF_PAGE, "i", (int64_t) page), false,
                       handler, context);
}

int store_list_waiting (store_t *store, chunk_state_t state, uint32_t after, uint32_t limit,
                        chunk_row_handler_t *handler, void *context)
{
    statement_t id = state == CHUNK_HAS_NONE ? STATEMENT_CHUNKS_FAILED : STATEMENT_CHUNKS_WAITING;
    return each_chunk (store, start (store, id, "ii", (int64_t) after, (int64_t) limit), true, handler, context);
}

int store_list_with_vector (store_t *store, chunk_row_handler_t *handler, void *context)
{
    return each_chunk (store, start (store, STATEMENT_CHUNKS_SETTLED, ""), false, handler, context);
}

static int get_chunk (store_t *store, sqlite3_stmt *s, bool text, chunk_row_t *row)
{
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1) {
        *row = text ? chunk_with_text_from (s) : chunk_from (s);
        result = keep_text (store, &row->text, row->text_size) ? 1 : -1;
    }
    finish (s);
    if (result == 0)
        return error_set (ERROR_NOT_FOUND, "no such chunk");
    return result < 0 ? -1 : 0;
}

int store_get_waiting (store_t *store, uint32_t id, chunk_row_t *row)
{
    forget_kept (store);
    return get_chunk (store, start (store, STATEMENT_CHUNK_WAITING, "i", (int64_t) id), true, row);
}

static int count_vector (store_t *store, uint32_t number, chunk_state_t before, bool has_vector)
{
    file_row_t file;
    if (get_file (store, start (store, STATEMENT_FILE_NUMBERED, "i", (int64_t) number), "", &file) != 0)
        return -1;
    file.vectors += has_vector;
    file.vectors_failed += !has_vector;
    file.vectors_failed -= before == CHUNK_HAS_NONE;
    return number_settle (store, &file);
}

int store_settle_chunk (store_t *store, uint32_t id, const float *vector, const char *reason,
                        chunk_row_t *row)
{
    forget_kept (store);
    if (get_chunk (store, start (store, STATEMENT_CHUNK_GET, "i", (int64_t) id), false, row) != 0)
        return -1;
    if (row->state == CHUNK_HAS_VECTOR || (row->state == CHUNK_HAS_NONE && vector == NULL))
        return 0;
    if (vector != NULL
        && run (store, STATEMENT_VECTOR_ADD, "ib", (int64_t) id, (const void *) vector,
                (size_t) VECTOR_BYTES) != 0)
        return -1;
    chunk_state_t state = vector != NULL ? CHUNK_HAS_VECTOR : CHUNK_HAS_NONE;
    if (run (store, STATEMENT_CHUNK_SETTLE, "iit", (int64_t) id, (int64_t) state, reason) != 0)
        return -1;
    return count_vector (store, row->file, row->state, vector != NULL);
}

int store_get_vector (store_t *store, uint32_t id, float vector [EMBEDDING_WIDTH])
{
    sqlite3_stmt *s = start (store, STATEMENT_VECTOR_GET, "i", (int64_t) id);
    if (s == NULL)
        return -1;
    int result = step (store, s);
    bool whole = result == 1 && sqlite3_column_bytes (s, 0) == (int) VECTOR_BYTES;
    if (whole)
        memcpy (vector, sqlite3_column_blob (s, 0), VECTOR_BYTES);
    finish (s);
    if (result < 0)
        return -1;
    return whole ? 0 : error_set (ERROR_NOT_FOUND, "chunk %u has no vector", id);
}

/* -- vector stores -------------------------------------------------------------------------- */

int store_find_store (store_t *store, const char *id, uint32_t *number)
{
    int64_t found [2] = {0, 0};
    int result = read_numbers (store, found, STATEMENT_STORE_FIND, "t", id);
    *number = (uint32_t) found [0];
    if (result == 0)
        return error_set (ERROR_STORE_NOT_FOUND, "No such vector store: %.64s", id);
    return result < 0 ? -1 : 0;
}

int store_add_store (store_t *store, const create_store_message_t *message)
{
    uint32_t number;
    if (run (store, STATEMENT_STORE_ADD, "ttti", message->store_id, message->name, message->metadata,
             (int64_t) message->created) != 0
        || store_find_store (store, message->store_id, &number) != 0)
        return -1;
    size_t cursor = 0;
    for (const char *id; (id = strings_next (message->file_ids, &cursor)) != NULL;)
        if (store_attach_file (store, number, id, "", message->created) != 0)
            return -1;
    return 0;
}

int store_get_store (store_t *store, const char *id, store_row_t *row)
{
    forget_kept (store);
    sqlite3_stmt *s = start (store, STATEMENT_STORE_GET, "t", id);
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1) {
        *row = store_from (s);
        bool kept = keep_string (store, &row->id) && keep_string (store, &row->name)
            && keep_string (store, &row->metadata);
        result = kept ? 1 : -1;
    }
    finish (s);
    if (result == 0)
        return error_set (ERROR_STORE_NOT_FOUND, "No such vector store: %.64s", id);
    return result < 0 ? -1 : 0;
}

int store_list_stores (store_t *store, const paging_t *paging, store_row_handler_t *handler, void *context)
{
    span_t span;
    if (find_span (store, paging, STATEMENT_STORE_PLACE, NULL, &span) != 0)
        return -1;
    sqlite3_stmt *s = start (store, span.up ? STATEMENT_STORES_UP : STATEMENT_STORES_DOWN, "iiiii",
                             span.low [0], span.low [1], span.high [0], span.high [1], span.limit);
    if (s == NULL)
        return -1;
    int result;
    while ((result = step (store, s)) == 1) {
        store_row_t row = store_from (s);
        handler (context, &row);
    }
    finish (s);
    return result;
}

int store_set_store (store_t *store, const modify_store_message_t *message)
{
    uint32_t number;
    if (store_find_store (store, message->store_id, &number) != 0)
        return -1;
    if (message->set_name != 0
        && run (store, STATEMENT_STORE_NAME, "tt", message->store_id, message->name) != 0)
        return -1;
    return message->metadata [0] == '\0'
        ? 0 : run (store, STATEMENT_STORE_METADATA, "tt", message->store_id, message->metadata);
}

int store_delete_store (store_t *store, const char *id)
{
    uint32_t number;
    if (strcmp (id, DEFAULT_STORE) == 0)
        return error_set (ERROR_BAD_REQUEST, "The vector store 'default' can't be deleted.");
    if (store_find_store (store, id, &number) != 0)
        return -1;
    return run (store, STATEMENT_STORE_DELETE, "t", id);
}

int store_attach_file (store_t *store, uint32_t store_number, const char *file_id,
                       const char *attributes, uint64_t created)
{
    file_row_t file;
    if (store_get_file (store, file_id, &file) != 0)
        return -1;
    if (run (store, STATEMENT_ATTACH, "iiti", (int64_t) store_number, (int64_t) file.number,
             attributes, (int64_t) created) != 0)
        return -1;
    return run (store, STATEMENT_STORE_ACTIVE, "ii", (int64_t) store_number, (int64_t) created);
}

static int get_store_file (store_t *store, sqlite3_stmt *s, const char *named, store_file_row_t *row)
{
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1) {
        *row = store_file_from (s);
        bool kept = keep_file (store, &row->file) == 0 && keep_string (store, &row->store_id)
            && keep_string (store, &row->attributes);
        result = kept ? 1 : -1;
    }
    finish (s);
    if (result == 0)
        return error_set (ERROR_FILE_NOT_FOUND, "No such file in this vector store: %.64s", named);
    return result < 0 ? -1 : 0;
}

int store_get_store_file (store_t *store, const char *store_id, const char *file_id,
                          store_file_row_t *row)
{
    uint32_t number;
    if (store_find_store (store, store_id, &number) != 0)
        return -1;
    forget_kept (store);
    return get_store_file (store, start (store, STATEMENT_STORE_FILE_GET, "tt", store_id, file_id),
                           file_id, row);
}

int store_get_store_file_by_number (store_t *store, uint32_t store_number, uint32_t file,
                                    store_file_row_t *row)
{
    forget_kept (store);
    return get_store_file (store, start (store, STATEMENT_STORE_FILE_NUMBERED, "ii",
                                         (int64_t) store_number, (int64_t) file), "", row);
}

static int each_store_file (store_t *store, sqlite3_stmt *s, store_file_row_handler_t *handler,
                            void *context)
{
    if (s == NULL)
        return -1;
    int result;
    while ((result = step (store, s)) == 1) {
        store_file_row_t row = store_file_from (s);
        handler (context, &row);
    }
    finish (s);
    return result;
}

int store_list_store_files (store_t *store, const paging_t *paging, const store_files_filter_t *filter,
                            store_file_row_handler_t *handler, void *context)
{
    span_t span;
    uint32_t number;
    if (store_find_store (store, filter->store_id, &number) != 0
        || find_span (store, paging, STATEMENT_STORE_FILE_PLACE, filter->store_id, &span) != 0)
        return -1;
    batch_row_t batch;
    if (filter->batch_id [0] != '\0'
        && store_get_batch (store, filter->store_id, filter->batch_id, &batch) != 0)
        return -1;
    sqlite3_stmt *s = start (store, span.up ? STATEMENT_STORE_FILES_UP : STATEMENT_STORE_FILES_DOWN,
                             "iiiiiitt", span.low [0], span.low [1], span.high [0], span.high [1],
                             span.limit, (int64_t) number, filter->status, filter->batch_id);
    return each_store_file (store, s, handler, context);
}

int store_list_scope (store_t *store, uint32_t store_number, scope_row_handler_t *handler, void *context)
{
    sqlite3_stmt *s = start (store, STATEMENT_STORE_SCOPE, "i", (int64_t) store_number);
    if (s == NULL)
        return -1;
    int result;
    while ((result = step (store, s)) == 1) {
        scope_row_t row = {
            .number = column_u32 (s, 0), .id = column_text (s, 1), .name = column_text (s, 2),
            .chunks = column_u32 (s, 3), .vectors = column_u32 (s, 4),
            .vectors_failed = column_u32 (s, 5), .attributes = column_text (s, 6),
        };
        handler (context, &row);
    }
    finish (s);
    return result;
}

int store_count_files (store_t *store, size_t *count)
{
    int64_t files [2] = {0, 0};
    if (read_numbers (store, files, STATEMENT_COUNT_FILES, "") < 0)
        return -1;
    *count = (size_t) files [0];
    return 0;
}

int store_set_attributes (store_t *store, const char *store_id, const char *file_id,
                          const char *attributes)
{
    store_file_row_t row;
    if (store_get_store_file (store, store_id, file_id, &row) != 0)
        return -1;
    return run (store, STATEMENT_SET_ATTRIBUTES, "ttt", store_id, file_id, attributes);
}

int store_detach_file (store_t *store, const char *store_id, const char *file_id)
{
    store_file_row_t row;
    if (store_get_store_file (store, store_id, file_id, &row) != 0)
        return -1;
    return run (store, STATEMENT_DETACH, "tt", store_id, file_id);
}

/* -- batches -------------------------------------------------------------------------------- */

int store_add_batch (store_t *store, uint32_t store_number, const char *batch_id, uint64_t created,
                     strings_t file_ids)
{
    int64_t batch [2] = {0, 0};
    if (run (store, STATEMENT_BATCH_ADD, "tii", batch_id, (int64_t) store_number, (int64_t) created) != 0
        || read_numbers (store, batch, STATEMENT_BATCH_FIND, "t", batch_id) < 0)
        return -1;
    size_t cursor = 0;
    for (const char *id; (id = strings_next (file_ids, &cursor)) != NULL;)
        if (run (store, STATEMENT_BATCH_FILE_ADD, "it", batch [0], id) != 0)
            return -1;
    return 0;
}

int store_get_batch (store_t *store, const char *store_id, const char *batch_id, batch_row_t *row)
{
    uint32_t number;
    if (store_find_store (store, store_id, &number) != 0)
        return -1;
    forget_kept (store);
    sqlite3_stmt *s = start (store, STATEMENT_BATCH_GET, "tt", batch_id, store_id);
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1) {
        *row = (batch_row_t) {
            .id = column_text (s, 0), .store_id = column_text (s, 1), .created = column_u64 (s, 2),
            .was_cancelled = sqlite3_column_int (s, 3) != 0, .in_progress = column_u32 (s, 4),
            .completed = column_u32 (s, 5), .failed = column_u32 (s, 6), .cancelled = column_u32 (s, 7),
        };
        result = keep_string (store, &row->id) && keep_string (store, &row->store_id) ? 1 : -1;
    }
    finish (s);
    if (result == 0)
        return error_set (ERROR_BATCH_NOT_FOUND, NULL);
    return result < 0 ? -1 : 0;
}

int store_cancel_batch (store_t *store, const char *store_id, const char *batch_id)
{
    batch_row_t batch;
    if (store_get_batch (store, store_id, batch_id, &batch) != 0)
        return -1;
    if (batch.in_progress == 0)
        return 0;
    if (run (store, STATEMENT_BATCH_CANCEL_FILES, "t", batch_id) != 0)
        return -1;
    return run (store, STATEMENT_BATCH_CANCEL, "t", batch_id);
}

/* -- numbers -------------------------------------------------------------------------------- */

int store_count (store_t *store, store_counts_t *counts)
{
    *counts = (store_counts_t) {0};
    int64_t stores [2] = {0, 0};
    if (read_numbers (store, stores, STATEMENT_COUNT_STORES, "") < 0)
        return -1;
    counts->stores = (uint64_t) stores [0];
    sqlite3_stmt *s = start (store, STATEMENT_COUNT, "");
    if (s == NULL)
        return -1;
    int result;
    while ((result = step (store, s)) == 1) {
        int state = sqlite3_column_int (s, 0);
        if (state >= FILE_QUEUED && state <= FILE_FAILED)
            counts->files_in_state [state] = column_u64 (s, 1);
        counts->files += column_u64 (s, 1);
        counts->pages += column_u64 (s, 2);
        counts->chunks += column_u64 (s, 3);
        counts->vectors += column_u64 (s, 4);
        counts->vectors_failed += column_u64 (s, 5);
    }
    finish (s);
    return result;
}

int store_count_documents (store_t *store, store_documents_t *documents)
{
    sqlite3_stmt *s = start (store, STATEMENT_COUNT_DOCUMENTS, "");
    if (s == NULL)
        return -1;
    int result = step (store, s);
    if (result == 1)
        *documents = (store_documents_t) {
            .pages = column_u32 (s, 0), .heads = column_u32 (s, 1), .chunks = column_u32 (s, 2),
            .files = column_u32 (s, 3),
        };
    finish (s);
    return result == 1 ? 0 : -1;
}

/* -- the journal ---------------------------------------------------------------------------- */

int store_list_changes (store_t *store, uint64_t after, change_row_t *rows, size_t capacity)
{
    sqlite3_stmt *s = start (store, STATEMENT_CHANGES_AFTER, "ii", (int64_t) after, (int64_t) capacity);
    if (s == NULL)
        return -1;
    int result, count = 0;
    while ((result = step (store, s)) == 1)
        rows [count++] = (change_row_t) {column_u64 (s, 0), (change_kind_t) sqlite3_column_int (s, 1),
                                         column_u32 (s, 2)};
    finish (s);
    return result < 0 ? -1 : count;
}

int store_journal (store_t *store, uint64_t *pruned, uint64_t *last)
{
    int64_t from [2] = {0, 0}, to [2] = {0, 0};
    if (read_numbers (store, from, STATEMENT_META_GET, "t", "pruned") < 0
        || read_numbers (store, to, STATEMENT_CHANGES_LAST, "") < 0)
        return -1;
    *pruned = (uint64_t) from [0];
    *last = (uint64_t) to [0];
    return 0;
}

int store_prune_journal (store_t *store, uint64_t up_to)
{
    if (run (store, STATEMENT_CHANGES_PRUNE, "i", (int64_t) up_to) != 0)
        return -1;
    return run (store, STATEMENT_META_SET, "ti", "pruned", (int64_t) up_to);
}

int store_refill_journal (store_t *store)
{
    uint64_t pruned, last;
    if (store_journal (store, &pruned, &last) != 0 || store_prune_journal (store, last) != 0
        || run (store, STATEMENT_REFILL_PAGES, "") != 0)
        return -1;
    return run (store, STATEMENT_REFILL_CARDS, "");
}
