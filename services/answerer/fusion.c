/* Fusion of lexical and dense evidence. */
#include "fusion.h"

#include <stdlib.h>
#include <string.h>

const fusion_weights_t fusion_weights = {
#define PAGE_WEIGHT(name, value, what) .name = (float) (value),
#include "weights.def"
};

bool ranker_named (const char *name, ranker_t *ranker)
{
    static const struct {
        const char *name;
        ranker_t ranker;
    } rankers [] = {
        {"", RANKER_FUSED}, {"auto", RANKER_FUSED}, {"fused", RANKER_FUSED},
        {"lexical", RANKER_LEXICAL}, {"dense", RANKER_DENSE},
    };
    for (size_t i = 0; i < COUNT_OF (rankers); i++)
        if (strcmp (rankers [i].name, name) == 0) {
            *ranker = rankers [i].ranker;
            return true;
        }
    return false;
}

/* -- pages ---------------------------------------------------------------------------------- */

static float lexical_of (const page_evidence_t *page, const fusion_weights_t *weights)
{
    return page->page_bm25 + weights->chunk * page->chunk_bm25 + weights->head * page->head_bm25;
}

static float positive (float value)
{
    return value > 0 ? value : 0;
}

static float best_card (const page_evidence_t *pages, size_t count)
{
    float best = 0;
    for (size_t i = 0; i < count; i++)
        best = pages [i].card_bm25 > best ? pages [i].card_bm25 : best;
    return best;
}

static float score_of (const page_evidence_t *page, question_facts_t facts, float card_scale,
                       const fusion_weights_t *weights)
{
    if (facts.ranker == RANKER_DENSE)
        return positive (page->cosine);
    float score = facts.full_bm25 > 0 ? lexical_of (page, weights) / facts.full_bm25 : 0;
    if (facts.ranker == RANKER_FUSED)
        score += weights->dense * positive (page->cosine);
    if (facts.quantity)
        score *= 1 + weights->numbers * page->number_share;
    if (facts.many_files)
        score += weights->name * page->name_share
            + (card_scale > 0 ? weights->card * page->card_bm25 / card_scale : 0);
    return score;
}

static int compare_pages (const void *left, const void *right)
{
    const page_evidence_t *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return (a->page > b->page) - (a->page < b->page);
}

void fusion_rank (page_evidence_t *pages, size_t count, question_facts_t facts,
                  const fusion_weights_t *weights)
{
    float card_scale = best_card (pages, count);
    for (size_t i = 0; i < count; i++)
        pages [i].score = score_of (&pages [i], facts, card_scale, weights);
    if (count > 0)
        qsort (pages, count, sizeof *pages, compare_pages);
}

/* -- passages ------------------------------------------------------------------------------- */

static const chunk_evidence_t *first_of_page (const chunk_evidence_t *chunks, size_t count, uint32_t page)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chunks [middle].page < page)
            low = middle + 1;
        else
            high = middle;
    }
    return chunks + low;
}

static float best_bm25 (const chunk_evidence_t *chunks, size_t count)
{
    float best = 0;
    for (size_t i = 0; i < count; i++)
        best = chunks [i].bm25 > best ? chunks [i].bm25 : best;
    return best;
}

static float worth_of (const chunk_evidence_t *chunk, ranker_t ranker, float best)
{
    float lexical = best > 0 ? chunk->bm25 / best : 0;
    switch (ranker) {
    case RANKER_LEXICAL: return lexical;
    case RANKER_DENSE:   return positive (chunk->cosine);
    default:             return lexical + fusion_weights.dense * positive (chunk->cosine);
    }
}

/* The chunk of the page that comes at `turn` when they are ordered by worth, or NULL. */
static const chunk_evidence_t *chunk_at_turn (const chunk_evidence_t *chunks, size_t count, uint32_t page,
                                              size_t turn, ranker_t ranker, float best)
{
    const chunk_evidence_t *end = chunks + count;
    for (const chunk_evidence_t *i = first_of_page (chunks, count, page); i < end && i->page == page; i++) {
        size_t better = 0;
        float worth = worth_of (i, ranker, best);
        for (const chunk_evidence_t *j = first_of_page (chunks, count, page); j < end && j->page == page; j++) {
            float other = worth_of (j, ranker, best);
            better += other > worth || (other == worth && j->chunk < i->chunk);
        }
        if (better == turn)
            return i;
    }
    return NULL;
}

/* Fused and lexical scores have no upper end, so they are bent into 0 to 1; cosines lie there. */
static float shown (float score, ranker_t ranker)
{
    return ranker == RANKER_DENSE ? (score > 1 ? 1 : score) : score / (1 + score);
}

/* What passages are being cut from, and those that there are. */
typedef struct {
    const page_evidence_t *pages;
    size_t page_count;
    const chunk_evidence_t *chunks;
    size_t chunk_count;
    ranker_t ranker;
    float best_bm25, least_score;
    passage_t *passages;
    const chunk_evidence_t **taken;   /* [capacity] the chunk of each passage */
    size_t count, capacity;
} cutting_t;

/* Evidence that is equal to the last bit comes from equal words: the vector is made of them alone. */
static bool is_repeated (const cutting_t *cutting, const chunk_evidence_t *chunk)
{
    for (size_t i = 0; i < cutting->count; i++) {
        const chunk_evidence_t *taken = cutting->taken [i];
        if (taken != chunk && chunk->cosine > 0 && taken->cosine == chunk->cosine && taken->bm25 == chunk->bm25)
            return true;
    }
    return false;
}

static bool is_taken (const cutting_t *cutting, const chunk_evidence_t *chunk)
{
    for (size_t i = 0; i < cutting->count; i++)
        if (cutting->taken [i] == chunk)
            return true;
    return false;
}

/* Scores fall along the list: a later turn's stand below all that are there. */
static void take_chunk (cutting_t *cutting, const page_evidence_t *page, const chunk_evidence_t *chunk)
{
    float score = shown (page->score, cutting->ranker);
    cutting->least_score = score < cutting->least_score ? score : cutting->least_score;
    cutting->taken [cutting->count] = chunk;
    cutting->passages [cutting->count++] = (passage_t) {chunk->chunk, page->page, page->file, cutting->least_score};
}

static void cut_turn (cutting_t *cutting, size_t turn, bool repeated)
{
    for (size_t i = 0; i < cutting->page_count && cutting->count < cutting->capacity; i++) {
        const page_evidence_t *page = &cutting->pages [i];
        const chunk_evidence_t *chunk = chunk_at_turn (cutting->chunks, cutting->chunk_count, page->page, turn,
                                                       cutting->ranker, cutting->best_bm25);
        if (chunk != NULL && page->score > 0 && is_repeated (cutting, chunk) == repeated
            && !is_taken (cutting, chunk))
            take_chunk (cutting, page, chunk);
    }
}

#define TURNS 3

size_t fusion_cut (const page_evidence_t *pages, size_t page_count, const chunk_evidence_t *chunks,
                   size_t chunk_count, ranker_t ranker, passage_t *passages, size_t capacity)
{
    cutting_t cutting = {
        .pages = pages, .page_count = page_count, .chunks = chunks, .chunk_count = chunk_count,
        .ranker = ranker, .best_bm25 = best_bm25 (chunks, chunk_count), .least_score = 1,
        .passages = passages, .taken = malloc ((capacity + 1) * sizeof *cutting.taken), .capacity = capacity,
    };
    if (cutting.taken == NULL)
        return 0;
    for (int repeated = 0; repeated < 2; repeated++)
        for (size_t turn = 0; turn < TURNS; turn++)
            cut_turn (&cutting, turn, repeated);
    free (cutting.taken);
    return cutting.count;
}

static int compare_by_chunk (const void *left, const void *right)
{
    const passage_t *a = left, *b = right;
    if (a->chunk != b->chunk)
        return a->chunk < b->chunk ? -1 : 1;
    return (a->score < b->score) - (a->score > b->score);
}

static int compare_by_score (const void *left, const void *right)
{
    const passage_t *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

size_t fusion_join (passage_t *passages, size_t count)
{
    size_t kept = 0;
    if (count == 0)
        return 0;
    qsort (passages, count, sizeof *passages, compare_by_chunk);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || passages [kept - 1].chunk != passages [i].chunk)
            passages [kept++] = passages [i];
    qsort (passages, kept, sizeof *passages, compare_by_score);
    return kept;
}
