/* Drafts: an answer as far as the answerer has told it. Pure. */
#ifndef QUIRE_GATEWAY_DRAFT_H
#define QUIRE_GATEWAY_DRAFT_H

#include <yyjson.h>

#include "message.h"

#define MAX_DRAFT_BYTES (1u << 20)   /* of an answer's text: more than any answerer tells */
#define MAX_CITATIONS   2000

typedef struct {
    yyjson_mut_doc *document;      /* owns the values */
    yyjson_mut_val *queries;       /* what was searched for: a list, empty before */
    yyjson_mut_val *results;       /* the passages, a list, empty before */
    yyjson_mut_val *citations;     /* a list */
    yyjson_mut_val *end;           /* the fields of answer_ended as an object; NULL: it goes on */
    char *text;
    size_t size, capacity;
} draft_t;

/* Each returns 0, or -1 with NO_MEMORY, BAD_MESSAGE, or INTERNAL when a limit is passed. */
MUST_CHECK int draft_begin (draft_t *draft);
MUST_CHECK int draft_add_found (draft_t *draft, const char *json);
MUST_CHECK int draft_add_text (draft_t *draft, const char *text);
MUST_CHECK int draft_add_citation (draft_t *draft, const char *json);
MUST_CHECK int draft_set_end (draft_t *draft, const answer_ended_message_t *ended);
void draft_free (draft_t *draft);

const char *draft_end_text (const draft_t *draft, const char *field);      /* "" before the end */
uint64_t draft_end_number (const draft_t *draft, const char *field);       /* 0 before the end */

/* What Quire tells beside OpenAI's fields: who answered, whether the documents say it, what no
 * citation supports. NULL before the end. */
yyjson_mut_val *draft_facts (const draft_t *draft, yyjson_mut_doc *document);

#endif
