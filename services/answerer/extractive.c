/* Extractive answers: see extractive.h. */
#include "extractive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dot.h"
#include "error.h"
#include "sentences.h"
#include "terms.h"
#include "utf8.h"

#define MAX_TERMS      64
#define MAX_PASSAGE_SENTENCES 512
#define LOOK_AROUND    1500     /* bytes before and behind a passage, for the sentences that it cuts */
#define LEAST_STEM     4        /* letters that two forms of a word share at least */
#define MOST_ENDING    4        /* letters in which they may differ at the end */
#define LEAST_TERMS    3        /* a sentence has at least so many */

static const struct {
#define QUOTE_WEIGHT(name, value, what) float name;
#include "weights.def"
} weights = {
#define QUOTE_WEIGHT(name, value, what) .name = (float) (value),
#include "weights.def"
};

/* -- words ----------------------------------------------------------------------------------- */

typedef struct {
    char terms [MAX_TERMS] [MAX_TERM_BYTES + 1];
    float weights [MAX_TERMS];
    uint32_t sentences [MAX_TERMS];   /* that have it */
    size_t count;
} question_terms_t;

static void take_term (void *context, const char *term, term_kind_t kind UNUSED)
{
    question_terms_t *question = context;
    for (size_t i = 0; i < question->count; i++)
        if (strcmp (question->terms [i], term) == 0)
            return;
    if (question->count < MAX_TERMS)
        strncat (question->terms [question->count++], term, MAX_TERM_BYTES);
}

/* Are these two forms of one word? */
static bool is_form_of (const char *a, const char *b, term_kind_t kind)
{
    size_t same = 0;
    while (a [same] != '\0' && a [same] == b [same])
        same++;
    if (a [same] == '\0' && b [same] == '\0')
        return true;
    return kind == TERM_WORD && same >= LEAST_STEM && strlen (a + same) <= MOST_ENDING && strlen (b + same) <= MOST_ENDING
        && (strlen (a + same) <= 1 || strlen (b + same) <= 1 || same > LEAST_STEM);
}

typedef struct {
    const question_terms_t *question;
    uint64_t found;                   /* a bit a term */
    size_t terms, news;               /* news: terms that the question does not have */
} sentence_terms_t;

static void match_term (void *context, const char *term, term_kind_t kind)
{
    sentence_terms_t *sentence = context;
    uint64_t found = 0;
    for (size_t i = 0; i < sentence->question->count; i++)
        if (is_form_of (sentence->question->terms [i], term, kind))
            found |= (uint64_t) 1 << i;
    sentence->terms++;
    sentence->news += found == 0;
    sentence->found |= found;
}

/* Does a sentence say anything that the question does not? A heading that the question is about has
 * all its words, and answers nothing. */
static bool tells_news (const question_terms_t *question, const char *text, size_t size)
{
    sentence_terms_t terms = {.question = question};
    terms_of_question (text, size, match_term, &terms);
    return terms.news > 0;
}

/* -- collecting ------------------------------------------------------------------------------ */

typedef struct {
    candidate_t candidate;
    uint64_t found;
} sentence_of_t;

typedef struct {
    question_terms_t question;
    sentence_of_t *items;             /* [MAX_SENTENCES] */
    size_t count;
} pool_of_sentences_t;

static bool is_known (const pool_of_sentences_t *pool, const source_page_t *on, size_t from)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->items [i].candidate.on == on && pool->items [i].candidate.from == from)
            return true;
    return false;
}

static void add_sentence (pool_of_sentences_t *pool, candidate_t candidate)
{
    sentence_terms_t terms = {.question = &pool->question};
    terms_of_text (candidate.on->text + candidate.from, candidate.to - candidate.from, match_term, &terms);
    candidate.score = tells_news (&pool->question, candidate.on->text + candidate.from, candidate.to - candidate.from)
                    ? 0 : -weights.no_news;
    if (terms.terms < LEAST_TERMS || pool->count == MAX_SENTENCES || is_known (pool, candidate.on, candidate.from))
        return;
    for (size_t i = 0; i < pool->question.count; i++)
        pool->question.sentences [i] += terms.found >> i & 1;
    pool->items [pool->count++] = (sentence_of_t) {candidate, terms.found};
}

/* Where the text around a passage begins: at a line's begin if that is near. */
static size_t reach_back (const char *text, size_t from)
{
    size_t least = from > LOOK_AROUND ? from - LOOK_AROUND : 0, at = from;
    while (at > least && text [at - 1] != '\n')
        at--;
    while (at > 0 && ((unsigned char) text [at] & 0xC0) == 0x80)
        at--;
    return at;
}

static size_t reach_on (const char *text, size_t size, size_t to)
{
    size_t most = size - to > LOOK_AROUND ? to + LOOK_AROUND : size, at = to;
    while (at < most && text [at] != '\n')
        at++;
    while (at < size && ((unsigned char) text [at] & 0xC0) == 0x80)
        at++;
    return at;
}

/* The sentences of which a passage has at least half. */
static void add_passage (pool_of_sentences_t *pool, const source_t *source, size_t number)
{
    const source_page_t *page = source->on;
    sentence_t sentences [MAX_PASSAGE_SENTENCES];
    size_t begin = reach_back (page->text, source->from), end = reach_on (page->text, page->size, source->to);
    size_t count = sentences_cut (page->text + begin, end - begin, sentences, MAX_PASSAGE_SENTENCES);
    for (size_t i = 0; i < count; i++) {
        size_t from = begin + sentences [i].start, to = begin + sentences [i].end;
        size_t low = from > source->from ? from : source->from, high = to < source->to ? to : source->to;
        if (high > low && (high - low) * 2 >= to - from)
            add_sentence (pool, (candidate_t) {.passage = number, .on = page, .from = from, .to = to,
                                               .passage_score = source->score});
    }
}

static float share_of_words (const pool_of_sentences_t *pool, uint64_t found)
{
    float all = 0, matched = 0;
    for (size_t i = 0; i < pool->question.count; i++) {
        all += pool->question.weights [i];
        matched += found >> i & 1 ? pool->question.weights [i] : 0;
    }
    return all > 0 ? matched / all : 0;
}

/* What is rare among the sentences counts more. */
static void weigh_words (pool_of_sentences_t *pool)
{
    for (size_t i = 0; i < pool->question.count; i++)
        pool->question.weights [i] = logf (1 + (float) pool->count / (1 + (float) pool->question.sentences [i]));
    for (size_t i = 0; i < pool->count; i++) {
        candidate_t *candidate = &pool->items [i].candidate;
        candidate->words = share_of_words (pool, pool->items [i].found);
        candidate->score += weights.words * candidate->words + weights.passage * candidate->passage_score;
    }
}

static int compare_scores (const candidate_t *a, const candidate_t *b)
{
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    if (a->passage != b->passage)
        return a->passage > b->passage ? 1 : -1;
    return (a->from > b->from) - (a->from < b->from);
}

static int compare_sentences (const void *left, const void *right)
{
    const sentence_of_t *a = left, *b = right;
    return compare_scores (&a->candidate, &b->candidate);
}

static int compare_candidates (const void *left, const void *right)
{
    return compare_scores (left, right);
}

int extractive_collect (const sources_t *sources, const char *question, candidate_t candidates [MAX_EMBEDDED])
{
    pool_of_sentences_t *pool = calloc (1, sizeof *pool);
    if (pool != NULL)
        pool->items = malloc (MAX_SENTENCES * sizeof *pool->items);
    if (pool == NULL || pool->items == NULL) {
        free (pool);
        return error_set (ERROR_NO_MEMORY, NULL);
    }
    terms_of_question (question, strlen (question), take_term, &pool->question);
    for (size_t i = 1; i <= sources_count (sources); i++)
        if (sources_get (sources, i)->on != NULL)
            add_passage (pool, sources_get (sources, i), i);
    weigh_words (pool);
    qsort (pool->items, pool->count, sizeof *pool->items, compare_sentences);
    size_t count = pool->count < MAX_EMBEDDED ? pool->count : MAX_EMBEDDED;
    for (size_t i = 0; i < count; i++)
        candidates [i] = pool->items [i].candidate;
    free (pool->items);
    free (pool);
    return (int) count;
}

/* -- choosing -------------------------------------------------------------------------------- */

void extractive_weigh (candidate_t *candidates, size_t count, const float *question, const float *vectors)
{
    float cosines [MAX_EMBEDDED];
    dot_many (cosines, question, vectors, count);
    for (size_t i = 0; i < count; i++) {
        candidates [i].cosine = cosines [i];
        candidates [i].score += weights.cosine * cosines [i];
    }
}

/* The next letter of a text, in lower case where it is ASCII; 0 at the end. */
static uint32_t next_letter (const char *text, size_t size, size_t *at)
{
    while (*at < size) {
        uint32_t c = utf8_next (text, size, at);
        if (c >= 0x80 || (c >= 'a' && c <= 'z'))
            return c;
        if (c >= 'A' && c <= 'Z')
            return c + 'a' - 'A';
    }
    return 0;
}

static bool is_row (const candidate_t *candidate)
{
    return memchr (candidate->on->text + candidate->from, '\t', candidate->to - candidate->from) != NULL;
}

/* Is it the same text, or the same but for numbers, as the running head of every page? In a table the
 * numbers are what a row is about. */
static bool is_same_text (const candidate_t *a, const candidate_t *b)
{
    size_t size = a->to - a->from;
    if (size == b->to - b->from && memcmp (a->on->text + a->from, b->on->text + b->from, size) == 0)
        return true;
    size_t at_a = a->from, at_b = b->from, letters = 0;
    uint32_t letter, other;
    do {
        letter = next_letter (a->on->text, a->to, &at_a);
        other = next_letter (b->on->text, b->to, &at_b);
        letters++;
    } while (letter == other && letter != 0);
    return letter == other && letters > 1 && !is_row (a);
}

static bool is_repeated (const candidate_t *candidates, size_t count, const candidate_t *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (is_same_text (&candidates [i], wanted))
            return true;
    return false;
}

static bool is_near (const candidate_t *candidates, size_t count, bool dense)
{
    float passage = 0, sentence = 0;
    for (size_t i = 0; i < count; i++) {
        passage = fmaxf (passage, candidates [i].passage_score);
        sentence = fmaxf (sentence, dense ? candidates [i].cosine : candidates [i].words);
    }
    return count > 0 && passage + sentence >= (dense ? weights.near_enough : weights.near_enough_words);
}

size_t extractive_choose (candidate_t *candidates, size_t count, bool dense, bool *says)
{
    size_t chosen = 0;
    if (count > 0)
        qsort (candidates, count, sizeof *candidates, compare_candidates);
    float best = count > 0 ? candidates [0].score : 0;
    *says = is_near (candidates, count, dense);
    for (size_t i = 0; i < count && chosen < MAX_QUOTES && candidates [i].score >= weights.near_the_best * best; i++)
        if (!is_repeated (candidates, chosen, &candidates [i]))
            candidates [chosen++] = candidates [i];
    return chosen;
}
