/* UTF-8: counting, stepping and checking, by hand since it stands in every inner loop. */
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xFFFDu

/* Decodes one code point. Returns its length in bytes, or 0 when the bytes are malformed. */
static size_t decode (const unsigned char *s, size_t left, uint32_t *code_point)
{
    if (s [0] < 0x80) {
        *code_point = s [0];
        return 1;
    }
    size_t length = s [0] >= 0xF0 ? 4 : s [0] >= 0xE0 ? 3 : 2;
    if (s [0] < 0xC2 || s [0] > 0xF4 || length > left)
        return 0;
    uint32_t value = s [0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s [i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (s [i] & 0x3Fu);
    }
    static const uint32_t least [5] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least [length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *code_point = value;
    return length;
}

bool utf8_valid (const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *) text;
    for (size_t at = 0; at < size;) {
        uint32_t code_point;
        size_t length = decode (s + at, size - at, &code_point);
        if (length == 0 || code_point == 0)
            return false;
        at += length;
    }
    return true;
}

uint32_t utf8_length (const char *text, size_t size)
{
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char) text [i] & 0xC0) != 0x80;
    return count;
}

size_t utf8_offset (const char *text, size_t size, uint32_t position)
{
    size_t at = 0;
    for (uint32_t seen = 0; at < size; at++) {
        if (((unsigned char) text [at] & 0xC0) == 0x80)
            continue;
        if (seen++ == position)
            return at;
    }
    return size;
}

uint32_t utf8_next (const char *text, size_t size, size_t *offset)
{
    uint32_t code_point;
    size_t length = decode ((const unsigned char *) text + *offset, size - *offset, &code_point);
    *offset += length ? length : 1;
    return length ? code_point : REPLACEMENT;
}

size_t utf8_put (uint32_t c, char out [4])
{
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        c = REPLACEMENT;
    if (c < 0x80) {
        out [0] = (char) c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, c >>= 6)
        out [i] = (char) (0x80 | (c & 0x3F));
    out [0] = (char) ((0xF00 >> length & 0xFF) | c);
    return length;
}

char *utf8_repair (const char *text, size_t size)
{
    char *out = malloc (size * 3 + 1);   /* one bad byte becomes three */
    if (!out)
        return NULL;
    size_t length = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code_point = utf8_next (text, size, &at);
        length += utf8_put (code_point ? code_point : REPLACEMENT, out + length);
    }
    out [length] = '\0';
    return out;
}
