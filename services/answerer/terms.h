/* Terms: what lexical search compares. Text becomes folded tokens (lower case, accents off, width
 * forms made equal), numbers stay numbers, scripts without spaces become pairs of characters.
 * Stemming is the index's work (lexical.cc). Pure. */
#ifndef QUIRE_TERMS_H
#define QUIRE_TERMS_H

#ifdef __cplusplus
extern "C" {
#endif

#include "macros.h"

#define MAX_TERM_BYTES 64             /* a longer token is cut there */
#define MAX_QUESTION_BYTES (16u << 10)  /* what follows adds no terms */

typedef enum {
    TERM_WORD = 1,   /* ASCII letters only: can be stemmed */
    TERM_NUMBER,     /* digits, with a decimal point at most */
    TERM_OTHER,      /* anything else */
    TERM_DENSE,      /* of a script without spaces: one character or two */
} term_kind_t;

/* term is NUL-terminated and lent for the call. */
typedef void (term_handler_t) (void *context, const char *term, term_kind_t kind);

/* The terms of a document's text, in order, repeated as they stand. "1,234" gives 1234, "FY18"
 * gives fy18 and 2018. */
void terms_of_text (const char *text, size_t size, term_handler_t *handler, void *context);

/* Is it a stop word or a word of the question form? For terms as handlers get them. */
bool terms_is_common (const char *term);

/* The terms of a question: without stop words and the words of the question form; with them when
 * there is nothing else. */
void terms_of_question (const char *text, size_t size, term_handler_t *handler, void *context);

/* The terms of a file's name: its runs, and their parts at changes of case and at digits. */
void terms_of_name (const char *name, size_t size, term_handler_t *handler, void *context);

/* What of a question may be a file's name: its words, and neighbours glued together (two and
 * three), so that "American Express" finds AMERICANEXPRESS_2022. */
void terms_of_question_as_names (const char *text, size_t size, term_handler_t *handler,
                                 void *context);

/* How many terms a text has, and which part of them are numbers (0 to 1). */
size_t terms_count (const char *text, size_t size, float *number_share);

/* Does a question ask for a quantity ("how many", "percentage", "total")? */
bool terms_ask_quantity (const char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
