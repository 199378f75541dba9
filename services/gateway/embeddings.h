/* Embeddings in OpenAI's shape: vectors to text. Pure. */
#ifndef QUIRE_GATEWAY_EMBEDDINGS_H
#define QUIRE_GATEWAY_EMBEDDINGS_H

#include "error.h"

#define EMBEDDING_WIDTH    384
#define EMBEDDING_MODEL    "all-MiniLM-L6-v2"
#define MAX_EMBEDDED_TEXTS 2048

/* vectors  little-endian f32 [count][EMBEDDING_WIDTH]
 * pieces   little-endian u32 [count]
 * base64   vectors as base64 of their bytes, else as lists of numbers
 * Returns the JSON, which the caller frees, or NULL with BAD_MESSAGE or NO_MEMORY. */
MUST_CHECK char *embeddings_json (bytes_t vectors, bytes_t pieces, size_t count, bool base64);

#endif
