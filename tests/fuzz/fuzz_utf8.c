/* UTF-8: counting, stepping and repairing agree on any bytes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

void fuzz_start (void) {}

/* Steps through text. Returns how many code points there are, and whether none was malformed or NUL. */
static uint32_t step (const char *text, size_t size, bool *sound)
{
    uint32_t count = 0;
    *sound = true;
    for (size_t at = 0, before = 0; at < size; before = at, count++) {
        char bytes [4];
        uint32_t c = utf8_next (text, size, &at);
        size_t put = utf8_put (c, bytes);
        MUST (at > before && at <= size && at - before <= 4);
        MUST (c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF));
        bool same = put == at - before && memcmp (bytes, text + before, put) == 0;
        MUST (same || c == 0xFFFD);
        *sound = *sound && same && c != 0;
    }
    return count;
}

static void check_valid (const char *text, size_t size, uint32_t count)
{
    MUST (utf8_length (text, size) == count);
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        MUST (utf8_offset (text, size, i) == at);
        (void) utf8_next (text, size, &at);
    }
    MUST (utf8_offset (text, size, count) == size && utf8_offset (text, size, UINT32_MAX) == size);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *text = (const char *) data;
    bool sound;
    if (size > 1000)
        return 0;
    uint32_t count = step (text, size, &sound);
    MUST (utf8_valid (text, size) == sound);
    MUST (utf8_length (text, size) <= size && utf8_offset (text, size, 3) <= size);
    char *repaired = utf8_repair (text, size);
    MUST (repaired && utf8_valid (repaired, strlen (repaired)));
    MUST (utf8_length (repaired, strlen (repaired)) == count);
    if (sound) {
        MUST (strlen (repaired) == size && memcmp (repaired, text, size) == 0);
        check_valid (text, size, count);
    }
    free (repaired);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("a\u00E4\u20AC\U0001F600z");
    seed_text ("\xC0\x80\xED\xA0\x80\xF4\x90\x80\x80\xE2\x82");
    seed ("a\0b\x80", 4);
}
