/* Attention: see attention.h. */
#include "attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define ALIGNMENT 64
#define LOG2_E    1.44269504f

/* The largest numbers whose sums stay within 32 bits: of a head's columns, and of all keys. */
#define MOST_QUERY  8191.0f
#define MOST_KEY    8191.0f
#define MOST_WEIGHT 4095.0f
#define MOST_VALUE  2047.0f
_Static_assert (8191LL * 8191 * HEAD_WIDTH <= INT32_MAX, "a score fits");
_Static_assert (4095LL * 2047 * MOST_KEYS <= INT32_MAX, "a gathered value fits");

/* What keeps keys behind the sequence out: their weight is 2^-126 at most. */
#define MASKED -1e30f

struct attention {
    const attention_kernels_t *kernels;
    size_t heads, width, length;
    int16_t *queries;           /* [MOST_KEYS][width] */
    int16_t *keys;              /* [heads][MOST_KEYS][HEAD_WIDTH], packed */
    int16_t *values;            /* the same */
    int16_t *codes;             /* [width] of a row, before it is packed */
    float query_scales [MOST_KEYS], key_scales [MOST_KEYS], key_masks [MOST_KEYS];
    float value_scales [MOST_KEYS], value_factors [MOST_KEYS];
    float scores [QUERY_BLOCK * MOST_KEYS];
    int16_t weights [QUERY_BLOCK * MOST_KEYS];
};

attention_t *attention_new (const kernels_t *kernels, size_t heads)
{
    size_t width = heads * HEAD_WIDTH, area = MOST_KEYS * width;
    attention_t *attention = calloc (1, sizeof *attention);
    int16_t *memory = attention ? aligned_alloc (ALIGNMENT, (3 * area + width) * sizeof *memory) : NULL;
    if (!memory) {
        free (attention);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    memset (memory, 0, (3 * area + width) * sizeof *memory);
    attention->kernels = kernels->attention;
    attention->heads = heads;
    attention->width = width;
    attention->queries = memory;
    attention->keys = memory + area;
    attention->values = memory + 2 * area;
    attention->codes = memory + 3 * area;
    return attention;
}

void attention_destroy (attention_t **attention)
{
    if (!*attention)
        return;
    free ((*attention)->queries);
    free (*attention);
    *attention = NULL;
}

void attention_begin (attention_t *attention, size_t length)
{
    attention->length = length;
    for (size_t i = 0; i < MOST_KEYS; i++)
        attention->key_masks [i] = i < length ? 0 : MASKED;
}

void attention_take (attention_t *attention, size_t i, const float *row)
{
    const attention_kernels_t *kernels = attention->kernels;
    size_t width = attention->width;
    const float unit = LOG2_E / sqrtf (HEAD_WIDTH);     /* scores are exponents of 2 */
    attention->query_scales [i] =
        unit * kernels->encode_row (attention->queries + i * width, row, width, MOST_QUERY);
    attention->key_scales [i] = kernels->encode_row (attention->codes, row + width, width, MOST_KEY);
    kernels->pack_key (attention->keys, attention->codes, attention->heads, i);
    attention->value_scales [i] =
        kernels->encode_row (attention->codes, row + 2 * width, width, MOST_VALUE);
    kernels->pack_value (attention->values, attention->codes, attention->heads, i);
}

/* A value's scale becomes part of its weight. Returns what a gathered 1 then stands for. */
static float values_level (attention_t *attention)
{
    float most = 0;
    for (size_t i = 0; i < attention->length; i++)
        most = fmaxf (most, attention->value_scales [i]);
    float factor = most > 0 ? MOST_WEIGHT / most : 0;
    for (size_t i = 0; i < MOST_KEYS; i++)
        attention->value_factors [i] = i < attention->length ? attention->value_scales [i] * factor : 0;
    return most / MOST_WEIGHT;
}

/* QUERY_BLOCK rows of one head. */
static void attend (attention_t *attention, size_t head, size_t first, float unit, float *context)
{
    const attention_kernels_t *kernels = attention->kernels;
    size_t column = head * HEAD_WIDTH, area = head * MOST_KEYS * HEAD_WIDTH;
    queries_t queries = {attention->queries + first * attention->width + column, attention->width,
                         attention->query_scales + first};
    keys_t keys = {attention->keys + area, attention->key_scales, attention->key_masks,
                   attention->length};
    float factors [QUERY_BLOCK];
    kernels->score (attention->scores, &queries, &keys);
    kernels->weigh (attention->weights, factors, attention->scores, attention->value_factors,
                    attention->length);
    for (size_t i = 0; i < QUERY_BLOCK; i++)
        factors [i] = unit / factors [i];
    kernels->gather (context + first * attention->width + column, attention->width,
                     attention->weights, factors, attention->values + area, attention->length);
}

void attention_run (attention_t *attention, float *context)
{
    float unit = values_level (attention);
    for (size_t head = 0; head < attention->heads; head++)
        for (size_t first = 0; first < attention->length; first += QUERY_BLOCK)
            attend (attention, head, first, unit, context);
}
