/* Sentences: what a text can be quoted by: sentences, list items, rows of tables. Pure.
 *
 * In canonical text a line ends only where it was ended on purpose, so a line is an item or a row, or
 * a paragraph that holds sentences; tabs part the cells of a row. */
#ifndef QUIRE_SENTENCES_H
#define QUIRE_SENTENCES_H

#include "macros.h"

#define MAX_SENTENCE_BYTES 1200   /* what is longer is cut between words */

typedef struct {
    size_t start, end;   /* bytes of the text; white space around it is left out */
} sentence_t;

/* Cuts text [size]. Returns how many it wrote, at most capacity. */
size_t sentences_cut (const char *text, size_t size, sentence_t *sentences, size_t capacity);

#endif
