/* Letters: what a code point found on a page means for its text. Pure.
 *
 * Quire's text is NFC. Beyond that, ligatures and the presentation forms of Arabic and Hebrew are
 * opened and full-width Latin letters and digits become plain ones, so that a word is found however
 * its glyphs were drawn. */
#ifndef QUIRE_LETTERS_H
#define QUIRE_LETTERS_H

#include "macros.h"

#define MAX_OPENED 18   /* code points that one can open to: U+FDFA, the longest, has 18 */
#define LETTER_UNKNOWN 0xFFFDu   /* stands for a glyph whose character is not known */

typedef enum {
    LETTER_PLAIN,      /* part of a word */
    LETTER_SPACE,      /* ends a word */
    LETTER_IDEOGRAPH,  /* a word of its own, without white space around it */
    LETTER_PRIVATE,    /* of a symbol font: a bullet where a line begins, nothing elsewhere */
    LETTER_DROPPED,    /* control, formatting, no character at all */
} letter_kind_t;

letter_kind_t letter_kind (uint32_t code_point);

/* Writes what a code point opens to; returns how many (1: mostly itself). */
size_t letter_open (uint32_t code_point, uint32_t out [MAX_OPENED]);

/* Brings code points to NFC. out has room for MAX_COMPOSED times count (and is not the input);
 * returns how many there are. */
#define MAX_COMPOSED 4
size_t letters_compose (const uint32_t *code_points, size_t count, uint32_t *out);

/* Are both still what they are in NFC when one is followed by the other? */
bool letters_stay_apart (uint32_t before, uint32_t after);

/* The combining mark for an accent that stands alone in a font (TeX draws it over the letter), or 0. */
uint32_t letter_combining (uint32_t accent);

bool letter_is_letter (uint32_t code_point);
bool letter_is_lower (uint32_t code_point);
bool letter_is_digit (uint32_t code_point);
bool letter_is_mark (uint32_t code_point);         /* a combining mark */
bool letter_is_hyphen (uint32_t code_point);       /* as it stands at the end of a line */
bool letter_is_right_to_left (uint32_t code_point);
bool letter_ends_sentence (uint32_t code_point);

#endif
