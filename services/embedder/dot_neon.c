/* Dot: the products on arm64, by SDOT. Compiled for it; dot.c asks the processor first. */
#include "dot.h"

#include <arm_neon.h>

#define VECTORS (DOT_OUTPUTS / 4)   /* that hold a row's sums */

/* Four inputs (the `quarter`th of the sixteen that are loaded) of all rows times those of all outputs. */
#define STEP(quarter) do { \
        for (int v = 0; v < VECTORS; v++) { \
            int8x16_t weights = vld1q_s8 (panel + (quarter * VECTORS + v) * 16); \
            for (int row = 0; row < DOT_ROWS; row++) \
                sums [row] [v] = vdotq_laneq_s32 (sums [row] [v], weights, inputs_of [row], quarter); \
        } \
    } while (0)

/* DOT_ROWS rows times a panel; the sums stay in registers throughout. */
static inline void tile (int32_t *result, const int8_t *source, const int8_t *panel, size_t inputs,
                         size_t outputs)
{
    int32x4_t sums [DOT_ROWS] [VECTORS];
    for (int row = 0; row < DOT_ROWS; row++)
        for (int v = 0; v < VECTORS; v++)
            sums [row] [v] = vdupq_n_s32 (0);
    for (size_t i = 0; i < inputs; i += DOT_INPUTS, panel += DOT_INPUTS * DOT_OUTPUTS) {
        int8x16_t inputs_of [DOT_ROWS];
        for (size_t row = 0; row < DOT_ROWS; row++)
            inputs_of [row] = vld1q_s8 (source + row * inputs + i);
        STEP (0);
        STEP (1);
        STEP (2);
        STEP (3);
    }
    for (size_t row = 0; row < DOT_ROWS; row++)
        for (size_t v = 0; v < VECTORS; v++)
            vst1q_s32 (result + row * outputs + v * 4, sums [row] [v]);
}

extern dot_multiply_t dot_neon;

/* A panel stays in the first cache while all rows pass by. */
void dot_neon (int32_t *result, const int8_t *source, const int8_t *packed, size_t rows, size_t inputs,
               size_t outputs)
{
    for (size_t output = 0; output < outputs; output += DOT_OUTPUTS)
        for (size_t row = 0; row < rows; row += DOT_ROWS)
            tile (result + row * outputs + output, source + row * inputs, packed + output * inputs,
                  inputs, outputs);
}
