/* Names of hosts: found, not found, not waited for. (A name server that is silent: tests/image/test_names.py.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lookup.h"

#define PATIENCE_MS 200000
#define TURNS       200

static lookup_address_t addresses [LOOKUP_MAX_ADDRESSES];

static bool is_among (int count, const char *address)
{
    for (int i = 0; i < count; i++)
        if (strcmp (addresses [i], address) == 0)
            return true;
    return false;
}

static void test_found (void **state UNUSED)
{
    static const char *const names [] [2] = {{"localhost", "127.0.0.1"}, {"192.0.2.7", "192.0.2.7"}, {"::1", "::1"}};
    for (size_t i = 0; i < COUNT_OF (names); i++) {
        const char *why;
        lookup_t *lookup = lookup_new (names [i] [0]);
        for (int again = 0; again < 2; again++)
            assert_true (is_among (lookup_addresses (lookup, PATIENCE_MS, addresses, &why), names [i] [1]));
        lookup_destroy (&lookup);
        assert_null (lookup);
    }
}

static void test_not_found (void **state UNUSED)
{
    const char *why = NULL;
    lookup_t *lookup = lookup_new ("two..dots");
    assert_int_equal (lookup_addresses (lookup, PATIENCE_MS, addresses, &why), 0);
    assert_string_not_equal (why, "");
    assert_null (strstr (why, "in time"));
    lookup_destroy (&lookup);
}

/* What comes too late for one call is there for a later one. */
static void test_late (void **state UNUSED)
{
    const char *why = NULL;
    lookup_t *lookup = lookup_new ("localhost");
    int count = 0;
    for (int i = 0; i < PATIENCE_MS && (count = lookup_addresses (lookup, 0, addresses, &why)) == 0; i++) {
        assert_non_null (strstr (why, "in time"));
        nanosleep (&(struct timespec) {.tv_nsec = 1000000}, NULL);
    }
    assert_true (is_among (count, "127.0.0.1"));
    lookup_destroy (&lookup);
}

/* For the sanitizers: the thread and its owner part at every moment. */
static void test_dropped_meanwhile (void **state UNUSED)
{
    for (int i = 0; i < TURNS; i++) {
        const char *why;
        lookup_t *lookup = lookup_new ("localhost");
        assert_non_null (lookup);
        (void) lookup_addresses (lookup, i % 2, addresses, &why);
        lookup_destroy (&lookup);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_found), cmocka_unit_test (test_not_found), cmocka_unit_test (test_late),
        cmocka_unit_test (test_dropped_meanwhile),
    };
    return cmocka_run_group_tests_name ("lookup", tests, NULL, NULL);
}
