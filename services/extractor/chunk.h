/* Chunks: a page's text cut into ranges that the embedding model takes. Pure. */
#ifndef QUIRE_CHUNK_H
#define QUIRE_CHUNK_H

#include "page.h"
#include "word_pieces.h"

#define CHUNK_TARGET  200   /* word pieces that a chunk has when the text leaves the choice */

/* Cuts canonical text. Each chunk has at most MAX_PIECES word pieces, [CLS] and [SEP] included, and
 * neither begins nor ends with white space; together they cover all that is not white space. Cuts
 * fall between paragraphs, else sentences, lines, words; a word too long for a chunk is cut inside.
 * Returns an array that the caller frees (never NULL for 0 chunks), or NULL with NO_MEMORY. More
 * than MAX_PAGE_CHUNKS are not made. */
MUST_CHECK chunk_t *chunk_text (const vocabulary_t *vocabulary, const char *text, size_t size,
                                size_t *count);

#endif
