/* Kernels of rows: see kernels.h. Compiled once for each level, with KERNELS and KERNELS_ATTENTION
 * naming the tables and KERNELS_NAME the name in the log. */
#include "kernels.h"
#include "lanes.h"

#define LAYER_NORM_EPSILON 1e-12f
#define MOST_CODE 255.0f

/* Sums and the like are taken in so many parts, which do not wait for each other. */
#define PARTS 4
_Static_assert (WIDTH_STEP % (PARTS * LANES) == 0, "a row is a whole number of steps");
#define STEP  (PARTS * LANES)

static void add (float *row, const float *a, const float *b, size_t width)
{
    for (size_t i = 0; i < width; i += LANES)
        real_store (row + i, real_load (a + i) + real_load (b + i));
}

static float sum_parts (const real_t parts [PARTS])
{
    return sum_of ((parts [0] + parts [1]) + (parts [2] + parts [3]));
}

/* Number i and those behind it of a row of a linear layer's result. coded is a constant wherever this
 * is called. */
static inline __attribute__ ((always_inline)) real_t
result_at (const result_t *result, size_t i, const bool coded)
{
    if (!coded)
        return real_load ((const float *) result->values + i) + real_load (result->bias + i);
    float scale = result->coding.scale, zero = -result->coding.scale * result->coding.zero;
    return to_real (whole_load ((const int32_t *) result->values + i))
           * (scale * real_load (result->scales + i))
           + (zero * real_load (result->totals + i) + real_load (result->bias + i));
}

static inline __attribute__ ((always_inline)) void
finish_as (float *row, const result_t *result, size_t width, const bool coded)
{
    for (size_t i = 0; i < width; i += LANES)
        real_store (row + i, result_at (result, i, coded));
}

static void finish (float *row, const result_t *result, size_t width)
{
    if (result->coded)
        finish_as (row, result, width, true);
    else
        finish_as (row, result, width, false);
}

/* Of a row whose sum is known. */
static void norm_with (float *row, float sum, const float *scale, const float *shift, size_t width)
{
    real_t squares [PARTS] = {0}, mean = real_all (sum / (float) width);
    for (size_t i = 0; i < width; i += STEP)
        for (size_t k = 0; k < PARTS; k++) {
            real_t apart = real_load (row + i + k * LANES) - mean;
            squares [k] += apart * apart;
        }
    float factor = 1.0f / sqrtf (sum_parts (squares) / (float) width + LAYER_NORM_EPSILON);
    for (size_t i = 0; i < width; i += LANES)
        real_store (row + i, (real_load (row + i) - mean) * (factor * real_load (scale + i))
                             + real_load (shift + i));
}

static void layer_norm (float *row, const float *scale, const float *shift, size_t width)
{
    real_t sums [PARTS] = {0};
    for (size_t i = 0; i < width; i += STEP)
        for (size_t k = 0; k < PARTS; k++)
            sums [k] += real_load (row + i + k * LANES);
    norm_with (row, sum_parts (sums), scale, shift, width);
}

static inline __attribute__ ((always_inline)) float
add_result (float *row, const result_t *result, size_t width, const bool coded)
{
    real_t sums [PARTS] = {0};
    for (size_t i = 0; i < width; i += STEP)
        for (size_t k = 0; k < PARTS; k++) {
            size_t at = i + k * LANES;
            real_t x = real_load (row + at) + result_at (result, at, coded);
            real_store (row + at, x);
            sums [k] += x;
        }
    return sum_parts (sums);
}

static void add_norm (float *row, const result_t *result, const float *scale, const float *shift,
                      size_t width)
{
    float sum = result->coded ? add_result (row, result, width, true)
                              : add_result (row, result, width, false);
    norm_with (row, sum, scale, shift, width);
}

/* Normal distribution function less 1/2: an odd rational function fitted by least squares on
 * [-5.3, 5.3], beyond which it is 1/2 to the last bit of an f32. */
static inline real_t normal_half (real_t x)
{
    x = more_of (less_of (x, real_all (5.3f)), real_all (-5.3f));
    real_t t = x * x;
    real_t p = 2.40510503e-08f * t + 6.37900749e-06f;
    p = p * t + 0.000160325558f;
    p = p * t + 0.0046279398f;
    p = p * t + 0.0329348994f;
    p = p * t + 0.398942254f;
    real_t q = 1.23718611e-06f * t + 7.13494865e-05f;
    q = q * t + 0.00183652118f;
    q = q * t + 0.0281383191f;
    q = q * t + 0.24922178f;
    q = q * t + 1.0f;
    return quotient (x * p, q);
}

static inline __attribute__ ((always_inline)) void
gelu_as (float *row, const result_t *result, size_t width, const bool coded)
{
    for (size_t i = 0; i < width; i += LANES) {
        real_t x = result_at (result, i, coded);
        real_store (row + i, x * (0.5f + normal_half (x)));
    }
}

static void gelu (float *row, const result_t *result, size_t width)
{
    if (result->coded)
        gelu_as (row, result, width, true);
    else
        gelu_as (row, result, width, false);
}

/* Least and most of the row and of 0. */
static void range_of (const float *row, size_t width, float *least, float *most)
{
    real_t up [PARTS] = {0}, down [PARTS] = {0};
    for (size_t i = 0; i < width; i += STEP)
        for (size_t k = 0; k < PARTS; k++) {
            real_t x = real_load (row + i + k * LANES);
            up [k] = more_of (up [k], x);
            down [k] = more_of (down [k], -x);
        }
    *most = most_of (more_of (more_of (up [0], up [1]), more_of (up [2], up [3])));
    *least = -most_of (more_of (more_of (down [0], down [1]), more_of (down [2], down [3])));
}

static coding_t quantise (uint8_t *out, const float *row, size_t width)
{
    float least, most;
    range_of (row, width, &least, &most);
    float range = most - least, factor = range > 0 ? MOST_CODE / range : 0;
    float zero = nearbyintf (-least * factor);
    for (size_t i = 0; i < width; i += 4 * LANES) {
        whole_t codes [4];
        for (size_t k = 0; k < 4; k++)
            codes [k] = to_whole (real_load (row + i + k * LANES) * factor + zero);
        store_bytes (out + i, codes);
    }
    return (coding_t) {range / MOST_CODE, zero};
}

static void shorten (uint16_t *out, const float *row, size_t width)
{
    for (size_t i = 0; i < width; i += LANES) {
        whole_t bits = bits_of (real_load (row + i));
        store_shorts (out + i, (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}

static void unit_length (float *row, size_t width)
{
    real_t squares [PARTS] = {0};
    for (size_t i = 0; i < width; i += STEP)
        for (size_t k = 0; k < PARTS; k++) {
            real_t x = real_load (row + i + k * LANES);
            squares [k] += x * x;
        }
    float sum = sum_parts (squares), factor = sum > 0 ? 1.0f / sqrtf (sum) : 0;
    for (size_t i = 0; i < width; i += LANES)
        real_store (row + i, real_load (row + i) * factor);
}

extern const attention_kernels_t KERNELS_ATTENTION;
extern const kernels_t KERNELS;
const kernels_t KERNELS = {
    .name = KERNELS_NAME, .attention = &KERNELS_ATTENTION, .add = add, .layer_norm = layer_norm,
    .finish = finish, .add_norm = add_norm, .gelu = gelu, .quantise = quantise, .shorten = shorten,
    .unit_length = unit_length,
};
