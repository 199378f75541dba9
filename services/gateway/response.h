/* Responses: OpenAI's response object and the events that tell of one, made from an answer as far as
 * it has come. Pure. */
#ifndef QUIRE_GATEWAY_RESPONSE_H
#define QUIRE_GATEWAY_RESPONSE_H

#include "draft.h"
#include "ids.h"

typedef struct {
    char id [MAX_ID], search_id [MAX_ID], message_id [MAX_ID];
    uint64_t created;              /* seconds since 1970 */
    yyjson_mut_doc *document;      /* owns the two below */
    yyjson_mut_val *asked;         /* the fields as they were asked for, or their standards */
    yyjson_mut_val *items;         /* its own input items, a list */
    bool shows_results;            /* the client wants the passages told */
    uint64_t sequence;             /* of the next event */
} response_t;

/* The response as it stands; with_results: the passages too. */
yyjson_mut_val *response_object (const response_t *response, const draft_t *draft, bool with_results,
                                 yyjson_mut_doc *document);

/* The parts of an output, as they stand. */
yyjson_mut_val *response_search_item (const response_t *response, const draft_t *draft, bool with_results,
                                      bool done, yyjson_mut_doc *document);
yyjson_mut_val *response_message_item (const response_t *response, const draft_t *draft, yyjson_mut_doc *document);
yyjson_mut_val *response_text_part (const draft_t *draft, yyjson_mut_doc *document);

/* completed, incomplete, failed, cancelled, in_progress. */
const char *response_status (const draft_t *draft);

/* Takes the passages out of a response as it is stored. */
void response_hide_results (yyjson_mut_val *response);

#endif
