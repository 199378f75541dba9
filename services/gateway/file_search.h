/* File search: where and how an answer looks for its passages, as OpenAI's tool says it. Pure. */
#ifndef QUIRE_GATEWAY_FILE_SEARCH_H
#define QUIRE_GATEWAY_FILE_SEARCH_H

#include "message.h"
#include "ranking.h"

#define DEFAULT_PASSAGES  10
#define MAX_ANSWER_STORES 8

typedef struct {
    strings_builder_t stores;
    uint32_t limit;
    char *filters;        /* JSON, or "" */
    ranking_t ranking;
} file_search_t;

/* tools: the list as it was sent, or NULL; without a tool the store `default` is searched. Returns 0,
 * or -1 with BAD_FIELD or NO_MEMORY. Free it in either case. */
MUST_CHECK int file_search_read (yyjson_val *tools, file_search_t *search);
MUST_CHECK int file_search_of_store (const char *store, file_search_t *search);
void file_search_free (file_search_t *search);

/* The question for an answer that rests on the search, which lends it its texts; turns, instructions
 * and sampling are the caller's to add. */
answer_message_t file_search_message (const file_search_t *search);

#endif
