/* Canonical text: see canonical.h. Here parts of lines (parts.c) become paragraphs.
 *
 * Whether a line was broken on purpose is seen from the room behind it: a line that had room for
 * the next line's first word was ended by its author, not by the edge of the column. */
#include "canonical.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "error.h"
#include "utf8.h"
#include "letters.h"
#include "parts.h"

#define SPACE_WIDTH       0.25f   /* of the font's size */
#define CELL_GAP          1.5f    /* of the font's size: a wider gap in a row parts cells */
#define ROW_OVERLAP       0.5f    /* of the lower line: so much side by side is one row */
#define WIDE_GAP          2.0f    /* the same inside a line */
#define SAME_DIRECTION    0.99f   /* cosine */
#define STYLE_RATIO       1.15f   /* another size: another block, and a heading when larger */
#define SAME_SIZE         1.05f
#define INITIAL_RATIO     1.5f    /* a capital so much larger than its line is an initial */
#define MAX_HEAD_LINE     120     /* code points */
#define HEAD_FIRST_BLOCKS 3
#define MIN_COMPOUND      3       /* letters: shorter halves don't make a compound */
#define MAX_WORD_BYTES    256

/* How a line follows the one before it. */
typedef enum {
    JOIN_NOTHING,
    JOIN_SPACE,
    JOIN_TAB,
    JOIN_LINE,
    JOIN_PARAGRAPH,
    JOIN_HYPHEN,     /* the hyphen before it goes, and nothing comes between */
} join_t;

typedef struct {
    size_t first, count;     /* lines */
    float along0, along1;
    size_t text_start, text_end;   /* bytes */
    float size;
    bool bold;
} block_t;

typedef struct {
    parts_t parts;
    block_t *blocks;
    size_t block_count;
    size_t *block_of;        /* [lines] */
    join_t *joins;           /* [lines] */
    is_word_t *is_word;
    const void *context;
    page_text_t *out;
    size_t capacity;         /* of out->text */
} writer_t;

/* -- looking at lines ----------------------------------------------------------------------------- */

static const part_t *first_part (const writer_t *w, const text_line_t *line)
{
    return &w->parts.parts [line->first];
}

static const part_t *last_part (const writer_t *w, const text_line_t *line)
{
    return &w->parts.parts [line->first + line->count - 1];
}

static uint32_t first_letter (const writer_t *w, const text_line_t *line)
{
    return w->parts.code_points [first_part (w, line)->first];
}

static uint32_t last_letter (const writer_t *w, const text_line_t *line)
{
    const part_t *part = last_part (w, line);
    return w->parts.code_points [part->first + part->count - 1];
}

static bool same_direction (const text_line_t *a, const text_line_t *b)
{
    return a->dx * b->dx + a->dy * b->dy > SAME_DIRECTION;
}

/* Does the line stand beside the one before it? */
static bool same_row (const text_line_t *before, const text_line_t *line)
{
    float overlap = fminf (before->extent.across1, line->extent.across1)
                  - fmaxf (before->extent.across0, line->extent.across0);
    float lower = fminf (before->extent.across1 - before->extent.across0,
                         line->extent.across1 - line->extent.across0);
    return same_direction (before, line) && overlap > ROW_OVERLAP * lower
        && (line->extent.along0 >= before->extent.along1 - SPACE_WIDTH * line->size
            || line->extent.along1 <= before->extent.along0 + SPACE_WIDTH * line->size);
}

static bool is_bullet (const writer_t *w, const text_line_t *line)
{
    const part_t *part = first_part (w, line);
    uint32_t c = w->parts.code_points [part->first];
    return part->count == 1 && !letter_is_letter (c) && !letter_is_digit (c)
        && (c >= 0x80 || strchr ("-*+>", (int) c));
}

/* "1." "(a)" "iv)" */
static bool is_enumeration (const writer_t *w, const text_line_t *line)
{
    const part_t *part = first_part (w, line);
    uint32_t end = w->parts.code_points [part->first + part->count - 1];
    return part->count >= 2 && part->count <= 4 && (end == '.' || end == ')');
}

/* A large capital that begins a paragraph two lines deep, with its word going on beside it. */
static bool is_initial (const writer_t *w, const text_line_t *before, const text_line_t *line)
{
    return before->count == 1 && last_part (w, before)->count == 1
        && before->size > INITIAL_RATIO * line->size
        && letter_is_letter (last_letter (w, before)) && letter_is_letter (first_letter (w, line));
}

/* The width of what stands at the line's beginning up to the first white space. */
static float first_word_width (const writer_t *w, const text_line_t *line)
{
    const part_t *part = first_part (w, line);
    float along0 = part->extent.along0, along1 = part->extent.along1;
    uint32_t first = w->parts.code_points [part->first];
    for (size_t i = 1; i < line->count && letter_kind (first) != LETTER_IDEOGRAPH; i++) {
        const part_t *next = part + i;
        if (next->spaced)
            break;
        along0 = fminf (along0, next->extent.along0);
        along1 = fmaxf (along1, next->extent.along1);
    }
    return along1 - along0;
}

/* Does white space stand before a part, and does it part cells? */
static bool is_wide_gap (const text_line_t *line, const part_t *part)
{
    const part_t *before = part - 1;
    float gap = fmaxf (part->extent.along0 - before->extent.along1, before->extent.along0 - part->extent.along1);
    return part->spaced && gap > WIDE_GAP * line->size;
}

static bool has_wide_gap (const writer_t *w, const text_line_t *line)
{
    for (size_t i = 1; i < line->count; i++) {
        if (is_wide_gap (line, first_part (w, line) + i))
            return true;
    }
    return false;
}

/* -- blocks --------------------------------------------------------------------------------------- */

/* Does a heading end, or one begin, between two lines that the layout holds in one block? */
static bool style_changes (const text_line_t *before, const text_line_t *line)
{
    if (same_row (before, line))
        return false;
    float larger = fmaxf (before->size, line->size), smaller = fminf (before->size, line->size);
    return larger > STYLE_RATIO * smaller || before->bold != line->bold || !same_direction (before, line);
}

/* A line that is bold throughout only by chance, as when a bold phrase fills it, begins no block:
 * one that ends a heading has room behind it. */
static bool block_begins (const text_line_t *before, const text_line_t *line, float along1)
{
    if (line->begins_block)
        return true;
    if (!style_changes (before, line))
        return false;
    bool only_bold = before->bold != line->bold && same_direction (before, line)
        && fmaxf (before->size, line->size) <= STYLE_RATIO * fminf (before->size, line->size);
    return !only_bold || along1 - before->extent.along1 > 2 * before->size;
}

static void add_to_block (block_t *block, const text_line_t *line)
{
    block->along0 = fminf (block->along0, line->extent.along0);
    block->along1 = fmaxf (block->along1, line->extent.along1);
    block->count++;
}

/* How far the lines reach that the layout holds in one block with this one. */
static float reach (const parts_t *parts, size_t at)
{
    float along1 = parts->lines [at].extent.along1;
    for (size_t i = at + 1; i < parts->line_count && !parts->lines [i].begins_block; i++)
        along1 = fmaxf (along1, parts->lines [i].extent.along1);
    return along1;
}

static void find_blocks (writer_t *w)
{
    float along1 = 0;
    for (size_t i = 0; i < w->parts.line_count; i++) {
        const text_line_t *line = &w->parts.lines [i];
        if (i == 0 || line->begins_block)
            along1 = reach (&w->parts, i);
        if (i == 0 || block_begins (line - 1, line, along1))
            w->blocks [w->block_count++] = (block_t) {.first = i, .along0 = INFINITY, .along1 = -INFINITY};
        add_to_block (&w->blocks [w->block_count - 1], line);
        w->block_of [i] = w->block_count - 1;
    }
}

/* -- joining lines -------------------------------------------------------------------------------- */

static bool similar_size (const text_line_t *a, const text_line_t *b)
{
    return fmaxf (a->size, b->size) <= SAME_SIZE * fminf (a->size, b->size);
}

/* Copies letters of a part as UTF-8, from the first letter to the last one. Returns the bytes. */
static size_t copy_letters (const writer_t *w, const part_t *part, char *out, size_t room)
{
    size_t size = 0;
    for (size_t i = part->first; i < part->first + part->count && size + 4 <= room; i++) {
        uint32_t c = w->parts.code_points [i];
        if (letter_is_letter (c))
            size += utf8_put (c, out + size);
        else if (size > 0)
            break;
    }
    return size;
}

/* Does the hyphen at the end of `before` only part a word? When in doubt yes: most do. */
static bool hyphen_goes (const writer_t *w, const part_t *before, const part_t *after)
{
    for (size_t i = before->first; i + 1 < before->first + before->count; i++) {
        if (letter_is_hyphen (w->parts.code_points [i]))
            return false;   /* state-of-the- art */
    }
    char word [2 * MAX_WORD_BYTES];
    size_t first = copy_letters (w, before, word, MAX_WORD_BYTES);
    size_t second = copy_letters (w, after, word + first, MAX_WORD_BYTES);
    if (!w->is_word || w->is_word (w->context, word, first + second))
        return true;
    return first < MIN_COMPOUND || second < MIN_COMPOUND
        || !w->is_word (w->context, word, first) || !w->is_word (w->context, word + first, second);
}

/* The join of a line whose first word goes on with the last word of the line before, which ends
 * with a hyphen; JOIN_LINE when that is not so. */
static join_t join_hyphenated (const writer_t *w, const text_line_t *before, const text_line_t *line)
{
    const part_t *last = last_part (w, before);
    if (last->count < 2 || !letter_is_hyphen (last_letter (w, before)) || !similar_size (before, line))
        return JOIN_LINE;
    uint32_t stem = w->parts.code_points [last->first + last->count - 2];
    uint32_t next = first_letter (w, line);
    if (letter_is_letter (stem) && letter_is_lower (next))
        return hyphen_goes (w, last, first_part (w, line)) ? JOIN_HYPHEN : JOIN_NOTHING;
    bool compound = (letter_is_letter (stem) || letter_is_digit (stem))
        && (letter_is_letter (next) || letter_is_digit (next));
    return compound ? JOIN_NOTHING : JOIN_LINE;
}

/* Does a paragraph go on at the top of the next column? */
static bool goes_on_in_next_column (const writer_t *w, size_t at)
{
    const text_line_t *before = &w->parts.lines [at - 1], *line = before + 1;
    return same_direction (before, line) && similar_size (before, line) && before->bold == line->bold
        && line->extent.across1 < before->extent.across0
        && line->extent.along0 > before->extent.along0
        && letter_is_lower (first_letter (w, line)) && !letter_ends_sentence (last_letter (w, before));
}

static join_t join_in_row (const writer_t *w, const text_line_t *before, const text_line_t *line)
{
    float gap = line->extent.along0 >= before->extent.along1
        ? line->extent.along0 - before->extent.along1 : before->extent.along0 - line->extent.along1;
    if (is_initial (w, before, line) && gap < before->size * SPACE_WIDTH)
        return JOIN_NOTHING;
    if (before->count == 1 && is_bullet (w, before))
        return JOIN_SPACE;
    return gap > CELL_GAP * line->size ? JOIN_TAB : JOIN_SPACE;
}

/* Was there room for the line's first word behind the line before it? */
static bool ended_on_purpose (const writer_t *w, size_t at)
{
    const text_line_t *before = &w->parts.lines [at - 1], *line = before + 1;
    const block_t *block = &w->blocks [w->block_of [at]];
    float room = before->right_to_left ? before->extent.along0 - block->along0
                                       : block->along1 - before->extent.along1;
    return room > first_word_width (w, line) + SPACE_WIDTH * before->size;
}

/* Do a line and the next one stand in one row as cells? A bullet and its text do not. */
static bool are_cells (const writer_t *w, size_t at)
{
    const text_line_t *line = &w->parts.lines [at], *next = line + 1;
    return w->block_of [at] == w->block_of [at + 1] && same_row (line, next)
        && join_in_row (w, line, next) == JOIN_TAB;
}

/* Does the line hold cells, or is it one of several in a row? */
static bool in_row (const writer_t *w, size_t at)
{
    return has_wide_gap (w, &w->parts.lines [at]) || (at > 0 && are_cells (w, at - 1)) || (at + 1 < w->parts.line_count && are_cells (w, at));
}

static join_t join_in_block (const writer_t *w, size_t at)
{
    const text_line_t *before = &w->parts.lines [at - 1], *line = before + 1;
    if (same_row (before, line))
        return join_in_row (w, before, line);
    join_t hyphenated = join_hyphenated (w, before, line);
    if (hyphenated != JOIN_LINE)
        return hyphenated;
    bool item = is_bullet (w, line)
        || (is_enumeration (w, line) && !letter_is_letter (last_letter (w, before)));
    if (item || in_row (w, at - 1) || in_row (w, at) || ended_on_purpose (w, at))
        return JOIN_LINE;
    bool ideographs = letter_kind (last_letter (w, before)) == LETTER_IDEOGRAPH
        && letter_kind (first_letter (w, line)) == LETTER_IDEOGRAPH
        && !letter_is_mark (first_letter (w, line));
    return ideographs ? JOIN_NOTHING : JOIN_SPACE;
}

static join_t join_line (const writer_t *w, size_t at)
{
    if (w->block_of [at] == w->block_of [at - 1])
        return join_in_block (w, at);
    if (!goes_on_in_next_column (w, at))
        return JOIN_PARAGRAPH;
    join_t hyphenated = join_hyphenated (w, &w->parts.lines [at - 1], &w->parts.lines [at]);
    return hyphenated != JOIN_LINE ? hyphenated : JOIN_SPACE;
}

/* -- writing -------------------------------------------------------------------------------------- */

static int write_bytes (writer_t *w, const char *bytes, size_t size)
{
    page_text_t *out = w->out;
    if (out->size + size + 1 > w->capacity) {
        size_t larger = (w->capacity + size) * 2 + 1024;
        char *moved = realloc (out->text, larger);
        if (!moved)
            return error_set (ERROR_NO_MEMORY, NULL);
        out->text = moved;
        w->capacity = larger;
    }
    memcpy (out->text + out->size, bytes, size);
    out->size += size;
    out->text [out->size] = '\0';
    return 0;
}

static int write_join (writer_t *w, join_t join)
{
    static const char *const between [] = {
        [JOIN_NOTHING] = "", [JOIN_SPACE] = " ", [JOIN_TAB] = "\t", [JOIN_LINE] = "\n",
        [JOIN_PARAGRAPH] = "\n\n", [JOIN_HYPHEN] = "",
    };
    size_t size = strlen (between [join]);
    w->out->length += (uint32_t) size;
    return write_bytes (w, between [join], size);
}

/* Writes `count` letters of a part as one word. */
static int write_part (writer_t *w, const text_line_t *line, const part_t *part, size_t count)
{
    page_text_t *out = w->out;
    word_t *word = &out->words [out->word_count++];
    word->start = out->length;
    extent_quad (part->extent, line->dx, line->dy, word->quad);
    for (size_t i = 0; i < count; i++) {
        char bytes [4];
        size_t size = utf8_put (w->parts.code_points [part->first + i], bytes);
        if (write_bytes (w, bytes, size) != 0)
            return -1;
    }
    out->length += (uint32_t) count;
    word->end = out->length;
    return 0;
}

/* Would the part become another one with what it is to stand directly behind? */
static bool needs_space (const writer_t *w, const part_t *part)
{
    const page_text_t *out = w->out;
    if (out->size == 0)
        return false;
    size_t at = out->size - 1;
    while (((unsigned char) out->text [at] & 0xC0) == 0x80)
        at--;
    uint32_t last = utf8_next (out->text, out->size, &at);
    return !letters_stay_apart (last, w->parts.code_points [part->first]);
}

static bool fits (const writer_t *w, const part_t *part)
{
    return w->out->size + 4 * part->count + 2 <= MAX_PAGE_TEXT_BYTES;
}

static int write_line (writer_t *w, size_t at)
{
    const text_line_t *line = &w->parts.lines [at];
    bool loses_hyphen = at + 1 < w->parts.line_count && w->joins [at + 1] == JOIN_HYPHEN;
    for (size_t i = 0; i < line->count; i++) {
        const part_t *part = &w->parts.parts [line->first + i];
        if (!fits (w, part)) {
            w->out->cut = true;
            return 0;
        }
        join_t join = i == 0 ? w->joins [at] : !part->spaced ? JOIN_NOTHING
                    : is_wide_gap (line, part) ? JOIN_TAB : JOIN_SPACE;
        if ((join == JOIN_NOTHING || join == JOIN_HYPHEN) && needs_space (w, part))
            join = JOIN_SPACE;
        bool last = i + 1 == line->count;
        if (write_join (w, join) != 0
            || write_part (w, line, part, part->count - (last && loses_hyphen)) != 0)
            return -1;
    }
    return 0;
}

static int write_text (writer_t *w)
{
    for (size_t i = 0; i < w->parts.line_count && !w->out->cut; i++) {
        block_t *block = &w->blocks [w->block_of [i]];
        size_t before = w->out->size;
        if (write_line (w, i) != 0)
            return -1;
        if (block->first == i)
            block->text_start = before;
        block->text_end = w->out->size;
    }
    return 0;
}

/* -- the head ------------------------------------------------------------------------------------- */

/* The size in which most of the page's letters are set. */
static float body_size (const parts_t *parts)
{
    enum { STEPS = 400 };   /* of half a point */
    size_t letters [STEPS] = {0}, most = 0;
    for (size_t i = 0; i < parts->line_count; i++) {
        const text_line_t *line = &parts->lines [i];
        const part_t *last = &parts->parts [line->first + line->count - 1];
        int step = (int) fmaxf (0, fminf (line->size * 2 + 0.5f, STEPS - 1));
        letters [step] += last->first + last->count - parts->parts [line->first].first;
    }
    for (size_t i = 0; i < STEPS; i++) {
        if (letters [i] > letters [most])
            most = i;
    }
    return (float) most / 2;
}

/* A block is as large as its largest line, and bold when all its lines are. */
static void measure_block (const parts_t *parts, block_t *block)
{
    block->bold = true;
    for (size_t i = block->first; i < block->first + block->count; i++) {
        block->size = fmaxf (block->size, parts->lines [i].size);
        block->bold = block->bold && parts->lines [i].bold;
    }
}

static bool has_letters (const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        if (letter_is_letter (utf8_next (text, size, &at)))
            return true;
    }
    return false;
}

/* Adds a block's text to the head as one line, cut at MAX_HEAD_LINE. */
static void add_head_line (page_text_t *out, size_t *head_size, const char *text, size_t size)
{
    size_t room = MAX_HEAD_BYTES - 1 - *head_size;
    size = utf8_offset (text, size, MAX_HEAD_LINE);
    if (size + 1 > room)
        return;
    if (*head_size > 0)
        out->head [(*head_size)++] = '\n';
    for (size_t i = 0; i < size; i++) {
        char c = text [i];
        out->head [(*head_size)++] = c == '\n' || c == '\t' ? ' ' : c;
    }
    out->head [*head_size] = '\0';
}

static int write_head (writer_t *w)
{
    page_text_t *out = w->out;
    out->head = calloc (1, MAX_HEAD_BYTES);
    if (!out->head)
        return error_set (ERROR_NO_MEMORY, NULL);
    float body = body_size (&w->parts);
    size_t head_size = 0, first_blocks = 0;
    for (size_t i = 0; i < w->block_count; i++) {
        block_t *block = &w->blocks [i];
        const char *text = out->text + block->text_start;
        while (block->text_start < block->text_end && strchr (" \t\n", *text))
            text++, block->text_start++;
        size_t size = block->text_end - block->text_start;
        if (size == 0 || !has_letters (text, size))
            continue;
        measure_block (&w->parts, block);
        bool heading = (block->bold || block->size >= STYLE_RATIO * body)
            && utf8_length (text, size) <= MAX_HEAD_LINE;
        if (first_blocks++ < HEAD_FIRST_BLOCKS || heading)
            add_head_line (out, &head_size, text, size);
    }
    return 0;
}

/* -- all of it ------------------------------------------------------------------------------------ */

static int make_text (writer_t *w)
{
    size_t lines = w->parts.line_count;
    w->blocks = malloc (lines * sizeof *w->blocks + 1);
    w->block_of = malloc (lines * sizeof *w->block_of + 1);
    w->joins = malloc (lines * sizeof *w->joins + 1);
    w->out->words = malloc (w->parts.part_count * sizeof *w->out->words + 1);
    if (!w->blocks || !w->block_of || !w->joins || !w->out->words || write_bytes (w, "", 0) != 0)
        return error_set (ERROR_NO_MEMORY, NULL);
    find_blocks (w);
    for (size_t i = 0; i < lines; i++)
        w->joins [i] = i == 0 ? JOIN_NOTHING : join_line (w, i);
    w->out->cut = w->parts.cut;
    if (write_text (w) != 0)
        return -1;
    return write_head (w);
}

int canonical_text (const layout_t *layout, is_word_t *is_word, const void *context, page_text_t *out)
{
    *out = (page_text_t) {0};
    writer_t w = {.is_word = is_word, .context = context, .out = out};
    int result = parts_make (layout, &w.parts);
    if (result == 0)
        result = columns_order (&w.parts);
    if (result == 0)
        result = make_text (&w);
    free (w.blocks);
    free (w.block_of);
    free (w.joins);
    parts_free (&w.parts);
    return result;
}

void page_text_free (page_text_t *page)
{
    free (page->text);
    free (page->words);
    free (page->head);
    *page = (page_text_t) {0};
}

float layout_readable (const layout_t *layout)
{
    size_t all = 0, known = 0;
    for (size_t i = 0; i < layout->glyph_count; i++) {
        letter_kind_t kind = letter_kind (layout->glyphs [i].code_point);
        if (kind == LETTER_SPACE)
            continue;
        all++;
        known += kind == LETTER_IDEOGRAPH
            || (kind == LETTER_PLAIN && layout->glyphs [i].code_point != LETTER_UNKNOWN);
    }
    return all == 0 ? 1 : (float) known / (float) all;
}
