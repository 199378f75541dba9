/* A page as Quire knows it: canonical text, the place of each word, the chunks.
 *
 * Text is UTF-8 in NFC. All offsets count Unicode code points of the page's text, ends exclusive.
 * Places are in points, origin at the top left of the page as it is shown (rotation applied), so
 * that a picture of any width maps by one factor. */
#ifndef QUIRE_PAGE_H
#define QUIRE_PAGE_H

#include "macros.h"

#define MAX_PAGE_TEXT_BYTES (4u << 20)   /* a page with more text is cut there, and says so */
#define MAX_FILE_PAGES      100000u      /* the most that GATEWAY_MAX_FILE_PAGES may say */
#define MAX_PAGE_WORDS      200000u
#define MAX_PAGE_CHUNKS     20000u
#define CHUNK_OVERLAP       32        /* word pieces that the next chunk repeats, about */
#define MAX_HEAD_BYTES      2048u

/* How a page ended in the ledger. Each page of a file ends in exactly one of these. */
typedef enum {
    PAGE_TEXT = 1,      /* digital text */
    PAGE_OCR,           /* text read from its picture (alone, or beside digital text) */
    PAGE_EMPTY,         /* nothing to read on it */
    PAGE_FAILED,        /* could not be read; the reason says why */
    PAGE_TIMED_OUT,     /* took longer than the limit */
    PAGE_STATUS_END
} page_status_t;

const char *page_status_name (page_status_t status);   /* "text", "ocr", "empty", … "timed_out" */

/* A word: its range in the page's text and its quad (x, y of upper left, upper right, lower right,
 * lower left, seen along the writing), so that rotated words are marked exactly. */
typedef struct {
    uint32_t start, end;
    float quad [8];
} word_t;

/* A range of the page's text that is embedded and searched as one. */
typedef struct {
    uint32_t start, end;
    uint32_t pieces;    /* word pieces, [CLS] and [SEP] included */
} chunk_t;

/* Packs words for the wire and the store: 24 bytes each, places as 1/65535 of the page's size.
 * Returns a buffer that the caller frees and its size, or NULL with NO_MEMORY. */
MUST_CHECK void *words_pack (const word_t *words, size_t count, float page_width, float page_height,
                             size_t *size);

/* The other way. Refuses sizes that are no whole number of words, more than there may be, ranges that
 * are empty, go backwards or past text_length (code points). Returns an array that the caller frees (never NULL for 0 words), or
 * NULL with BAD_MESSAGE or NO_MEMORY. */
MUST_CHECK word_t *words_unpack (bytes_t packed, float page_width, float page_height,
                                 uint32_t text_length, size_t *count);

/* The same for chunks: 12 bytes each. */
MUST_CHECK void *chunks_pack (const chunk_t *chunks, size_t count, size_t *size);
MUST_CHECK chunk_t *chunks_unpack (bytes_t packed, uint32_t text_length, size_t *count);

#endif
