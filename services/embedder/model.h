/* The model: all-MiniLM-L6-v2, from word-piece ids to a unit vector.
 *
 * A model is read-only once loaded and shared by threads; each thread encodes with an encoder of its
 * own. A text's vector depends on its ids alone: bit by bit the same whatever else is being encoded.
 * Source: Wang et al. 2020 (MiniLM), Devlin et al. 2019 (BERT), Reimers & Gurevych 2019 (mean
 * pooling). */
#ifndef QUIRE_MODEL_H
#define QUIRE_MODEL_H

#include "packed.h"

#define EMBEDDING_WIDTH 384
#define MAX_SEQUENCE    256     /* [CLS] and [SEP] included; the model was trained no longer */

typedef enum {
    PRECISION_F32,
    PRECISION_INT8,     /* the products with weights: a scale a channel, and one a token */
    PRECISION_BF16,     /* the products with weights, where the processor has instructions for it */
} precision_t;

typedef struct model model_t;
typedef struct encoder encoder_t;

/* Reads "f32", "bf16", "int8" or "auto" (int8 where it is faster). Returns 0 and
 * in *why a word for the log, or -1 with BAD_FIELD. */
MUST_CHECK int precision_choose (const char *setting, precision_t *precision, const char **why);
const char *precision_name (precision_t precision);

/* Maps model.safetensors and its packed weights, which are made and left in one of the folders when
 * none has them (weights.h). folders: or NULL. NULL with MODEL_MISSING, NO_MEMORY or INTERNAL. */
MUST_CHECK model_t *model_load (const char *path, precision_t precision,
                                const packed_folders_t *folders);
void model_destroy (model_t **model);

/* The instructions it uses, for the log: "avx512_core_vnni/v4_vnni". Valid as long as the model. */
const char *model_instructions (const model_t *model);

/* Are its weights mapped from a file that others share? For the log. */
bool model_is_shared (const model_t *model);

/* The model must outlive it. NULL with NO_MEMORY. */
MUST_CHECK encoder_t *encoder_new (const model_t *model);
void encoder_destroy (encoder_t **encoder);

/* Has `pause` called by encoder_encode, on its thread, a few times a layer: a chance to do first what
 * is more urgent, with another encoder. NULL, the default: no calls. */
typedef void (encoder_pause_t) (void *context);
void encoder_set_pause (encoder_t *encoder, encoder_pause_t *pause, void *context);

/* Encodes one sequence on this thread.
 * ids     [length]            word-piece ids, [CLS] and [SEP] included, 1 <= length <= MAX_SEQUENCE
 * vector  [EMBEDDING_WIDTH]   unit length (L2)
 * Returns 0, or -1 with SEQUENCE_TOO_LONG, BAD_FIELD (an id that the model has not) or INTERNAL. */
MUST_CHECK int encoder_encode (encoder_t *encoder, const int32_t *ids, size_t length,
                               float vector [EMBEDDING_WIDTH]);

#endif
