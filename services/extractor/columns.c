/* Columns: see columns.h.
 *
 * Lines come in the order in which they were drawn. When each line of the left column is followed by
 * the one beside it, the page looks like a table of two columns. It is prose when the lines of both
 * go on amid a sentence, which cells of a table seldom do. */
#include "columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "letters.h"

#define MIN_ROWS    5
#define MIN_WORDS   3       /* of a line, on average */
#define AMID_SHARE  0.5f    /* of a column's lines begin with a small letter */
#define GUTTER      1.0f    /* of the font's size */
#define ROW_OVERLAP 0.5f    /* of a line's height */
#define BLOCK_GAP   0.8f    /* of a line's height: between two paragraphs */

static float height (const text_line_t *line)
{
    return line->extent.across1 - line->extent.across0;
}

/* Do the two stand side by side, with a gutter between them? */
static bool is_row (const text_line_t *left, const text_line_t *right)
{
    float overlap = fminf (left->extent.across1, right->extent.across1)
                  - fmaxf (left->extent.across0, right->extent.across0);
    return left->dx == right->dx && left->dy == right->dy
        && overlap > ROW_OVERLAP * fminf (height (left), height (right))
        && right->extent.along0 - left->extent.along1 > GUTTER * left->size;
}

/* How many rows of two lines begin at a line, each below the one before, and parted by one gutter? */
static size_t count_rows (const parts_t *parts, size_t first)
{
    const text_line_t *lines = parts->lines + first;
    float left_end = -INFINITY, right_begin = INFINITY;
    size_t rows = 0;
    for (; first + 2 * rows + 1 < parts->line_count; rows++) {
        const text_line_t *left = &lines [2 * rows], *right = left + 1;
        left_end = fmaxf (left_end, left->extent.along1);
        right_begin = fminf (right_begin, right->extent.along0);
        if (!is_row (left, right) || right_begin <= left_end
            || (rows > 0 && (left->dx != lines->dx || left->dy != lines->dy
                             || left->extent.across0 < left [-2].extent.across1 - ROW_OVERLAP * height (left))))
            break;
    }
    return rows;
}

/* Is one side of the rows prose? */
static bool is_prose (const parts_t *parts, size_t first, size_t rows)
{
    size_t amid = 0, words = 0;
    for (size_t i = 0; i < rows; i++) {
        const text_line_t *line = &parts->lines [first + 2 * i];
        amid += i > 0 && letter_is_lower (parts->code_points [parts->parts [line->first].first]);
        words += line->count;
    }
    return words >= MIN_WORDS * rows && (float) amid >= AMID_SHARE * (float) (rows - 1);
}

/* Says where the paragraphs of a column begin, which rows did not tell. */
static void part_column (text_line_t *lines, size_t count)
{
    lines [0].begins_block = true;
    for (size_t i = 1; i < count; i++)
        lines [i].begins_block = lines [i].extent.across0 - lines [i - 1].extent.across1 > BLOCK_GAP * height (&lines [i]);
}

/* Puts the left lines of the rows before the right ones. */
static int order_rows (text_line_t *lines, size_t rows)
{
    text_line_t *right = malloc (rows * sizeof *right);
    if (right == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    for (size_t i = 0; i < rows; i++)
        right [i] = lines [2 * i + 1];
    for (size_t i = 1; i < rows; i++)
        lines [i] = lines [2 * i];
    memcpy (lines + rows, right, rows * sizeof *right);
    free (right);
    part_column (lines, rows);
    part_column (lines + rows, rows);
    return 0;
}

int columns_order (parts_t *parts)
{
    for (size_t first = 0; first < parts->line_count;) {
        size_t rows = count_rows (parts, first);
        if (rows >= MIN_ROWS && is_prose (parts, first, rows) && is_prose (parts, first + 1, rows)) {
            if (order_rows (parts->lines + first, rows) != 0)
                return -1;
            if (first + 2 * rows < parts->line_count)
                parts->lines [first + 2 * rows].begins_block = true;
        }
        first += rows >= MIN_ROWS ? 2 * rows : 1;
    }
    return 0;
}
