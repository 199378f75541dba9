/* Quire's own int8 products against sums that are written down as they are defined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dot.h"

#define MOST_ROWS    16
#define MOST_INPUTS  1536
#define MOST_OUTPUTS 1152

static const struct {
    size_t rows, inputs, outputs;
} sizes [] = {
    {4, 16, 16}, {4, 32, 48}, {16, 384, 1152}, {12, 1536, 384},
};

static int8_t source [MOST_ROWS * MOST_INPUTS], weights [MOST_OUTPUTS * MOST_INPUTS],
    packed [MOST_OUTPUTS * MOST_INPUTS];
static int32_t wanted [MOST_ROWS * MOST_OUTPUTS], result [MOST_ROWS * MOST_OUTPUTS];

/* Bytes of all values that occur, and at the end a run of the largest: the largest sums. */
static void fill (int8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes [i] = i > count / 2 ? -127 : (int8_t) (rand () % 255 - 127);
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
        fill (source, rows * inputs);
        fill (weights, outputs * inputs);
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
    if (!dot_best ())
        skip ();
    compare (dot_best ());
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (plain_products_are_exact),
        cmocka_unit_test (the_processors_products_are_exact),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
