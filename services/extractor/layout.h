/* A page as a reader of any kind sees it, before it becomes text: glyphs in lines in blocks, in the
 * order in which they are to be read. MuPDF and Tesseract both fill one; canonical.c turns it into
 * the page's text. */
#ifndef QUIRE_LAYOUT_H
#define QUIRE_LAYOUT_H

#include "macros.h"

#define MAX_LAYOUT_GLYPHS 1000000u   /* what a page has beyond is left out, and the page says so */

/* Corners: x, y of upper left, upper right, lower right, lower left, seen along the writing. */
typedef struct {
    uint32_t code_point;
    float size;        /* of the font, in points of the page */
    bool bold;
    float quad [8];
} glyph_t;

typedef struct {
    size_t first, count;     /* its glyphs */
    float dx, dy;            /* the direction of writing, a unit vector */
    bool vertical;           /* characters stand one below the other */
    bool begins_block;
} layout_line_t;

typedef struct {
    glyph_t *glyphs;
    size_t glyph_count, glyph_capacity;
    layout_line_t *lines;
    size_t line_count, line_capacity;
    bool block_ended;        /* the next line begins a block */
    bool cut;                /* a limit was reached; the rest is missing */
} layout_t;

/* Zeroed is empty. Each returns 0, or -1 with NO_MEMORY. A glyph belongs to the line begun last. */
MUST_CHECK int layout_begin_line (layout_t *layout, float dx, float dy, bool vertical);
MUST_CHECK int layout_add_glyph (layout_t *layout, const glyph_t *glyph);
void layout_end_block (layout_t *layout);

/* Adds the glyphs of `other` that stand where the layout has no line yet, as blocks of their own.
 * *added tells whether there were any besides spaces. */
MUST_CHECK int layout_add_missing (layout_t *layout, const layout_t *other, bool *added);
void layout_free (layout_t *layout);

#endif
