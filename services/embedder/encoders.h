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

/* Encodes a text on the calling thread, cut to MAX_SEQUENCE word pieces. At most `threads` callers
 * at once, and one more on each of these threads in a pause.
 * pause   called from time to time, so that the thread can encode a more urgent text in between; or
 *         NULL
 * pieces  how many the text has before the cut
 * vector  [EMBEDDING_WIDTH]   unit length
 * Returns 0, or -1 with INTERNAL or NO_MEMORY. */
MUST_CHECK int encoders_encode (const char *text, encoder_pause_t *pause, uint32_t *pieces,
                                float *vector);

#endif
