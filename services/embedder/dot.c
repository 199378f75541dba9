/* Dot: see dot.h. What every processor can do, and what this one can. */
#include "dot.h"

#include <string.h>

#ifdef __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define SIGNED 128      /* what makes a byte signed when it is taken away */

/* Weight `input` of output `column` of a panel. */
static size_t place_of (size_t column, size_t input)
{
    return DOT_HEAD + input / DOT_GROUP * DOT_GROUP * DOT_OUTPUTS + column * DOT_GROUP + input % DOT_GROUP;
}

void dot_pack (int8_t *packed, const int8_t *weights, size_t inputs, size_t outputs)
{
    for (size_t output = 0; output < outputs; output++) {
        int8_t *panel = packed + output / DOT_OUTPUTS * DOT_PANEL_BYTES (inputs);
        size_t column = output % DOT_OUTPUTS;
        int32_t sum = 0;
        for (size_t i = 0; i < inputs; i++)
            sum += panel [place_of (column, i)] = weights [output * inputs + i];
        sum *= SIGNED;
        memcpy (panel + column * sizeof sum, &sum, sizeof sum);
    }
}

void dot_plain (int32_t *result, const uint8_t *source, const int8_t *packed, size_t rows,
                size_t inputs, size_t outputs)
{
    for (size_t row = 0; row < rows; row++)
        for (size_t output = 0; output < outputs; output++) {
            const int8_t *panel = packed + output / DOT_OUTPUTS * DOT_PANEL_BYTES (inputs);
            int32_t sum = 0;
            for (size_t i = 0; i < inputs; i++)
                sum += source [row * inputs + i] * panel [place_of (output % DOT_OUTPUTS, i)];
            result [row * outputs + output] = sum;
        }
}

#if defined __aarch64__
extern dot_multiply_t dot_neon;

dot_multiply_t *dot_best (kernels_level_t level UNUSED)
{
    return getauxval (AT_HWCAP) & HWCAP_ASIMDDP ? dot_neon : NULL;
}
#elif defined __x86_64__
extern dot_multiply_t dot_v3_vnni, dot_v4_vnni;

dot_multiply_t *dot_best (kernels_level_t level)
{
    if (!kernels_of (level))
        return NULL;
    return level == KERNELS_V4_VNNI ? dot_v4_vnni : level == KERNELS_V3_VNNI ? dot_v3_vnni : NULL;
}
#else
dot_multiply_t *dot_best (kernels_level_t level UNUSED)
{
    return NULL;
}
#endif
