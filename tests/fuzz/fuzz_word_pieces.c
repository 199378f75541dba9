/* Word pieces: of any text the two ways to call the tokenizer agree, places stand in order inside the
 * text, and what is too long is cut as it says. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "word_pieces.h"

#define MAX_CAPACITY 300

static vocabulary_t *vocabulary;

void fuzz_start (void)
{
    vocabulary = vocabulary_load (fuzz_vocabulary_path ());
    MUST (vocabulary);
}

/* A character that decomposes gives several pieces of the same place; no other two overlap. */
static void check_places (const piece_t *pieces, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        MUST (pieces [i].start < pieces [i].end && pieces [i].end <= size);
        if (i == 0)
            continue;
        const piece_t *before = &pieces [i - 1];
        MUST (pieces [i].start >= before->start && pieces [i].end >= before->end);
    }
}

/* ids [whole] are all of them; a smaller array gets the same, cut. */
static void check_cut (const char *text, size_t size, const int32_t *ids, size_t whole, size_t capacity)
{
    int32_t cut [MAX_CAPACITY];
    size_t kept = whole < capacity ? whole : capacity;
    MUST (word_pieces (vocabulary, text, size, cut, capacity) == whole);
    MUST (memcmp (cut, ids, (kept - 1) * sizeof *cut) == 0 && cut [kept - 1] == ids [whole - 1]);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    input_t input = {data, data_size};
    size_t capacity = 2 + take_u8 (&input), size, count;
    char *text = take_rest (&input, &size);
    piece_t *pieces = word_pieces_located (vocabulary, text, size, &count);
    MUST (pieces);
    check_places (pieces, count, size);
    int32_t *ids = malloc ((count + 2) * sizeof *ids);
    MUST (ids && word_pieces (vocabulary, text, size, ids, count + 2) == count + 2);
    for (size_t i = 0; i < count; i++)
        MUST (ids [i + 1] == pieces [i].id);
    check_cut (text, size, ids, count + 2, capacity);
    free (ids);
    free (pieces);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("\5The quick brown fox, unbelievably jumps over 1,234.56 lazy dogs!");
    seed_text ("\20[CLS] caf\u00E9 cafe\u0301 \u00C5ngstr\u00F6m \u4E2D\u6587 \uD55C\uAD6D\uC5B4 soft\u00ADhyphen [SEP]");
    seed_text ("\2antidisestablishmentarianism \u0627\u0644\u0639 \u0E44\u0E17\u0E22 \U0001F600 a\u200Db\tc\r\nd");
    seed ("\3\xFF\xC3 \0x\xF0\x9F", 9);
}
