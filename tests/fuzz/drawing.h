/* Drawings: pages made of a fuzzer's input, glyph by glyph. Printable ASCII stands for itself, so that
 * inputs read nearly like what they draw. */
#ifndef QUIRE_TESTS_DRAWING_H
#define QUIRE_TESTS_DRAWING_H

#include "canonical.h"
#include "fuzz.h"

/* Draws until the input or the drawing ends. */
void drawing_read (input_t *input, layout_t *layout);

/* An is_word_t: about half of all words are some. */
bool drawing_is_word (const void *context, const char *text, size_t size);

void drawing_seeds (void);

#endif
