/* A search: gathers the evidence for a question from the indexes, ranks, cuts passages, and tells
 * them in the HTTP API's shape. Runs on any thread that has a reader. */
#ifndef QUIRE_SEARCH_H
#define QUIRE_SEARCH_H

#include "index.h"
#include "lexical.h"
#include "message.h"
#include "store.h"

#define MAX_SEARCH_RESULTS 50u

/* What a thread reads with. */
typedef struct {
    store_t *store;
    lexical_reader_t *lexical;
    bool texts_damaged;   /* set by a search that had to do without the full-text index */
    float *shares;        /* [share_count] of numbers among a page's terms, by page, as far as searches
                           * have looked them up (else NAN): they never change */
    size_t share_count;
} reader_t;

/* Checks what can be checked without looking anything up. 0, or -1 with an error; param gets the
 * field that is wrong. */
MUST_CHECK int search_check (const search_message_t *request, const char **param);

/* vectors [request->queries.count] [EMBEDDING_WIDTH], or NULL: lexical evidence only.
 * Returns JSON that the caller frees, or NULL with an error; param as above. */
MUST_CHECK char *search_run (reader_t *reader, index_t *index, const search_message_t *request,
                             const float *vectors, const char **param);

#endif
