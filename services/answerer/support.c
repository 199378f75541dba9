/* Support: see support.h. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "sentences.h"
#include "terms.h"
#include "utf8.h"

#define MAX_WORDS      256u   /* of a statement; what follows is not looked at */
#define MAX_SENTENCES  128u   /* of a passage */
#define FEW_WORDS      3u     /* fewer say too little alone */
#define LEAST_WORDS    2u
#define LEAST_OWN      2u     /* words that each of several sentences adds */
#define MIN_STEM       4u     /* letters that forms of a word have in common, at least */
#define MAX_ENDING     3u     /* letters in which they differ, at most */

typedef struct {
    char text [MAX_TERM_BYTES + 1];
    bool is_exact;   /* a figure, or has digits as V100: no other form of it is the same */
    bool is_name;
} word_t;

typedef struct {
    word_t items [MAX_WORDS];
    size_t count;
    bool marks_names;   /* what is added now is a name, if a word */
    bool denies;
} words_t;

/* Which words of the statement a sentence has. Of several: all, and as the one denies that has the most. */
typedef struct {
    uint64_t bits [MAX_WORDS / 64];
    size_t count;
    bool denies;
} cover_t;

typedef struct {
    words_t statement, scratch;
    sentence_t sentences [MAX_SENTENCES];
    cover_t covers [MAX_SENTENCES];
} work_t;

/* -- words ----------------------------------------------------------------------------------- */

static bool is_denial (const char *term)
{
    static const char *const denials [] = {"not", "no", "never", "none", "neither", "nor", "without", "cannot", "nobody",
                                           "nothing", "t"};   /* t: of "didn't" */
    for (size_t i = 0; i < COUNT_OF (denials); i++)
        if (strcmp (term, denials [i]) == 0)
            return true;
    return false;
}

/* "twelve" and 12 are one. */
static const char *figure_of (const char *term)
{
    static const char *const figures [] [2] = {
        {"zero", "0"}, {"one", "1"}, {"two", "2"}, {"three", "3"}, {"four", "4"}, {"five", "5"}, {"six", "6"},
        {"seven", "7"}, {"eight", "8"}, {"nine", "9"}, {"ten", "10"}, {"eleven", "11"}, {"twelve", "12"},
        {"twenty", "20"}, {"thirty", "30"}, {"forty", "40"}, {"fifty", "50"}, {"hundred", "100"}};
    for (size_t i = 0; i < COUNT_OF (figures); i++)
        if (strcmp (term, figures [i] [0]) == 0)
            return figures [i] [1];
    return NULL;
}

static bool is_form_of (const char *one, const char *other)
{
    size_t common = 0, size = strlen (one), other_size = strlen (other);
    while (one [common] != '\0' && one [common] == other [common])
        common++;
    size_t longer = size > other_size ? size : other_size;
    return common == longer || (common >= MIN_STEM && longer - common <= MAX_ENDING);
}

static bool has_word (const words_t *words, const word_t *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (word->is_exact || words->items [i].is_exact ? strcmp (words->items [i].text, word->text) == 0
                                                          : is_form_of (words->items [i].text, word->text))
            return true;
    return false;
}

static void add_word (void *context, const char *term, term_kind_t kind)
{
    words_t *words = context;
    const char *figure = figure_of (term);
    word_t word = {.is_name = words->marks_names && kind != TERM_NUMBER};
    words->denies |= is_denial (term);
    if (words->count == MAX_WORDS || terms_is_common (term) || is_denial (term))
        return;
    strcpy (word.text, figure != NULL ? figure : term);
    word.is_exact = strpbrk (word.text, "0123456789") != NULL;
    if (!has_word (words, &word))
        words->items [words->count++] = word;
}

static bool is_capital (const char *text, size_t size)
{
    size_t at = 0;
    return utf8proc_category ((utf8proc_int32_t) utf8_next (text, size, &at)) == UTF8PROC_CATEGORY_LU;
}

/* The words of a statement: what has a capital and does not begin a sentence is a name. */
static void words_of_statement (words_t *words, const char *text, size_t size)
{
    bool begins = true;
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && strchr (" \t\n", text [end]) == NULL)
            end++;
        words->marks_names = !begins && end > at && is_capital (text + at, end - at);
        terms_of_text (text + at, end - at, add_word, words);
        if (end > at && !(end == at + 1 && strchr ("-*+#", text [at]) != NULL))
            begins = strchr (".:!?\"", text [end - 1]) != NULL;
        at = end + 1;
    }
    words->marks_names = false;
}

/* -- what covers them ------------------------------------------------------------------------ */

static cover_t cover_of (const words_t *statement, const char *text, size_t size, words_t *scratch)
{
    cover_t cover = {0};
    scratch->count = 0;
    scratch->denies = false;
    terms_of_text (text, size, add_word, scratch);
    cover.denies = scratch->denies;
    for (size_t i = 0; i < statement->count; i++)
        if (has_word (scratch, &statement->items [i])) {
            cover.bits [i / 64] |= (uint64_t) 1 << i % 64;
            cover.count++;
        }
    return cover;
}

static void join (cover_t *cover, const cover_t *more)
{
    for (size_t i = 0; i < COUNT_OF (cover->bits); i++)
        cover->bits [i] |= more->bits [i];
    if (more->count > cover->count) {
        cover->count = more->count;
        cover->denies = more->denies;
    }
}

static bool has (const cover_t *cover, size_t index)
{
    return (cover->bits [index / 64] >> index % 64 & 1) != 0;
}

/* One word that only the rest of the passage has counts half: sentences say "it" of what was named before. */
static bool supports (const cover_t *cover, const cover_t *whole, const words_t *statement, double share)
{
    size_t covered = 0, elsewhere = 0;
    for (size_t i = 0; i < statement->count; i++) {
        if (statement->items [i].is_exact && !has (cover, i))
            return false;
        covered += has (cover, i);
        elsewhere += !has (cover, i) && has (whole, i);
    }
    return cover->denies == statement->denies
        && (double) covered + (elsewhere > 0 ? 0.5 : 0) >= share * (double) statement->count;
}

static bool has_names (const cover_t *whole, const words_t *statement)
{
    for (size_t i = 0; i < statement->count; i++)
        if (statement->items [i].is_name && !has (whole, i))
            return false;
    return true;
}

/* Has each of the sentences words of the statement that no other of them has? What adds but a number is no
 * part of what is said. */
static bool all_add (const cover_t *covers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t own = 0;
        for (size_t word = 0; word < MAX_WORDS; word++) {
            bool others = false;
            for (size_t k = 0; k < count; k++)
                others |= k != i && has (&covers [k], word);
            own += has (&covers [i], word) && !others;
        }
        if (own < LEAST_OWN)
            return false;
    }
    return true;
}

/* The fewest sentences that follow each other and support it. */
static bool find_sentences (const work_t *work, const cover_t *whole, size_t count, size_t *from, size_t *to)
{
    const cover_t *covers = work->covers;
    for (size_t length = 1; length <= MAX_SUPPORTING; length++)
        for (size_t i = 0; i + length <= count; i++) {
            cover_t cover = covers [i];
            for (size_t k = 1; k < length; k++)
                join (&cover, &covers [i + k]);
            if (!supports (&cover, whole, &work->statement, length == 1 ? SUPPORTING_SHARE : JOINED_SHARE)
                || (length > 1 && !all_add (&covers [i], length)))
                continue;
            *from = work->sentences [i].start;
            *to = work->sentences [i + length - 1].end;
            return true;
        }
    return false;
}

bool support_find (const char *statement, size_t statement_size, const char *question, const char *text, size_t size,
                   size_t *from, size_t *to)
{
    work_t *work = calloc (1, sizeof *work);
    bool found = false;
    if (work == NULL)
        return false;
    words_of_statement (&work->statement, statement, statement_size);
    bool says = work->statement.count > 0;
    if (says && work->statement.count < FEW_WORDS) {
        bool denies = work->statement.denies;
        terms_of_question (question, strlen (question), add_word, &work->statement);
        work->statement.denies = denies;
    }
    if (says && work->statement.count >= LEAST_WORDS) {
        size_t count = sentences_cut (text, size, work->sentences, MAX_SENTENCES);
        cover_t whole = {0};
        for (size_t i = 0; i < count; i++) {
            work->covers [i] = cover_of (&work->statement, text + work->sentences [i].start,
                                         work->sentences [i].end - work->sentences [i].start, &work->scratch);
            join (&whole, &work->covers [i]);
        }
        found = has_names (&whole, &work->statement)
             && find_sentences (work, &whole, count, from, to);
    }
    free (work);
    return found;
}
