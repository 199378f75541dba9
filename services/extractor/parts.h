/* Parts: the visual words of a layout's lines, cleaned and in NFC, with their places; the first half
 * of the way to canonical text. Pure. */
#ifndef QUIRE_PARTS_H
#define QUIRE_PARTS_H

#include "page.h"
#include "layout.h"

/* A span along the writing and across it (growing downwards, for writing from left to right). */
typedef struct {
    float along0, along1, across0, across1;
} extent_t;

/* What stands together on one line. */
typedef struct {
    size_t first, count;     /* code points */
    extent_t extent;
    bool spaced;             /* white space stands before it */
} part_t;

/* A line that has at least one part. */
typedef struct {
    size_t first, count;     /* parts */
    extent_t extent;
    float dx, dy;            /* direction of writing */
    float size;              /* of its font, on average */
    bool bold;               /* nearly all of it */
    bool right_to_left;
    bool begins_block;
} text_line_t;

typedef struct {
    uint32_t *code_points;
    size_t code_point_count, code_point_capacity;
    part_t *parts;
    size_t part_count, part_capacity;
    text_line_t *lines;
    size_t line_count;
    bool cut;                /* MAX_PAGE_WORDS or MAX_PAGE_TEXT_BYTES was reached */
} parts_t;

/* Returns 0, or -1 with NO_MEMORY; parts_free it either way. */
MUST_CHECK int parts_make (const layout_t *layout, parts_t *out);
void parts_free (parts_t *parts);

/* The corners of an extent, as in word_t. */
void extent_quad (extent_t extent, float dx, float dy, float quad [8]);

#endif
