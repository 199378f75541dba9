/* Packed words and chunks: any bytes are unpacked to ranges inside the text or refused; packing brings
 * them back. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "page.h"

void fuzz_start (void) {}

static void check_words (bytes_t packed, float width, float height, uint32_t length)
{
    size_t count, size;
    word_t *words = words_unpack (packed, width, height, length, &count);
    if (!words) {
        MUST (error_get () == ERROR_BAD_MESSAGE);
        return;
    }
    MUST (count <= MAX_PAGE_WORDS);
    for (size_t i = 0; i < count; i++) {
        MUST (words [i].start < words [i].end && words [i].end <= length);
        for (int k = 0; k < 8; k++)
            MUST (words [i].quad [k] >= 0 && words [i].quad [k] <= (k % 2 ? height : width));
    }
    void *back = words_pack (words, count, width, height, &size);
    MUST (back && size == packed.size);
    /* Places come back when the page has any extent, and no less than a float can hold the steps of. */
    if (width >= 1e-3f && height >= 1e-3f)
        MUST (size == 0 || memcmp (back, packed.data, size) == 0);
    free (back);
    free (words);
}

static void check_chunks (bytes_t packed, uint32_t length)
{
    size_t count, size;
    chunk_t *chunks = chunks_unpack (packed, length, &count);
    if (!chunks) {
        MUST (error_get () == ERROR_BAD_MESSAGE);
        return;
    }
    MUST (count <= MAX_PAGE_CHUNKS);
    for (size_t i = 0; i < count; i++)
        MUST (chunks [i].start < chunks [i].end && chunks [i].end <= length);
    void *back = chunks_pack (chunks, count, &size);
    MUST (back && size == packed.size && (size == 0 || memcmp (back, packed.data, size) == 0));
    free (back);
    free (chunks);
}

/* Any words can be packed, and what comes out is on the page. */
static void pack_any (input_t *input)
{
    word_t words [16];
    size_t count = 0, size, back_count;
    float width = fabsf (take_f32 (input)), height = fabsf (take_f32 (input));
    for (; input->size > 0 && count < COUNT_OF (words); count++) {
        words [count] = (word_t) {.start = take_u16 (input), .end = 0};
        words [count].end = words [count].start + 1 + take_u8 (input);
        for (int k = 0; k < 8; k++)
            words [count].quad [k] = take_f32 (input);
    }
    void *packed = words_pack (words, count, width, height, &size);
    word_t *back = words_unpack ((bytes_t) {packed, size}, 600, 800, UINT16_MAX + 257, &back_count);
    MUST (back && back_count == count);
    for (size_t i = 0; i < count; i++)
        MUST (back [i].start == words [i].start && back [i].end == words [i].end);
    free (back);
    free (packed);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    uint8_t what = take_u8 (&input);
    if (what % 3 == 2) {
        pack_any (&input);
        return 0;
    }
    uint32_t length = take_u32 (&input);
    float width = (float) take_u16 (&input) / 8, height = (float) take_u16 (&input) / 8;
    size_t packed_size;
    uint8_t *packed = take_bytes (&input, input.size, &packed_size);
    if (what % 3 == 0)
        check_words ((bytes_t) {packed, packed_size}, width, height, length);
    else
        check_chunks ((bytes_t) {packed, packed_size}, length);
    free (packed);
    return 0;
}

static void seed_packed (uint8_t what, const void *packed, size_t size)
{
    uint8_t data [256] = {what, 180, 0, 0, 0, 0x20, 0x13, 0xC0, 0x18};
    memcpy (data + 9, packed, size);
    seed (data, 9 + size);
}

void fuzz_seeds (void)
{
    word_t words [2] = {{0, 5, {10, 20, 60.5f, 20, 60.5f, 31, 10, 31}}, {6, 9, {-5, 0, 700, 0, 700, 800, 1, 800}}};
    chunk_t chunks [2] = {{0, 100, 40}, {90, 180, 33}};
    size_t size;
    void *packed = words_pack (words, 2, 612, 792, &size);
    seed_packed (0, packed, size);
    seed_packed (2, words, sizeof words);
    free (packed);
    packed = chunks_pack (chunks, 2, &size);
    seed_packed (1, packed, size);
    free (packed);
}
