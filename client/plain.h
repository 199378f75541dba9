/* Plain text: what came from documents, file names and the service, made fit for a terminal. A control
 * character shows as a sign of its own (U+2400 to U+2421), what turns the direction of writing or is
 * malformed as U+FFFD, so that no text can move the cursor, change colours, or look like another.
 * Widths are columns of a terminal. Pure. */
#ifndef QUIRE_CLIENT_PLAIN_H
#define QUIRE_CLIENT_PLAIN_H

#include <stdio.h>

#include "macros.h"

/* Must it not reach a terminal as it is? */
bool plain_is_unfit (uint32_t c);

typedef enum {
    PLAIN_LINES,   /* line ends and tabs stay */
    PLAIN_LINE,    /* line ends and tabs show as signs too: names */
    PLAIN_RUN,     /* white space, line ends included, becomes one blank: passages */
} plain_mode_t;

/* A fit copy. The caller frees it; NULL when there is no memory. */
MUST_CHECK char *plain_copy (const char *text, size_t size, plain_mode_t mode);

void plain_write (FILE *out, const char *text, plain_mode_t mode);

/* Is it made as the service makes ids: letters, digits, '-' and '_'? Only such ones are believed. */
bool plain_is_id (const char *text);

/* Columns that the text takes. */
size_t plain_width (const char *text);

/* The bytes of the longest beginning that takes at most `width` columns. */
size_t plain_fit (const char *text, size_t width);

/* Writes exactly `width` columns: the text and blanks, or its beginning, "…" and its end. */
void plain_pad (FILE *out, const char *text, size_t width);

/* Writes a text in lines of at most `width` columns, broken at blanks, each indented and ended. width
 * 0: one line. */
void plain_wrap (FILE *out, const char *text, size_t width, size_t indent);

/* Writes JSON, in which unfit characters become \u escapes; so it means the same. */
void plain_json (FILE *out, const char *json, size_t size);

#endif
