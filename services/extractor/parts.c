/* Parts: see parts.h. */
#include "parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "letters.h"

#define MAX_PART_LETTERS 240     /* a longer run is parted, before a letter that is no mark */
#define MAX_MARKS        8       /* combining marks on one letter; more are dropped */
#define ACCENT_OVERLAP   0.4f    /* of its width: such an accent stands over its neighbour */
#define SAME_PLACE       0.15f   /* of the font's size: two prints of the same line, as fake bold has */
#define VISIBLE_HYPHEN   0.1f    /* of the font's size: a soft hyphen as wide as this is drawn */
#define BOLD_SHARE       0.9f
#define LEADER_GLYPHS    5       /* so many dots in a row lead the eye and say nothing */
#define BULLET           0x2022u

static const extent_t nothing = {INFINITY, -INFINITY, INFINITY, -INFINITY};

/* The part that is being collected, and what its line has shown so far. */
typedef struct {
    parts_t *out;
    const layout_t *layout;
    const layout_line_t *line;
    uint32_t letters [MAX_PART_LETTERS + MAX_OPENED + MAX_MARKS + 2];
    size_t count, marks;
    uint32_t accent;         /* waits for its letter */
    extent_t extent;
    bool ideograph, spaced;
    size_t first_part;       /* of the line */
    float size_sum;
    size_t glyphs, bold_glyphs;
} collector_t;

/* -- places ------------------------------------------------------------------------------------- */

static void extent_join (extent_t *extent, extent_t other)
{
    extent->along0 = fminf (extent->along0, other.along0);
    extent->along1 = fmaxf (extent->along1, other.along1);
    extent->across0 = fminf (extent->across0, other.across0);
    extent->across1 = fmaxf (extent->across1, other.across1);
}

static extent_t glyph_extent (const glyph_t *glyph, const layout_line_t *line)
{
    extent_t extent = nothing;
    for (int i = 0; i < 8; i += 2) {
        float x = glyph->quad [i], y = glyph->quad [i + 1];
        float along = x * line->dx + y * line->dy, across = y * line->dx - x * line->dy;
        extent_join (&extent, (extent_t) {along, along, across, across});
    }
    return extent;
}

void extent_quad (extent_t extent, float dx, float dy, float quad [8])
{
    const float along [4] = {extent.along0, extent.along1, extent.along1, extent.along0};
    const float across [4] = {extent.across0, extent.across0, extent.across1, extent.across1};
    for (int i = 0; i < 4; i++) {
        quad [2 * i] = along [i] * dx - across [i] * dy;
        quad [2 * i + 1] = along [i] * dy + across [i] * dx;
    }
}

/* -- collecting a part -------------------------------------------------------------------------- */

static int reserve (void **items, size_t wanted, size_t *capacity, size_t item_size)
{
    if (wanted <= *capacity)
        return 0;
    size_t larger = *capacity ? *capacity : 256;
    while (larger < wanted)
        larger *= 2;
    void *moved = realloc (*items, larger * item_size);
    if (!moved)
        return error_set (ERROR_NO_MEMORY, NULL);
    *items = moved;
    *capacity = larger;
    return 0;
}

/* Leaves out unknown characters at the ends of a part, and the marks on the first ones; inside a word
 * they stay as U+FFFD. */
static void trim_unknown (collector_t *collector)
{
    uint32_t *letters = collector->letters;
    size_t from = 0;
    while (collector->count > 0 && letters [collector->count - 1] == LETTER_UNKNOWN)
        collector->count--;
    while (from < collector->count
           && (letters [from] == LETTER_UNKNOWN || (from > 0 && letter_is_mark (letters [from]))))
        from++;
    collector->count -= from;
    memmove (letters, letters + from, collector->count * sizeof *letters);
}

static int store_part (collector_t *collector)
{
    parts_t *out = collector->out;
    if (out->part_count == MAX_PAGE_WORDS || out->code_point_count >= MAX_PAGE_TEXT_BYTES) {
        out->cut = true;
        return 0;
    }
    if (reserve ((void **) &out->parts, out->part_count + 1, &out->part_capacity, sizeof *out->parts) != 0
        || reserve ((void **) &out->code_points, out->code_point_count + MAX_COMPOSED * collector->count,
                    &out->code_point_capacity, sizeof *out->code_points) != 0)
        return -1;
    size_t count = letters_compose (collector->letters, collector->count,
                                    out->code_points + out->code_point_count);
    out->parts [out->part_count++] = (part_t) {
        .first = out->code_point_count, .count = count, .extent = collector->extent,
        .spaced = collector->spaced,
    };
    out->code_point_count += count;
    return 0;
}

/* Ends the part that is being collected, if there is one. */
static int end_part (collector_t *collector, bool spaced_next)
{
    if (collector->accent)
        collector->letters [collector->count++] = collector->accent;
    trim_unknown (collector);
    bool any = collector->count > 0;
    if (any && store_part (collector) != 0)
        return -1;
    collector->count = collector->marks = 0;
    collector->accent = 0;
    collector->extent = nothing;
    collector->ideograph = false;
    collector->spaced = spaced_next || (!any && collector->spaced);
    return 0;
}

static void add_letter (collector_t *collector, uint32_t letter)
{
    bool mark = letter_is_mark (letter);
    collector->marks = mark ? collector->marks + 1 : 0;
    if (collector->marks <= MAX_MARKS)
        collector->letters [collector->count++] = letter;
    if (!mark && collector->accent) {
        collector->letters [collector->count++] = letter_combining (collector->accent);
        collector->accent = 0;
    }
}

/* -- accents that are drawn over their letter ----------------------------------------------------- */

static bool stands_over (const collector_t *collector, size_t accent, size_t other)
{
    const glyph_t *glyphs = collector->layout->glyphs;
    if (!letter_is_letter (glyphs [other].code_point))
        return false;
    extent_t a = glyph_extent (&glyphs [accent], collector->line);
    extent_t b = glyph_extent (&glyphs [other], collector->line);
    float overlap = fminf (a.along1, b.along1) - fmaxf (a.along0, b.along0);
    return overlap > ACCENT_OVERLAP * (a.along1 - a.along0);
}

/* Takes the glyph as an accent of its neighbour. False when it is none. */
static bool take_accent (collector_t *collector, size_t index)
{
    uint32_t code_point = collector->layout->glyphs [index].code_point;
    uint32_t mark = letter_combining (code_point);
    size_t end = collector->line->first + collector->line->count;
    if (!mark || collector->accent)
        return false;
    if (index + 1 < end && stands_over (collector, index, index + 1)) {
        collector->accent = code_point;
        return true;
    }
    if (collector->count > 0 && index > collector->line->first && stands_over (collector, index, index - 1)) {
        add_letter (collector, mark);
        return true;
    }
    return false;
}

/* -- glyphs --------------------------------------------------------------------------------------- */

static int add_code_point (collector_t *collector, uint32_t code_point, letter_kind_t kind)
{
    uint32_t opened [MAX_OPENED];
    size_t count = letter_open (code_point, opened), first = 0;
    while (first + 1 < count && letter_kind (opened [first]) == LETTER_SPACE)
        first++;
    bool mark = letter_is_mark (opened [first]);
    bool apart = kind == LETTER_IDEOGRAPH || collector->ideograph || collector->count >= MAX_PART_LETTERS;
    if (apart && !mark && collector->count > 0 && end_part (collector, false) != 0)
        return -1;
    if (collector->count >= MAX_PART_LETTERS + MAX_OPENED)
        return 0;
    if (!mark)
        collector->ideograph = kind == LETTER_IDEOGRAPH;
    for (size_t i = first; i < count; i++) {
        if (letter_kind (opened [i]) == LETTER_SPACE)
            continue;
        if (collector->count < MAX_PART_LETTERS + MAX_OPENED)
            add_letter (collector, opened [i]);
    }
    return 0;
}

/* What stands for a glyph whose character needs its surroundings to be known; 0: nothing. */
static uint32_t resolve (const collector_t *collector, const glyph_t *glyph, extent_t extent,
                         letter_kind_t kind)
{
    bool line_begins = collector->out->part_count == collector->first_part && collector->count == 0;
    if (kind == LETTER_PRIVATE)
        return line_begins ? BULLET : 0;
    if (glyph->code_point == 0xAD)
        return extent.along1 - extent.along0 > VISIBLE_HYPHEN * glyph->size ? '-' : 0;
    return glyph->code_point;
}

/* Counts glyphs like the one at index that follow it in a direction, spaces between them or not. */
static int count_like (const collector_t *collector, size_t index, int step)
{
    const glyph_t *glyphs = collector->layout->glyphs;
    size_t from = collector->line->first, to = from + collector->line->count;
    int count = 0;
    for (size_t at = index + (size_t) step; at >= from && at < to && count < LEADER_GLYPHS; at += (size_t) step) {
        if (glyphs [at].code_point == glyphs [index].code_point)
            count++;
        else if (letter_kind (glyphs [at].code_point) != LETTER_SPACE)
            break;
    }
    return count;
}

/* Is the glyph one of a leader: the dots of a table of contents, the line of a form? */
static bool is_leader (const collector_t *collector, size_t index)
{
    uint32_t c = collector->layout->glyphs [index].code_point;
    if (c != '.' && c != '_' && c != 0xB7 && c != 0x2026)
        return false;
    return 1 + count_like (collector, index, 1) + count_like (collector, index, -1) >= LEADER_GLYPHS;
}

static int add_glyph (collector_t *collector, size_t index)
{
    const glyph_t *glyph = &collector->layout->glyphs [index];
    letter_kind_t kind = letter_kind (glyph->code_point);
    if (kind == LETTER_DROPPED)
        return 0;
    if (kind == LETTER_SPACE || is_leader (collector, index))
        return end_part (collector, true);
    extent_t extent = glyph_extent (glyph, collector->line);
    uint32_t code_point = resolve (collector, glyph, extent, kind);
    if (code_point == 0)
        return 0;
    if (!take_accent (collector, index) && add_code_point (collector, code_point, kind) != 0)
        return -1;
    extent_join (&collector->extent, extent);
    collector->size_sum += glyph->size;
    collector->glyphs++;
    collector->bold_glyphs += glyph->bold;
    return kind == LETTER_PRIVATE ? end_part (collector, true) : 0;
}

/* -- lines ---------------------------------------------------------------------------------------- */

static bool starts_right_to_left (const parts_t *out, const text_line_t *line)
{
    const part_t *last = &out->parts [line->first + line->count - 1];
    for (size_t i = out->parts [line->first].first; i < last->first + last->count; i++) {
        if (letter_is_letter (out->code_points [i]))
            return letter_is_right_to_left (out->code_points [i]);
    }
    return false;
}

static bool same_letters (const parts_t *out, const text_line_t *a, const text_line_t *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const part_t *p = &out->parts [a->first + i], *q = &out->parts [b->first + i];
        if (p->count != q->count || memcmp (out->code_points + p->first, out->code_points + q->first,
                                            p->count * sizeof *out->code_points) != 0)
            return false;
    }
    return true;
}

/* Was the line printed twice, a little shifted, to look bold or to have a shadow? */
static bool is_repeated (const parts_t *out, const text_line_t *line)
{
    if (out->line_count == 0)
        return false;
    const text_line_t *before = &out->lines [out->line_count - 1];
    float near = SAME_PLACE * line->size;
    return before->count == line->count
        && fabsf (before->extent.along0 - line->extent.along0) < near
        && fabsf (before->extent.along1 - line->extent.along1) < near
        && fabsf (before->extent.across0 - line->extent.across0) < near
        && same_letters (out, before, line);
}

static void end_line (collector_t *collector, bool *begins_block)
{
    parts_t *out = collector->out;
    text_line_t line = {
        .first = collector->first_part, .count = out->part_count - collector->first_part,
        .extent = nothing, .dx = collector->line->dx, .dy = collector->line->dy,
        .size = collector->glyphs ? collector->size_sum / (float) collector->glyphs : 0,
        .bold = (float) collector->bold_glyphs >= BOLD_SHARE * (float) collector->glyphs,
        .begins_block = *begins_block,
    };
    if (line.count == 0)
        return;
    for (size_t i = 0; i < line.count; i++)
        extent_join (&line.extent, out->parts [line.first + i].extent);
    if (is_repeated (out, &line)) {
        out->part_count = line.first;
        return;
    }
    line.right_to_left = starts_right_to_left (out, &line);
    out->parts [line.first].spaced = true;
    out->lines [out->line_count++] = line;
    *begins_block = false;
}

int parts_make (const layout_t *layout, parts_t *out)
{
    *out = (parts_t) {.cut = layout->cut};
    out->lines = malloc (layout->line_count * sizeof *out->lines + 1);
    if (!out->lines)
        return error_set (ERROR_NO_MEMORY, NULL);
    bool begins_block = true;
    for (size_t i = 0; i < layout->line_count; i++) {
        const layout_line_t *line = &layout->lines [i];
        begins_block = begins_block || line->begins_block;
        collector_t collector = {
            .out = out, .layout = layout, .line = line, .extent = nothing, .first_part = out->part_count,
        };
        for (size_t k = 0; k < line->count; k++) {
            if (add_glyph (&collector, line->first + k) != 0)
                return -1;
        }
        if (end_part (&collector, true) != 0)
            return -1;
        end_line (&collector, &begins_block);
    }
    return 0;
}

void parts_free (parts_t *parts)
{
    free (parts->code_points);
    free (parts->parts);
    free (parts->lines);
    *parts = (parts_t) {0};
}
