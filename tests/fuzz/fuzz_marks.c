/* Marks: for any words and ranges there are no more quads than words in the ranges, one at least when
 * there is such a word, and each corner is one of a word in them. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "highlight.h"

#define MAX_WORDS 64

void fuzz_start (void) {}

static word_t take_word (input_t *input, const word_t *before)
{
    word_t word = {.start = take_u8 (input)};
    word.end = word.start + take_u8 (input);
    uint8_t how = take_u8 (input);
    for (int k = 0; k < 8; k++)
        word.quad [k] = how % 2 ? take_f32 (input) : (float) take_u8 (input);
    if (before && how & 2) {   /* goes on beside the word before */
        memcpy (word.quad, before->quad, sizeof word.quad);
        for (int k = 0; k < 8; k += 2)
            word.quad [k] += before->quad [2] - before->quad [0] + 1;
    }
    return word;
}

static bool is_marked (const word_t *word, const range_t *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (word->start < ranges [i].end && word->end > ranges [i].start)
            return true;
    }
    return false;
}

static bool has_corner (const word_t *word, const float *corner, int k)
{
    return memcmp (word->quad + k, corner, 2 * sizeof *corner) == 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    range_t ranges [8];
    word_t words [MAX_WORDS], marked [MAX_WORDS];
    size_t range_count = take_below (&input, COUNT_OF (ranges) + 1), count = 0, marked_count = 0;
    for (size_t i = 0; i < range_count; i++)
        ranges [i] = (range_t) {take_u8 (&input), take_u16 (&input)};
    for (; input.size > 0 && count < MAX_WORDS; count++) {
        words [count] = take_word (&input, count ? &words [count - 1] : NULL);
        if (is_marked (&words [count], ranges, range_count))
            marked [marked_count++] = words [count];
    }
    mark_t *quads = malloc (count * sizeof *quads + 1);
    MUST (quads);
    size_t found = highlight_quads (words, count, ranges, range_count, quads);
    MUST (found <= marked_count && (found > 0) == (marked_count > 0));
    for (size_t i = 0; i < found; i++) {
        for (int k = 0; k < 8; k += 2) {
            bool known = false;
            for (size_t w = 0; w < marked_count && !known; w++)
                known = has_corner (&marked [w], quads [i].corners + k, k);
            MUST (known);
        }
    }
    free (quads);
    return 0;
}

void fuzz_seeds (void)
{
    static const uint8_t line [] = {1, 0, 20, 0, 0, 5, 0, 10, 10, 40, 10, 40, 20, 10, 20, 6, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0,
                                    12, 3, 0, 10, 30, 40, 30, 40, 40, 10, 40};
    seed (line, sizeof line);
    seed ("\2\0\5\0\3\3\0\1\2\1\0\0\x20\x41\0\0\xC0\x7F", 18);
}
