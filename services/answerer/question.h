/* A question: what it asks about, apart from how the answer is to be written, and the words that
 * documents may use in place of the question's. Pure. */
#ifndef QUIRE_QUESTION_H
#define QUIRE_QUESTION_H

#ifdef __cplusplus
extern "C" {
#endif

#include "terms.h"

/* Blanks, in place, the words about the answer's form: in "What was the debt? Round your answer to
 * two decimal places." all but the first sentence. Where no sentence asks anything, nothing. */
void question_blank_form (char *text, size_t size);

/* A copy of the question without what question_blank_form blanks, its words parted by single blanks; the
 * caller frees it. NULL with NO_MEMORY. */
MUST_CHECK char *question_rewrite (const char *text);

/* The words that documents write for what the question names (glossary.def), each word once a
 * meaning. */
void question_related (const char *text, size_t size, term_handler_t *handler, void *context);

#ifdef __cplusplus
}
#endif
#endif
