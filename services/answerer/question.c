/* Questions: see question.h. */
#include "question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* A sentence that opens with one of these tells how to answer, or what to answer with. */
static const char *const openers [] = {
    "answer", "directly", "enumerate", "express", "for example", "format", "give", "list", "please",
    "provide", "reply", "respond", "return", "round", "show", "state", "use", "write", "your",
};

/* In such a sentence these say nothing of what is asked. */
static const char *const form_words [] = {
    "alphabetical", "answer", "answers", "ascending", "based", "billion", "billions", "brackets",
    "decimal", "decimals", "descending", "details", "digit", "digits", "directly", "dollar", "dollars",
    "enumerate", "example", "express", "figures", "float", "form", "format", "formatted", "give",
    "int", "integer", "list", "million", "millions", "no", "number", "numbers", "order", "page",
    "pages", "percent", "percentage", "percentages", "percents", "place", "places", "please",
    "provide", "question", "relying", "reply", "respond", "response", "result", "return", "round",
    "rounded", "show", "shown", "significant", "sort", "sorted", "state", "string", "style", "term",
    "terms", "thousand", "thousands", "type", "unit", "units", "usd", "use", "value", "values",
    "within", "write", "yes",
};

#define MAX_FORM_WORD   16
#define MAX_FORM_DIGITS 2      /* "2 decimal places"; a year is no form */

typedef struct {
    size_t start, end;
} span_t;

/* -- letters, in ASCII: the language whose form words are known ------------------------------- */

static bool is_upper (char c) { return c >= 'A' && c <= 'Z'; }
static bool is_digit (char c) { return c >= '0' && c <= '9'; }
static bool is_letter (char c) { return (c >= 'a' && c <= 'z') || is_upper (c) || (c & 0x80) != 0; }
static bool is_space (char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
static char lower (char c) { return is_upper (c) ? (char) (c | 0x20) : c; }

/* -- sentences ------------------------------------------------------------------------------ */

/* A sentence ends at a mark with a capital behind it, with or without a space. */
static size_t sentence_end (const char *text, size_t size, size_t start)
{
    for (size_t i = start; i < size; i++) {
        if (text [i] != '.' && text [i] != '?' && text [i] != '!' && text [i] != '\n')
            continue;
        size_t next = i + 1;
        while (next < size && is_space (text [next]))
            next++;
        if (next == size || is_upper (text [next]))
            return next;
    }
    return size;
}

static bool starts_with (const char *text, size_t size, const char *word)
{
    size_t length = strlen (word);
    if (size < length || (size > length && (is_letter (text [length]) || is_digit (text [length]))))
        return false;
    for (size_t i = 0; i < length; i++)
        if (lower (text [i]) != word [i])
            return false;
    return true;
}

/* "Answer in millions.", but not "Use the balance sheet: what is the debt?" */
static bool tells_form (const char *text, span_t sentence)
{
    const char *start = text + sentence.start;
    size_t size = sentence.end - sentence.start;
    while (size > 0 && is_space (*start))
        start++, size--;
    if (memchr (start, '?', size) != NULL)
        return false;
    for (size_t i = 0; i < COUNT_OF (openers); i++)
        if (starts_with (start, size, openers [i]))
            return strcmp (openers [i], "for example") == 0 || memchr (start, ':', size) == NULL;
    return false;
}

/* -- words ---------------------------------------------------------------------------------- */

static int compare_words (const void *left, const void *right)
{
    return strcmp (left, *(const char *const *) right);
}

static bool is_form_word (const char *text, size_t size)
{
    char word [MAX_FORM_WORD + 1];
    if (size <= MAX_FORM_DIGITS && is_digit (text [0]))
        return true;
    if (size > MAX_FORM_WORD)
        return false;
    for (size_t i = 0; i < size; i++)
        word [i] = lower (text [i]);
    word [size] = '\0';
    return bsearch (word, form_words, COUNT_OF (form_words), sizeof *form_words, compare_words) != NULL;
}

static void blank_words (char *text, span_t sentence)
{
    for (size_t i = sentence.start; i < sentence.end; i++) {
        size_t end = i;
        while (end < sentence.end && (is_letter (text [end]) || is_digit (text [end])))
            end++;
        if (end > i && is_form_word (text + i, end - i))
            memset (text + i, ' ', end - i);
        i = end > i ? end - 1 : i;
    }
}

void question_blank_form (char *text, size_t size)
{
    bool asks = false;
    span_t sentence = {0, 0};
    for (; sentence.start < size && !asks; sentence.start = sentence.end) {
        sentence.end = sentence_end (text, size, sentence.start);
        asks = !tells_form (text, sentence);
    }
    for (sentence.start = 0; sentence.start < size && asks; sentence.start = sentence.end) {
        sentence.end = sentence_end (text, size, sentence.start);
        if (tells_form (text, sentence))
            blank_words (text, sentence);
    }
}

char *question_rewrite (const char *text)
{
    char *rewritten = strdup (text), *to = rewritten;
    if (rewritten == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    question_blank_form (rewritten, strlen (rewritten));
    for (const char *from = rewritten; *from != '\0'; from++)
        if (!is_space (*from))
            *to++ = *from;
        else if (to > rewritten && to [-1] != ' ')
            *to++ = ' ';
    while (to > rewritten && to [-1] == ' ')
        to--;
    *to = '\0';
    return rewritten;
}

/* -- the glossary --------------------------------------------------------------------------- */

static const struct {
    const char *asked, *written;
} meanings [] = {
#define MEANING(asked, written) {asked, written},
#include "glossary.def"
#undef MEANING
};

static void write_term (void *context, const char *term, term_kind_t kind UNUSED)
{
    fprintf (context, "%s ", term);
}

/* The question's terms with a space before and behind each, so that whole words are compared. */
static char *spaced_terms (const char *text, size_t size)
{
    char *spaced = NULL;
    size_t length;
    FILE *out = open_memstream (&spaced, &length);
    if (out == NULL)
        return NULL;
    fputc (' ', out);
    terms_of_text (text, size < MAX_QUESTION_BYTES ? size : MAX_QUESTION_BYTES, write_term, out);
    fclose (out);
    return spaced;
}

void question_related (const char *text, size_t size, term_handler_t *handler, void *context)
{
    char *spaced = spaced_terms (text, size);
    for (size_t i = 0; spaced != NULL && i < COUNT_OF (meanings); i++) {
        char wanted [MAX_TERM_BYTES + 3];
        snprintf (wanted, sizeof wanted, " %s ", meanings [i].asked);
        if (strstr (spaced, wanted) != NULL)
            terms_of_question (meanings [i].written, strlen (meanings [i].written), handler, context);
    }
    free (spaced);
}
