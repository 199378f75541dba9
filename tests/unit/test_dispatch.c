/* Dispatch: the rules for ranges, workers and turns, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "dispatch.h"

static void test_verdicts (void **state UNUSED)
{
    static const struct {
        range_t range;
        int tries;
        uint32_t losses;
        verdict_t verdict;
    } cases [] = {
        {{1, 16}, 0, 0, VERDICT_TRY}, {{1, 16}, 1, 1, VERDICT_TRY}, {{1, 16}, 2, 2, VERDICT_PART},
        {{1, 16}, 7, 0, VERDICT_PART}, {{5, 5}, 0, 0, VERDICT_TRY}, {{5, 5}, 1, 1, VERDICT_TRY},
        {{5, 5}, 2, 2, VERDICT_GIVE_UP}, {{5, 5}, 2, 0, VERDICT_TRY}, {{5, 5}, 9, 0, VERDICT_TRY},
        {{5, 5}, 9, 1, VERDICT_TRY}, {{0, 0}, 2, 2, VERDICT_GIVE_UP}, {{0, 0}, 2, 1, VERDICT_TRY},
        {{0, 0}, 1, 1, VERDICT_TRY},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_int_equal (dispatch_verdict (cases [i].range, cases [i].tries, cases [i].losses), cases [i].verdict);
}

static void test_failures (void **state UNUSED)
{
    static const struct {
        range_t range;
        error_t error;
        failure_t failure;
    } cases [] = {
        {{0, 0}, ERROR_FILE_ENCRYPTED, FAILURE_OF_FILE}, {{1, 16}, ERROR_FILE_DAMAGED, FAILURE_OF_FILE},
        {{0, 0}, ERROR_FILE_EMPTY, FAILURE_OF_FILE}, {{0, 0}, ERROR_READER_DIED, FAILURE_OF_FILE},
        {{1, 16}, ERROR_READER_DIED, FAILURE_OF_PAGE}, {{5, 5}, ERROR_PAGE_DAMAGED, FAILURE_OF_PAGE},
        {{5, 5}, ERROR_PAGE_TOO_BIG, FAILURE_OF_PAGE}, {{0, 0}, ERROR_NO_MEMORY, FAILURE_OF_SERVICE},
        {{1, 16}, ERROR_NO_MEMORY, FAILURE_OF_SERVICE}, {{5, 5}, ERROR_INTERNAL, FAILURE_OF_SERVICE},
        {{0, 0}, ERROR_FILE_NOT_FOUND, FAILURE_OF_SERVICE}, {{1, 16}, ERROR_ROLE_AWAY, FAILURE_OF_SERVICE},
        {{1, 16}, ERROR_DISK_FULL, FAILURE_OF_SERVICE}, {{1, 16}, ERROR_BAD_MESSAGE, FAILURE_OF_SERVICE},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_int_equal (dispatch_failure (cases [i].range, cases [i].error), cases [i].failure);
}

static void test_rests_grow (void **state UNUSED)
{
    assert_int_equal (dispatch_rest_ms (1), 1000);
    assert_int_equal (dispatch_rest_ms (2), 2000);
    for (uint32_t failures = 2; failures < 1000; failures++)
        assert_in_range (dispatch_rest_ms (failures), dispatch_rest_ms (failures - 1), 64000);
    assert_int_equal (dispatch_rest_ms (UINT32_MAX), 64000);
}

static void test_halves (void **state UNUSED)
{
    range_t halves [2];
    range_part ((range_t) {1, 16}, halves);
    assert_int_equal (halves [0].last, 8);
    assert_int_equal (halves [1].first, 9);
    range_part ((range_t) {7, 8}, halves);
    assert_int_equal (halves [0].first, 7);
    assert_int_equal (halves [0].last, 7);
    assert_int_equal (halves [1].first, 8);
    assert_int_equal (halves [1].last, 8);
}

/* Parting again and again ends with every page once. */
static uint32_t pages_after_parting (range_t range)
{
    range_t halves [2];
    if (range.first == range.last)
        return 1;
    range_part (range, halves);
    assert_int_equal (halves [0].first, range.first);
    assert_int_equal (halves [0].last + 1, halves [1].first);
    assert_int_equal (halves [1].last, range.last);
    return pages_after_parting (halves [0]) + pages_after_parting (halves [1]);
}

static void test_parting_to_single_pages (void **state UNUSED)
{
    for (uint32_t size = 1; size < 70; size++)
        assert_int_equal (pages_after_parting ((range_t) {10, 9 + size}), size);
}

static void assert_ranges (const range_t *found, size_t found_count, const range_t *wanted, size_t count)
{
    assert_int_equal (found_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal (found [i].first, wanted [i].first);
        assert_int_equal (found [i].last, wanted [i].last);
    }
}

static void test_cutting (void **state UNUSED)
{
    range_t out [8];
    assert_ranges (out, range_cut ((range_t) {1, 33}, 16, out, 8), (range_t []) {{1, 16}, {17, 32}, {33, 33}}, 3);
    assert_ranges (out, range_cut ((range_t) {5, 5}, 16, out, 8), (range_t []) {{5, 5}}, 1);
    assert_ranges (out, range_cut ((range_t) {1, 16}, 16, out, 8), (range_t []) {{1, 16}}, 1);
    assert_ranges (out, range_cut ((range_t) {1, 100}, 16, out, 2), (range_t []) {{1, 16}, {17, 32}}, 2);
    assert_ranges (out, range_cut ((range_t) {4294967290u, 4294967295u}, 4, out, 8),
                   (range_t []) {{4294967290u, 4294967293u}, {4294967294u, 4294967295u}}, 2);
    assert_int_equal (range_cut ((range_t) {6, 5}, 16, out, 8), 0);
}

static void test_subtracting (void **state UNUSED)
{
    range_t out [8];
    const range_t all = {1, 100};
    assert_ranges (out, range_subtract (all, NULL, 0, out, 8), (range_t []) {{1, 100}}, 1);
    assert_int_equal (range_subtract (all, (range_t []) {{1, 100}}, 1, out, 8), 0);
    assert_int_equal (range_subtract (all, (range_t []) {{50, 200}, {1, 60}}, 2, out, 8), 0);
    assert_ranges (out, range_subtract (all, (range_t []) {{20, 30}}, 1, out, 8), (range_t []) {{1, 19}, {31, 100}}, 2);
    assert_ranges (out, range_subtract (all, (range_t []) {{90, 100}, {1, 5}, {7, 7}}, 3, out, 8),
                   (range_t []) {{6, 6}, {8, 89}}, 2);
    assert_ranges (out, range_subtract (all, (range_t []) {{200, 300}}, 1, out, 8), (range_t []) {{1, 100}}, 1);
    assert_ranges (out, range_subtract ((range_t) {7, 7}, (range_t []) {{1, 6}, {8, 9}}, 2, out, 8), (range_t []) {{7, 7}}, 1);
}

static void test_choosing (void **state UNUSED)
{
    static const struct {
        worker_t workers [3];
        bool held [3];
        size_t count;
        bool suspect, suspect_waits;
        int chosen;
    } cases [] = {
        {{{0}}, {0}, 0, false, false, -1},
        {{{2, 2}, {0, 0}}, {0}, 2, false, false, -1},                             /* nobody has room */
        {{{4, 3}, {4, 1}, {4, 2}}, {0}, 3, false, false, 1},                      /* the most room */
        {{{4, 3}, {4, 1}, {4, 2}}, {0}, 3, true, true, -1},                       /* a suspect waits for an idle one */
        {{{4, 3}, {4, 0}, {4, 2}}, {0}, 3, true, true, 1},
        {{{4, 3}, {4, 1}, {4, 2}}, {0}, 3, false, true, 2},                       /* and the least busy gets no others */
        {{{4, 1}}, {0}, 1, false, true, -1},
        {{{4, 1}, {4, 3}}, {true, false}, 2, false, false, 1},                    /* who has a suspect gets nothing */
        {{{4, 1}, {4, 4}}, {true, false}, 2, false, false, -1},
        {{{1, 5}}, {0}, 1, false, false, -1},                                     /* its credit has shrunk */
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_int_equal (dispatch_choose (cases [i].workers, cases [i].held, cases [i].count, cases [i].suspect,
                                           cases [i].suspect_waits), cases [i].chosen);
}

static void test_turns (void **state UNUSED)
{
    queue_t queue = {0};
    lane_t book = {0}, letter = {0}, memo = {0};
    turn_t pages [3], one, other;
    for (size_t i = 0; i < 3; i++)
        queue_put (&queue, &book, &pages [i]);
    queue_put (&queue, &letter, &one);
    queue_put (&queue, &memo, &other);
    assert_ptr_equal (queue_take (&queue), &pages [0]);
    assert_ptr_equal (queue_take (&queue), &one);
    assert_ptr_equal (queue_take (&queue), &other);
    assert_ptr_equal (queue_take (&queue), &pages [1]);
    queue_put_first (&queue, &book, &pages [1]);
    queue_put (&queue, &letter, &one);
    assert_ptr_equal (queue_take (&queue), &pages [1]);
    assert_ptr_equal (queue_take (&queue), &one);
    assert_ptr_equal (queue_take (&queue), &pages [2]);
    assert_null (queue_take (&queue));
    queue_put_first (&queue, &memo, &other);
    assert_ptr_equal (queue_take (&queue), &other);
    assert_null (queue_take (&queue));
}

static void test_dropping_a_lane (void **state UNUSED)
{
    queue_t queue = {0};
    lane_t lanes [3] = {0};
    turn_t turns [3];
    for (size_t drop = 0; drop < 3; drop++) {
        for (size_t i = 0; i < 3; i++)
            queue_put (&queue, &lanes [i], &turns [i]);
        queue_drop_lane (&queue, &lanes [drop]);
        for (size_t i = 0; i < 3; i++)
            if (i != drop)
                assert_ptr_equal (queue_take (&queue), &turns [i]);
        assert_null (queue_take (&queue));
    }
    queue_drop_lane (&queue, &lanes [0]);   /* in no queue */
    queue_put (&queue, &lanes [0], &turns [0]);
    queue_drop_lane (&queue, &lanes [0]);
    queue_put (&queue, &lanes [1], &turns [1]);
    assert_ptr_equal (queue_take (&queue), &turns [1]);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_verdicts), cmocka_unit_test (test_failures), cmocka_unit_test (test_rests_grow),
        cmocka_unit_test (test_halves), cmocka_unit_test (test_parting_to_single_pages),
        cmocka_unit_test (test_cutting), cmocka_unit_test (test_subtracting), cmocka_unit_test (test_choosing),
        cmocka_unit_test (test_turns), cmocka_unit_test (test_dropping_a_lane),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
