/* Fields: what passes the checks of the API's parameters, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "routes.h"

static const field_t limit = {"limit", IN_QUERY, FIELD_INTEGER, false, 1, 100, "20", NULL, "how many"};
static const field_t order = {"order", IN_QUERY, FIELD_CHOICE, false, 0, 0, "desc", "desc asc", "order"};
static const field_t needed = {"needed", IN_BODY, FIELD_TEXT, true, 1, 5, NULL, NULL, "a word"};
static const field_t texts = {"texts", IN_BODY, FIELD_TEXTS, false, 1, 2, NULL, NULL, "words"};
static const field_t either = {"either", IN_BODY, FIELD_TEXT_OR_TEXTS, false, 1, 2, NULL, NULL, "words"};
static const field_t input = {"input", IN_BODY, FIELD_TEXTS_OR_IDS, false, 1, 2, NULL, NULL, "texts or ids"};
static const field_t labels = {"labels", IN_BODY, FIELD_LABELS, false, 0, 0, NULL, NULL, "labels"};
static const field_t attributes = {"attributes", IN_BODY, FIELD_ATTRIBUTES, false, 0, 0, NULL, NULL, "attributes"};
static const field_t object = {"object", IN_BODY, FIELD_OBJECT, false, 0, 0, NULL, NULL, "object"};
static const field_t number = {"number", IN_BODY, FIELD_NUMBER, false, 0, 1, "0.5", NULL, "number"};
static const field_t count = {"count", IN_BODY, FIELD_INTEGER, false, 1, 50, "10", NULL, "count"};

static void test_texts (void **state UNUSED)
{
    static const struct {
        const field_t *field;
        const char *text;
        error_t error;
        int64_t integer;
    } cases [] = {
        {&limit, NULL, ERROR_NONE, 20}, {&limit, "1", ERROR_NONE, 1}, {&limit, "100", ERROR_NONE, 100},
        {&limit, "0", ERROR_BAD_FIELD, 0}, {&limit, "101", ERROR_BAD_FIELD, 0}, {&limit, "-1", ERROR_BAD_FIELD, 0},
        {&limit, "", ERROR_BAD_FIELD, 0}, {&limit, "1e1", ERROR_BAD_FIELD, 0}, {&limit, "5x", ERROR_BAD_FIELD, 0},
        {&limit, "1.5", ERROR_BAD_FIELD, 0}, {&limit, " 5", ERROR_BAD_FIELD, 0}, {&limit, "nan", ERROR_BAD_FIELD, 0},
        {&limit, "99999999999999999999999999999", ERROR_BAD_FIELD, 0}, {&limit, "0x10", ERROR_BAD_FIELD, 0},
        {&order, NULL, ERROR_NONE, 0}, {&order, "asc", ERROR_NONE, 0}, {&order, "as", ERROR_BAD_FIELD, 0},
        {&order, "", ERROR_BAD_FIELD, 0}, {&order, "desc asc", ERROR_NONE, 0}, {&order, "ASC", ERROR_BAD_FIELD, 0},
        {&needed, NULL, ERROR_MISSING_FIELD, 0}, {&needed, "", ERROR_BAD_FIELD, 0}, {&needed, "12345", ERROR_NONE, 0},
        {&needed, "123456", ERROR_BAD_FIELD, 0}, {&needed, "\xff", ERROR_BAD_FIELD, 0},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        value_t value;
        error_clear ();
        int outcome = field_check_text (cases [i].field, cases [i].text, &value);
        assert_int_equal (error_get (), cases [i].error);
        assert_int_equal (outcome, cases [i].error == ERROR_NONE ? 0 : -1);
        if (outcome == 0)
            assert_int_equal (value.integer, cases [i].integer);
    }
}

static error_t json_error (const field_t *field, const char *json, value_t *value)
{
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    assert_non_null (document);
    error_clear ();
    int outcome = field_check_json (field, yyjson_doc_get_root (document), value);
    error_t error = error_get ();
    assert_int_equal (outcome, error == ERROR_NONE ? 0 : -1);
    yyjson_doc_free (document);
    return error;
}

static void test_json (void **state UNUSED)
{
    static const struct {
        const field_t *field;
        const char *json;
        error_t error;
    } cases [] = {
        {&needed, "{}", ERROR_MISSING_FIELD}, {&needed, "{\"needed\":null}", ERROR_MISSING_FIELD},
        {&needed, "{\"needed\":5}", ERROR_BAD_FIELD}, {&needed, "{\"needed\":\"word\",\"other\":[]}", ERROR_NONE},
        {&needed, "{\"needed\":\"a\\u0000b\"}", ERROR_BAD_FIELD}, {&needed, "{\"needed\":[\"a\"]}", ERROR_BAD_FIELD},
        {&texts, "{}", ERROR_NONE}, {&texts, "{\"texts\":[]}", ERROR_BAD_FIELD}, {&texts, "{\"texts\":\"a\"}", ERROR_BAD_FIELD},
        {&texts, "{\"texts\":[\"a\",\"b\"]}", ERROR_NONE}, {&texts, "{\"texts\":[\"a\",\"b\",\"c\"]}", ERROR_BAD_FIELD},
        {&texts, "{\"texts\":[\"a\",1]}", ERROR_BAD_FIELD}, {&texts, "{\"texts\":[\"\\u0000\"]}", ERROR_BAD_FIELD},
        {&either, "{\"either\":\"a\"}", ERROR_NONE}, {&either, "{\"either\":\"\"}", ERROR_NONE},
        {&either, "{\"either\":[\"a\"]}", ERROR_NONE}, {&either, "{\"either\":[]}", ERROR_BAD_FIELD},
        {&either, "{\"either\":[[1,2]]}", ERROR_BAD_FIELD}, {&either, "{\"either\":7}", ERROR_BAD_FIELD},
        {&input, "{\"input\":\"a\"}", ERROR_NONE}, {&input, "{\"input\":[\"a\",\"b\"]}", ERROR_NONE},
        {&input, "{\"input\":[1,2]}", ERROR_NONE}, {&input, "{\"input\":[[1],[2,3]]}", ERROR_NONE},
        {&input, "{\"input\":[]}", ERROR_BAD_FIELD}, {&input, "{\"input\":[[]]}", ERROR_BAD_FIELD},
        {&input, "{\"input\":[1,2,3]}", ERROR_BAD_FIELD}, {&input, "{\"input\":[[1],[2],[3]]}", ERROR_BAD_FIELD},
        {&input, "{\"input\":[1,\"a\"]}", ERROR_BAD_FIELD}, {&input, "{\"input\":[\"a\",1]}", ERROR_BAD_FIELD},
        {&input, "{\"input\":[[1],\"a\"]}", ERROR_BAD_FIELD}, {&input, "{\"input\":[-1]}", ERROR_BAD_FIELD},
        {&input, "{\"input\":[1.5]}", ERROR_BAD_FIELD}, {&input, "{\"input\":[4294967296]}", ERROR_BAD_FIELD},
        {&input, "{\"input\":[[[1]]]}", ERROR_BAD_FIELD}, {&input, "{\"input\":7}", ERROR_BAD_FIELD},
        {&labels, "{\"labels\":{\"a\":\"b\"}}", ERROR_NONE}, {&labels, "{\"labels\":{\"a\":1}}", ERROR_BAD_FIELD},
        {&labels, "{\"labels\":[]}", ERROR_BAD_FIELD}, {&labels, "{\"labels\":{}}", ERROR_NONE},
        {&attributes, "{\"attributes\":{\"a\":1,\"b\":true,\"c\":\"x\"}}", ERROR_NONE},
        {&attributes, "{\"attributes\":{\"a\":{}}}", ERROR_BAD_FIELD}, {&attributes, "{\"attributes\":{\"a\":null}}", ERROR_BAD_FIELD},
        {&object, "{\"object\":{\"a\":[1,{}]}}", ERROR_NONE}, {&object, "{\"object\":[]}", ERROR_BAD_FIELD},
        {&order, "{\"order\":\"asc\"}", ERROR_NONE}, {&order, "{\"order\":\"x\"}", ERROR_BAD_FIELD},
        {&order, "{\"order\":\"asc\\u0000\"}", ERROR_BAD_FIELD}, {&order, "{\"order\":1}", ERROR_BAD_FIELD},
        {&number, "{\"number\":1}", ERROR_NONE}, {&number, "{\"number\":1.01}", ERROR_BAD_FIELD},
        {&number, "{\"number\":\"1\"}", ERROR_BAD_FIELD}, {&number, "{\"number\":true}", ERROR_BAD_FIELD},
        {&count, "{\"count\":50}", ERROR_NONE}, {&count, "{\"count\":50.0}", ERROR_NONE}, {&count, "{\"count\":1.5}", ERROR_BAD_FIELD},
        {&count, "{\"count\":1e300}", ERROR_BAD_FIELD}, {&count, "{\"count\":18446744073709551615}", ERROR_BAD_FIELD},
        {&count, "{\"count\":-9223372036854775808}", ERROR_BAD_FIELD},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        value_t value;
        assert_int_equal (json_error (cases [i].field, cases [i].json, &value), cases [i].error);
    }
}

static void test_standards (void **state UNUSED)
{
    value_t value;
    assert_int_equal (json_error (&number, "{}", &value), ERROR_NONE);
    assert_false (value.given);
    assert_true (value.number == 0.5);
    assert_int_equal (json_error (&count, "{\"count\":null}", &value), ERROR_NONE);
    assert_false (value.given);
    assert_int_equal (value.integer, 10);
}

static void labels_of (char *out, size_t keys, size_t key_size, size_t value_size)
{
    out += sprintf (out, "{\"labels\":{");
    for (size_t i = 0; i < keys; i++)
        out += sprintf (out, "%s\"%0*zu\":\"%0*d\"", i > 0 ? "," : "", (int) key_size, i, (int) value_size, 0);
    strcpy (out, "}}");
}

static void test_label_limits (void **state UNUSED)
{
    static char json [40000];
    value_t value;
    labels_of (json, MAX_LABELS, MAX_LABEL_KEY, MAX_LABEL_VALUE);
    assert_int_equal (json_error (&labels, json, &value), ERROR_NONE);
    labels_of (json, MAX_LABELS + 1, 2, 1);
    assert_int_equal (json_error (&labels, json, &value), ERROR_BAD_FIELD);
    labels_of (json, 1, MAX_LABEL_KEY + 1, 1);
    assert_int_equal (json_error (&labels, json, &value), ERROR_BAD_FIELD);
    labels_of (json, 1, 1, MAX_LABEL_VALUE + 1);
    assert_int_equal (json_error (&labels, json, &value), ERROR_BAD_FIELD);
}

/* The table that the service runs on holds together. */
static void test_routes (void **state UNUSED)
{
    for (size_t i = 0; i < route_count; i++) {
        const route_t *route = &routes [i];
        assert_true (route->field_count <= MAX_ROUTE_FIELDS);
        assert_true ((route->body == BODY_UPLOAD) == (route->reader != NULL));
        for (size_t j = 0; j < route->field_count; j++) {
            const field_t *field = &route->fields [j];
            char part [80];
            snprintf (part, sizeof part, "{%s}", field->name);
            assert_int_equal (field->place == IN_PATH, strstr (route->pattern, part) != NULL);
            assert_true (field->place != IN_BODY || route->body == BODY_JSON || route->body == BODY_KNOWN_JSON
                         || route->body == BODY_RPC);
            value_t value;
            assert_true (field->required || field_check_text (field, NULL, &value) == 0);
        }
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_texts), cmocka_unit_test (test_json), cmocka_unit_test (test_standards),
        cmocka_unit_test (test_label_limits), cmocka_unit_test (test_routes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
