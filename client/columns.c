/* Columns: every cell is kept until the widths are known. */
#include "columns.h"

#include <stdlib.h>
#include <string.h>

#include "plain.h"

struct columns {
    size_t count, rows, capacity;
    unsigned right;
    char **cells;   /* [rows] [count] */
};

columns_t *columns_new (size_t count, unsigned right)
{
    columns_t *columns = calloc (1, sizeof *columns);
    if (columns != NULL) {
        columns->count = count;
        columns->right = right;
    }
    return columns;
}

void columns_destroy (columns_t **columns)
{
    if (*columns == NULL)
        return;
    for (size_t i = 0; i < (*columns)->rows * (*columns)->count; i++)
        free ((*columns)->cells [i]);
    free ((*columns)->cells);
    free (*columns);
    *columns = NULL;
}

int columns_add (columns_t *columns, const char *const cells [])
{
    if (columns->rows == columns->capacity) {
        size_t capacity = columns->capacity * 2 + 16;
        char **grown = realloc (columns->cells, capacity * columns->count * sizeof *grown);
        if (grown == NULL)
            return -1;
        columns->cells = grown;
        columns->capacity = capacity;
    }
    char **row = columns->cells + columns->rows * columns->count;
    for (size_t i = 0; i < columns->count; i++) {
        row [i] = plain_copy (cells [i], strlen (cells [i]), PLAIN_LINE);
        if (row [i] == NULL) {
            while (i > 0)
                free (row [--i]);
            return -1;
        }
    }
    columns->rows++;
    return 0;
}

static size_t column_width (const columns_t *columns, size_t column)
{
    size_t widest = 0;
    for (size_t row = 0; row < columns->rows; row++) {
        size_t width = plain_width (columns->cells [row * columns->count + column]);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void cell_write (FILE *out, const char *cell, size_t width, bool right, bool is_last)
{
    int blanks = (int) (width - plain_width (cell));
    if (right)
        fprintf (out, "%*s%s", blanks, "", cell);
    else
        fprintf (out, "%s%*s", cell, is_last ? 0 : blanks, "");
}

void columns_write (FILE *out, const columns_t *columns, bool aligned)
{
    size_t widths [MAX_COLUMNS] = {0};
    for (size_t i = 0; aligned && i < columns->count; i++)
        widths [i] = column_width (columns, i);
    for (size_t row = 0; row < columns->rows; row++)
        for (size_t i = 0; i < columns->count; i++) {
            const char *cell = columns->cells [row * columns->count + i];
            bool is_last = i + 1 == columns->count;
            if (aligned)
                cell_write (out, cell, widths [i], (columns->right >> i & 1) != 0, is_last);
            else
                fputs (cell, out);
            fputs (is_last ? "\n" : aligned ? "  " : "\t", out);
        }
}
