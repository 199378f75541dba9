/* Filters and attributes: what holds, what is refused, hostile JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "filter.h"

#define ATTRIBUTES "{\"year\":2021,\"kind\":\"report\",\"draft\":false,\"price\":1.5}"

static bool holds (const char *json)
{
    filter_t *filter = filter_parse (json);
    assert_non_null (filter);
    bool result = filter_matches (filter, "file-1", "Best Buy.pdf", ATTRIBUTES);
    filter_destroy (&filter);
    assert_null (filter);
    return result;
}

static void test_what_holds (void **state UNUSED)
{
    static const char *const yes [] = {
        "",
        "{\"type\":\"eq\",\"key\":\"year\",\"value\":2021}",
        "{\"type\":\"eq\",\"key\":\"year\",\"value\":2021.0}",
        "{\"type\":\"ne\",\"key\":\"year\",\"value\":2020}",
        "{\"type\":\"ne\",\"key\":\"missing\",\"value\":2020}",
        "{\"type\":\"nin\",\"key\":\"missing\",\"value\":[1,2]}",
        "{\"type\":\"gt\",\"key\":\"price\",\"value\":1}",
        "{\"type\":\"gte\",\"key\":\"year\",\"value\":2021}",
        "{\"type\":\"lt\",\"key\":\"kind\",\"value\":\"s\"}",
        "{\"type\":\"lte\",\"key\":\"year\",\"value\":2021}",
        "{\"type\":\"in\",\"key\":\"kind\",\"value\":[1,true,\"report\"]}",
        "{\"type\":\"eq\",\"key\":\"draft\",\"value\":false}",
        "{\"type\":\"eq\",\"key\":\"file_id\",\"value\":\"file-1\"}",
        "{\"type\":\"in\",\"key\":\"filename\",\"value\":[\"Best Buy.pdf\"]}",
        "{\"type\":\"and\",\"filters\":[]}",
        ("{\"type\":\"or\",\"filters\":[{\"type\":\"eq\",\"key\":\"year\",\"value\":1},"
         "{\"type\":\"and\",\"filters\":[{\"type\":\"eq\",\"key\":\"kind\",\"value\":\"report\"}]}]}"),
    };
    static const char *const no [] = {
        "{\"type\":\"eq\",\"key\":\"year\",\"value\":\"2021\"}",
        "{\"type\":\"eq\",\"key\":\"missing\",\"value\":false}",
        "{\"type\":\"gt\",\"key\":\"kind\",\"value\":5}",
        "{\"type\":\"in\",\"key\":\"year\",\"value\":[]}",
        "{\"type\":\"or\",\"filters\":[]}",
        ("{\"type\":\"and\",\"filters\":[{\"type\":\"eq\",\"key\":\"year\",\"value\":2021},"
         "{\"type\":\"eq\",\"key\":\"draft\",\"value\":true}]}"),
    };
    for (size_t i = 0; i < COUNT_OF (yes); i++)
        assert_true (holds (yes [i]));
    for (size_t i = 0; i < COUNT_OF (no); i++)
        assert_false (holds (no [i]));
}

static void assert_refused (const char *json)
{
    assert_null (filter_parse (json));
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
}

static void test_what_is_refused (void **state UNUSED)
{
    static const char *const bad [] = {
        "{", "[]", "null", "1", "{}", "{\"type\":1}", "{\"type\":\"like\",\"key\":\"a\",\"value\":1}",
        "{\"type\":\"eq\",\"value\":1}", "{\"type\":\"eq\",\"key\":1,\"value\":1}",
        "{\"type\":\"eq\",\"key\":\"a\"}", "{\"type\":\"eq\",\"key\":\"a\",\"value\":null}",
        "{\"type\":\"eq\",\"key\":\"a\",\"value\":[1]}", "{\"type\":\"gt\",\"key\":\"a\",\"value\":true}",
        "{\"type\":\"in\",\"key\":\"a\",\"value\":1}", "{\"type\":\"in\",\"key\":\"a\",\"value\":[{}]}",
        "{\"type\":\"and\"}", "{\"type\":\"and\",\"filters\":{}}", "{\"type\":\"or\",\"filters\":[1]}",
    };
    for (size_t i = 0; i < COUNT_OF (bad); i++)
        assert_refused (bad [i]);
}

static char *repeated (const char *before, size_t times, const char *middle, const char *after)
{
    char *text = malloc (times * (strlen (before) + strlen (after)) + strlen (middle) + 1), *at = text;
    for (size_t i = 0; i < times; i++)
        at = stpcpy (at, before);
    at = stpcpy (at, middle);
    for (size_t i = 0; i < times; i++)
        at = stpcpy (at, after);
    return text;
}

static void test_hostile (void **state UNUSED)
{
    static const size_t depths [] = {MAX_FILTER_DEPTH, 1000, 5000};
    for (size_t i = 0; i < COUNT_OF (depths); i++) {
        char *deep = repeated ("{\"type\":\"and\",\"filters\":[", depths [i],
                               "{\"type\":\"eq\",\"key\":\"a\",\"value\":1}", "]}");
        assert_refused (deep);
        free (deep);
    }
    char *wide = repeated ("{\"type\":\"or\",\"filters\":[{\"type\":\"eq\",\"key\":\"a\",\"value\":1}", 1, "", "");
    char *parts = repeated (",{\"type\":\"eq\",\"key\":\"a\",\"value\":1}", MAX_FILTER_PARTS, "]}", "");
    wide = realloc (wide, strlen (wide) + strlen (parts) + 1);
    strcat (wide, parts);
    assert_refused (wide);
    free (wide);
    free (parts);
    char *brackets = repeated ("[", 100000, "", "");
    assert_refused (brackets);
    free (brackets);
}

static void test_attributes (void **state UNUSED)
{
    assert_int_equal (attributes_check (""), 0);
    assert_int_equal (attributes_check (ATTRIBUTES), 0);
    static const char *const bad [] = {"[]", "x", "{\"a\":null}", "{\"a\":{}}", "{\"a\":[1]}"};
    for (size_t i = 0; i < COUNT_OF (bad); i++) {
        assert_int_equal (attributes_check (bad [i]), -1);
        assert_int_equal (error_get (), ERROR_BAD_FIELD);
    }
    char *key = repeated ("k", MAX_ATTRIBUTE_KEY + 1, "", "");
    char json [128];
    snprintf (json, sizeof json, "{\"%s\":1}", key);
    assert_int_equal (attributes_check (json), -1);
    free (key);
}

/* A file whose attributes are damaged matches as if it had none. */
static void test_damaged_attributes (void **state UNUSED)
{
    filter_t *filter = filter_parse ("{\"type\":\"ne\",\"key\":\"year\",\"value\":1}");
    assert_true (filter_matches (filter, "f", "n", "{{{"));
    filter_destroy (&filter);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_holds), cmocka_unit_test (test_what_is_refused),
        cmocka_unit_test (test_hostile), cmocka_unit_test (test_attributes),
        cmocka_unit_test (test_damaged_attributes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
