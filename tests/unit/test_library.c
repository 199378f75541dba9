/* The library: searches over the real store and indexes, caches that are lost, damaged or behind,
 * deletes that stay deleted over a restart. */
#include "library_fixture.h"

#include <yyjson.h>

#include "catalogue.h"
#include "error.h"
#include "library.h"

static char *folder;
static library_t *library;

static void open_library (void)
{
    library = library_open (folder, 1);
    assert_non_null (library);
}

static int open_new (void **state UNUSED)
{
    folder = folder_make ();
    open_library ();
    return 0;
}

static int close_and_remove (void **state UNUSED)
{
    library_close (&library);
    remove_all (folder);
    free (folder);
    return 0;
}

static void index_all_texts (void)
{
    int left;
    do
        left = library_index_texts (library, 1000);
    while (left > 0);
    assert_int_equal (left, 0);
}

static void attach (const char *file_id, const char *attributes)
{
    uint32_t number;
    assert_int_equal (store_find_store (library_store (library), DEFAULT_STORE, &number), 0);
    assert_int_equal (store_attach_file (library_store (library), number, file_id, attributes, 1), 0);
}

/* Gives a chunk its vector, in the store and in the index. */
static void embed (uint32_t chunk, unsigned axis)
{
    float vector [EMBEDDING_WIDTH];
    chunk_row_t row;
    vector_along (vector, axis);
    assert_int_equal (store_settle_chunk (library_store (library), chunk, vector, "", &row), 0);
    assert_int_equal (index_add (library_index (library), row.id, row.page, row.file, vector), 0);
}

typedef struct {
    const char *question, *filters, *ranker;
    float threshold;
    int axis;   /* of the question's vector; -1: none */
} asked_t;

static yyjson_doc *search (asked_t asked)
{
    strings_builder_t builder = {0};
    float vector [EMBEDDING_WIDTH];
    search_message_t message = {
        .store_id = DEFAULT_STORE, .limit = 10, .filters = asked.filters == NULL ? "" : asked.filters,
        .ranker = asked.ranker == NULL ? "fused" : asked.ranker, .threshold = asked.threshold,
        .queries = strings_from (&builder, (const char *const []) {asked.question, NULL}),
    };
    if (asked.axis >= 0)
        vector_along (vector, (unsigned) asked.axis);
    reader_t *reader = library_take_reader (library);
    const char *param = NULL;
    char *json = search_run (reader, library_index (library), &message, asked.axis >= 0 ? vector : NULL, &param);
    library_give_reader (library, reader);
    strings_free (&builder);
    if (json == NULL)
        return NULL;
    yyjson_doc *doc = yyjson_read (json, strlen (json), 0);
    free (json);
    assert_non_null (doc);
    return doc;
}

/* "file:page " of each result, in order; checks what every answer must keep. */
static const char *found (asked_t asked)
{
    static char text [2048];
    yyjson_doc *doc = search (asked);
    assert_non_null (doc);
    yyjson_val *result;
    size_t i, count;
    double before = 1;
    text [0] = '\0';
    yyjson_arr_foreach (yyjson_obj_get (yyjson_doc_get_root (doc), "data"), i, count, result) {
        double score = yyjson_get_real (yyjson_obj_get (result, "score"));
        uint64_t start = yyjson_get_uint (yyjson_obj_get (result, "start"));
        uint64_t end = yyjson_get_uint (yyjson_obj_get (result, "end"));
        yyjson_val *part = yyjson_arr_get_first (yyjson_obj_get (result, "content"));
        assert_int_equal (yyjson_get_len (yyjson_obj_get (part, "text")), end - start);
        assert_true (score > 0 && score <= before);
        before = score;
        sprintf (text + strlen (text), "%s:%d ", yyjson_get_str (yyjson_obj_get (result, "file_id")),
                 (int) yyjson_get_uint (yyjson_obj_get (result, "page")));
    }
    yyjson_doc_free (doc);
    return text;
}

/* Does a search say that all can be found by its words? */
static bool says_all_words (void)
{
    yyjson_doc *doc = search ((asked_t) {"revenue", NULL, "lexical", 0, -1});
    assert_non_null (doc);
    yyjson_val *words = yyjson_ptr_get (yyjson_doc_get_root (doc), "/indexed/words");
    bool all = yyjson_get_bool (words);
    assert_true (yyjson_is_bool (words));
    yyjson_doc_free (doc);
    return all;
}

/* Two files of two pages; chunks 1 to 5. */
static void fill (void)
{
    store_t *store = library_store (library);
    file_add (store, "a", "Alpha Report.pdf", 1);
    file_add (store, "b", "beta.pdf", 2);
    attach ("a", "{\"year\":2020}");
    attach ("b", "{\"year\":2021}");
    assert_int_equal (store_set_inspected (store, "a", 2, "The annual report"), 0);
    assert_int_equal (store_set_inspected (store, "b", 3, ""), 0);
    page_add (store, "a", 1, "revenue grew a lot\nother things", "Finance");
    page_add (store, "a", 2, "weather was fine", "Climate");
    page_add (store, "b", 1, "revenue fell", "");
    page_add (store, "b", 2, "gardens and flowers", "Gardening");
    index_all_texts ();
    for (uint32_t chunk = 1; chunk <= 5; chunk++)
        embed (chunk, chunk * 10);
}

static void test_rankers (void **state UNUSED)
{
    fill ();
    assert_string_equal (found ((asked_t) {"flowers", NULL, "lexical", 0, -1}), "b:2 ");
    assert_memory_equal (found ((asked_t) {"what is this", NULL, "dense", 0, 30}), "a:2 ", 4);
    assert_memory_equal (found ((asked_t) {"revenue", NULL, "fused", 0, 40}), "b:1 a:1 ", 8);
    assert_memory_equal (found ((asked_t) {"revenue alpha", NULL, "lexical", 0, -1}), "a:1 ", 4);
    assert_string_equal (found ((asked_t) {"climate", NULL, "lexical", 0, -1}), "a:2 ");   /* by its head */
    assert_string_equal (found ((asked_t) {"nowhere", NULL, "lexical", 0, -1}), "");
    assert_string_equal (found ((asked_t) {"revenue", NULL, "lexical", 0.99f, -1}), "");
    assert_string_equal (found ((asked_t) {"AND NOT \"", NULL, "lexical", 0, -1}), "");
}

static void test_filters (void **state UNUSED)
{
    fill ();
    const char *year = "{\"type\":\"eq\",\"key\":\"year\",\"value\":2021}";
    const char *file = "{\"type\":\"eq\",\"key\":\"file_id\",\"value\":\"a\"}";
    assert_string_equal (found ((asked_t) {"revenue", year, "lexical", 0, -1}), "b:1 ");
    assert_string_equal (found ((asked_t) {"revenue", file, "lexical", 0, -1}), "a:1 ");
    assert_null (strstr (found ((asked_t) {"revenue", file, "fused", 0, 40}), "b:"));
    assert_string_equal (found ((asked_t) {"revenue", "{\"type\":\"eq\",\"key\":\"year\",\"value\":1}", "fused", 0, 40}), "");
    assert_null (search ((asked_t) {"revenue", "{\"type\":\"bad\"}", "fused", 0, -1}));
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
    assert_int_equal (store_detach_file (library_store (library), DEFAULT_STORE, "a"), 0);
    assert_string_equal (found ((asked_t) {"revenue", NULL, "lexical", 0, -1}), "b:1 ");
}

static void test_texts_before_vectors (void **state UNUSED)
{
    file_add (library_store (library), "a", "a.pdf", 1);
    attach ("a", "");
    page_add (library_store (library), "a", 1, "revenue grew", "Finance");
    index_all_texts ();
    assert_string_equal (found ((asked_t) {"revenue", NULL, "fused", 0, -1}), "a:1 ");
    assert_string_equal (found ((asked_t) {"finance", NULL, "fused", 0, 3}), "a:1 ");
    yyjson_doc *doc = search ((asked_t) {"revenue", NULL, "fused", 0, -1});
    yyjson_val *root = yyjson_doc_get_root (doc), *indexed = yyjson_obj_get (root, "indexed");
    assert_int_equal (yyjson_get_uint (yyjson_obj_get (indexed, "chunks")), 1);
    assert_int_equal (yyjson_get_uint (yyjson_obj_get (indexed, "vectors")), 0);
    assert_true (yyjson_is_false (yyjson_obj_get (root, "dense")));
    yyjson_doc_free (doc);
}

static void test_empty_and_unknown_stores (void **state UNUSED)
{
    assert_string_equal (found ((asked_t) {"revenue", NULL, "fused", 0, 1}), "");
    strings_builder_t builder = {0};
    search_message_t message = {.store_id = "vs_none", .limit = 10, .filters = "", .ranker = "fused",
                                .queries = strings_from (&builder, (const char *const []) {"x", NULL})};
    reader_t *reader = library_take_reader (library);
    const char *param = NULL;
    assert_null (search_run (reader, library_index (library), &message, NULL, &param));
    assert_int_equal (error_get (), ERROR_STORE_NOT_FOUND);
    message.limit = 51;
    assert_null (search_run (reader, library_index (library), &message, NULL, &param));
    assert_string_equal (param, "max_num_results");
    library_give_reader (library, reader);
    strings_free (&builder);
    assert_null (search ((asked_t) {" \n", NULL, "fused", 0, -1}));
    assert_int_equal (error_get (), ERROR_QUESTION_EMPTY);
    assert_null (search ((asked_t) {"x", NULL, "best", 0, -1}));
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
}

/* -- the text of a file --------------------------------------------------------------------- */

/* The numbers of the pages that an answer holds; *next: the page to go on after, 0 for none. */
static const char *content_after (uint32_t after, uint32_t *next)
{
    static char pages [64];
    answer_t answer;
    message_t request = {.id = MESSAGE_GET_FILE_TEXT, .get_file_text = {1, DEFAULT_STORE, "a", after}};
    assert_int_equal (catalogue_answer (library_store (library), &request, &answer), 0);
    yyjson_doc *doc = yyjson_read (answer.message.result.json, strlen (answer.message.result.json), 0);
    yyjson_val *root = yyjson_doc_get_root (doc), *part;
    const char *next_page = yyjson_get_str (yyjson_obj_get (root, "next_page"));
    *next = next_page == NULL ? 0 : (uint32_t) atoi (next_page);
    assert_int_equal (yyjson_get_bool (yyjson_obj_get (root, "has_more")), next_page != NULL);
    size_t index, count;
    pages [0] = '\0';
    yyjson_arr_foreach (yyjson_obj_get (root, "data"), index, count, part) {
        size_t size = strlen (pages);
        snprintf (pages + size, sizeof pages - size, "%u ", (unsigned) yyjson_get_uint (yyjson_obj_get (part, "page")));
    }
    yyjson_doc_free (doc);
    answer_clear (&answer);
    return pages;
}

static void test_a_text_longer_than_an_answer (void **state UNUSED)
{
    uint32_t next;
    char *text = malloc (MAX_PAGE_TEXT_BYTES + 1);
    memset (text, 'x', MAX_PAGE_TEXT_BYTES);
    text [MAX_PAGE_TEXT_BYTES] = '\0';
    file_add (library_store (library), "a", "a.pdf", 1);
    attach ("a", "");
    for (uint32_t page = 1; page <= 8; page++)
        page_add (library_store (library), "a", page, page == 2 ? "" : text, "");
    free (text);
    assert_string_equal (content_after (0, &next), "1 3 4 5 6 7 ");
    assert_int_equal (next, 7);
    assert_string_equal (content_after (next, &next), "8 ");
    assert_int_equal (next, 0);
    assert_string_equal (content_after (8, &next), "");
    assert_int_equal (next, 0);
}

static void delete_file (const char *id)
{
    char sha256 [MAX_ID_BYTES + 1];
    uint32_t number;
    assert_int_equal (store_delete_file (library_store (library), id, 1, sha256, &number), 0);
    assert_int_equal (index_remove_file (library_index (library), number), 0);
}

static void test_deleted_files_are_not_found (void **state UNUSED)
{
    fill ();
    delete_file ("a");
    for (int i = 0; i < 3; i++) {   /* at once, after the texts' commit, after a restart */
        assert_string_equal (found ((asked_t) {"revenue", NULL, "lexical", 0, -1}), "b:1 ");
        assert_null (strstr (found ((asked_t) {"revenue", NULL, "fused", 0, 10}), "a:"));
        assert_int_equal (index_count (library_index (library)), 2);
        if (i == 1) {
            library_close (&library);
            open_library ();
        }
        index_all_texts ();
    }
}

/* What every search must find again, whatever happened to the caches. */
static void check_all_is_there (void)
{
    index_all_texts ();
    assert_int_equal (index_count (library_index (library)), 5);
    assert_string_equal (found ((asked_t) {"flowers", NULL, "lexical", 0, -1}), "b:2 ");
    assert_string_equal (found ((asked_t) {"climate", NULL, "lexical", 0, -1}), "a:2 ");
    assert_memory_equal (found ((asked_t) {"revenue alpha", NULL, "lexical", 0, -1}), "a:1 ", 4);
    for (int chunk = 1; chunk <= 5; chunk++) {
        static const char *const pages [] = {"a:1 ", "a:1 ", "a:2 ", "b:1 ", "b:2 "};
        assert_memory_equal (found ((asked_t) {"x", NULL, "dense", 0, chunk * 10}), pages [chunk - 1], 4);
    }
}

static void cut_file (const char *name)
{
    assert_int_equal (truncate (in_folder (folder, name), 5), 0);
}

static void test_lost_caches_are_made_again (void **state UNUSED)
{
    static const char *const lost [] = {"lexical", "index", "lexical/heads", "index/vectors", "lexical/names/iamglass"};
    static const char *const torn [] = {"index/vectors", "lexical/pages/iamglass", "lexical/chunks/postlist.glass"};
    fill ();
    check_all_is_there ();
    for (size_t i = 0; i < COUNT_OF (lost) + COUNT_OF (torn); i++) {
        library_close (&library);
        if (i < COUNT_OF (lost))
            remove_all (in_folder (folder, lost [i]));
        else
            cut_file (torn [i - COUNT_OF (lost)]);
        open_library ();
        check_all_is_there ();
    }
}

static void copy_file (const char *from, const char *to)
{
    char bytes [65536];
    FILE *in = fopen (from, "rb"), *out = fopen (to, "wb");
    size_t size = fread (bytes, 1, sizeof bytes, in);
    assert_int_equal (fwrite (bytes, 1, size, out), size);
    fclose (in);
    fclose (out);
}

/* An index file of yesterday: what is new is added, what is gone is removed. */
static void test_index_that_is_behind (void **state UNUSED)
{
    fill ();
    library_close (&library);
    copy_file (in_folder (folder, "index/vectors"), in_folder (folder, "old"));
    open_library ();
    delete_file ("a");
    page_add (library_store (library), "b", 3, "new page", "");
    index_all_texts ();
    embed (6, 60);
    library_close (&library);
    copy_file (in_folder (folder, "old"), in_folder (folder, "index/vectors"));
    open_library ();
    assert_int_equal (index_count (library_index (library)), 3);
    assert_memory_equal (found ((asked_t) {"x", NULL, "dense", 0, 60}), "b:3 ", 4);
    assert_null (strstr (found ((asked_t) {"x", NULL, "dense", 0, 10}), "a:"));
}

static void test_texts_that_are_behind (void **state UNUSED)
{
    fill ();
    assert_true (says_all_words ());
    page_add (library_store (library), "b", 3, "unseen words", "");   /* committed, not indexed */
    assert_false (says_all_words ());
    library_close (&library);
    open_library ();
    assert_false (says_all_words ());
    index_all_texts ();
    assert_true (says_all_words ());
    assert_string_equal (found ((asked_t) {"unseen", NULL, "lexical", 0, -1}), "b:3 ");
}

static void test_distrusted_texts_are_made_anew (void **state UNUSED)
{
    fill ();
    library_distrust_texts (library);
    check_all_is_there ();
}

static void test_two_questions (void **state UNUSED)
{
    fill ();
    strings_builder_t builder = {0};
    search_message_t message = {.store_id = DEFAULT_STORE, .limit = 2, .filters = "", .ranker = "lexical",
        .queries = strings_from (&builder, (const char *const []) {"flowers", "weather", NULL})};
    reader_t *reader = library_take_reader (library);
    const char *param = NULL;
    char *json = search_run (reader, library_index (library), &message, NULL, &param);
    library_give_reader (library, reader);
    assert_non_null (json);
    assert_non_null (strstr (json, "gardens and flowers"));
    assert_non_null (strstr (json, "weather was fine"));
    free (json);
    strings_free (&builder);
}

/* -- stored responses ------------------------------------------------------------------------ */

/* How many of the chain are told that begins at the response; -1 for an error. */
static int chain_from (const char *id, uint32_t limit)
{
    answer_t answer;
    message_t request = {.id = MESSAGE_GET_RESPONSE, .get_response = {1, id, limit}};
    int told = -1;
    if (catalogue_answer (library_store (library), &request, &answer) == 0
        && answer.message.id == MESSAGE_RESULT) {
        const char *json = answer.message.result.json;
        assert_true (strlen (json) <= MAX_CHAIN_BYTES + 1000);
        yyjson_doc *doc = yyjson_read (json, strlen (json), 0);
        told = (int) yyjson_arr_size (yyjson_obj_get (yyjson_doc_get_root (doc), "data"));
        yyjson_doc_free (doc);
    }
    answer_clear (&answer);
    return told;
}

static void put_response (const char *id, const char *previous, const char *response)
{
    put_response_message_t message = {
        .response_id = id, .previous_id = previous, .created = 7, .response = response, .input = "[]"};
    assert_int_equal (store_put_response (library_store (library), &message, 1u << 30), 0);
}

/* However long a conversation is, its latest part can be told in one message. */
static void test_a_chain_longer_than_a_message (void **state UNUSED)
{
    enum { COUNT = 20 };
    char id [16] = "", previous [16];
    size_t size = MAX_RESPONSE_BYTES - 2;
    char *response = malloc (size + 1);
    memset (response, ' ', size);
    response [size] = '\0';
    memcpy (response, "{\"text\":\"", 9);
    memset (response + 9, 'x', size - 11);
    memcpy (response + size - 2, "\"}", 2);
    assert_true (COUNT * size > MAX_MESSAGE_BYTES);
    for (int i = 0; i < COUNT; i++) {
        memcpy (previous, id, sizeof previous);
        snprintf (id, sizeof id, "resp_%d", i);
        put_response (id, previous, response);
    }
    free (response);
    assert_int_equal (chain_from (id, 32), MAX_CHAIN_BYTES / MAX_RESPONSE_BYTES);
    assert_int_equal (chain_from (id, 1), 1);
    assert_int_equal (chain_from ("resp_1", 32), 2);
    assert_int_equal (chain_from ("resp_none", 32), -1);
    assert_int_equal (chain_from ("", 32), -1);
    put_response ("resp_orphan", "resp_gone", "{}");
    assert_int_equal (chain_from ("resp_orphan", 32), 1);
}

int main (void)
{
#define WITH_LIBRARY(test) cmocka_unit_test_setup_teardown (test, open_new, close_and_remove)
    const struct CMUnitTest tests [] = {
        WITH_LIBRARY (test_rankers), WITH_LIBRARY (test_filters), WITH_LIBRARY (test_texts_before_vectors),
        WITH_LIBRARY (test_empty_and_unknown_stores), WITH_LIBRARY (test_deleted_files_are_not_found),
        WITH_LIBRARY (test_lost_caches_are_made_again), WITH_LIBRARY (test_index_that_is_behind),
        WITH_LIBRARY (test_texts_that_are_behind), WITH_LIBRARY (test_distrusted_texts_are_made_anew),
        WITH_LIBRARY (test_two_questions), WITH_LIBRARY (test_a_text_longer_than_an_answer),
        WITH_LIBRARY (test_a_chain_longer_than_a_message),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
