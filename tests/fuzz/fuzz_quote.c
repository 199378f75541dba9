/* Quotes: what is found stands in the text with the very letters and digits of the quote, whole; a text
 * quotes itself; what a statement shares with a text is a piece of it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "clean.h"
#include "quote.h"
#include "support.h"
#include "utf8.h"

void fuzz_start (void) {}

static char *composed (const char *text, size_t *size)
{
    utf8proc_uint8_t *result = utf8proc_NFC ((const utf8proc_uint8_t *) text);
    MUST (result);
    *size = strlen ((const char *) result);
    return (char *) result;
}

/* The next letter or digit from *at on; 0: no more. */
static uint32_t next_wordlike (const char *text, size_t size, size_t *at)
{
    while (*at < size) {
        uint32_t c = utf8_next (text, size, at);
        utf8proc_category_t category = utf8proc_category ((utf8proc_int32_t) c);
        if (!clean_removes (c) && ((category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO)
                                   || category == UTF8PROC_CATEGORY_ND))
            return c;
    }
    return 0;
}

static void check_same_words (const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t a_at = 0, b_at = 0;
    for (uint32_t c = 1; c != 0;) {
        c = next_wordlike (a, a_size, &a_at);
        MUST (next_wordlike (b, b_size, &b_at) == c);
    }
}

static void check_range (const char *text, size_t size, size_t from, size_t to)
{
    MUST (from < to && to <= size && utf8_valid (text + from, to - from));
    MUST (utf8_valid (text, from) && utf8_valid (text + to, size - to));
}

static void check_quote (const char *quote, size_t quote_size, const char *text, size_t size)
{
    size_t from, to, sound_size;
    if (!quote_find (quote, quote_size, text, size, &from, &to))
        return;
    check_range (text, size, from, to);
    char *sound = composed (quote, &sound_size);
    check_same_words (sound, sound_size, text + from, to - from);
    free (sound);
}

static void check_own (const char *text, size_t size)
{
    size_t from, to, at = 0;
    if (size <= MAX_QUOTE_BYTES && next_wordlike (text, size, &at) != 0)
        MUST (quote_find (text, size, text, size, &from, &to));
}

static void check_support (const char *statement, size_t statement_size, const char *text, size_t size)
{
    size_t from, to;
    if (support_find (statement, statement_size, statement, text, size, &from, &to))
        check_range (text, size, from, to);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    input_t input = {data, data_size};
    size_t raw_size, size;
    char *raw = take_text (&input, &raw_size), *quote = raw, *second = strchr (raw, '|');
    if (second)
        *second++ = '\0';
    char *seen = clean_text (second ? second : "", second ? strlen (second) : 0);   /* as canonical text is */
    MUST (seen);
    char *text = composed (seen, &size);
    check_quote (quote, strlen (quote), text, size);
    check_own (text, size);
    check_support (quote, strlen (quote), text, size);
    (void) quote_says (quote, strlen (quote));
    free (text);
    free (seen);
    free (raw);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("revenue grew by 12.5 %|In 2018 the revenue grew by\n12.5 % over the year.");
    seed_text ("a \u201Cwell-known\u201D fact|It is a \"wellknown\" fact \u2013 a \u00ABwell-\nknown\u00BB fact.");
    seed_text ("caf\u00E9 cafe\u0301|the cafe\u0301 caf\u00E9 it is");
    seed_text ("\u4E2D\u6587\u5B57|\u8FD9\u662F\u4E2D\u6587\u5B57\u7B26\u3002");
    seed_text ("the company paid 350 million dollars in total|In total the company paid 350 million dollars");
}
