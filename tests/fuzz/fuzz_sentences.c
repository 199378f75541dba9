/* Sentences: of any text they stand in order inside it, apart, short, of whole characters, and without
 * white space around them; when there is room for all, nothing but white space is left out. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "sentences.h"
#include "utf8.h"

#define MOST 4096

void fuzz_start (void) {}

static bool is_space (char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static void check (const char *text, size_t size, const sentence_t *sentences, size_t count, bool all)
{
    size_t covered = 0;
    for (size_t i = 0; i < count; i++) {
        size_t start = sentences [i].start, end = sentences [i].end;
        MUST (start >= covered && start < end && end <= size && end - start <= MAX_SENTENCE_BYTES);
        MUST (!is_space (text [start]) && !is_space (text [end - 1]) && utf8_valid (text + start, end - start));
        for (size_t k = covered; k < start; k++)
            MUST (!all || is_space (text [k]));
        covered = end;
    }
    for (size_t k = covered; k < size; k++)
        MUST (!all || is_space (text [k]));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    static sentence_t sentences [MOST];
    input_t input = {data, data_size};
    size_t few = take_u8 (&input), size;
    char *text = take_text (&input, &size);
    size_t count = sentences_cut (text, size, sentences, MOST);
    MUST (count <= MOST);
    check (text, size, sentences, count, count < MOST);
    size_t told = sentences_cut (text, size, sentences, few);
    MUST (told == (few < count ? few : count));
    check (text, size, sentences, told, false);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    char longer [3000];
    seed_text ("\2A sentence. Mr. J. Smith says \u201Cno.\u201D And 3.5 more! Is it?\n- item one\n\nYear\t2019\t350\n\u4E2D\u6587\u3002\u5B57");
    memset (longer, 'x', sizeof longer);
    for (size_t i = 7; i < sizeof longer; i += 13)
        longer [i] = ' ';
    seed (longer, sizeof longer);
    memset (longer, '\xA4', sizeof longer);
    for (size_t i = 1; i < sizeof longer; i += 2)
        longer [i] = '\xC3';
    seed (longer, sizeof longer);
}
