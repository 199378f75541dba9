/* Encoders: the vocabulary, the model, and the encoders of the threads that work with them. */
#ifndef QUIRE_ENCODERS_H
#define QUIRE_ENCODERS_H

#include "model.h"

#define MOST_THREADS 256

/* Loads vocab.txt and model.safetensors from the folder, for so many threads. precision is a
 * setting's text; packed: where the packed weights may be kept, or NULL. Returns 0, or -1 with
 * MODEL_MISSING, BAD_FIELD, NO_MEMORY or INTERNAL. */
MUST_CHECK int encoders_open (const char *folder, const char *precision,
                              const packed_folders_t *packed, size_t threads);
void encoders_close (void);   /* when no thread is at work; also after encoders_open failed */

/* What a text is to the model. */
typedef struct {
    size_t pieces;                  /* that the text has */
    int32_t ids [MAX_SEQUENCE];     /* of these, cut so that the last is still [SEP] */
} sequence_t;

void sequence_of_text (const char *text, sequence_t *sequence);

/* The same from the ids themselves, as decimal numbers parted by spaces, [CLS] and [SEP] included. */
void sequence_of_ids (const char *ids, sequence_t *sequence);

/* Encodes a sequence on the calling thread. At most `threads` callers at once, and one more on each
 * of these threads in a pause.
 * pause   called from time to time, so that the thread can encode a more urgent text in between; or
 *         NULL
 * vector  [EMBEDDING_WIDTH]   unit length
 * Returns 0, or -1 with BAD_FIELD (an id that the model has not), INTERNAL or NO_MEMORY. */
MUST_CHECK int encoders_encode (const sequence_t *sequence, encoder_pause_t *pause, float *vector);

#endif
