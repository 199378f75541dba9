/* Kernels: see kernels.h. Compiled once for each level, with KERNELS naming the table and
 * KERNELS_NAME its name in the log. The pragmas let the compiler reorder sums, which is what it
 * needs to vectorise them. */
#include "kernels.h"

#include <math.h>
#include <string.h>

#define LAYER_NORM_EPSILON 1e-12f
#define INT8_MAX_F 127.0f

/* Adding and taking away 1.5 * 2^23 leaves a float below 2^22 rounded to the nearest integer. */
#define ROUNDER 12582912.0f

static inline float round_nearest (float x)
{
    return (x + ROUNDER) - ROUNDER;
}

/* e^x to 2 ulp for x <= 0: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]. Below -87: about 0. */
static inline float exp_negative (float x)
{
    x = x < -87.0f ? -87.0f : x;
    float n = round_nearest (x * 1.44269504f);
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;   /* ln 2 in two parts */
    float p = 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits = ((int32_t) n + 127) * (1 << 23);
    float power;
    memcpy (&power, &bits, sizeof power);
    return p * power;
}

/* Normal distribution function less 1/2: an odd rational function fitted by least squares on
 * [-5.3, 5.3], beyond which it is 1/2 to the last bit of an f32. */
static inline float normal_half (float x)
{
    x = x > 5.3f ? 5.3f : x;
    x = x < -5.3f ? -5.3f : x;
    float t = x * x;
    float p = 2.40510503e-08f;
    p = p * t + 6.37900749e-06f;
    p = p * t + 0.000160325558f;
    p = p * t + 0.0046279398f;
    p = p * t + 0.0329348994f;
    p = p * t + 0.398942254f;
    float q = 1.23718611e-06f;
    q = q * t + 7.13494865e-05f;
    q = q * t + 0.00183652118f;
    q = q * t + 0.0281383191f;
    q = q * t + 0.24922178f;
    q = q * t + 1.0f;
    return x * p / q;
}

static void add_bias (float *restrict row, const float *restrict bias, size_t width)
{
    for (size_t i = 0; i < width; i++)
        row [i] += bias [i];
}

static void add (float *row, const float *a, const float *b, size_t width)
{
#pragma omp simd
    for (size_t i = 0; i < width; i++)
        row [i] = a [i] + b [i];
}

static void layer_norm (float *restrict row, const float *restrict scale,
                        const float *restrict shift, size_t width)
{
    float sum = 0, squares = 0;
#pragma omp simd reduction (+ : sum)
    for (size_t i = 0; i < width; i++)
        sum += row [i];
    float mean = sum / (float) width;
#pragma omp simd reduction (+ : squares)
    for (size_t i = 0; i < width; i++)
        squares += (row [i] - mean) * (row [i] - mean);
    float factor = 1.0f / sqrtf (squares / (float) width + LAYER_NORM_EPSILON);
    for (size_t i = 0; i < width; i++)
        row [i] = (row [i] - mean) * factor * scale [i] + shift [i];
}

static void gelu (float *restrict row, const float *restrict bias, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        float x = row [i] + bias [i];
        row [i] = x * (0.5f + normal_half (x));
    }
}

static void softmax (float *restrict row, float scale, size_t used, size_t width)
{
    float most = row [0], sum = 0;
#pragma omp simd reduction (max : most)
    for (size_t i = 0; i < used; i++)
        most = row [i] > most ? row [i] : most;
#pragma omp simd reduction (+ : sum)
    for (size_t i = 0; i < used; i++) {
        row [i] = exp_negative ((row [i] - most) * scale);
        sum += row [i];
    }
    float factor = 1.0f / sum;
    for (size_t i = 0; i < used; i++)
        row [i] *= factor;
    memset (row + used, 0, (width - used) * sizeof *row);
}

static float quantise (int8_t *restrict out, const float *restrict row, size_t width)
{
    float most = 0;
#pragma omp simd reduction (max : most)
    for (size_t i = 0; i < width; i++) {
        float size = fabsf (row [i]);
        most = size > most ? size : most;
    }
    float factor = most > 0 ? INT8_MAX_F / most : 0;
    for (size_t i = 0; i < width; i++)
        out [i] = (int8_t) (int32_t) round_nearest (row [i] * factor);
    return most / INT8_MAX_F;
}

static void dequantise (float *restrict row, const int32_t *restrict sums, float row_scale,
                        const float *restrict column_scales, size_t width)
{
    for (size_t i = 0; i < width; i++)
        row [i] = (float) sums [i] * (row_scale * column_scales [i]);
}

static void unit_length (float *restrict row, size_t width)
{
    float squares = 0;
#pragma omp simd reduction (+ : squares)
    for (size_t i = 0; i < width; i++)
        squares += row [i] * row [i];
    float factor = squares > 0 ? 1.0f / sqrtf (squares) : 0;
    for (size_t i = 0; i < width; i++)
        row [i] *= factor;
}

extern const kernels_t KERNELS;
const kernels_t KERNELS = {
    .name = KERNELS_NAME, .add_bias = add_bias, .add = add, .layer_norm = layer_norm, .gelu = gelu,
    .softmax = softmax, .quantise = quantise, .dequantise = dequantise, .unit_length = unit_length,
};
