/* Layouts: growing arrays of glyphs and lines. */
#include "layout.h"

#include <math.h>
#include <stdlib.h>

#include "error.h"

/* Makes room for one more item. */
static int grow (void **items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return 0;
    size_t wanted = *capacity ? *capacity * 2 : 256;
    void *larger = realloc (*items, wanted * item_size);
    if (!larger)
        return error_set (ERROR_NO_MEMORY, NULL);
    *items = larger;
    *capacity = wanted;
    return 0;
}

int layout_begin_line (layout_t *layout, float dx, float dy, bool vertical)
{
    if (grow ((void **) &layout->lines, layout->line_count, &layout->line_capacity,
              sizeof *layout->lines) != 0)
        return -1;
    layout->lines [layout->line_count] = (layout_line_t) {
        .first = layout->glyph_count, .dx = dx, .dy = dy, .vertical = vertical,
        .begins_block = layout->block_ended || layout->line_count == 0,
    };
    layout->line_count++;
    layout->block_ended = false;
    return 0;
}

int layout_add_glyph (layout_t *layout, const glyph_t *glyph)
{
    if (layout->glyph_count == MAX_LAYOUT_GLYPHS) {
        layout->cut = true;
        return 0;
    }
    if (grow ((void **) &layout->glyphs, layout->glyph_count, &layout->glyph_capacity,
              sizeof *layout->glyphs) != 0)
        return -1;
    layout->glyphs [layout->glyph_count++] = *glyph;
    layout->lines [layout->line_count - 1].count++;
    return 0;
}

void layout_end_block (layout_t *layout)
{
    layout->block_ended = true;
}

typedef struct {
    float x0, y0, x1, y1;
} box_t;

static box_t line_box (const layout_t *layout, const layout_line_t *line)
{
    box_t box = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = line->first; i < line->first + line->count; i++) {
        const float *quad = layout->glyphs [i].quad;
        for (int k = 0; k < 8; k += 2) {
            box.x0 = fminf (box.x0, quad [k]);
            box.x1 = fmaxf (box.x1, quad [k]);
            box.y0 = fminf (box.y0, quad [k + 1]);
            box.y1 = fmaxf (box.y1, quad [k + 1]);
        }
    }
    return box;
}

/* Does the middle of a glyph lie in one of the boxes? */
static bool is_covered (const glyph_t *glyph, const box_t *boxes, size_t count)
{
    float x = (glyph->quad [0] + glyph->quad [4]) / 2, y = (glyph->quad [1] + glyph->quad [5]) / 2;
    for (size_t i = 0; i < count; i++) {
        if (x >= boxes [i].x0 && x <= boxes [i].x1 && y >= boxes [i].y0 && y <= boxes [i].y1)
            return true;
    }
    return false;
}

/* Adds what is missing of one line. */
static int add_missing_line (layout_t *layout, const layout_t *other, const layout_line_t *line,
                             const box_t *boxes, size_t count, bool *added)
{
    if (line->begins_block)
        layout_end_block (layout);
    if (layout_begin_line (layout, line->dx, line->dy, line->vertical) != 0)
        return -1;
    for (size_t i = line->first; i < line->first + line->count; i++) {
        const glyph_t *glyph = &other->glyphs [i];
        if (is_covered (glyph, boxes, count))
            continue;
        if (layout_add_glyph (layout, glyph) != 0)
            return -1;
        *added = *added || glyph->code_point != ' ';
    }
    return 0;
}

int layout_add_missing (layout_t *layout, const layout_t *other, bool *added)
{
    size_t count = layout->line_count;
    box_t *boxes = malloc (count * sizeof *boxes + 1);
    if (!boxes)
        return error_set (ERROR_NO_MEMORY, NULL);
    for (size_t i = 0; i < count; i++)
        boxes [i] = line_box (layout, &layout->lines [i]);
    *added = false;
    int result = 0;
    layout_end_block (layout);
    for (size_t i = 0; result == 0 && i < other->line_count; i++)
        result = add_missing_line (layout, other, &other->lines [i], boxes, count, added);
    free (boxes);
    return result;
}

void layout_free (layout_t *layout)
{
    free (layout->glyphs);
    free (layout->lines);
    *layout = (layout_t) {0};
}
