/* Kernels: each level against plain arithmetic in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attention.h"
#include "kernels.h"

#define MOST_WIDTH 1536

static const size_t widths [] = {64, 128, 384, 1152, 1536};

static float a [MOST_WIDTH], b [MOST_WIDTH], row [MOST_WIDTH];

/* Numbers of many sizes, the same in every run. */
static void fill (float *values, uint32_t seed, float most)
{
    for (size_t i = 0; i < MOST_WIDTH; i++) {
        seed = seed * 1664525u + 1013904223u;
        values [i] = ((float) (seed >> 8) / 8388608.0f - 1.0f) * most;
    }
}

static void near_to (double value, double wanted, double error)
{
    if (!(fabs (value - wanted) <= error))
        fail_msg ("%.9g is not within %g of %.9g", value, error, wanted);
}

static void check_sums (const kernels_t *kernels, size_t width)
{
    kernels->add (row, a, b, width);
    for (size_t i = 0; i < width; i++)
        assert_true (row [i] == a [i] + b [i]);
}

static void check_layer_norm (const kernels_t *kernels, size_t width)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < width; i++)
        mean += (double) a [i] / (double) width;
    for (size_t i = 0; i < width; i++)
        variance += (a [i] - mean) * (a [i] - mean) / (double) width;
    memcpy (row, a, sizeof row);
    kernels->layer_norm (row, b, a, width);
    for (size_t i = 0; i < width; i++)
        near_to (row [i], (a [i] - mean) / sqrt (variance + 1e-12) * b [i] + a [i], 2e-5);
}

static void check_gelu (const kernels_t *kernels, size_t width)
{
    static float twice [MOST_WIDTH];
    for (size_t i = 0; i < width; i++)
        twice [i] = a [i] * 2;      /* to where it is 0 or x */
    kernels->gelu (row, &(result_t) {.values = twice, .bias = b}, width);
    for (size_t i = 0; i < width; i++) {
        double x = (double) (twice [i] + b [i]);
        near_to (row [i], x * 0.5 * (1 + erf (x / sqrt (2.0))), 2e-6 * fmax (1, fabs (x)));
    }
}

/* Codes of a row, and what sums of them become: 0 is exact, all else within half a step. */
static void check_int8 (const kernels_t *kernels, size_t width)
{
    static uint8_t codes [MOST_WIDTH];
    static int32_t sums [MOST_WIDTH];
    static float totals [MOST_WIDTH];
    memcpy (row, a, sizeof row);
    row [width / 2] = 0;
    coding_t coding = kernels->quantise (codes, row, width);
    for (size_t i = 0; i < width; i++) {
        near_to ((codes [i] - coding.zero) * coding.scale, row [i], 0.5001 * coding.scale);
        sums [i] = (int32_t) (a [i] * 1e6f);
        totals [i] = a [width - 1 - i];
    }
    assert_true (codes [width / 2] == coding.zero);
    result_t result = {sums, a, true, coding, b, totals};
    kernels->finish (row, &result, width);
    for (size_t i = 0; i < width; i++) {
        double scale = coding.scale, wanted = sums [i] * scale * b [i] - coding.zero * scale * totals [i];
        near_to (row [i], wanted + a [i], 1e-6 * (fabs (sums [i] * scale * b [i]) + 255 * scale * 4 + 4));
    }
}

/* What is added to a row, or sent through GELU, is what finish makes of the result: f32 or codes. */
static void check_fused (const kernels_t *kernels, size_t width)
{
    static float finished [MOST_WIDTH], normed [MOST_WIDTH];
    static int32_t sums [MOST_WIDTH];
    for (size_t i = 0; i < width; i++)
        sums [i] = (int32_t) (a [width - 1 - i] * 1e4f);
    const result_t results [] = {{.values = b, .bias = a}, {sums, a, true, {1e-4f, 7}, b, a}};
    for (size_t i = 0; i < COUNT_OF (results); i++) {
        kernels->finish (finished, &results [i], width);
        kernels->add (normed, finished, b, width);
        kernels->layer_norm (normed, a, b, width);
        memcpy (row, b, sizeof row);
        kernels->add_norm (row, &results [i], a, b, width);
        for (size_t k = 0; k < width; k++)
            near_to (row [k], normed [k], 1e-4);
        memset (normed, 0, sizeof normed);
        kernels->gelu (normed, &(result_t) {.values = finished, .bias = normed}, width);
        kernels->gelu (row, &results [i], width);
        for (size_t k = 0; k < width; k++)
            near_to (row [k], normed [k], 1e-4);
    }
}

static void check_bf16 (const kernels_t *kernels, size_t width)
{
    static uint16_t halves [MOST_WIDTH];
    kernels->shorten (halves, a, width);
    for (size_t i = 0; i < width; i++) {
        uint32_t bits = (uint32_t) halves [i] << 16;
        float value;
        memcpy (&value, &bits, sizeof value);
        near_to (value, a [i], fabs (a [i]) / 256);
    }
}

static void check_unit_length (const kernels_t *kernels, size_t width)
{
    double squares = 0;
    memcpy (row, a, sizeof row);
    kernels->unit_length (row, width);
    for (size_t i = 0; i < width; i++)
        squares += (double) row [i] * row [i];
    near_to (squares, 1, 1e-5);
}

static void check_zeros (const kernels_t *kernels, size_t width)
{
    static uint8_t codes [MOST_WIDTH];
    memset (row, 0, sizeof row);
    coding_t coding = kernels->quantise (codes, row, width);
    assert_true (coding.scale == 0 && coding.zero == 0);
    for (size_t i = 0; i < width; i++)
        assert_int_equal (codes [i], 0);
    kernels->unit_length (row, width);
    assert_true (row [0] == 0);
}

/* -- attention ----------------------------------------------------------------------------------- */

#define HEADS 2
#define ATTENDED (HEADS * HEAD_WIDTH)

/* Attention as it is written in the paper, in double. */
static double attended (const float *rows, size_t length, size_t i, size_t column)
{
    size_t head = column / HEAD_WIDTH * HEAD_WIDTH;
    double sum = 0, weighed = 0;
    for (size_t k = 0; k < length; k++) {
        double score = 0;
        for (size_t c = 0; c < HEAD_WIDTH; c++)
            score += (double) rows [i * 3 * ATTENDED + head + c]
                     * rows [k * 3 * ATTENDED + ATTENDED + head + c];
        double power = exp (score / sqrt (HEAD_WIDTH));
        sum += power;
        weighed += power * rows [k * 3 * ATTENDED + 2 * ATTENDED + column];
    }
    return weighed / sum;
}

static void check_attention (const kernels_t *kernels, size_t length)
{
    static float rows [MOST_KEYS * 3 * ATTENDED], context [MOST_KEYS * ATTENDED];
    for (size_t i = 0; i < length * 3; i++) {
        fill (row, (uint32_t) (7 * length + i), 2.0f);
        memcpy (rows + i * ATTENDED, row, ATTENDED * sizeof *row);
    }
    attention_t *attention = attention_new (kernels, HEADS);
    assert_non_null (attention);
    attention_begin (attention, MOST_KEYS);     /* what was there before does not matter */
    for (size_t i = 0; i < MOST_KEYS; i++)
        attention_take (attention, i, a);
    attention_begin (attention, length);
    for (size_t i = 0; i < length; i++)
        attention_take (attention, i, rows + i * 3 * ATTENDED);
    attention_run (attention, context);
    for (size_t i = 0; i < length; i += 5)
        for (size_t column = 0; column < ATTENDED; column += 3)
            near_to (context [i * ATTENDED + column], attended (rows, length, i, column), 4e-3);
    attention_destroy (&attention);
}

static void every_level_attends_the_same (void **state)
{
    static const size_t lengths [] = {1, 2, 7, 8, 9, 16, 17, 31, 33, 100, 255, 256};
    (void) state;
    fill (a, 3, 4.0f);
    for (int level = 0; level < KERNELS_COUNT; level++)
        for (size_t i = 0; kernels_of ((kernels_level_t) level) && i < COUNT_OF (lengths); i++)
            check_attention (kernels_of ((kernels_level_t) level), lengths [i]);
}

static void every_level_computes_the_same (void **state)
{
    (void) state;
    for (int level = 0; level < KERNELS_COUNT; level++) {
        const kernels_t *kernels = kernels_of ((kernels_level_t) level);
        if (!kernels) {
            print_message ("level %d: this processor lacks it\n", level);
            continue;
        }
        for (size_t i = 0; i < COUNT_OF (widths); i++) {
            fill (a, 1 + (uint32_t) i, 4.0f);
            fill (b, 100 + (uint32_t) i, 3.0f);
            check_sums (kernels, widths [i]);
            check_layer_norm (kernels, widths [i]);
            check_gelu (kernels, widths [i]);
            check_int8 (kernels, widths [i]);
            check_fused (kernels, widths [i]);
            check_bf16 (kernels, widths [i]);
            check_unit_length (kernels, widths [i]);
            check_zeros (kernels, widths [i]);
        }
    }
}

static void the_best_is_one_of_them (void **state)
{
    (void) state;
    assert_non_null (kernels_of (KERNELS_PLAIN));
    assert_non_null (kernels_best (KERNELS_COUNT - 1));
    assert_ptr_equal (kernels_best (KERNELS_PLAIN), kernels_of (KERNELS_PLAIN));
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (every_level_computes_the_same),
        cmocka_unit_test (every_level_attends_the_same),
        cmocka_unit_test (the_best_is_one_of_them),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
