/* Sources: the passages that an answer is made from, each with the page that it stands on, so that
 * whatever is quoted is a range of the page's text. Passage n, from 1, is data [n - 1] of the
 * search's results, whatever becomes of it later. */
#ifndef QUIRE_SOURCES_H
#define QUIRE_SOURCES_H

#include "search.h"

#define MAX_ANSWER_STORES 8u
#define MAX_SOURCE_BYTES  (16u << 20)   /* of pages that one answer holds; passages beyond can't be quoted */

typedef struct {
    const char *file_id;
    uint32_t page;
    char *text;                 /* canonical */
    size_t size;
    void *words;                /* packed */
    size_t words_size;
    float width, height;
} source_page_t;

typedef struct {
    const char *file_id, *filename;
    uint32_t page;
    uint32_t start, end;        /* of the passage in the page's text, in code points */
    float score;
    const source_page_t *on;    /* NULL: it is gone meanwhile, or beyond MAX_SOURCE_BYTES */
    size_t from, to;            /* the passage in on->text, in bytes */
} source_t;

typedef struct sources sources_t;

/* Searches all stores of the request and reads the pages of what was found. queries: what to search
 * for, vectors as search_run takes them. NULL with an error; param as search_run. */
MUST_CHECK sources_t *sources_find (reader_t *reader, index_t *index, const answer_message_t *request,
                                    strings_t queries, const float *vectors, const char **param);
void sources_destroy (sources_t **sources);

const char *sources_json (const sources_t *sources);   /* the search's results */
size_t sources_count (const sources_t *sources);
uint32_t sources_reading (const sources_t *sources);   /* files that may say more, when they have been read */
const source_t *sources_get (const sources_t *sources, size_t number);   /* from 1; NULL: none */

/* A citation of passage `number`: text [from, to) of its page, in bytes; index: of its mark in the
 * answer. Returns JSON that the caller frees, or NULL with NO_MEMORY or BAD_MESSAGE (damaged words). */
MUST_CHECK char *sources_citation (const sources_t *sources, size_t number, size_t from, size_t to,
                                   uint32_t index);

#endif
