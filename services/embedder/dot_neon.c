/* Dot: the products on arm64, by SDOT. Compiled for it; dot.c asks the processor first. */
#include "dot.h"

#include <arm_neon.h>

#define ROWS    4                   /* multiplied at once */
#define VECTORS (DOT_OUTPUTS / 4)   /* that hold a row's sums */

/* Four inputs (the `quarter`th of the sixteen that are loaded) of all rows times those of all outputs. */
#define STEP(quarter) do { \
        for (int v = 0; v < VECTORS; v++) { \
            int8x16_t weights = vld1q_s8 (panel + (quarter * VECTORS + v) * 16); \
            for (int row = 0; row < ROWS; row++) \
                sums [row] [v] = vdotq_laneq_s32 (sums [row] [v], weights, inputs_of [row], quarter); \
        } \
    } while (0)

/* ROWS rows times a panel; the sums stay in registers throughout. */
static inline void tile (int32_t *result, const uint8_t *source, const int8_t *panel, size_t inputs,
                         size_t outputs)
{
    const uint8x16_t signs = vdupq_n_u8 (0x80);     /* less 128, which the panel's head makes up for */
    int32x4_t sums [ROWS] [VECTORS];
    for (int row = 0; row < ROWS; row++)
        for (int v = 0; v < VECTORS; v++)
            sums [row] [v] = vld1q_s32 ((const int32_t *) panel + v * 4);
    panel += DOT_HEAD;
    for (size_t i = 0; i < inputs; i += DOT_INPUTS, panel += DOT_INPUTS * DOT_OUTPUTS) {
        int8x16_t inputs_of [ROWS];
        for (size_t row = 0; row < ROWS; row++)
            inputs_of [row] = vreinterpretq_s8_u8 (veorq_u8 (vld1q_u8 (source + row * inputs + i), signs));
        STEP (0);
        STEP (1);
        STEP (2);
        STEP (3);
    }
    for (size_t row = 0; row < ROWS; row++)
        for (size_t v = 0; v < VECTORS; v++)
            vst1q_s32 (result + row * outputs + v * 4, sums [row] [v]);
}

extern dot_multiply_t dot_neon;

/* A panel stays in the first cache while all rows pass by. */
void dot_neon (int32_t *result, const uint8_t *source, const int8_t *packed, size_t rows,
               size_t inputs, size_t outputs)
{
    for (size_t output = 0; output < outputs; output += DOT_OUTPUTS)
        for (size_t row = 0; row < rows; row += ROWS)
            tile (result + row * outputs + output, source + row * inputs,
                  packed + output / DOT_OUTPUTS * DOT_PANEL_BYTES (inputs), inputs, outputs);
}
