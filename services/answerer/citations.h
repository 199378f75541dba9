/* Citations: takes the marks out of what a language model writes, as it comes, and lets only those
 * stand whose quote was found. Pure.
 *
 * What is a mark marks.h tells. One that was found becomes [3] (or the number of the passage that really
 * has the words); the others go and are counted, so that nothing that looks like a citation stays which
 * was not checked. But a bracket in a quotation that stands in a passage word for word is the document's
 * own ("as shown in [12]"), and one in code behind a name is an index (`a[0]`). A number in parentheses,
 * which may also be a figure or the count of a list, is a mark when it is the number of a passage and was
 * found, and goes when it then stands at the end of a clause; else it stays as it is.
 * Copies of the prompt's own fences go.
 * Pictures and links in the text lose what makes a reader's program fetch or hide them. */
#ifndef QUIRE_CITATIONS_H
#define QUIRE_CITATIONS_H

#include "macros.h"

#define MAX_ANSWER_BYTES (256u << 10)  /* of one answer's text; more is not taken */

typedef struct {
    size_t passage;      /* that has the quote */
    size_t from, to;     /* there, in bytes of the page's text */
} found_quote_t;

typedef struct {
    /* Has a passage that the model was shown this quote? quote "" (a number without words): does it
     * have what the statement says? preferred: the number that the model gave; 0: any. */
    bool (*check) (void *context, size_t preferred, const char *quote, size_t quote_size, const char *statement,
                   size_t statement_size, found_quote_t *found);
    void (*text) (void *context, const char *text, size_t size);
    void (*citation) (void *context, const found_quote_t *quote, uint32_t index);   /* behind its mark's text */
} citations_handler_t;

typedef struct citations citations_t;

/* passages: how many there are. */
MUST_CHECK citations_t *citations_new (const citations_handler_t *handler, size_t passages, void *context);
void citations_destroy (citations_t **citations);

/* Takes in clean text. Returns 0, or -1 with BODY_TOO_LARGE (more than MAX_ANSWER_BYTES) or NO_MEMORY. */
MUST_CHECK int citations_feed (citations_t *citations, const char *text, size_t size);
MUST_CHECK int citations_finish (citations_t *citations);

/* What was told so far. */
const char *citations_text (const citations_t *citations, size_t *size);
uint32_t citations_rejected (const citations_t *citations);

/* The sentences that no citation supports, as ranges of code points. Returns how many, at most
 * capacity. */
typedef struct {
    uint32_t start, end;
} unsupported_t;
size_t citations_unsupported (const citations_t *citations, unsupported_t *ranges, size_t capacity);

/* Does a text say that the documents do not say? */
#define DOES_NOT_SAY "The documents do not say."
bool citations_declines (const char *text);

#endif
