/* Completions: OpenAI's chat completion objects, made from an answer as far as it has come. Pure. */
#ifndef QUIRE_GATEWAY_COMPLETION_H
#define QUIRE_GATEWAY_COMPLETION_H

#include "draft.h"
#include "ids.h"

typedef struct {
    char id [MAX_ID];
    uint64_t created;     /* seconds since 1970 */
    const char *model;    /* as it was asked for */
} completion_t;

/* The whole completion, of a draft that has ended. */
yyjson_mut_doc *completion_document (const completion_t *completion, const draft_t *draft);

/* A chunk of a stream; takes the delta. finish NULL: it goes on. */
yyjson_mut_doc *completion_chunk (const completion_t *completion, yyjson_mut_doc *document, yyjson_mut_val *delta,
                                  const char *finish);

/* The chunk behind the last one, with what was used. */
yyjson_mut_doc *completion_usage_chunk (const completion_t *completion, const draft_t *draft);

const char *completion_finish (const draft_t *draft);   /* stop, length, content_filter */

#endif
