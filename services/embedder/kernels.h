/* Kernels: what a transformer does to the rows between two matrix products. Pure.
 *
 * They are written once, as plain loops (kernels.c), and compiled for several levels of processor;
 * kernels_best picks at run time. A row's result depends on nothing but the row. */
#ifndef QUIRE_KERNELS_H
#define QUIRE_KERNELS_H

#include "macros.h"

typedef enum {
    KERNELS_PLAIN,      /* whatever the build is for: the twin that the others are tested against */
#ifdef __x86_64__
    KERNELS_V3,         /* x86-64-v3: AVX2, FMA */
    KERNELS_V4,         /* x86-64-v4: AVX-512 */
#endif
    KERNELS_COUNT
} kernels_level_t;

typedef struct {
    const char *name;

    /* row [width] += bias [width] */
    void (*add_bias) (float *row, const float *bias, size_t width);

    /* row [width] = a + b, e.g. a residual */
    void (*add) (float *row, const float *a, const float *b, size_t width);

    /* row [width] = (row - mean) / sqrt (variance + 1e-12) * scale + shift
     * Source: Ba, Kiros & Hinton 2016. */
    void (*layer_norm) (float *row, const float *scale, const float *shift, size_t width);

    /* row [width] = gelu (row + bias), with the exact (erf) GELU to 2e-6.
     * Source: Hendrycks & Gimpel 2016. */
    void (*gelu) (float *row, const float *bias, size_t width);

    /* row [used] = softmax (row * scale); row [used .. width) = 0 */
    void (*softmax) (float *row, float scale, size_t used, size_t width);

    /* out [width] = round (row / s); returns s = max |row| / 127 */
    float (*quantise) (int8_t *out, const float *row, size_t width);

    /* row [width] = sums * row_scale * column_scales */
    void (*dequantise) (float *row, const int32_t *sums, float row_scale,
                        const float *column_scales, size_t width);

    /* row [width] /= its length (L2); a row of zeros stays */
    void (*unit_length) (float *row, size_t width);
} kernels_t;

const kernels_t *kernels_best (void);

/* The kernels of one level, or NULL when this processor lacks it. For tests. */
const kernels_t *kernels_of (kernels_level_t level);

#endif
