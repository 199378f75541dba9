/* Kernels: what a transformer does to the rows between two matrix products. Pure.
 *
 * They are written once (kernels.c, kernels_attention.c), on vectors (lanes.h), and compiled for
 * several levels of processor; kernels_best picks at run time. A row's result depends on nothing but
 * the row. */
#ifndef QUIRE_KERNELS_H
#define QUIRE_KERNELS_H

#include "macros.h"

typedef enum {
    KERNELS_PLAIN,      /* whatever the build is for: the twin that the others are tested against */
#ifdef __x86_64__
    KERNELS_V3,         /* x86-64-v3: AVX2, FMA */
    KERNELS_V3_VNNI,    /* and AVX-VNNI */
    KERNELS_V4,         /* x86-64-v4: AVX-512 */
    KERNELS_V4_VNNI,    /* and AVX512-VNNI */
#endif
    KERNELS_COUNT
} kernels_level_t;

/* -- attention ----------------------------------------------------------------------------------- */

#define HEAD_WIDTH  32
#define MOST_KEYS   256     /* of a sequence; the step from row to row of scores and of weights */
#define KEY_BLOCK   16      /* keys are packed by */
#define QUERY_BLOCK 16      /* rows are attended for at once */

/* QUERY_BLOCK rows of one head: codes * scale of the row. */
typedef struct {
    const int16_t *codes;
    size_t step;                    /* from row to row */
    const float *scales;            /* [QUERY_BLOCK] */
} queries_t;

/* Of one head: codes * scale of the key. The arrays go on to a full block of keys. */
typedef struct {
    const int16_t *codes;           /* packed */
    const float *scales, *masks;    /* masks: added to the scores */
    size_t count;
} keys_t;

typedef struct {
    /* codes [width] = round (row / s); returns s = max |row| / most */
    float (*encode_row) (int16_t *codes, const float *row, size_t width, float most);

    /* Puts codes [heads][HEAD_WIDTH] among the keys or values [heads][MOST_KEYS][HEAD_WIDTH], where
     * score and gather look for them. An even value comes before the odd one behind it. */
    void (*pack_key) (int16_t *keys, const int16_t *codes, size_t heads, size_t key);
    void (*pack_value) (int16_t *values, const int16_t *codes, size_t heads, size_t key);

    /* scores [QUERY_BLOCK][MOST_KEYS] = queries x keys + masks, up to a full block of keys */
    void (*score) (float *scores, const queries_t *queries, const keys_t *keys);

    /* codes [QUERY_BLOCK][MOST_KEYS] = round (2^(scores - most of the row) * factors), up to a full
     * block of keys; sums [QUERY_BLOCK] of the powers */
    void (*weigh) (int16_t *codes, float *sums, const float *scores, const float *factors,
                   size_t count);

    /* context [QUERY_BLOCK] [HEAD_WIDTH] = codes [QUERY_BLOCK][MOST_KEYS] x values * factor of the row
     * step: of the context, from row to row */
    void (*gather) (float *context, size_t step, const int16_t *codes, const float *factors,
                    const int16_t *values, size_t count);
} attention_kernels_t;

/* -- rows ---------------------------------------------------------------------------------------- */

#define WIDTH_STEP 64      /* every width is a multiple */

/* What a row's uint8_t code stands for: (code - zero) * scale. */
typedef struct {
    float scale, zero;
} coding_t;

/* A row of a linear layer's result, as the product left it: f32; or sums of products of codes with
 * int8 weights. */
typedef struct {
    const void *values;
    const float *bias;
    bool coded;                     /* then also: */
    coding_t coding;                /* of the input's row */
    const float *scales;            /* what a weight of 1 of the column stands for */
    const float *totals;            /* sums of the column's weights, times its scale */
} result_t;

typedef struct {
    const char *name;
    const attention_kernels_t *attention;

    /* row [width] = a + b, e.g. a residual */
    void (*add) (float *row, const float *a, const float *b, size_t width);

    /* row [width] = (row - mean) / sqrt (variance + 1e-12) * scale + shift
     * Source: Ba, Kiros & Hinton 2016. */
    void (*layer_norm) (float *row, const float *scale, const float *shift, size_t width);

    /* row [width] = result + bias */
    void (*finish) (float *row, const result_t *result, size_t width);

    /* row [width] = layer_norm (row + result + bias) */
    void (*add_norm) (float *row, const result_t *result, const float *scale, const float *shift,
                      size_t width);

    /* row [width] = gelu (result + bias), the exact (erf) GELU to 2e-6.
     * Source: Hendrycks & Gimpel 2016. */
    void (*gelu) (float *row, const result_t *result, size_t width);

    /* out [width] = codes of the row, whose range from least to most is cut in 255 steps; 0 is exact */
    coding_t (*quantise) (uint8_t *out, const float *row, size_t width);

    /* out [width] = row in bf16, rounded to the nearest */
    void (*shorten) (uint16_t *out, const float *row, size_t width);

    /* row [width] /= its length (L2); a row of zeros stays */
    void (*unit_length) (float *row, size_t width);
} kernels_t;

/* The best that this processor has, at most `most`. */
const kernels_t *kernels_best (kernels_level_t most);

/* The kernels of one level, or NULL when this processor lacks it. For tests. */
const kernels_t *kernels_of (kernels_level_t level);

#endif
