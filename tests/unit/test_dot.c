/* Quire's own int8 products against sums that are written down as they are defined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dot.h"

#define MOST_ROWS    24
#define MOST_INPUTS  1536
#define MOST_OUTPUTS 1152

static const struct {
    size_t rows, inputs, outputs;
} sizes [] = {
    {8, 16, 16}, {8, 32, 80}, {16, 384, 1152}, {24, 1536, 384},
};

static uint8_t source [MOST_ROWS * MOST_INPUTS];
static int8_t weights [MOST_OUTPUTS * MOST_INPUTS];
static _Alignas (64) int8_t packed [DOT_PACKED_BYTES (MOST_INPUTS, MOST_OUTPUTS)];
static int32_t wanted [MOST_ROWS * MOST_OUTPUTS], result [MOST_ROWS * MOST_OUTPUTS];

/* Bytes of all values that occur, and at the end a run of the largest: the largest sums. */
static void fill (size_t source_count, size_t weight_count)
{
    for (size_t i = 0; i < source_count; i++)
        source [i] = i > source_count / 2 ? 255 : (uint8_t) (rand () % 256);
    for (size_t i = 0; i < weight_count; i++)
        weights [i] = i > weight_count / 2 ? -127 : (int8_t) (rand () % 255 - 127);
}

static void multiply_as_defined (size_t rows, size_t inputs, size_t outputs)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t output = 0; output < outputs; output++) {
            int32_t sum = 0;
            for (size_t i = 0; i < inputs; i++)
                sum += source [row * inputs + i] * weights [output * inputs + i];
            wanted [row * outputs + output] = sum;
        }
}

static void compare (dot_multiply_t *multiply)
{
    for (size_t i = 0; i < COUNT_OF (sizes); i++) {
        size_t rows = sizes [i].rows, inputs = sizes [i].inputs, outputs = sizes [i].outputs;
        fill (rows * inputs, outputs * inputs);
        multiply_as_defined (rows, inputs, outputs);
        dot_pack (packed, weights, inputs, outputs);
        memset (result, 0x55, sizeof result);
        multiply (result, source, packed, rows, inputs, outputs);
        assert_memory_equal (result, wanted, rows * outputs * sizeof *result);
    }
}

static void plain_products_are_exact (void **state UNUSED)
{
    compare (dot_plain);
}

static void the_processors_products_are_exact (void **state UNUSED)
{
    bool any = false;
    for (int level = 0; level < KERNELS_COUNT; level++) {
        dot_multiply_t *multiply = dot_best ((kernels_level_t) level);
        if (multiply)
            compare (multiply);
        any = any || multiply;
    }
    if (!any)
        skip ();
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (plain_products_are_exact),
        cmocka_unit_test (the_processors_products_are_exact),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
