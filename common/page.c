/* Pages: packing and checking of word boxes and chunks. */
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define WORD_BYTES  24u
#define CHUNK_BYTES 12u

const char *page_status_name (page_status_t status)
{
    static const char *const names [PAGE_STATUS_END] = {
        [PAGE_TEXT] = "text", [PAGE_OCR] = "ocr", [PAGE_EMPTY] = "empty",
        [PAGE_FAILED] = "failed", [PAGE_TIMED_OUT] = "timed_out",
    };
    return status > 0 && status < PAGE_STATUS_END ? names [status] : "waiting";
}

static void put_u32 (uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out [i] = (uint8_t) (value >> 8 * i);
}

static uint32_t get_u32 (const uint8_t *in)
{
    return in [0] | (uint32_t) in [1] << 8 | (uint32_t) in [2] << 16 | (uint32_t) in [3] << 24;
}

/* A coordinate as a share of the page; what lies outside is moved to the edge. */
static uint16_t share_of (float value, float whole)
{
    float share = whole > 0 ? value / whole : 0;
    if (!(share > 0))
        return 0;
    return share >= 1 ? 65535 : (uint16_t) lrintf (share * 65535);
}

void *words_pack (const word_t *words, size_t count, float page_width, float page_height,
                  size_t *size)
{
    uint8_t *packed = malloc (count * WORD_BYTES + 1);
    if (!packed) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    uint8_t *out = packed;
    for (size_t i = 0; i < count; i++) {
        put_u32 (out, words [i].start);
        put_u32 (out + 4, words [i].end);
        for (int k = 0; k < 8; k++) {
            uint16_t share = share_of (words [i].quad [k], k % 2 ? page_height : page_width);
            out [8 + 2 * k] = (uint8_t) share;
            out [9 + 2 * k] = (uint8_t) (share >> 8);
        }
        out += WORD_BYTES;
    }
    *size = count * WORD_BYTES;
    return packed;
}

static void word_unpack (const uint8_t *in, float page_width, float page_height, word_t *word)
{
    word->start = get_u32 (in);
    word->end = get_u32 (in + 4);
    for (int k = 0; k < 8; k++) {
        unsigned share = in [8 + 2 * k] | (unsigned) in [9 + 2 * k] << 8;
        word->quad [k] = (float) share / 65535 * (k % 2 ? page_height : page_width);
    }
}

word_t *words_unpack (bytes_t packed, float page_width, float page_height, uint32_t text_length,
                      size_t *count)
{
    size_t number = packed.size / WORD_BYTES;
    if (packed.size % WORD_BYTES || number > MAX_PAGE_WORDS) {
        error_set (ERROR_BAD_MESSAGE, "word boxes of %zu bytes are no whole number of words", packed.size);
        return NULL;
    }
    word_t *words = malloc (number * sizeof *words + 1);
    if (!words) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    for (size_t i = 0; i < number; i++) {
        word_unpack ((const uint8_t *) packed.data + i * WORD_BYTES, page_width, page_height, words + i);
        if (words [i].start > words [i].end || words [i].end > text_length) {
            error_set (ERROR_BAD_MESSAGE, "word %zu lies outside its page's text", i);
            free (words);
            return NULL;
        }
    }
    *count = number;
    return words;
}

void *chunks_pack (const chunk_t *chunks, size_t count, size_t *size)
{
    uint8_t *packed = malloc (count * CHUNK_BYTES + 1);
    if (!packed) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        put_u32 (packed + i * CHUNK_BYTES, chunks [i].start);
        put_u32 (packed + i * CHUNK_BYTES + 4, chunks [i].end);
        put_u32 (packed + i * CHUNK_BYTES + 8, chunks [i].pieces);
    }
    *size = count * CHUNK_BYTES;
    return packed;
}

chunk_t *chunks_unpack (bytes_t packed, uint32_t text_length, size_t *count)
{
    size_t number = packed.size / CHUNK_BYTES;
    if (packed.size % CHUNK_BYTES || number > MAX_PAGE_CHUNKS) {
        error_set (ERROR_BAD_MESSAGE, "chunks of %zu bytes are no whole number of chunks", packed.size);
        return NULL;
    }
    chunk_t *chunks = malloc (number * sizeof *chunks + 1);
    if (!chunks) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    for (size_t i = 0; i < number; i++) {
        const uint8_t *in = (const uint8_t *) packed.data + i * CHUNK_BYTES;
        chunks [i] = (chunk_t) {get_u32 (in), get_u32 (in + 4), get_u32 (in + 8)};
        if (chunks [i].start >= chunks [i].end || chunks [i].end > text_length) {
            error_set (ERROR_BAD_MESSAGE, "chunk %zu lies outside its page's text", i);
            free (chunks);
            return NULL;
        }
    }
    *count = number;
    return chunks;
}
