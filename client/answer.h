/* Answering: the events of a streamed response, gathered into an answer: its text, its citations, its
 * end. Pure: bytes in. */
#ifndef QUIRE_CLIENT_ANSWER_H
#define QUIRE_CLIENT_ANSWER_H

#include <yyjson.h>

#include "outcome.h"

#define MAX_ANSWER_TEXT (8u << 20)    /* of an answer, in bytes */
#define MAX_EVENT_BYTES (32u << 20)   /* of one event: the last one holds the whole response */

typedef struct answering answering_t;

typedef struct {
    uint64_t mark;             /* n of [n] in the text */
    uint64_t page;
    const char *file_name, *quote;
    bool is_said;              /* the text itself holds the quote */
    bool goes_on;              /* mark, file and page are those of the one before */
} citation_t;

/* text: gets what follows in the answer; returns 0, or -1 to end it. May be NULL. NULL without memory. */
MUST_CHECK answering_t *answering_new (int (*text) (void *context, const char *text), void *context);
void answering_destroy (answering_t **answering);

/* Bytes of the event stream, split anywhere. Returns 0 or -1. Its context is the answering. */
int answering_feed (void *answering, const char *data, size_t size);

const char *answering_id (const answering_t *answering);    /* the response's, or "" */
size_t answering_size (const answering_t *answering);       /* bytes of text so far */
yyjson_val *answering_response (const answering_t *answering);   /* as it ended; NULL: it has not */

/* Returns 0, or -1 with why it failed, is incomplete, or has broken off. */
int answering_failure (const answering_t *answering, failure_t *failure);

/* Do the documents not say it? */
bool answering_has_declined (const answering_t *answering);

/* What the service wants to be known of a good answer, such as why no LLM wrote it; or "". */
const char *answering_note (const answering_t *answering);

/* The citations in the order of their marks, files and pages, each quote once. */
size_t answering_citation_count (const answering_t *answering);
void answering_each_citation (const answering_t *answering, void (*take) (void *context, const citation_t *citation),
                              void *context);

/* The parts of the text that no citation supports. */
void answering_each_unsupported (const answering_t *answering,
                                 void (*take) (void *context, const char *text, size_t size), void *context);

#endif
