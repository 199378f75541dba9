/* Chunks: whatever the text, they cover all of it that is not white space, in order, neither begin nor
 * end with white space, and none has more word pieces than the model takes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "chunk.h"
#include "utf8.h"

#define MAX_TEXT (16u << 10)

static vocabulary_t *vocabulary;

void fuzz_start (void)
{
    vocabulary = vocabulary_load (fuzz_vocabulary_path ());
    MUST (vocabulary);
}

static bool is_space (char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Is there nothing but white space in [from, to)? */
static bool is_blank (const char *text, size_t from, size_t to)
{
    for (; from < to; from++) {
        if (!is_space (text [from]))
            return false;
    }
    return true;
}

static void check_chunk (const char *text, size_t from, size_t to, uint32_t pieces)
{
    int32_t ids [MAX_PIECES];
    MUST (from < to && !is_space (text [from]) && !is_space (text [to - 1]));
    MUST (pieces <= MAX_PIECES);
    MUST (word_pieces (vocabulary, text + from, to - from, ids, MAX_PIECES) == pieces);
}

static void check_chunks (const char *text, size_t size, const chunk_t *chunks, size_t count)
{
    uint32_t length = utf8_length (text, size);
    size_t covered = 0;
    MUST (count <= MAX_PAGE_CHUNKS);
    for (size_t i = 0; i < count; i++) {
        MUST (chunks [i].end <= length);
        MUST (i == 0 || (chunks [i].start > chunks [i - 1].start && chunks [i].end > chunks [i - 1].end));
        size_t from = utf8_offset (text, size, chunks [i].start), to = utf8_offset (text, size, chunks [i].end);
        MUST (is_blank (text, covered, from));
        check_chunk (text, from, to, chunks [i].pieces);
        covered = to;
    }
    MUST (count == MAX_PAGE_CHUNKS || is_blank (text, covered, size));
}

/* The text so many times in a row. */
static char *repeat (char *text, size_t *size, size_t times)
{
    if (*size * times > MAX_TEXT)
        times = MAX_TEXT / *size;
    if (times < 2)
        return text;
    char *longer = malloc (*size * times + 1);
    MUST (longer);
    for (size_t i = 0; i < times; i++)
        memcpy (longer + i * *size, text, *size);
    *size *= times;
    longer [*size] = '\0';
    free (text);
    return longer;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    input_t input = {data, data_size};
    uint8_t often = take_u8 (&input);   /* mostly once */
    often = often < 0xC0 ? 1 : often - 0xC0;
    size_t size, count, pieces_count;
    char *text = take_text (&input, &size);
    text = repeat (text, &size, often);
    chunk_t *chunks = chunk_text (vocabulary, text, size, &count);
    piece_t *pieces = word_pieces_located (vocabulary, text, size, &pieces_count);
    MUST (chunks && pieces && (count == 0) == (pieces_count == 0));
    if (count > 0)
        check_chunks (text, size, chunks, count);
    free (pieces);
    free (chunks);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    static const char sentences [] = "\xD0" "A sentence ends here. Mr. J. Smith says \u201Cno.\u201D And 3.5 more!\nA line\n\nA paragraph\t1 ";
    static const char dense [] = "\xE0\u4E2D\u6587\u5B57\u7B26\u3002\u6D4B\u8BD5\uFF01";
    static const char endless [] = "\xFF" "unbrokenwordwithoutanyendatall";
    seed (sentences, sizeof sentences - 1);
    seed (dense, sizeof dense - 1);
    seed (endless, sizeof endless - 1);
    seed_text ("\1a \u200B b\u00A0c caf\u00E9 [SEP]");
}
