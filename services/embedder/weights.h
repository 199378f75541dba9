/* Weights: the tensors of all-MiniLM-L6-v2, read from model.safetensors and packed for products. */
#ifndef QUIRE_WEIGHTS_H
#define QUIRE_WEIGHTS_H

#include "macros.h"
#include "packed.h"
#include "products.h"

#define MODEL_LAYERS     6
#define MODEL_HEADS      12
#define MODEL_WIDTH      384
#define MODEL_HEAD_WIDTH (MODEL_WIDTH / MODEL_HEADS)
#define MODEL_INNER      1536
#define MODEL_VOCABULARY 30522
#define MODEL_POSITIONS  512
#define MODEL_MOST_ROWS  256     /* that the packing of the weights is chosen for */

/* A linear layer. */
typedef struct {
    size_t inputs, outputs;
    matrix_t *matrix;
    const float *bias;      /* [outputs] */
    const float *scales;    /* [outputs] what an int8 weight of 1 stands for; else NULL */
    const float *totals;    /* [outputs] sums of an output's int8 weights, times its scale */
} linear_t;

typedef struct {
    const float *scale, *shift;     /* [MODEL_WIDTH] */
} norm_t;

typedef struct {
    linear_t query_key_value;       /* MODEL_WIDTH -> 3 MODEL_WIDTH: query, key, value */
    linear_t attended;              /* MODEL_WIDTH -> MODEL_WIDTH */
    norm_t attention_norm;
    linear_t inner;                 /* MODEL_WIDTH -> MODEL_INNER */
    linear_t outer;                 /* MODEL_INNER -> MODEL_WIDTH */
    norm_t output_norm;
} layer_t;

typedef struct {
    bytes_t file;                   /* mapped; embeddings and norms are read in place */
    packed_t *packed;               /* what the linear layers are made of, and words in int8 */
    const float *words;             /* [MODEL_VOCABULARY][MODEL_WIDTH] */
    const int8_t *word_codes;       /* the same in int8; else NULL */
    const float *word_scales;       /* [MODEL_VOCABULARY] what a 1 of a word stands for */
    const float *positions;         /* [MODEL_POSITIONS][MODEL_WIDTH] */
    const float *segment;           /* [MODEL_WIDTH] of the first segment, the only one */
    norm_t embedding_norm;
    layer_t layers [MODEL_LAYERS];
} weights_t;

/* Finds the packed weights in a folder, or packs them and leaves them there. folders: or NULL. NULL
 * with MODEL_MISSING, NO_MEMORY or INTERNAL. */
MUST_CHECK weights_t *weights_load (const char *path, numbers_t numbers,
                                    const packed_folders_t *folders);
void weights_destroy (weights_t **weights);

/* The embedding of a word piece. */
void weights_word (const weights_t *weights, int32_t id, float row [MODEL_WIDTH]);

#endif
