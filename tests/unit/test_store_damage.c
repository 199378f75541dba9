/* The store after a power cut and after damage: its log cut at any byte opens with the last whole
 * commit; a damaged database is said to be damaged, stays as it is, and is never taken for an empty
 * one. With the real SQLite, beside the store's own connection.
 *
 * The fault tests build it with EVERY_BYTE, so that it cuts the log of a small commit at each byte. */
#include "library_fixture.h"

#include <sqlite3.h>

#include "error.h"

#if EVERY_BYTE
#define COMMITS     1
#define CUT_STEP    1
#else
#define COMMITS     8
#define CUT_STEP    397          /* bytes between two cuts, beside those at the borders */
#endif
#define LOG_HEADER  32           /* of the log, and of each frame in it */
#define FRAME_HEADER 24
#define PAGE_BYTES  4096
#define MAX_BYTES   (4u << 20)

typedef struct {
    uint8_t *bytes;
    size_t size;
} content_t;

static char *folder;
static content_t database, wal;
static size_t ends [COMMITS + 1];        /* of the log, after each commit */
static uint64_t sums [COMMITS + 1];      /* of all rows, after each commit */

/* -- files ---------------------------------------------------------------------------------------- */

static content_t file_read (const char *path)
{
    content_t content = {malloc (MAX_BYTES), 0};
    FILE *file = fopen (path, "rb");
    assert_non_null (file);
    content.size = fread (content.bytes, 1, MAX_BYTES, file);
    fclose (file);
    assert_true (content.size < MAX_BYTES);
    return content;
}

static void file_write (const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen (path, "wb");
    assert_non_null (file);
    assert_int_equal (fwrite (bytes, 1, size, file), size);
    fclose (file);
}

static size_t file_size (const char *path)
{
    struct stat info;
    return stat (path, &info) == 0 ? (size_t) info.st_size : 0;
}

/* -- what a store holds ---------------------------------------------------------------------------- */

static uint64_t sum_bytes (uint64_t sum, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const uint8_t *) bytes) [i]) * UINT64_C (1099511628211);
    return sum;
}

/* Adds a sum over all rows. False when they can't all be read. */
static bool sum_table (sqlite3 *db, const char *table, uint64_t *sum)
{
    char sql [128];
    sqlite3_stmt *rows = NULL;
    snprintf (sql, sizeof sql, "SELECT * FROM %.32s ORDER BY 1, 2", table);
    int code = sqlite3_prepare_v2 (db, sql, -1, &rows, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step (rows)) == SQLITE_ROW) {
        for (int column = 0; column < sqlite3_column_count (rows); column++) {
            const void *bytes = sqlite3_column_blob (rows, column);
            *sum = sum_bytes (*sum, bytes, (size_t) sqlite3_column_bytes (rows, column));
        }
        *sum = sum_bytes (*sum, "\n", 1);
        code = SQLITE_OK;
    }
    sqlite3_finalize (rows);
    return code == SQLITE_DONE;
}

/* 0 when not all of it can be read. */
static uint64_t sum_store (const char *path)
{
    static const char *const tables [] = {"files", "pages", "chunks", "vectors", "stores", "store_files", "changes"};
    uint64_t sum = UINT64_C (14695981039346656037);
    sqlite3 *db = NULL;
    bool whole = sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK;
    for (size_t i = 0; whole && i < COUNT_OF (tables); i++)
        whole = sum_table (db, tables [i], &sum);
    sqlite3_close (db);
    return whole ? sum : 0;
}

/* Pages, chunks and a vector: or, where each byte is to be cut, a file alone. */
static void commit_one (store_t *store, int number)
{
    char id [24], text [2048];
    float vector [EMBEDDING_WIDTH];
    chunk_row_t row;
    snprintf (id, sizeof id, "file-%d", number);
    memset (text, 'a' + number, sizeof text);
    text [sizeof text - 1] = '\0';
    text [100] = '\n';
    assert_int_equal (store_begin (store), 0);
    file_add (store, id, "a.pdf", (uint64_t) number);
    if (CUT_STEP > 1) {
        assert_int_equal (store_set_inspected (store, id, 2, "Title"), 0);
        page_add (store, id, 1, text, "Head");
        page_add (store, id, 2, text, "");
        vector_along (vector, (unsigned) number);
        assert_int_equal (store_settle_chunk (store, (uint32_t) (4 * number + 1), vector, "", &row), 0);
    }
    assert_int_equal (store_commit (store), 0);
}

/* A store of several commits that are all in its log, as after a power cut; and `whole`, the same
 * store after it was closed. */
static int make_store (void **state UNUSED)
{
    folder = folder_make ();
    store_t *store = store_open (in_folder (folder, "store.sqlite"), true);
    assert_non_null (store);
    ends [0] = file_size (in_folder (folder, "store.sqlite-wal"));
    sums [0] = sum_store (in_folder (folder, "store.sqlite"));
    for (int i = 0; i < COMMITS; i++) {
        commit_one (store, i);
        ends [i + 1] = file_size (in_folder (folder, "store.sqlite-wal"));
        sums [i + 1] = sum_store (in_folder (folder, "store.sqlite"));
        assert_true (ends [i + 1] > ends [i] && sums [i + 1] != sums [i] && sums [i + 1] != 0);
    }
    database = file_read (in_folder (folder, "store.sqlite"));
    wal = file_read (in_folder (folder, "store.sqlite-wal"));
    assert_int_equal (wal.size, ends [COMMITS]);
    store_close (&store);
    return 0;
}

static int remove_store (void **state UNUSED)
{
    remove_all (folder);
    free (folder);
    free (database.bytes);
    free (wal.bytes);
    return 0;
}

/* Lays the store out as it was found. Returns its path. */
static const char *lay_out (const content_t *main_file, const content_t *log_file, size_t log_size)
{
    static char path [4096];
    snprintf (path, sizeof path, "%s", in_folder (folder, "found.sqlite"));
    unlink (in_folder (folder, "found.sqlite-shm"));
    unlink (in_folder (folder, "found.sqlite-wal"));
    file_write (path, main_file->bytes, main_file->size);
    if (log_file != NULL && log_size > 0)
        file_write (in_folder (folder, "found.sqlite-wal"), log_file->bytes, log_size);
    return path;
}

/* -- the log --------------------------------------------------------------------------------------- */

static int commits_before (size_t size)
{
    int count = 0;
    while (count < COMMITS && ends [count + 1] <= size)
        count++;
    return count;
}

static void opens_with_commits (const char *path, int commits, size_t where)
{
    store_t *store = store_open (path, true);
    if (store == NULL)
        fail_msg ("at %zu: %s", where, error_text ());
    uint64_t found = sum_store (path);
    if (found != sums [commits])
        fail_msg ("at %zu: not as after commit %d", where, commits);
    store_close (&store);
}

static void test_the_log_cut_at_any_byte (void **state UNUSED)
{
    size_t cuts = 0;
    for (size_t size = CUT_STEP > 1 ? 0 : ends [0]; size <= wal.size; size++) {
        size_t in_frame = size < LOG_HEADER ? 0 : (size - LOG_HEADER) % (FRAME_HEADER + PAGE_BYTES);
        bool at_border = size <= LOG_HEADER + 1 || in_frame <= 1 || in_frame == FRAME_HEADER
            || in_frame == FRAME_HEADER + PAGE_BYTES - 1;
        if (!at_border && size % CUT_STEP != 0)
            continue;
        opens_with_commits (lay_out (&database, &wal, size), commits_before (size), size);
        cuts++;
    }
    print_message ("%zu cuts of a log of %zu bytes\n", cuts, wal.size);
}

/* A commit with a changed byte is none, and nothing after it counts. */
static void test_a_changed_byte_in_the_log (void **state UNUSED)
{
    for (size_t at = LOG_HEADER; at < wal.size; at += FRAME_HEADER + PAGE_BYTES) {
        size_t changed = at + FRAME_HEADER + at % PAGE_BYTES;
        wal.bytes [changed] ^= 0x10;
        opens_with_commits (lay_out (&database, &wal, wal.size), commits_before (changed), changed);
        wal.bytes [changed] ^= 0x10;
    }
}

/* What is written after a cut stays. */
static void test_the_store_goes_on_after_a_cut (void **state UNUSED)
{
    for (int commits = 0; commits < COMMITS; commits++) {
        const char *path = lay_out (&database, &wal, ends [commits + 1] - 1);
        store_t *store = store_open (path, true);
        assert_non_null (store);
        commit_one (store, commits);
        store_close (&store);
        opens_with_commits (path, commits + 1, ends [commits]);
    }
}

/* -- the database ---------------------------------------------------------------------------------- */

typedef enum {
    SAID_AT_OPEN,
    SAID_BY_CHECK,   /* opened without a word, and found by the look that follows a start */
    WHOLE,           /* what was changed does not matter: all rows are there */
} verdict_t;

static void on_finding (void *context, const char *what UNUSED, const char *which UNUSED)
{
    ++*(size_t *) context;
}

/* Does the look that follows a start find anything? It, too, changes nothing. */
static bool is_found (const char *path)
{
    size_t findings = 0;
    store_t *store = store_open (path, false);
    if (store == NULL)
        return true;
    int result = store_check_pages (store, on_finding, &findings);
    if (result != 0)
        assert_int_equal (error_get (), ERROR_STORE_DAMAGED);
    store_close (&store);
    return findings > 0 || result != 0;
}

/* Opened as a start of the service does, and looked at as it does in the background. Damage is said by
 * the one or the other, and the file is as it was; else all its rows are there. */
static verdict_t verdict_on (const content_t *found, const char *what, size_t where)
{
    const char *path = lay_out (found, NULL, 0);
    store_t *store = store_open (path, true);
    if (store == NULL) {
        content_t after = file_read (path);
        bool kept = after.size == found->size && memcmp (after.bytes, found->bytes, found->size) == 0;
        bool is_named = error_get () == ERROR_STORE_DAMAGED || error_get () == ERROR_STORE_FAILED;
        free (after.bytes);
        if (!is_named || strstr (error_text (), "store") == NULL || !kept)
            fail_msg ("%s at %zu: %s", what, where, error_text ());
        return SAID_AT_OPEN;
    }
    bool is_said = is_found (path);
    uint64_t sum = sum_store (path);
    store_close (&store);
    if (!is_said && sum != sums [COMMITS])
        fail_msg ("%s at %zu: not all of it is there, and nobody says so", what, where);
    return is_said ? SAID_BY_CHECK : WHOLE;
}

static content_t closed_store (void)
{
    const char *path = lay_out (&database, &wal, wal.size);
    opens_with_commits (path, COMMITS, 0);
    assert_int_equal (file_size (in_folder (folder, "found.sqlite-wal")), 0);
    return file_read (path);
}

static void test_a_changed_header (void **state UNUSED)
{
    content_t found = closed_store ();
    size_t verdicts [3] = {0};
    for (size_t at = 0; at < 100; at++) {
        found.bytes [at] ^= 0xFF;
        verdicts [verdict_on (&found, "changed header", at)]++;
        found.bytes [at] ^= 0xFF;
    }
    print_message ("bytes of the header: %zu are said at the start, %zu by the look, %zu do not matter\n",
                   verdicts [SAID_AT_OPEN], verdicts [SAID_BY_CHECK], verdicts [WHOLE]);
    assert_true (verdicts [SAID_AT_OPEN] > 30);
    free (found.bytes);
}

/* The kind of each page, the number of its cells and where they lie. */
static void test_changed_pages (void **state UNUSED)
{
    content_t found = closed_store ();
    size_t verdicts [3] = {0}, tried = 0;
    for (size_t page = PAGE_BYTES; page < found.size; page += PAGE_BYTES) {
        uint8_t kept [12];
        memcpy (kept, found.bytes + page, sizeof kept);
        memset (found.bytes + page, 0xFF, sizeof kept);
        verdicts [verdict_on (&found, "changed page", page)]++;
        tried++;
        memcpy (found.bytes + page, kept, sizeof kept);
    }
    print_message ("%zu changed pages: %zu are said at the start, %zu by the look\n", tried, verdicts [SAID_AT_OPEN],
                   verdicts [SAID_BY_CHECK]);
    assert_int_equal (verdicts [WHOLE], 0);
    assert_true (verdicts [SAID_BY_CHECK] * 2 > tried);   /* a start reads few of them */
    free (found.bytes);
}

static void test_a_short_database (void **state UNUSED)
{
    content_t found = closed_store ();
    size_t whole = found.size;
    for (found.size = 0; found.size < whole; found.size += found.size < 200 ? 50 : PAGE_BYTES / 2 + 1)
        assert_int_equal (verdict_on (&found, "cut", found.size), SAID_AT_OPEN);
    free (found.bytes);
}

/* -- another version ------------------------------------------------------------------------------- */

static void execute (const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal (sqlite3_open (path, &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
}

static void test_another_version (void **state UNUSED)
{
    static const struct {
        const char *sql, *words;
    } cases [] = {
        {"PRAGMA user_version = 99", "version 99"}, {"PRAGMA user_version = 0", "version 0"},
        {"PRAGMA user_version = -1", "version -1"}, {"PRAGMA application_id = 7", "no store of Quire"},
    };
    content_t found = closed_store ();
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        const char *path = lay_out (&found, NULL, 0);
        execute (path, cases [i].sql);
        uint64_t before = sum_store (path);
        assert_null (store_open (path, true));
        assert_int_equal (error_get (), ERROR_STORE_FAILED);
        assert_non_null (strstr (error_text (), cases [i].words));
        assert_int_equal (sum_store (path), before);
    }
    free (found.bytes);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_log_cut_at_any_byte), cmocka_unit_test (test_a_changed_byte_in_the_log),
        cmocka_unit_test (test_the_store_goes_on_after_a_cut), cmocka_unit_test (test_a_changed_header),
        cmocka_unit_test (test_changed_pages), cmocka_unit_test (test_a_short_database),
        cmocka_unit_test (test_another_version),
    };
    if (CUT_STEP == 1)
        cmocka_set_test_filter ("test_the_log_cut_at_any_byte");
    return cmocka_run_group_tests_name ("store_damage", tests, make_store, remove_store);
}
