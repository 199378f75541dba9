/* Chunks: see chunk.h.
 *
 * Between two pieces there may be a border. At a border the tokenizer starts anew, so the pieces of
 * a chunk that is cut at borders are the same as those of the whole text; only where a long word
 * leaves no border in reach does a chunk have to be counted again. */
#include "chunk.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "utf8.h"
#include "letters.h"

#define MOST_PIECES     (MAX_PIECES - 2)   /* without [CLS] and [SEP] */
#define MAX_PIECE_BYTES 32                 /* a longer piece, that is an unknown word, counts as several */
#define OVERLAP_REACH   16                 /* the overlap may be so many pieces more or less */

typedef enum {
    BORDER_NONE,        /* inside a word */
    BORDER_CHARACTER,   /* beside punctuation or an ideograph */
    BORDER_WORD,
    BORDER_LINE,
    BORDER_SENTENCE,
    BORDER_PARAGRAPH,
} border_t;

/* The fewest pieces that a chunk has when it ends at a border of this kind. */
static const size_t least_pieces [] = {
    [BORDER_NONE] = MOST_PIECES, [BORDER_CHARACTER] = 170, [BORDER_WORD] = 170, [BORDER_LINE] = 150,
    [BORDER_SENTENCE] = 130, [BORDER_PARAGRAPH] = 110,
};

typedef struct {
    const vocabulary_t *vocabulary;
    const char *text;
    size_t size;
    piece_t *pieces;
    size_t count;
    uint8_t *borders;     /* [count] before each piece */
} cutter_t;

/* -- borders -------------------------------------------------------------------------------------- */

/* The code point that ends before `offset`; 0 at the beginning. */
static uint32_t letter_before (const char *text, size_t offset)
{
    if (offset == 0)
        return 0;
    size_t at = offset - 1;
    while (at > 0 && offset - at < 4 && ((unsigned char) text [at] & 0xC0) == 0x80)
        at--;
    return utf8_next (text, offset, &at);
}

static size_t step_back (const char *text, size_t offset)
{
    char bytes [4];
    size_t size = utf8_put (letter_before (text, offset), bytes);
    return offset > size ? offset - size : 0;
}

static bool is_closing (uint32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201D || c == 0x2019 || c == 0xBB
        || c == 0x300D || c == 0x300F || c == 0xFF09;
}

/* Is the dot that ends before `offset` that of an initial ("J. Smith")? */
static bool is_initial (const char *text, size_t offset)
{
    size_t letter = step_back (text, offset);
    uint32_t c = letter_before (text, letter);
    if (!letter_is_letter (c) || letter_is_lower (c))
        return false;
    uint32_t before = letter_before (text, step_back (text, letter));
    return before == 0 || before == '.' || letter_kind (before) == LETTER_SPACE;
}

/* Does a sentence end at `end`, with the next word at `next`? */
static bool sentence_ends (const cutter_t *cutter, size_t end, size_t next)
{
    while (end > 0 && is_closing (letter_before (cutter->text, end)))
        end = step_back (cutter->text, end);
    uint32_t last = letter_before (cutter->text, end);
    if (!letter_ends_sentence (last))
        return false;
    if (last != '.')
        return true;
    size_t at = next;
    uint32_t first = utf8_next (cutter->text, cutter->size, &at);
    return !letter_is_lower (first) && !letter_is_digit (first) && !is_initial (cutter->text, end);
}

static bool stands_alone (uint32_t c)
{
    bool ascii_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return c < 0x80 ? !ascii_letter : c >= 0x2E80 && letter_kind (c) == LETTER_IDEOGRAPH && c >= 0x4E00 && c <= 0x9FFF;
}

static border_t border_without_space (const cutter_t *cutter, size_t at)
{
    size_t next = at;
    uint32_t before = letter_before (cutter->text, at);
    uint32_t after = utf8_next (cutter->text, cutter->size, &next);
    if (!stands_alone (before) && !stands_alone (after))
        return BORDER_NONE;
    return before >= 0x3000 && letter_ends_sentence (before) ? BORDER_SENTENCE : BORDER_CHARACTER;
}

static border_t border_before (const cutter_t *cutter, size_t index)
{
    size_t end = cutter->pieces [index - 1].end, next = cutter->pieces [index].start;
    size_t newlines = 0, spaces = 0;
    for (size_t i = end; i < next; i++) {
        newlines += cutter->text [i] == '\n';
        spaces += strchr (" \t\n", cutter->text [i]) != NULL;
    }
    if (spaces == 0)
        return border_without_space (cutter, next);
    if (newlines > 1)
        return BORDER_PARAGRAPH;
    if (sentence_ends (cutter, end, next))
        return BORDER_SENTENCE;
    return newlines > 0 ? BORDER_LINE : BORDER_WORD;
}

/* -- pieces --------------------------------------------------------------------------------------- */

/* The end of the first part of a long piece, at a whole character. */
static uint32_t part_end (const char *text, uint32_t start, uint32_t end)
{
    if (end - start <= MAX_PIECE_BYTES)
        return end;
    uint32_t at = start + MAX_PIECE_BYTES;
    while (((unsigned char) text [at] & 0xC0) == 0x80)
        at--;
    return at;
}

/* Parts pieces that are longer than MAX_PIECE_BYTES, so that no chunk is endless. */
static int part_long_pieces (cutter_t *cutter)
{
    size_t wanted = 0;
    for (size_t i = 0; i < cutter->count; i++)
        wanted += 1 + 2 * (cutter->pieces [i].end - cutter->pieces [i].start) / MAX_PIECE_BYTES;
    if (wanted == cutter->count)
        return 0;
    piece_t *parted = malloc (wanted * sizeof *parted + 1);
    if (!parted)
        return error_set (ERROR_NO_MEMORY, NULL);
    size_t count = 0;
    for (size_t i = 0; i < cutter->count; i++) {
        piece_t piece = cutter->pieces [i];
        for (uint32_t start = piece.start; start < piece.end; start = parted [count++].end)
            parted [count] = (piece_t) {piece.id, start, part_end (cutter->text, start, piece.end)};
    }
    free (cutter->pieces);
    cutter->pieces = parted;
    cutter->count = count;
    return 0;
}

static int find_pieces (cutter_t *cutter)
{
    cutter->pieces = word_pieces_located (cutter->vocabulary, cutter->text, cutter->size, &cutter->count);
    if (!cutter->pieces || part_long_pieces (cutter) != 0)
        return -1;
    cutter->borders = malloc (cutter->count + 1);
    if (!cutter->borders)
        return error_set (ERROR_NO_MEMORY, NULL);
    cutter->borders [0] = BORDER_PARAGRAPH;
    for (size_t i = 1; i < cutter->count; i++)
        cutter->borders [i] = (uint8_t) border_before (cutter, i);
    return 0;
}

/* -- cutting -------------------------------------------------------------------------------------- */

/* The border of at least this kind in [low, high] that is nearest to the wanted place, or 0. */
static size_t nearest_border (const cutter_t *cutter, border_t least, size_t low, size_t high, size_t wanted)
{
    size_t best = 0, distance = SIZE_MAX;
    for (size_t i = low; i <= high && i < cutter->count; i++) {
        size_t away = i > wanted ? i - wanted : wanted - i;
        if (cutter->borders [i] >= least && away < distance) {
            best = i;
            distance = away;
        }
    }
    return best;
}

/* Word pieces of [start, end) when it is read alone, [CLS] and [SEP] included. */
static size_t count_alone (const cutter_t *cutter, size_t start, size_t end)
{
    int32_t ids [2];
    uint32_t from = cutter->pieces [start].start, to = cutter->pieces [end - 1].end;
    return word_pieces (cutter->vocabulary, cutter->text + from, to - from, ids, 2);
}

/* Where the chunk that starts at piece `start` ends (exclusive). */
static size_t chunk_end (const cutter_t *cutter, size_t start)
{
    size_t left = cutter->count - start, end = 0;
    if (left <= MOST_PIECES)
        end = cutter->count;
    for (border_t border = BORDER_PARAGRAPH; end == 0 && border > BORDER_NONE; border--)
        end = nearest_border (cutter, border, start + least_pieces [border], start + MOST_PIECES, start + CHUNK_TARGET);
    if (end == 0)
        end = start + MOST_PIECES;
    while (end > start + 1 && count_alone (cutter, start, end) > MAX_PIECES)
        end -= 1 + (end - start) / 10;
    return end;
}

/* Where the next chunk starts, a little before the end of this one. */
static size_t next_start (const cutter_t *cutter, size_t start, size_t end)
{
    size_t wanted = end > start + 2 * CHUNK_OVERLAP ? end - CHUNK_OVERLAP : end;
    if (wanted == end)
        return end;
    size_t low = wanted - OVERLAP_REACH, high = wanted + OVERLAP_REACH, best = 0;
    for (border_t border = BORDER_SENTENCE; best == 0 && border >= BORDER_WORD; border--)
        best = nearest_border (cutter, border, low, high, wanted);
    return best ? best : wanted;
}

/* Moves a byte offset over white space. */
static size_t skip_space (const cutter_t *cutter, size_t at)
{
    while (at < cutter->size && strchr (" \t\n", cutter->text [at]))
        at++;
    return at;
}

static size_t trim_space (const cutter_t *cutter, size_t from, size_t at)
{
    while (at > from && strchr (" \t\n", cutter->text [at - 1]))
        at--;
    return at;
}

/* Byte offsets turn into code points by counting on from the last one. */
typedef struct {
    size_t offset;
    uint32_t position;
} cursor_t;

static uint32_t position_of (const cutter_t *cutter, cursor_t *cursor, size_t offset)
{
    if (offset < cursor->offset)
        *cursor = (cursor_t) {0, 0};
    cursor->position += utf8_length (cutter->text + cursor->offset, offset - cursor->offset);
    cursor->offset = offset;
    return cursor->position;
}

static size_t cut (const cutter_t *cutter, chunk_t *chunks, size_t most)
{
    cursor_t starts = {0, 0}, ends = {0, 0};
    size_t count = 0;
    for (size_t start = 0, end = 0; end < cutter->count && count < most;
         start = next_start (cutter, start, end)) {
        end = chunk_end (cutter, start);
        size_t from = start == 0 ? skip_space (cutter, 0) : cutter->pieces [start].start;
        size_t to = end == cutter->count ? cutter->size : cutter->pieces [end].start;
        to = trim_space (cutter, from, to);
        chunks [count++] = (chunk_t) {
            .start = position_of (cutter, &starts, from), .end = position_of (cutter, &ends, to),
            .pieces = (uint32_t) count_alone (cutter, start, end),
        };
    }
    return count;
}

chunk_t *chunk_text (const vocabulary_t *vocabulary, const char *text, size_t size, size_t *count)
{
    cutter_t cutter = {.vocabulary = vocabulary, .text = text, .size = size};
    chunk_t *chunks = NULL;
    *count = 0;
    if (find_pieces (&cutter) == 0) {
        size_t most = cutter.count < MAX_PAGE_CHUNKS ? cutter.count : MAX_PAGE_CHUNKS;
        chunks = malloc (most * sizeof *chunks + 1);
        if (chunks)
            *count = cut (&cutter, chunks, most);
        else
            error_set (ERROR_NO_MEMORY, NULL);
    }
    free (cutter.pieces);
    free (cutter.borders);
    return chunks;
}
