/* Targets and routes: what a URL means, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "route.h"

static void handle (request_t *request UNUSED)
{
}

static const route_t table [] = {
    {.method = "GET", .pattern = "/", .name = "root", .handle = handle},
    {.method = "GET", .pattern = "/v1/files", .name = "list", .handle = handle},
    {.method = "POST", .pattern = "/v1/files", .name = "add", .handle = handle},
    {.method = "GET", .pattern = "/v1/files/{file_id}", .name = "get", .handle = handle},
    {.method = "DELETE", .pattern = "/v1/files/{file_id}", .name = "delete", .handle = handle},
    {.method = "GET", .pattern = "/v1/files/{file_id}/pages/{page}", .name = "page", .handle = handle},
};

static const char *found (const char *method, const char *raw, char *allowed)
{
    target_t target;
    const char *name = "bad";
    if (target_parse (raw, &target) == 0) {
        const route_t *route = route_find (table, COUNT_OF (table), method, &target, allowed, 64);
        name = route == NULL ? error_name (error_get ()) : route->name;
    }
    target_free (&target);
    return name;
}

static void test_paths (void **state UNUSED)
{
    static const struct {
        const char *method, *raw, *name;
    } cases [] = {
        {"GET", "/", "root"}, {"HEAD", "/", "root"}, {"GET", "/?a=b", "root"}, {"GET", "/v1/files", "list"},
        {"POST", "/v1/files", "add"}, {"GET", "/v1/files?limit=5", "list"}, {"GET", "/v1/files#x", "list"},
        {"GET", "http://host:80/v1/files", "list"}, {"GET", "http://host", "bad"}, {"GET", "/v1/files/", "not_found"},
        {"GET", "/v1/files/x", "get"}, {"DELETE", "/v1/files/x", "delete"}, {"PUT", "/v1/files/x", "method_not_allowed"},
        {"GET", "/v1//files", "not_found"}, {"GET", "/v1/files/x/pages/7", "page"}, {"GET", "/v1/files/x/pages", "not_found"},
        {"GET", "/v1/files/x/pages/7/more", "not_found"}, {"GET", "/v1%2ffiles", "not_found"},
        {"GET", "/v1/files/%2e%2e", "get"}, {"GET", "/v1/files/../x", "not_found"}, {"GET", "/V1/files", "not_found"},
        {"GET", "*", "bad"}, {"GET", "", "bad"}, {"GET", "v1/files", "bad"}, {"GET", "/v1/files/%00", "bad"},
        {"GET", "/v1/files/%", "bad"}, {"GET", "/v1/files/%4", "bad"}, {"GET", "/v1/files/%zz", "bad"},
        {"GET", "/v1/files/%ff", "bad"}, {"GET", "/v1/files/%c0%ae", "bad"}, {"GET", "/v1/files/%0a", "bad"},
        {"GET", "/v1/files?q=%00", "bad"}, {"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13", "bad"},
    };
    char allowed [64];
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_string_equal (found (cases [i].method, cases [i].raw, allowed), cases [i].name);
}

static void test_allowed_methods (void **state UNUSED)
{
    char allowed [64];
    found ("PUT", "/v1/files", allowed);
    assert_string_equal (allowed, "GET, HEAD, POST");
    found ("POST", "/v1/files/x", allowed);
    assert_string_equal (allowed, "GET, HEAD, DELETE");
}

static void test_segments_and_queries (void **state UNUSED)
{
    target_t target;
    char allowed [64];
    assert_int_equal (target_parse ("/v1/files/a%20b%F0%9F%90%A7/pages/12?q=a+b%26c&empty=&bare&q=second&%C3%A9=%0A", &target), 0);
    const route_t *route = route_find (table, COUNT_OF (table), "GET", &target, allowed, sizeof allowed);
    assert_string_equal (route_segment (route, &target, "file_id"), "a b\xF0\x9F\x90\xA7");
    assert_string_equal (route_segment (route, &target, "page"), "12");
    assert_null (route_segment (route, &target, "file"));
    assert_string_equal (target_query (&target, "q"), "a b&c");
    assert_string_equal (target_query (&target, "empty"), "");
    assert_string_equal (target_query (&target, "bare"), "");
    assert_string_equal (target_query (&target, "\xC3\xA9"), "\n");
    assert_null (target_query (&target, "none"));
    target_free (&target);
}

static void test_too_many_parameters (void **state UNUSED)
{
    target_t target;
    char raw [512] = "/?";
    for (size_t i = 0; i <= MAX_QUERY_PAIRS; i++)
        strcat (raw, "a=1&");
    assert_int_equal (target_parse (raw, &target), -1);
    assert_int_equal (error_get (), ERROR_BAD_REQUEST);
    target_free (&target);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_paths), cmocka_unit_test (test_allowed_methods),
        cmocka_unit_test (test_segments_and_queries), cmocka_unit_test (test_too_many_parameters),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
