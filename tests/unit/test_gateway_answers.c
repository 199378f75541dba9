/* What the gateway makes itself: ids, ranges to mark, embeddings, the API's description. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "embeddings.h"
#include "ids.h"
#include "image.h"
#include "openapi.h"
#include "routes.h"
#include "web.h"

static void test_ids (void **state UNUSED)
{
    char first [MAX_ID], second [MAX_ID];
    id_new ("file-", first);
    id_new ("file-", second);
    assert_int_equal (strlen (first), 5 + ID_RANDOM);
    assert_memory_equal (first, "file-", 5);
    assert_int_equal (strspn (first + 5, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), ID_RANDOM);
    assert_string_not_equal (first, second);
}

static void test_id_letters_are_fair (void **state UNUSED)
{
    uint8_t every [256];
    char out [256];
    int counts [256] = {0};
    for (size_t i = 0; i < sizeof every; i++)
        every [i] = (uint8_t) i;
    size_t made = id_letters (every, sizeof every, out, sizeof out);
    assert_int_equal (made, 248);
    for (size_t i = 0; i < made; i++)
        counts [(unsigned char) out [i]]++;
    for (size_t i = 0; i < 256; i++)
        assert_true (counts [i] == 0 || counts [i] == 4);
    assert_int_equal (id_letters (every, sizeof every, out, 3), 3);
}

static void test_highlights (void **state UNUSED)
{
    static const struct {
        const char *text;
        int count;
        uint32_t last;
    } cases [] = {
        {"", 0, 0}, {"10-52", 1, 52}, {"10-52,60-75", 2, 75}, {"0-1", 1, 1}, {"5-5", -1, 0}, {"5-4", -1, 0}, {"-5", -1, 0},
        {"5", -1, 0}, {"5-", -1, 0}, {"a-b", -1, 0}, {"1-2;3-4", -1, 0}, {"1-2,", 1, 2}, {",1-2", -1, 0}, {" 1-2", -1, 0},
        {"1-99999999999999999999", -1, 0}, {"1-2147483647", 1, 2147483647}, {"1-2147483648", -1, 0}, {"1-2-3", -1, 0},
        {"1$2", -1, 0}, {"1-2$", -1, 0},
    };
    uint32_t ranges [2 * MAX_HIGHLIGHTS];
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        int count = highlights_parse (cases [i].text, ranges);
        assert_int_equal (count, cases [i].count);
        if (count > 0)
            assert_int_equal (ranges [2 * count - 1], cases [i].last);
    }
    char many [8 * (MAX_HIGHLIGHTS + 1)] = "";
    for (size_t i = 0; i <= MAX_HIGHLIGHTS; i++)
        strcat (many, "1-2,");
    assert_int_equal (highlights_parse (many, ranges), -1);
}

static void put_f32 (uint8_t *out, float value)
{
    uint32_t bits;
    memcpy (&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++)
        out [i] = (uint8_t) (bits >> 8 * i);
}

static void test_embeddings (void **state UNUSED)
{
    static const float values [] = {0, 1, -1, 0.5f, -0.123456789f, 1e-9f, 0.99999994f, -0.0f};
    static uint8_t vectors [2 * EMBEDDING_WIDTH * 4];
    static const uint8_t pieces [8] = {7, 0, 0, 0, 1, 1, 0, 0};
    for (size_t i = 0; i < 2 * EMBEDDING_WIDTH; i++)
        put_f32 (vectors + 4 * i, values [i % COUNT_OF (values)]);
    char *json = embeddings_json ((bytes_t) {vectors, sizeof vectors}, (bytes_t) {pieces, sizeof pieces}, 2, false);
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    yyjson_val *root = yyjson_doc_get_root (document);
    yyjson_val *list = yyjson_obj_get (yyjson_arr_get (yyjson_obj_get (root, "data"), 1), "embedding");
    assert_int_equal (yyjson_arr_size (list), EMBEDDING_WIDTH);
    for (size_t i = 0; i < EMBEDDING_WIDTH; i++)
        assert_true (fabs (yyjson_get_num (yyjson_arr_get (list, i)) - (double) values [i % COUNT_OF (values)]) <= 1e-9);
    assert_int_equal (yyjson_get_int (yyjson_obj_get (yyjson_obj_get (root, "usage"), "prompt_tokens")), 7 + 256);
    assert_null (yyjson_obj_get (yyjson_arr_get (yyjson_obj_get (root, "data"), 0), "truncated"));
    assert_true (yyjson_get_bool (yyjson_obj_get (yyjson_arr_get (yyjson_obj_get (root, "data"), 1), "truncated")));
    yyjson_doc_free (document);
    free (json);
}

static void test_texts_that_fit (void **state UNUSED)
{
    static const uint8_t pieces [12] = {3, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0};
    assert_int_equal (embeddings_fit ((bytes_t) {pieces, 8}), 0);
    assert_int_equal (embeddings_fit ((bytes_t) {pieces, 12}), -1);
    assert_int_equal (error_get (), ERROR_SEQUENCE_TOO_LONG);
    assert_non_null (strstr (error_text (), "Text 2 of 'input', counted from 0, has 257 word pieces"));
}

static void test_ids_of_word_pieces (void **state UNUSED)
{
    static const struct {
        const char *json, *text;    /* NULL: refused */
    } cases [] = {
        {"[101,7592,30521,102]", "101 7592 30521 102"}, {"[101,0,102]", "101 0 102"}, {"[101,102]", NULL},
        {"[102]", NULL}, {"[]", NULL}, {"[7592,2088]", NULL}, {"[101,7592]", NULL}, {"[7592,7592,102]", NULL},
        {"[101,30522,102]", NULL}, {"[101,4294967295,102]", NULL},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        strings_builder_t texts = {0};
        size_t cursor = 0;
        yyjson_doc *document = yyjson_read (cases [i].json, strlen (cases [i].json), 0);
        int result = embeddings_add_ids (&texts, yyjson_doc_get_root (document));
        assert_int_equal (result, cases [i].text ? 0 : -1);
        if (cases [i].text)
            assert_string_equal (strings_next (strings_built (&texts), &cursor), cases [i].text);
        else
            assert_int_equal (error_get (), ERROR_BAD_FIELD);
        yyjson_doc_free (document);
        strings_free (&texts);
    }
}

static void test_embeddings_in_base64 (void **state UNUSED)
{
    static uint8_t vector [EMBEDDING_WIDTH * 4];
    static const uint8_t pieces [4] = {3};
    memcpy (vector, "Man\xff\xfe\x00", 6);
    char *json = embeddings_json ((bytes_t) {vector, sizeof vector}, (bytes_t) {pieces, sizeof pieces}, 1, true);
    const char *text = strstr (json, "\"embedding\":\"");
    assert_memory_equal (text + 13, "TWFu//4AAAAA", 12);
    assert_int_equal (strcspn (text + 13, "\""), EMBEDDING_WIDTH * 4 / 3 * 4);
    free (json);
    assert_null (embeddings_json ((bytes_t) {vector, 5}, (bytes_t) {pieces, 4}, 1, true));
    assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
}

/* Every reference in the description points at something. */
static void check_references (yyjson_val *value, yyjson_val *schemas)
{
    static const char prefix [] = "#/components/schemas/";
    yyjson_val *key, *item;
    size_t index, count;
    if (yyjson_is_arr (value))
        yyjson_arr_foreach (value, index, count, item) check_references (item, schemas);
    yyjson_obj_foreach (value, index, count, key, item) {
        if (strcmp (yyjson_get_str (key), "$ref") == 0) {
            assert_memory_equal (yyjson_get_str (item), prefix, strlen (prefix));
            assert_non_null (yyjson_obj_get (schemas, yyjson_get_str (item) + strlen (prefix)));
        } else
            check_references (item, schemas);
    }
}

static void test_openapi (void **state UNUSED)
{
    char *json = openapi_json ();
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    yyjson_val *root = yyjson_doc_get_root (document);
    yyjson_val *schemas = yyjson_obj_get (yyjson_obj_get (root, "components"), "schemas");
    assert_string_equal (yyjson_get_str (yyjson_obj_get (root, "openapi")), "3.1.0");
    check_references (root, schemas);
    yyjson_val *key, *schema;
    size_t index, count;
    yyjson_obj_foreach (schemas, index, count, key, schema)
        assert_true (yyjson_is_obj (schema));   /* its text in the program was JSON */
    for (size_t i = 0; i < route_count; i++) {
        yyjson_val *path = yyjson_obj_get (yyjson_obj_get (root, "paths"), routes [i].pattern);
        yyjson_val *operation = yyjson_obj_get (path, strcmp (routes [i].method, "GET") == 0 ? "get"
                                                      : strcmp (routes [i].method, "POST") == 0 ? "post" : "delete");
        assert_string_equal (yyjson_get_str (yyjson_obj_get (operation, "operationId")), routes [i].name);
        assert_non_null (yyjson_obj_get (yyjson_obj_get (operation, "responses"), "200"));
    }
    yyjson_doc_free (document);
    free (json);
}

static void test_web_types (void **state UNUSED)
{
    assert_string_equal (web_type ("index.html"), "text/html; charset=utf-8");
    assert_string_equal (web_type ("app.js"), "text/javascript; charset=utf-8");
    assert_string_equal (web_type (".js"), "application/octet-stream");
    assert_string_equal (web_type ("x"), "application/octet-stream");
    const web_file_t *file = web_files;
    while (file->name != NULL && strcmp (file->name, "index.html") != 0)
        file++;
    assert_non_null (file->name);
    assert_true (file->end - file->data > 15 && memcmp (file->data, "<!doctype html>", 15) == 0);
}

static void test_web_policy (void **state UNUSED)
{
    static const char *const wrong [] = {"", "'self'; script-src *", "a,b", "a\r\nX: y", "caf\xc3\xa9", "a\tb"};
    char policy [MAX_POLICY], long_list [MAX_POLICY];
    assert_int_equal (web_policy ("'self' https://*.hf.space", policy), 0);
    assert_non_null (strstr (policy, "; frame-ancestors 'self' https://*.hf.space; "));
    for (size_t i = 0; i < COUNT_OF (wrong); i++)
        assert_int_equal (web_policy (wrong [i], policy), -1);
    memset (long_list, 'a', sizeof long_list);
    long_list [sizeof long_list - 1] = 0;
    assert_int_equal (web_policy (long_list, policy), -1);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_ids), cmocka_unit_test (test_id_letters_are_fair), cmocka_unit_test (test_highlights),
        cmocka_unit_test (test_embeddings), cmocka_unit_test (test_embeddings_in_base64),
        cmocka_unit_test (test_texts_that_fit), cmocka_unit_test (test_ids_of_word_pieces),
        cmocka_unit_test (test_openapi), cmocka_unit_test (test_web_types), cmocka_unit_test (test_web_policy),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
