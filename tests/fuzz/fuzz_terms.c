/* Terms: of any text they are short, folded, whole; a question has no more than its bytes allow. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "terms.h"
#include "utf8.h"

void fuzz_start (void) {}

typedef struct {
    size_t count, numbers, bytes;
} terms_t;

static void on_term (void *context, const char *term, term_kind_t kind)
{
    terms_t *terms = context;
    size_t size = strlen (term);
    MUST (size > 0 && size <= MAX_TERM_BYTES && utf8_valid (term, size));
    for (const char *c = term; *c; c++)
        MUST (!(*c >= 'A' && *c <= 'Z') && (unsigned char) *c > ' ');
    if (kind == TERM_WORD)
        MUST (strspn (term, "abcdefghijklmnopqrstuvwxyz") == size);
    else if (kind == TERM_NUMBER)
        MUST (strspn (term, "0123456789.") == size && term [0] != '.' && (term [size - 1] != '.' || size == MAX_TERM_BYTES));
    else if (kind == TERM_DENSE)
        MUST (utf8_length (term, size) >= 1);
    else
        MUST (kind == TERM_OTHER);
    terms->count++;
    terms->numbers += kind == TERM_NUMBER;
    terms->bytes += size;
}

static terms_t walk (void (*terms_of) (const char *, size_t, term_handler_t *, void *), const char *text, size_t size)
{
    terms_t terms = {0};
    terms_of (text, size, on_term, &terms);
    return terms;
}

static void check_text (const char *text, size_t size)
{
    float share;
    terms_t terms = walk (terms_of_text, text, size);
    MUST (terms_count (text, size, &share) == terms.count);
    MUST (share == (terms.count ? (float) terms.numbers / (float) terms.count : 0));
    MUST (terms.count <= 2 * size);
    MUST (walk (terms_of_name, text, size).count <= 4 * size);
}

/* What stands beyond the limit changes nothing. */
static void check_question (const char *text, size_t size)
{
    terms_t whole = walk (terms_of_question, text, size);
    terms_t names = walk (terms_of_question_as_names, text, size);
    bool quantity = terms_ask_quantity (text, size);
    MUST (whole.count <= 2 * MAX_QUESTION_BYTES && names.count <= 6 * MAX_QUESTION_BYTES);
    if (size <= MAX_QUESTION_BYTES)
        return;
    size_t cut = MAX_QUESTION_BYTES;
    while (((unsigned char) text [cut] & 0xC0) == 0x80)
        cut--;
    terms_t within = walk (terms_of_question, text, cut);
    MUST (within.count == whole.count && within.bytes == whole.bytes && terms_ask_quantity (text, cut) == quantity);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    input_t input = {data, data_size};
    size_t size, times = take_u8 (&input) >= 0xF8 ? 64 : 1;
    char *text = take_text (&input, &size), *whole = malloc (size * times + 1);
    MUST (whole);
    for (size_t i = 0; i < times; i++)
        memcpy (whole + i * size, text, size);
    check_text (whole, size * times);
    check_question (whole, size * times);
    free (whole);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text (" How many dollars did Best Buy's margin grow in FY18, 1,234.56% of 2.18.0?");
    seed_text (" caf\u00E9 \u00C5ngstr\u00F6m \u4E2D\u6587\u5B57\u7B26 \u0E44\u0E17\u0E22 \uFF21\uFF22 \uFB01sh \u0939\u093F\u0928\u094D\u0926\u0940 it\u2019s");
    seed_text (" AMERICANEXPRESS_2022Annual-Report2.pdf");
    seed_text ("\xFFwhat is it");
    seed_text ("\xFF\u00DF\u0130\u1E9E\u0149x\u0301 \u01F0 the number of");
}
