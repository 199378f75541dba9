/* Support: which passages say what a statement says, and which were only made to look so. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

static const char tower [] =
    "The lighthouse stands on the northern cape. It was built of grey granite in 1874 by the harbour board. "
    "Its lamp burns 1,200 litres of oil a year.\nRain fell on twelve days in May. The keeper did not receive a salary before 1901.";

#define BUILT  "It was built of grey granite in 1874 by the harbour board."
#define STANDS "The lighthouse stands on the northern cape."
#define OIL    "Its lamp burns 1,200 litres of oil a year."
#define RAIN   "Rain fell on twelve days in May."
#define SALARY "The keeper did not receive a salary before 1901."

static const struct {
    const char *statement, *question;
    const char *found;   /* NULL: nothing */
} cases [] = {
    /* said so, in these or other words */
    {"It was built of grey granite in 1874.", "", BUILT},
    {"The harbour board built it in 1874, of granite.", "", BUILT},
    {"In 1874 the board built with grey granite", "", BUILT},
    {"The lighthouse was built in 1874 of grey granite.", "", BUILT},
    {"The lighthouse on the cape was built in 1874 of granite.", "", STANDS " " BUILT},
    {"The lamp burns 1200 litres of oil.", "", OIL},
    {"It rained on 12 days of May.", "", RAIN},
    {"The keeper received no salary before 1901.", "", SALARY},
    /* a short answer, by its question */
    {"In 1874 ", "When was it built of granite?", BUILT},
    {"1874", "When did the harbour board build it?", BUILT},
    {"1874", "When did the railway open?", NULL},
    {"1901", "When was it built of granite?", NULL},
    {"1874", "", NULL},
    {"", "When was it built of granite?", NULL},
    /* another figure, another name, another thing */
    {"It was built of grey granite in 1875 by the harbour board.", "", NULL},
    {"It was built of grey granite in 1874 and in 1901.", "", NULL},
    {"It was built of grey granite in 1874 by the Harrison board.", "", NULL},
    {"It was built of red brick in 1874.", "", NULL},
    {"In 1874 it was sold to a bank.", "", NULL},
    {"The lamp burns 1,300 litres of oil a year.", "", NULL},
    {"The lamp burns 200 litres of oil a year.", "", NULL},
    {"Rain fell on ten days in May.", "", NULL},
    {"Rain fell on twelve days in June.", "", NULL},
    /* the other way round */
    {"It was not built of grey granite in 1874.", "", NULL},
    {"The keeper did receive a salary before 1901.", "", NULL},
    {"Rain never fell on twelve days in May.", "", NULL},
    /* the words stand there, but far from each other */
    {"The keeper burns granite on the northern cape.", "", NULL},
    {"The lighthouse lamp was built in May.", "", NULL},
    /* two words and a digit were once enough */
    {"In 1874 the moon was made of cheese.", "", NULL},
};

static void test_what_is_supported (void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        size_t from = 0, to = 0;
        bool found = support_find (cases [i].statement, strlen (cases [i].statement), cases [i].question, tower,
                                   strlen (tower), &from, &to);
        if (found != (cases [i].found != NULL))
            fail_msg ("'%s' is %s", cases [i].statement, found ? "supported" : "not supported");
        if (found && (to - from != strlen (cases [i].found) || memcmp (tower + from, cases [i].found, to - from) != 0))
            fail_msg ("'%s' by '%.*s'", cases [i].statement, (int) (to - from), tower + from);
    }
}

static void test_other_scripts (void **state UNUSED)
{
    static const char text [] = "\xE7\x81\xAF\xE5\xA1\x94\xE5\xBB\xBA\xE4\xBA\x8E" "1874\xE5\xB9\xB4\xE3\x80\x82";
    static const char other [] = "\xE7\x81\xAF\xE5\xA1\x94\xE5\xBB\xBA\xE4\xBA\x8E" "1875\xE5\xB9\xB4\xE3\x80\x82";
    size_t from, to;
    assert_true (support_find (text, sizeof text - 1, "", text, sizeof text - 1, &from, &to));
    assert_int_equal (to - from, sizeof text - 1);
    assert_false (support_find (other, sizeof other - 1, "", text, sizeof text - 1, &from, &to));
}

/* More words and more sentences than are looked at. */
static void test_limits (void **state UNUSED)
{
    static char text [60000];
    size_t size = 0, from, to;
    for (int i = 0; size + 32 < sizeof text; i++)
        size += (size_t) snprintf (text + size, 32, "Word%d stands. ", i);
    assert_true (support_find (text, strlen ("Word0 stands."), "", text, size, &from, &to));
    assert_int_equal (from, 0);
    assert_false (support_find (text, size, "", text, size, &from, &to));
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_is_supported), cmocka_unit_test (test_other_scripts), cmocka_unit_test (test_limits),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
