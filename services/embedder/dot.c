/* Dot: see dot.h. What every processor can do, and what this one can. */
#include "dot.h"

#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define GROUP 4     /* inputs that one instruction takes */

void dot_pack (int8_t *packed, const int8_t *weights, size_t inputs, size_t outputs)
{
    for (size_t output = 0; output < outputs; output++) {
        int8_t *panel = packed + output / DOT_OUTPUTS * DOT_OUTPUTS * inputs;
        size_t column = output % DOT_OUTPUTS * GROUP;
        for (size_t i = 0; i < inputs; i++)
            panel [i / GROUP * GROUP * DOT_OUTPUTS + column + i % GROUP] = weights [output * inputs + i];
    }
}

void dot_plain (int32_t *result, const int8_t *source, const int8_t *packed, size_t rows, size_t inputs,
                size_t outputs)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t output = 0; output < outputs; output++) {
            const int8_t *panel = packed + output / DOT_OUTPUTS * DOT_OUTPUTS * inputs;
            size_t column = output % DOT_OUTPUTS * GROUP;
            int32_t sum = 0;
            for (size_t i = 0; i < inputs; i++)
                sum += source [row * inputs + i]
                     * panel [i / GROUP * GROUP * DOT_OUTPUTS + column + i % GROUP];
            result [row * outputs + output] = sum;
        }
}

#ifdef __aarch64__
extern dot_multiply_t dot_neon;

dot_multiply_t *dot_best (void)
{
    return getauxval (AT_HWCAP) & HWCAP_ASIMDDP ? dot_neon : NULL;
}
#else
dot_multiply_t *dot_best (void)
{
    return NULL;
}
#endif
