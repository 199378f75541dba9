/* The store: groups, duplicates, states, deletes, paging, damage; with the real SQLite. */
#include "library_fixture.h"

#include <sqlite3.h>

#include "error.h"

static char *folder;
static store_t *store;

static int open_new (void **state UNUSED)
{
    folder = folder_make ();
    store = store_open (in_folder (folder, "store.sqlite"), true);
    return store == NULL ? -1 : 0;
}

static int close_and_remove (void **state UNUSED)
{
    store_close (&store);
    remove_all (folder);
    free (folder);
    return 0;
}

static file_row_t file_of (const char *id)
{
    file_row_t row = {0};
    assert_int_equal (store_get_file (store, id, &row), 0);
    return row;
}

typedef struct {
    char text [4096];
} seen_t;

static void see_file (void *context, const file_row_t *row)
{
    strcat (((seen_t *) context)->text, row->id);
    strcat (((seen_t *) context)->text, " ");
}

static void see_store_file (void *context, const store_file_row_t *row)
{
    see_file (context, &row->file);
}

static void see_store (void *context, const store_row_t *row)
{
    strcat (((seen_t *) context)->text, row->id);
    strcat (((seen_t *) context)->text, " ");
}

static void see_range (void *context, uint32_t first, uint32_t last)
{
    sprintf (((seen_t *) context)->text + strlen (((seen_t *) context)->text), "%u-%u ", first, last);
}

static uint32_t settle (uint32_t chunk)
{
    float vector [EMBEDDING_WIDTH];
    chunk_row_t row;
    vector_along (vector, chunk);
    assert_int_equal (store_settle_chunk (store, chunk, vector, "", &row), 0);
    return row.file;
}

/* -- states --------------------------------------------------------------------------------- */

static void test_states_of_a_file (void **state UNUSED)
{
    file_add (store, "file-a", "a.pdf", 5);
    file_add (store, "file-a", "other name", 6);   /* the same request again */
    assert_string_equal (file_of ("file-a").name, "a.pdf");
    assert_int_equal (file_of ("file-a").state, FILE_QUEUED);
    assert_int_equal (store_set_inspected (store, "file-a", 2, "Title"), 0);
    assert_int_equal (store_set_inspected (store, "file-a", 9, "Other"), 0);
    assert_int_equal (file_of ("file-a").pages, 2);
    assert_string_equal (file_of ("file-a").title, "Title");
    assert_int_equal (file_of ("file-a").state, FILE_READING);
    assert_int_equal (page_add (store, "file-a", 2, "one\ntwo", ""), PAGE_STORED);
    assert_int_equal (page_add (store, "file-a", 2, "one\ntwo", ""), PAGE_DUPLICATE);
    assert_int_equal (file_of ("file-a").state, FILE_READING);
    assert_int_equal (page_add (store, "file-a", 1, "", ""), PAGE_STORED);
    assert_int_equal (file_of ("file-a").state, FILE_INDEXING);
    assert_int_equal (file_of ("file-a").chunks, 2);
    settle (1);
    settle (1);   /* a second vector changes nothing */
    assert_int_equal (file_of ("file-a").vectors, 1);
    chunk_row_t row;
    assert_int_equal (store_settle_chunk (store, 2, NULL, "could not be embedded", &row), 0);
    assert_int_equal (store_settle_chunk (store, 2, NULL, "once more", &row), 0);
    assert_int_equal (file_of ("file-a").vectors, 1);
    assert_int_equal (file_of ("file-a").vectors_failed, 1);
    assert_int_equal (file_of ("file-a").state, FILE_COMPLETED);
    assert_int_equal (store_fail_file (store, "file-a", ERROR_FILE_DAMAGED, "too late"), 0);
    assert_int_equal (file_of ("file-a").state, FILE_COMPLETED);
}

/* A chunk without a vector may get one later. */
static void test_a_second_chance (void **state UNUSED)
{
    chunk_row_t row;
    store_counts_t counts;
    file_add (store, "file-a", "a.pdf", 5);
    assert_int_equal (store_set_inspected (store, "file-a", 1, "Title"), 0);
    page_add (store, "file-a", 1, "one\ntwo", "");
    settle (1);
    assert_int_equal (store_settle_chunk (store, 2, NULL, "could not be embedded", &row), 0);
    assert_int_equal (store_get_waiting (store, 2, &row), 0);
    assert_string_equal (row.text, "two");
    settle (2);
    assert_int_equal (store_get_waiting (store, 2, &row), -1);
    assert_int_equal (store_count (store, &counts), 0);
    assert_int_equal (counts.vectors, 2);
    assert_int_equal (counts.vectors_failed, 0);
    assert_int_equal (file_of ("file-a").state, FILE_COMPLETED);
}

static void response_put (const char *id, const char *previous, const char *response)
{
    put_response_message_t message = {.response_id = id, .previous_id = previous, .created = 7,
                                      .response = response, .input = "[]"};
    assert_int_equal (store_put_response (store, &message, 100), 0);
}

static void test_responses (void **state UNUSED)
{
    response_row_t row;
    response_put ("resp_a", "", "{\"n\":1}");
    response_put ("resp_b", "resp_a", "{\"n\":2}");
    response_put ("resp_b", "resp_a", "{\"n\":3}");   /* once more: replaced */
    assert_int_equal (store_get_response (store, "resp_b", &row), 0);
    assert_string_equal (row.response, "{\"n\":3}");
    assert_string_equal (row.previous, "resp_a");
    assert_string_equal (row.input, "[]");
    assert_int_equal (store_delete_response (store, "resp_b"), 0);
    assert_int_equal (store_delete_response (store, "resp_b"), -1);
    assert_int_equal (error_get (), ERROR_RESPONSE_NOT_FOUND);
    assert_int_equal (store_get_response (store, "resp_b", &row), -1);
    assert_int_equal (error_get (), ERROR_RESPONSE_NOT_FOUND);
    assert_int_equal (store_get_response (store, "resp_a", &row), 0);
}

/* 100 bytes are kept: four of 22 and their input, the latest. */
static void test_old_responses_are_forgotten (void **state UNUSED)
{
    response_row_t row;
    char id [16];
    for (int i = 1; i <= 9; i++) {
        snprintf (id, sizeof id, "resp_%d", i);
        response_put (id, "", "{\"text\":\"0123456789\"}");
    }
    for (int i = 1; i <= 9; i++) {
        snprintf (id, sizeof id, "resp_%d", i);
        assert_int_equal (store_get_response (store, id, &row), i > 5 ? 0 : -1);
    }
    static char large [MAX_RESPONSE_BYTES + 1];
    memset (large, ' ', MAX_RESPONSE_BYTES);
    put_response_message_t message = {.response_id = "resp_large", .previous_id = "", .response = large, .input = "[]"};
    assert_int_equal (store_put_response (store, &message, UINT32_MAX), -1);
    assert_int_equal (error_get (), ERROR_BODY_TOO_LARGE);
}

/* In version 1 `vectors` counted what had failed too. */
static void test_a_store_of_version_1 (void **state UNUSED)
{
    chunk_row_t row;
    sqlite3 *db;
    file_add (store, "file-a", "a.pdf", 5);
    assert_int_equal (store_set_inspected (store, "file-a", 1, "Title"), 0);
    page_add (store, "file-a", 1, "one\ntwo", "");
    settle (1);
    assert_int_equal (store_settle_chunk (store, 2, NULL, "could not be embedded", &row), 0);
    store_close (&store);
    assert_int_equal (sqlite3_open (in_folder (folder, "store.sqlite"), &db), SQLITE_OK);
    assert_int_equal (sqlite3_exec (db, "DROP INDEX chunks_failed; UPDATE files SET vectors = 2; DROP TABLE responses;"
                                    "ALTER TABLE files DROP COLUMN vectors_failed; PRAGMA user_version = 1",
                                    NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
    assert_null (store_open (in_folder (folder, "store.sqlite"), false));
    store = store_open (in_folder (folder, "store.sqlite"), true);
    assert_non_null (store);
    assert_int_equal (file_of ("file-a").vectors, 1);
    assert_int_equal (file_of ("file-a").vectors_failed, 1);
    settle (2);
    assert_int_equal (file_of ("file-a").vectors, 2);
    response_put ("resp_a", "", "{}");   /* there are responses since version 3 */
}

static void test_empty_file_completes (void **state UNUSED)
{
    file_add (store, "file-a", "a.pdf", 5);
    assert_int_equal (store_set_inspected (store, "file-a", 1, ""), 0);
    page_add (store, "file-a", 1, "", "");
    assert_int_equal (file_of ("file-a").state, FILE_COMPLETED);
}

static void test_pages_before_their_number (void **state UNUSED)
{
    file_add (store, "file-a", "a.pdf", 5);
    page_add (store, "file-a", 1, "", "");
    assert_int_equal (file_of ("file-a").state, FILE_QUEUED);
    assert_int_equal (store_set_inspected (store, "file-a", 1, ""), 0);
    assert_int_equal (file_of ("file-a").state, FILE_COMPLETED);
}

static void test_failures (void **state UNUSED)
{
    file_add (store, "file-a", "a.pdf", 5);
    assert_int_equal (store_fail_file (store, "file-a", ERROR_FILE_ENCRYPTED, "needs a password"), 0);
    assert_int_equal (file_of ("file-a").state, FILE_FAILED);
    assert_int_equal (file_of ("file-a").error, ERROR_FILE_ENCRYPTED);
    file_add (store, "file-b", "b.pdf", 6);
    assert_int_equal (store_set_inspected (store, "file-b", 3, ""), 0);
    page_add (store, "file-b", 2, "text", "");
    assert_int_equal (store_fail_pages (store, "file-b", 1, 100000, "reader died"), 0);
    file_row_t row = file_of ("file-b");
    assert_int_equal (row.pages_done, 3);
    assert_int_equal (row.pages_failed, 2);
    assert_int_equal (row.state, FILE_INDEXING);
    settle (1);
    assert_int_equal (file_of ("file-b").state, FILE_COMPLETED);
    file_add (store, "file-c", "c.pdf", 7);
    assert_int_equal (store_set_inspected (store, "file-c", 2, ""), 0);
    assert_int_equal (store_fail_pages (store, "file-c", 1, 2, "reader died"), 0);
    assert_int_equal (file_of ("file-c").state, FILE_FAILED);
    assert_string_equal (file_of ("file-c").reason, "reader died");
    assert_int_equal (store_fail_file (store, "file-x", ERROR_INTERNAL, ""), -1);
    assert_int_equal (error_get (), ERROR_FILE_NOT_FOUND);
}

/* A page that a file can't have, or may not be known to have, is refused at once. */
static void test_pages_beyond_the_file (void **state UNUSED)
{
    page_outcome_t outcome;
    uint32_t number;
    page_message_t page = {.file_id = "file-a", .page = 4, .status = PAGE_EMPTY, .reason = "", .text = "", .head = ""};
    file_add (store, "file-a", "a.pdf", 5);
    assert_int_equal (store_fail_pages (store, "file-a", 1, UINT32_MAX, "reader died"), -1);
    assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
    assert_int_equal (store_set_inspected (store, "file-a", MAX_FILE_PAGES + 1, ""), -1);
    assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
    assert_int_equal (store_set_inspected (store, "file-a", 3, ""), 0);
    assert_int_equal (store_add_page (store, &page, &outcome, &number), -1);
    assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
    assert_int_equal (file_of ("file-a").pages_done, 0);
    assert_int_equal (store_fail_pages (store, "file-a", 3, UINT32_MAX, "reader died"), 0);
    assert_int_equal (file_of ("file-a").pages_done, 1);
}

static void test_missing_pages (void **state UNUSED)
{
    file_add (store, "file-a", "a.pdf", 5);
    file_add (store, "file-b", "b.pdf", 5);
    assert_int_equal (store_set_inspected (store, "file-a", 10, ""), 0);
    for (uint32_t page = 1; page <= 10; page++)
        if (page == 2 || page == 3 || page == 7)
            page_add (store, "file-a", page, "x", "");
    seen_t seen = {""};
    file_row_t file = file_of ("file-a");
    assert_int_equal (store_missing_pages (store, &file, see_range, &seen), 0);
    assert_string_equal (seen.text, "1-1 4-6 8-10 ");
    seen = (seen_t) {""};
    assert_int_equal (store_list_unfinished (store, "", 10, see_file, &seen), 0);
    assert_string_equal (seen.text, "file-a file-b ");
    seen = (seen_t) {""};
    assert_int_equal (store_list_unfinished (store, "file-a", 10, see_file, &seen), 0);
    assert_string_equal (seen.text, "file-b ");
}

static void test_orphans_and_malformed_pages (void **state UNUSED)
{
    assert_int_equal (page_add (store, "file-gone", 1, "x", ""), PAGE_ORPHAN);
    file_add (store, "file-a", "a.pdf", 5);
    page_message_t page = {.file_id = "file-a", .page = 1, .status = PAGE_TEXT, .reason = "", .text = "x",
                           .head = "", .words = {"odd", 3}, .chunks = {"", 0}};
    page_outcome_t outcome;
    uint32_t number;
    assert_int_equal (store_add_page (store, &page, &outcome, &number), -1);
    assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
    page.words.size = 0;
    page.status = 99;
    assert_int_equal (store_add_page (store, &page, &outcome, &number), -1);
}

/* -- deleting ------------------------------------------------------------------------------- */

static void test_delete (void **state UNUSED)
{
    char sha256 [MAX_ID_BYTES + 1];
    uint32_t number;
    file_add (store, "file-a", "same.pdf", 5);
    file_add (store, "file-b", "same.pdf", 6);
    page_add (store, "file-a", 1, "one\ntwo", "");
    settle (1);
    assert_int_equal (store_delete_file (store, "file-a", 77, sha256, &number), 0);
    assert_string_equal (sha256, "");   /* file-b has the same bytes */
    assert_int_equal (number, 1);
    float vector [EMBEDDING_WIDTH];
    chunk_row_t chunk;
    assert_int_equal (store_get_vector (store, 1, vector), -1);
    assert_int_equal (store_settle_chunk (store, 2, vector, "", &chunk), -1);
    assert_int_equal (error_get (), ERROR_NOT_FOUND);
    assert_int_equal (page_add (store, "file-a", 2, "late", ""), PAGE_ORPHAN);
    assert_int_equal (store_delete_file (store, "file-a", 77, sha256, &number), 0);   /* repeated */
    assert_int_equal (number, 0);
    assert_int_equal (store_delete_file (store, "file-a", 78, sha256, &number), -1);
    assert_int_equal (error_get (), ERROR_FILE_NOT_FOUND);
    assert_int_equal (store_delete_file (store, "file-b", 79, sha256, &number), 0);
    assert_string_equal (sha256, "sha-of-same.pdf");
    file_add (store, "file-c", "same.pdf", 7);
    assert_int_equal (file_of ("file-c").number, 3);   /* numbers are never used again */
}

/* -- groups --------------------------------------------------------------------------------- */

static void test_groups (void **state UNUSED)
{
    assert_int_equal (store_begin (store), 0);
    file_add (store, "file-a", "a.pdf", 5);
    assert_int_equal (store_part_begin (store), 0);
    file_add (store, "file-b", "b.pdf", 5);
    store_part_drop (store);
    file_add (store, "file-c", "c.pdf", 5);
    store_t *reader = store_open (in_folder (folder, "store.sqlite"), false);
    file_row_t row;
    assert_int_equal (store_get_file (reader, "file-a", &row), -1);   /* not before the commit */
    assert_int_equal (store_commit (store), 0);
    assert_int_equal (store_get_file (reader, "file-a", &row), 0);
    assert_int_equal (store_get_file (reader, "file-b", &row), -1);
    assert_int_equal (store_get_file (reader, "file-c", &row), 0);
    store_close (&reader);
    assert_int_equal (store_begin (store), 0);
    file_add (store, "file-d", "d.pdf", 5);
    store_rollback (store);
    store_rollback (store);
    assert_int_equal (store_get_file (store, "file-d", &row), -1);
}

/* -- paging --------------------------------------------------------------------------------- */

static void test_paging_at_equal_times (void **state UNUSED)
{
    for (int i = 0; i < 6; i++) {
        char id [16];
        snprintf (id, sizeof id, "f%d", i);
        file_add (store, id, "x.pdf", i < 2 ? 1 : i < 5 ? 2 : 3);
    }
    static const struct {
        paging_t paging;
        const char *seen;
        bool backwards;
    } cases [] = {
        {{"", "", 10, true}, "f0 f1 f2 f3 f4 f5 ", false},
        {{"", "", 10, false}, "f5 f4 f3 f2 f1 f0 ", false},
        {{"f3", "", 10, true}, "f4 f5 ", false},
        {{"f3", "", 10, false}, "f2 f1 f0 ", false},
        {{"f3", "", 1, true}, "f4 f5 ", false},          /* one more than wanted */
        {{"", "f3", 1, true}, "f2 f1 ", true},
        {{"", "f3", 10, true}, "f2 f1 f0 ", true},
        {{"", "f3", 10, false}, "f4 f5 ", true},
        {{"f1", "f4", 10, true}, "f2 f3 ", false},
        {{"f5", "", 10, true}, "", false},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        seen_t seen = {""};
        assert_int_equal (store_list_files (store, &cases [i].paging, "", see_file, &seen), 0);
        assert_string_equal (seen.text, cases [i].seen);
        assert_int_equal (paging_backwards (&cases [i].paging), cases [i].backwards);
    }
    seen_t seen = {""};
    assert_int_equal (store_list_files (store, &(paging_t) {"nobody", "", 5, true}, "", see_file, &seen), -1);
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
    assert_int_equal (store_list_files (store, &(paging_t) {"", "", 5, true}, "batch", see_file, &seen), 0);
    assert_string_equal (seen.text, "");
}

/* -- vector stores -------------------------------------------------------------------------- */

static void make_store (const char *id, const char *const *files)
{
    strings_builder_t builder = {0};
    create_store_message_t message = {.store_id = id, .name = "name", .metadata = "", .created = 9,
                                      .file_ids = strings_from (&builder, files)};
    assert_int_equal (store_add_store (store, &message), 0);
    strings_free (&builder);
}

static void test_stores (void **state UNUSED)
{
    store_row_t row;
    assert_int_equal (store_get_store (store, DEFAULT_STORE, &row), 0);
    assert_int_equal (store_delete_store (store, DEFAULT_STORE), -1);
    assert_int_equal (error_get (), ERROR_BAD_REQUEST);
    file_add (store, "file-a", "a.pdf", 1);
    file_add (store, "file-b", "b.pdf", 2);
    make_store ("vs_1", (const char *const []) {"file-a", "file-b", NULL});
    make_store ("vs_1", (const char *const []) {"file-a", "file-b", NULL});
    assert_int_equal (store_get_store (store, "vs_1", &row), 0);
    assert_int_equal (row.in_progress, 2);
    assert_int_equal (store_set_inspected (store, "file-a", 1, ""), 0);
    page_add (store, "file-a", 1, "", "");
    assert_int_equal (store_get_store (store, "vs_1", &row), 0);
    assert_int_equal (row.in_progress, 1);
    assert_int_equal (row.completed, 1);
    assert_int_equal (row.bytes, 100);
    assert_int_equal (store_detach_file (store, "vs_1", "file-a"), 0);
    assert_int_equal (store_detach_file (store, "vs_1", "file-a"), -1);
    assert_int_equal (error_get (), ERROR_FILE_NOT_FOUND);
    seen_t seen = {""};
    assert_int_equal (store_list_stores (store, &(paging_t) {"", "", 5, true}, see_store, &seen), 0);
    assert_string_equal (seen.text, "vs_1 default ");
    assert_int_equal (store_delete_store (store, "vs_1"), 0);
    assert_int_equal (store_get_store (store, "vs_1", &row), -1);
    assert_int_equal (error_get (), ERROR_STORE_NOT_FOUND);
    assert_int_equal (file_of ("file-b").number, 2);   /* files stay */
}

static void test_unknown_file_in_new_store (void **state UNUSED)
{
    strings_builder_t builder = {0};
    create_store_message_t message = {.store_id = "vs_1", .name = "", .metadata = "",
                                      .file_ids = strings_from (&builder, (const char *const []) {"file-x", NULL})};
    assert_int_equal (store_add_store (store, &message), -1);
    assert_int_equal (error_get (), ERROR_FILE_NOT_FOUND);
    strings_free (&builder);
}

static void test_files_of_a_store (void **state UNUSED)
{
    uint32_t number;
    store_file_row_t row;
    file_add (store, "file-a", "a.pdf", 1);
    file_add (store, "file-b", "b.pdf", 2);
    assert_int_equal (store_find_store (store, DEFAULT_STORE, &number), 0);
    assert_int_equal (store_attach_file (store, number, "file-a", "{\"x\":1}", 5), 0);
    assert_int_equal (store_attach_file (store, number, "file-a", "", 6), 0);
    assert_int_equal (store_attach_file (store, number, "file-b", "", 5), 0);
    assert_int_equal (store_get_store_file (store, DEFAULT_STORE, "file-a", &row), 0);
    assert_string_equal (row.attributes, "{\"x\":1}");
    assert_int_equal (row.attached, 5);
    assert_int_equal (store_set_attributes (store, DEFAULT_STORE, "file-a", "{}"), 0);
    assert_int_equal (store_fail_file (store, "file-b", ERROR_FILE_NOT_PDF, "no pdf"), 0);
    static const struct {
        const char *status, *seen;
    } cases [] = {{"", "file-a file-b "}, {"in_progress", "file-a "}, {"failed", "file-b "}, {"completed", ""}};
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        seen_t seen = {""};
        store_files_filter_t filter = {DEFAULT_STORE, "", cases [i].status};
        assert_int_equal (store_list_store_files (store, &(paging_t) {"", "", 5, true}, &filter, see_store_file,
                                                  &seen), 0);
        assert_string_equal (seen.text, cases [i].seen);
    }
    store_files_filter_t nowhere = {"vs_none", "", ""};
    assert_int_equal (store_list_store_files (store, &(paging_t) {"", "", 5, true}, &nowhere, see_store_file, NULL), -1);
    assert_int_equal (error_get (), ERROR_STORE_NOT_FOUND);
}

static void test_batches (void **state UNUSED)
{
    uint32_t number;
    batch_row_t row;
    strings_builder_t builder = {0};
    strings_t files = strings_from (&builder, (const char *const []) {"file-a", "file-b", NULL});
    file_add (store, "file-a", "a.pdf", 1);
    file_add (store, "file-b", "b.pdf", 2);
    assert_int_equal (store_find_store (store, DEFAULT_STORE, &number), 0);
    for (int i = 0; i < 2; i++) {   /* twice, as a repeated request would */
        assert_int_equal (store_attach_file (store, number, "file-a", "", 5), 0);
        assert_int_equal (store_attach_file (store, number, "file-b", "", 5), 0);
        assert_int_equal (store_add_batch (store, number, "vsfb_1", 5, files), 0);
    }
    strings_free (&builder);
    assert_int_equal (store_fail_file (store, "file-b", ERROR_FILE_NOT_PDF, "no pdf"), 0);
    assert_int_equal (store_get_batch (store, DEFAULT_STORE, "vsfb_1", &row), 0);
    assert_int_equal (row.in_progress, 1);
    assert_int_equal (row.failed, 1);
    assert_int_equal (store_cancel_batch (store, DEFAULT_STORE, "vsfb_1"), 0);
    assert_int_equal (store_get_batch (store, DEFAULT_STORE, "vsfb_1", &row), 0);
    assert_int_equal (row.cancelled, 1);
    assert_true (row.was_cancelled);
    assert_int_equal (store_get_batch (store, DEFAULT_STORE, "vsfb_2", &row), -1);
    assert_int_equal (error_get (), ERROR_BATCH_NOT_FOUND);
}

/* -- the journal ---------------------------------------------------------------------------- */

static void test_journal (void **state UNUSED)
{
    change_row_t changes [16];
    uint64_t pruned, last;
    file_add (store, "file-a", "a.pdf", 5);
    page_add (store, "file-a", 9, "x", "");
    assert_int_equal (store_list_changes (store, 0, changes, 16), 2);
    assert_int_equal (changes [0].kind, CHANGE_CARD);
    assert_int_equal (changes [1].kind, CHANGE_PAGE);
    assert_int_equal (store_prune_journal (store, changes [1].sequence), 0);
    assert_int_equal (store_list_changes (store, 0, changes, 16), 0);
    assert_int_equal (store_journal (store, &pruned, &last), 0);
    assert_int_equal (pruned, 2);
    assert_int_equal (last, 2);
    assert_int_equal (store_refill_journal (store), 0);
    assert_int_equal (store_list_changes (store, pruned, changes, 16), 2);
    assert_int_equal (changes [0].sequence, 3);
}

/* -- damage --------------------------------------------------------------------------------- */

static void write_file (const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen (path, "wb");
    assert_non_null (file);
    assert_int_equal (fwrite (bytes, 1, size, file), size);
    fclose (file);
}

static void test_damage_is_said_and_nothing_is_emptied (void **state UNUSED)
{
    char garbage [8192];
    memset (garbage, 'x', sizeof garbage);
    const char *path = in_folder (folder, "damaged.sqlite");
    for (size_t size = 0; size <= sizeof garbage; size += sizeof garbage / 2) {
        write_file (path, garbage, size);
        assert_null (store_open (path, true));
        assert_true (error_get () == ERROR_STORE_FAILED || error_get () == ERROR_STORE_DAMAGED);
        assert_non_null (strstr (error_text (), "damaged"));
        struct stat info;
        assert_int_equal (stat (path, &info), 0);
        assert_int_equal (info.st_size, size);
    }
}

static void test_what_is_kept_over_a_restart (void **state UNUSED)
{
    char identity [33], again [33];
    assert_int_equal (store_identity (store, identity), 0);
    file_add (store, "file-a", "a.pdf", 5);
    store_close (&store);
    store = store_open (in_folder (folder, "store.sqlite"), true);
    assert_non_null (store);
    assert_int_equal (store_identity (store, again), 0);
    assert_string_equal (identity, again);
    assert_string_equal (file_of ("file-a").name, "a.pdf");
    store_t *newer = store_open ("/proc/nowhere/store.sqlite", true);
    assert_null (newer);
}

int main (void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown (test, open_new, close_and_remove)
    const struct CMUnitTest tests [] = {
        WITH_STORE (test_states_of_a_file), WITH_STORE (test_a_second_chance),
        WITH_STORE (test_responses), WITH_STORE (test_old_responses_are_forgotten),
        WITH_STORE (test_a_store_of_version_1), WITH_STORE (test_empty_file_completes),
        WITH_STORE (test_pages_before_their_number), WITH_STORE (test_failures),
        WITH_STORE (test_pages_beyond_the_file), WITH_STORE (test_missing_pages), WITH_STORE (test_orphans_and_malformed_pages),
        WITH_STORE (test_delete), WITH_STORE (test_groups), WITH_STORE (test_paging_at_equal_times),
        WITH_STORE (test_stores), WITH_STORE (test_unknown_file_in_new_store),
        WITH_STORE (test_files_of_a_store), WITH_STORE (test_batches), WITH_STORE (test_journal),
        WITH_STORE (test_damage_is_said_and_nothing_is_emptied),
        WITH_STORE (test_what_is_kept_over_a_restart),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
