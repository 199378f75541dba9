/* Attention: what each row of a sequence gathers from all others, head by head.
 *
 * Queries, keys and values are taken row by row as they come from their linear layer, and kept as
 * whole numbers of 12 to 14 bits, a scale a row: products of those are exact in 32 bits, twice as fast
 * as in f32 where the processor has VNNI, and finer than bf16. Scores are made for a few rows of one
 * head at a time, so that they never leave the core's first cache.
 * Source: Vaswani et al. 2017; for the blocks, Dao et al. 2022. */
#ifndef QUIRE_ATTENTION_H
#define QUIRE_ATTENTION_H

#include "kernels.h"

#define MOST_ATTENDED MOST_KEYS     /* rows of a sequence */

typedef struct attention attention_t;

/* For sequences of `heads` heads. NULL with NO_MEMORY. */
MUST_CHECK attention_t *attention_new (const kernels_t *kernels, size_t heads);
void attention_destroy (attention_t **attention);

/* Begins a sequence of `length` rows. */
void attention_begin (attention_t *attention, size_t length);

/* Takes its row i: query, key and value, [3][heads * HEAD_WIDTH]. */
void attention_take (attention_t *attention, size_t i, const float *row);

/* When all are taken: context [length rounded up to QUERY_BLOCK][heads * HEAD_WIDTH]. What is behind
 * the sequence's rows means nothing. */
void attention_run (attention_t *attention, float *context);

#endif
