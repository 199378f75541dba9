/* How many processors may be used. */
#define _GNU_SOURCE     /* sched_setaffinity */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processors.h"

static void limits_are_rounded_up (void **state UNUSED)
{
    static const struct {
        const char *text;
        size_t processors;
    } limits [] = {
        {"max 100000", 0}, {"", 0}, {"100000", 0}, {"0 100000", 0}, {"100000 0", 0}, {"x y", 0},
        {"100000 100000", 1}, {"5000 100000", 1}, {"100001 100000", 2}, {"150000 100000\n", 2},
        {"1600000 100000", 16},
    };
    for (size_t i = 0; i < COUNT_OF (limits); i++)
        assert_int_equal (processors_of_limit (limits [i].text), limits [i].processors);
}

static void only_those_of_the_affinity_count (void **state UNUSED)
{
    cpu_set_t all, one;
    size_t before = processors_usable ();
    assert_true (before >= 1);
    assert_int_equal (sched_getaffinity (0, sizeof all, &all), 0);
    assert_true (before <= (size_t) CPU_COUNT (&all));
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET (i, &all)) {
            CPU_ZERO (&one);
            CPU_SET (i, &one);
        }
    assert_int_equal (sched_setaffinity (0, sizeof one, &one), 0);
    assert_int_equal (processors_usable (), 1);
    assert_int_equal (sched_setaffinity (0, sizeof all, &all), 0);
    assert_int_equal (processors_usable (), before);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (limits_are_rounded_up),
        cmocka_unit_test (only_those_of_the_affinity_count),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
