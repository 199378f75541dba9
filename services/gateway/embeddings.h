/* Embeddings in OpenAI's shape: vectors to text. Pure. */
#ifndef QUIRE_GATEWAY_EMBEDDINGS_H
#define QUIRE_GATEWAY_EMBEDDINGS_H

#include <yyjson.h>

#include "error.h"
#include "message.h"

#define EMBEDDING_WIDTH    384
#define EMBEDDING_MODEL    "all-MiniLM-L6-v2"
#define MAX_EMBEDDED_TEXTS 2048
#define MAX_TEXT_PIECES    256      /* [CLS] and [SEP] included */
#define PIECE_IDS          30522    /* that the model's vocabulary has */
#define PIECE_BEGIN        101      /* [CLS] */
#define PIECE_END          102      /* [SEP] */

/* vectors  little-endian f32 [count][EMBEDDING_WIDTH]
 * pieces   little-endian u32 [count]; of a text with more than MAX_TEXT_PIECES it is said that it was
 *          cut, and in the usage these alone count
 * base64   vectors as base64 of their bytes, else as lists of numbers
 * Returns the JSON, which the caller frees, or NULL with BAD_MESSAGE or NO_MEMORY. */
MUST_CHECK char *embeddings_json (bytes_t vectors, bytes_t pieces, size_t count, bool base64);

/* Does no text have more than MAX_TEXT_PIECES? Returns 0, or -1 with SEQUENCE_TOO_LONG, which names the
 * first. pieces as above. */
MUST_CHECK int embeddings_fit (bytes_t pieces);

/* Adds a list of ids as text, as the message embed wants it. Returns 0, or -1 with BAD_FIELD when they
 * can't be ids of this model's own tokenizer (which begin and end as no other's do), or NO_MEMORY. */
MUST_CHECK int embeddings_add_ids (strings_builder_t *texts, yyjson_val *ids);

#endif
