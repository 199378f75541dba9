/* Quotes: see quote.h. Both sides are read through the same filter, a code point at a time. */
#include "quote.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "clean.h"
#include "utf8.h"

typedef enum { EXACT, TOLERANT } tolerance_t;

static bool is_space (uint32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || c == ' ' || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028
        || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool is_letter (uint32_t c)
{
    utf8proc_category_t category = utf8proc_category ((utf8proc_int32_t) c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME;
}

static bool is_digit (uint32_t c)
{
    return utf8proc_category ((utf8proc_int32_t) c) == UTF8PROC_CATEGORY_ND;
}

static bool is_wordlike (uint32_t c)
{
    return is_letter (c) || is_digit (c);
}

/* Ideographs and kana have no spaces between words: every place is a border. */
static bool joins_words (uint32_t c)
{
    return is_wordlike (c) && !(c >= 0x2E80 && c <= 0x9FFF) && !(c >= 0xF900 && c <= 0xFAFF) && c < 0x20000;
}

static uint32_t unified (uint32_t c)
{
    switch (c) {
    case 0x201C: case 0x201D: case 0x201E: case 0x201F: case 0xAB: case 0xBB: case 0x2033: case 0x301D: case 0x301E:
        return '"';
    case 0x2018: case 0x2019: case 0x201A: case 0x201B: case 0x2039: case 0x203A: case 0x2032: case 0x60: case 0xB4:
        return '\'';
    case 0x2010: case 0x2011: case 0x2012: case 0x2013: case 0x2014: case 0x2212:
        return '-';
    default:
        return c;
    }
}

/* -- reading through the filter -------------------------------------------------------------- */

typedef struct {
    const char *text;
    size_t size, at;
    tolerance_t tolerance;
    uint32_t before;
} filter_reader_t;

static uint32_t peek (const char *text, size_t size, size_t at)
{
    return at < size ? utf8_next (text, size, &at) : 0;
}

/* Where the white space and what is not seen end, from `at` on. */
static size_t after_space (const char *text, size_t size, size_t at)
{
    for (size_t next = at; at < size; at = next) {
        uint32_t c = utf8_next (text, size, &next);
        if (!is_space (c) && !clean_removes (c))
            break;
    }
    return at;
}

/* The next code point, 0 at the end; white space of any length is one space, none at the end. */
static uint32_t next_point (filter_reader_t *reader)
{
    while (reader->at < reader->size) {
        uint32_t c = utf8_next (reader->text, reader->size, &reader->at);
        if (is_space (c)) {
            reader->at = after_space (reader->text, reader->size, reader->at);
            reader->before = ' ';
            return reader->at < reader->size ? ' ' : 0;
        }
        if (clean_removes (c))
            continue;
        c = reader->tolerance == TOLERANT ? unified (c) : c;
        if (c == '-' && reader->tolerance == TOLERANT && is_letter (reader->before)) {
            size_t next = after_space (reader->text, reader->size, reader->at);
            if (is_letter (peek (reader->text, reader->size, next))) {
                reader->at = next;
                continue;
            }
        }
        reader->before = c;
        return c;
    }
    return 0;
}

/* -- finding --------------------------------------------------------------------------------- */

/* Does the wanted text stand at `at`? Returns where it ends there, or 0. */
static size_t matches (const uint32_t *wanted, size_t count, const char *text, size_t size, size_t at,
                       tolerance_t tolerance)
{
    filter_reader_t reader = {.text = text, .size = size, .at = at, .tolerance = tolerance};
    for (size_t i = 0; i < count; i++)
        if (next_point (&reader) != wanted [i])
            return 0;
    return reader.at;
}

static bool ends_word (const char *text, size_t size, size_t end, uint32_t last)
{
    return !joins_words (last) || !joins_words (peek (text, size, end));
}

static bool find (const uint32_t *wanted, size_t count, const char *text, size_t size, tolerance_t tolerance,
                  size_t *from, size_t *to)
{
    uint32_t before = 0;
    for (size_t at = 0; at < size;) {
        size_t start = at;
        uint32_t c = utf8_next (text, size, &at);
        uint32_t first = tolerance == TOLERANT ? unified (c) : c;
        bool border = !joins_words (before) || !joins_words (c);
        before = c;
        if (first != wanted [0] || !border)
            continue;
        size_t end = matches (wanted, count, text, size, start, tolerance);
        if (end == 0 || !ends_word (text, size, end, wanted [count - 1]))
            continue;
        *from = start;
        *to = end;
        return true;
    }
    return false;
}

/* The quote through the filter. Returns how many code points. */
static size_t filtered (const char *quote, size_t size, tolerance_t tolerance, uint32_t *out)
{
    size_t count = 0;
    filter_reader_t reader = {.text = quote, .size = size, .tolerance = tolerance};
    reader.at = after_space (quote, size, 0);
    for (uint32_t c; (c = next_point (&reader)) != 0;)
        out [count++] = c;
    return count;
}

bool quote_find (const char *quote, size_t quote_size, const char *text, size_t size, size_t *from, size_t *to)
{
    uint32_t wanted [MAX_QUOTE_BYTES];
    utf8proc_uint8_t *composed = NULL;
    if (quote_size > MAX_QUOTE_BYTES)
        return false;
    utf8proc_ssize_t length = utf8proc_map ((const utf8proc_uint8_t *) quote, (utf8proc_ssize_t) quote_size, &composed,
                                            UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    if (length < 0 || length > MAX_QUOTE_BYTES) {
        free (composed);
        return false;
    }
    bool found = false;
    for (int tolerance = EXACT; tolerance <= TOLERANT && !found; tolerance++) {
        size_t count = filtered ((const char *) composed, (size_t) length, (tolerance_t) tolerance, wanted);
        found = count > 0 && find (wanted, count, text, size, (tolerance_t) tolerance, from, to);
    }
    free (composed);
    return found;
}

/* -- what a quote says ----------------------------------------------------------------------- */

bool quote_is_telling (const char *quote, size_t size)
{
    size_t words = 0;
    bool inside = false, ideographs = false;
    for (size_t at = 0; at < size;) {
        uint32_t c = utf8_next (quote, size, &at);
        words += is_wordlike (c) && !inside;
        inside = is_wordlike (c);
        ideographs |= is_letter (c) && !joins_words (c);
    }
    return words >= 2 || (ideographs && utf8_length (quote, size) >= 4);
}

bool quote_says (const char *quote, size_t size)
{
    bool number = false;
    for (size_t at = 0; at < size && !number;)
        number = is_digit (utf8_next (quote, size, &at));
    return number || quote_is_telling (quote, size);
}
