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

static void layer_norm (float *row, const float *scale, const float *shift, size_t width)
{
    real_t sums [PARTS] = {0}, squares [PARTS] = {0};
    for (size_t i = 0; i < width; i += STEP)
        for (size_t k = 0; k < PARTS; k++)
            sums [k] += real_load (row + i + k * LANES);
    real_t mean = real_all (sum_parts (sums) / (float) width);
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

static void gelu (float *row, size_t width)
{
    for (size_t i = 0; i < width; i += LANES) {
        real_t x = real_load (row + i);
        real_store (row + i, x * (0.5f + normal_half (x)));
    }
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
    for (size_t i = 0; i < width; i += LANES) {
        real_t code = less_of (real_load (row + i) * factor + zero, real_all (MOST_CODE));
        byte_lanes_t codes = __builtin_convertvector (to_whole (more_of (code, real_all (0))),
                                                      byte_lanes_t);
        memcpy (out + i, &codes, sizeof codes);
    }
    return (coding_t) {range / MOST_CODE, zero};
}

static void dequantise (float *row, const int32_t *sums, coding_t coding, const float *scales,
                        const float *totals, const float *bias, size_t width)
{
    float scale = coding.scale, zero = -coding.scale * coding.zero;
    for (size_t i = 0; i < width; i += LANES)
        real_store (row + i, to_real (whole_load (sums + i)) * (scale * real_load (scales + i))
                             + (zero * real_load (totals + i) + real_load (bias + i)));
}

static void shorten (uint16_t *out, const float *row, size_t width)
{
    for (size_t i = 0; i < width; i += LANES) {
        whole_t bits = bits_of (real_load (row + i));
        bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
        short_lanes_t halves = __builtin_convertvector (bits, short_lanes_t);
        memcpy (out + i, &halves, sizeof halves);
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
    .gelu = gelu, .quantise = quantise, .dequantise = dequantise, .shorten = shorten,
    .unit_length = unit_length,
};
