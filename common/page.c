/* Pages: packing and checking of word boxes and chunks. */
#include "page.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

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

/* -- words and chunks: both packed as a range of the text, then what else is known ------------------ */

typedef struct {
    float width, height;
} page_size_t;

/* A kind of what a page has many of. The functions pack and unpack one, but for the range. */
typedef struct {
    const char *name;
    size_t most, bytes, packed_bytes;
    void (*pack) (const void *item, page_size_t page, uint8_t *out);
    void (*unpack) (const uint8_t *in, page_size_t page, void *item);
} kind_t;

_Static_assert (offsetof (word_t, start) == 0 && offsetof (word_t, end) == 4, "a word begins with its range");
_Static_assert (offsetof (chunk_t, start) == 0 && offsetof (chunk_t, end) == 4, "a chunk begins with its range");

static void *pack_all (const kind_t *kind, const void *items, size_t count, page_size_t page, size_t *size)
{
    uint8_t *packed = malloc (count * kind->packed_bytes + 1);
    if (!packed) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        const void *item = (const uint8_t *) items + i * kind->bytes;
        uint8_t *out = packed + i * kind->packed_bytes;
        uint32_t range [2];
        memcpy (range, item, sizeof range);
        put_u32 (out, range [0]);
        put_u32 (out + 4, range [1]);
        kind->pack (item, page, out + 8);
    }
    *size = count * kind->packed_bytes;
    return packed;
}

/* Returns 0, or -1 with BAD_MESSAGE. */
static int unpack_into (void *items, const kind_t *kind, bytes_t packed, page_size_t page, uint32_t text_length)
{
    for (size_t i = 0; i < packed.size / kind->packed_bytes; i++) {
        const uint8_t *in = (const uint8_t *) packed.data + i * kind->packed_bytes;
        const uint32_t range [2] = {get_u32 (in), get_u32 (in + 4)};
        void *item = (uint8_t *) items + i * kind->bytes;
        if (range [0] >= range [1] || range [1] > text_length)
            return error_set (ERROR_BAD_MESSAGE, "%s %zu lies outside its page's text", kind->name, i);
        memcpy (item, range, sizeof range);
        kind->unpack (in + 8, page, item);
    }
    return 0;
}

static void *unpack_all (const kind_t *kind, bytes_t packed, page_size_t page, uint32_t text_length, size_t *count)
{
    *count = packed.size / kind->packed_bytes;
    if (packed.size % kind->packed_bytes || *count > kind->most) {
        error_set (ERROR_BAD_MESSAGE, "%zu bytes are no whole number of packed %ss, or more than %zu",
                   packed.size, kind->name, kind->most);
        return NULL;
    }
    void *items = malloc (*count * kind->bytes + 1);
    if (!items)
        error_set (ERROR_NO_MEMORY, NULL);
    else if (unpack_into (items, kind, packed, page, text_length) != 0) {
        free (items);
        items = NULL;
    }
    return items;
}

static void word_pack (const void *item, page_size_t page, uint8_t *out)
{
    const word_t *word = item;
    for (int k = 0; k < 8; k++) {
        uint16_t share = share_of (word->quad [k], k % 2 ? page.height : page.width);
        out [2 * k] = (uint8_t) share;
        out [2 * k + 1] = (uint8_t) (share >> 8);
    }
}

static void word_unpack (const uint8_t *in, page_size_t page, void *item)
{
    word_t *word = item;
    for (int k = 0; k < 8; k++) {
        unsigned share = in [2 * k] | (unsigned) in [2 * k + 1] << 8;
        word->quad [k] = (float) share / 65535 * (k % 2 ? page.height : page.width);
    }
}

static void chunk_pack (const void *item, page_size_t page UNUSED, uint8_t *out)
{
    put_u32 (out, ((const chunk_t *) item)->pieces);
}

static void chunk_unpack (const uint8_t *in, page_size_t page UNUSED, void *item)
{
    ((chunk_t *) item)->pieces = get_u32 (in);
}

static const kind_t words_kind = {"word", MAX_PAGE_WORDS, sizeof (word_t), 24, word_pack, word_unpack};
static const kind_t chunks_kind = {"chunk", MAX_PAGE_CHUNKS, sizeof (chunk_t), 12, chunk_pack, chunk_unpack};

void *words_pack (const word_t *words, size_t count, float page_width, float page_height, size_t *size)
{
    return pack_all (&words_kind, words, count, (page_size_t) {page_width, page_height}, size);
}

word_t *words_unpack (bytes_t packed, float page_width, float page_height, uint32_t text_length, size_t *count)
{
    return unpack_all (&words_kind, packed, (page_size_t) {page_width, page_height}, text_length, count);
}

void *chunks_pack (const chunk_t *chunks, size_t count, size_t *size)
{
    return pack_all (&chunks_kind, chunks, count, (page_size_t) {0}, size);
}

chunk_t *chunks_unpack (bytes_t packed, uint32_t text_length, size_t *count)
{
    return unpack_all (&chunks_kind, packed, (page_size_t) {0}, text_length, count);
}
