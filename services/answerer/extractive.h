/* Extractive answers: which sentences of the passages answer a question, by the words that they share
 * with it and by the nearness of their vectors. Pure, but for reading sources. */
#ifndef QUIRE_EXTRACTIVE_H
#define QUIRE_EXTRACTIVE_H

#include "sources.h"

#define MAX_SENTENCES 2048u   /* of all passages that are looked at */
#define MAX_EMBEDDED  32u     /* of them whose vectors are asked for: the best by words */
#define MAX_QUOTES    5u      /* of one answer */

typedef struct {
    size_t passage;           /* its number */
    const source_page_t *on;
    size_t from, to;          /* in the page's text, in bytes */
    float passage_score;      /* 0 to 1 */
    float words;              /* 0 to 1: which part of the question's words it has, rare ones count more */
    float cosine;             /* to the question; 0: not known */
    float score;              /* result */
} candidate_t;

/* The most promising sentences by words and passage, best first; at most MAX_EMBEDDED. Returns how
 * many, or -1 with NO_MEMORY. */
MUST_CHECK int extractive_collect (const sources_t *sources, const char *question,
                                   candidate_t candidates [MAX_EMBEDDED]);

/* Takes in how near they are: question [EMBEDDING_WIDTH], vectors [count] [EMBEDDING_WIDTH]. */
void extractive_weigh (candidate_t *candidates, size_t count, const float *question, const float *vectors);

/* Puts the answer first, in order of worth. Returns how many are its quotes, at most MAX_QUOTES; *says
 * is false when none is near enough to be an answer: then they are only what is nearest. dense: were
 * they weighed? */
size_t extractive_choose (candidate_t *candidates, size_t count, bool dense, bool *says);

#endif
