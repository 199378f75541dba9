/* Highlights: words of ranges, joined along lines that run any way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>

#include "highlight.h"

/* A word of 20 × 10 points whose line starts at the origin and runs at an angle; its place on it. */
static word_t word_on_line (uint32_t start, uint32_t end, float along, float down, float angle)
{
    word_t word = {.start = start, .end = end};
    const float corners [4] [2] = {{along, down}, {along + 20, down}, {along + 20, down + 10}, {along, down + 10}};
    for (int i = 0; i < 4; i++) {
        word.quad [2 * i] = corners [i] [0] * cosf (angle) - corners [i] [1] * sinf (angle);
        word.quad [2 * i + 1] = corners [i] [0] * sinf (angle) + corners [i] [1] * cosf (angle);
    }
    return word;
}

static void test_lines_at_any_angle (void **state UNUSED)
{
    for (int degrees = 0; degrees < 360; degrees += 15) {
        float angle = (float) degrees * 3.14159265f / 180;
        const word_t words [] = {
            word_on_line (0, 4, 0, 0, angle), word_on_line (5, 9, 24, 0, angle),
            word_on_line (10, 14, 48, 1, angle), word_on_line (15, 19, 0, 14, angle),
        };
        mark_t marks [4];
        range_t all = {0, 19};
        assert_int_equal (highlight_quads (words, 4, &all, 1, marks), 2);
        for (int i = 0; i < 2; i++)
            assert_float_equal (marks [0].corners [i], words [0].quad [i], 1e-4);
        for (int i = 2; i < 6; i++)
            assert_float_equal (marks [0].corners [i], words [2].quad [i], 1e-4);
        assert_float_equal (marks [1].corners [0], words [3].quad [0], 1e-4);
    }
}

static void test_ranges (void **state UNUSED)
{
    const word_t words [] = {
        word_on_line (0, 4, 0, 0, 0), word_on_line (5, 9, 24, 0, 0), word_on_line (10, 14, 48, 0, 0),
    };
    static const struct {
        range_t range;
        size_t marks;
    } cases [] = {{{0, 0}, 0}, {{4, 5}, 0}, {{0, 1}, 1}, {{3, 11}, 1}, {{14, 99}, 0}, {{9, 2}, 0}};
    mark_t marks [3];
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_int_equal (highlight_quads (words, 3, &cases [i].range, 1, marks), cases [i].marks);
    const range_t apart [] = {{0, 2}, {10, 12}};   /* the word between is not marked */
    assert_int_equal (highlight_quads (words, 3, apart, 2, marks), 2);
    assert_int_equal (highlight_quads (words, 0, apart, 2, marks), 0);
}

static void test_far_words_stay_apart (void **state UNUSED)
{
    const word_t words [] = {word_on_line (0, 4, 0, 0, 0), word_on_line (5, 9, 200, 0, 0)};
    mark_t marks [2];
    range_t all = {0, 9};
    assert_int_equal (highlight_quads (words, 2, &all, 1, marks), 2);
}

static void test_no_size (void **state UNUSED)
{
    const word_t words [] = {{.start = 0, .end = 1}, {.start = 1, .end = 2}};
    mark_t marks [2];
    range_t all = {0, 2};
    assert_int_equal (highlight_quads (words, 2, &all, 1, marks), 2);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_lines_at_any_angle), cmocka_unit_test (test_ranges),
        cmocka_unit_test (test_far_words_stay_apart), cmocka_unit_test (test_no_size),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
