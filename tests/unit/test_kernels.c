/* Kernels: each level against plain arithmetic in double, on rows of odd and even widths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels.h"

#define MOST_WIDTH 1536

static const size_t widths [] = {1, 2, 15, 16, 17, 31, 100, 256, 384, 1536};

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
    memcpy (row, a, sizeof row);
    kernels->add_bias (row, b, width);
    for (size_t i = 0; i < width; i++)
        assert_true (row [i] == a [i] + b [i]);
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
    for (size_t i = 0; i < width && width > 1; i++)
        near_to (row [i], (a [i] - mean) / sqrt (variance + 1e-12) * b [i] + a [i], 2e-5);
}

static void check_gelu (const kernels_t *kernels, size_t width)
{
    memcpy (row, a, sizeof row);
    kernels->gelu (row, b, width);
    for (size_t i = 0; i < width; i++) {
        double x = (double) (a [i] + b [i]);
        near_to (row [i], x * 0.5 * (1 + erf (x / sqrt (2.0))), 2e-6 * fmax (1, fabs (x)));
    }
}

static void check_softmax (const kernels_t *kernels, size_t width)
{
    size_t used = (width + 1) / 2;
    double most = -1e9, sum = 0;
    for (size_t i = 0; i < used; i++)
        most = fmax (most, 3.0 * a [i]);
    for (size_t i = 0; i < used; i++)
        sum += exp (3.0 * a [i] - most);
    memcpy (row, a, sizeof row);
    kernels->softmax (row, 3.0f, used, width);
    for (size_t i = 0; i < used; i++)
        near_to (row [i], exp (3.0 * a [i] - most) / sum, 2e-6);
    for (size_t i = used; i < width; i++)
        assert_true (row [i] == 0);
}

static void check_int8 (const kernels_t *kernels, size_t width)
{
    static int8_t coarse [MOST_WIDTH];
    static int32_t sums [MOST_WIDTH];
    float most = 0, scale = kernels->quantise (coarse, a, width);
    for (size_t i = 0; i < width; i++)
        most = fmaxf (most, fabsf (a [i]));
    near_to (scale, most / 127.0, 1e-7 * most);
    for (size_t i = 0; i < width; i++) {
        near_to (coarse [i] * (double) scale, a [i], 0.5001 * scale);
        sums [i] = (int32_t) (a [i] * 1e6f);
    }
    kernels->dequantise (row, sums, 0.5f, b, width);
    for (size_t i = 0; i < width; i++)
        near_to (row [i], (double) sums [i] * 0.5 * b [i], 1e-6 * fabs ((double) sums [i] * b [i]) + 1e-30);
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
    static int8_t coarse [MOST_WIDTH];
    memset (row, 0, sizeof row);
    assert_true (kernels->quantise (coarse, row, width) == 0);
    for (size_t i = 0; i < width; i++)
        assert_int_equal (coarse [i], 0);
    kernels->unit_length (row, width);
    assert_true (row [0] == 0);
    kernels->softmax (row, 1.0f, width, width);
    near_to (row [width - 1], 1.0 / (double) width, 1e-6);
    for (size_t i = 0; i < width; i++)
        row [i] = i % 2 ? 1e30f : -1e30f;
    kernels->softmax (row, 1.0f, width, width);
    near_to (row [0], width == 1 ? 1 : 0, 1e-6);
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
            check_softmax (kernels, widths [i]);
            check_int8 (kernels, widths [i]);
            check_unit_length (kernels, widths [i]);
            check_zeros (kernels, widths [i]);
        }
    }
}

static void the_best_is_one_of_them (void **state)
{
    (void) state;
    assert_non_null (kernels_of (KERNELS_PLAIN));
    assert_non_null (kernels_best ());
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (every_level_computes_the_same),
        cmocka_unit_test (the_best_is_one_of_them),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
