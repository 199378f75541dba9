/* Fusion: from the evidence for each page to a ranking, and from the best pages to passages. Pure.
 *
 * Score of a page = (lexical part + dense × best cosine)
 *                   × (1 + numbers × share of numbers, when a quantity is asked for)
 *                   + name × share of the file's name in the question + card × card's BM25, scaled
 * Lexical part = BM25 of the page + chunk × BM25 of its best chunk + head × BM25 of its head, as a
 * share of what the BM25 of a page can be at most, so that words weigh less where no page has many
 * of them. */
#ifndef QUIRE_FUSION_H
#define QUIRE_FUSION_H

#include "macros.h"

typedef struct {
#define PAGE_WEIGHT(name, value, what) float name;
#include "weights.def"
} fusion_weights_t;

extern const fusion_weights_t fusion_weights;   /* those that searches use */

typedef enum { RANKER_FUSED, RANKER_LEXICAL, RANKER_DENSE } ranker_t;

/* "fused", "auto" and "" are fused; false when the name is none. */
bool ranker_named (const char *name, ranker_t *ranker);

typedef struct {
    uint32_t page, file;                    /* short names */
    float page_bm25, head_bm25, chunk_bm25; /* of its best chunk; 0: not found */
    float cosine;                           /* of its best chunk; 0: none yet */
    float number_share;
    float name_share, card_bm25;            /* of its file */
    float score;                            /* result */
} page_evidence_t;

typedef struct {
    ranker_t ranker;
    bool quantity;      /* the question asks for one */
    bool many_files;    /* more than one may hold the answer: names and cards count */
    float full_bm25;    /* of a page that says the question's words and no others; 0: none is known */
} question_facts_t;

/* Scores the pages and sorts them, the best first; equal ones in the order of their numbers. */
void fusion_rank (page_evidence_t *pages, size_t count, question_facts_t facts,
                  const fusion_weights_t *weights);

typedef struct {
    uint32_t chunk, page;
    float bm25, cosine;   /* 0: not found */
} chunk_evidence_t;

typedef struct {
    uint32_t chunk, page, file;
    float score;          /* 0 to 1, falling */
} passage_t;

/* Cuts passages from ranked pages: the best chunk of each page in turn, then the second best ones.
 * Those that say the same, word for word, as one before them (copies of a file) come last.
 * chunks must be sorted by page. Returns how many passages there are, at most capacity. */
size_t fusion_cut (const page_evidence_t *pages, size_t page_count, const chunk_evidence_t *chunks,
                   size_t chunk_count, ranker_t ranker, passage_t *passages, size_t capacity);

/* Joins the passages of several questions: each once, with its best score, the best first.
 * Works in place; returns how many are left. */
size_t fusion_join (passage_t *passages, size_t count);

#endif
