/* Terms: the tokeniser of lexical search, its stop words, and the marks of a quantity question. */
#include "terms.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "utf8.h"

typedef enum { CLASS_NONE, CLASS_LETTER, CLASS_DIGIT, CLASS_DENSE } class_t;

/* A token is a range of bytes of the text. */
typedef struct {
    size_t start, end;
    enum { TOKEN_WORD, TOKEN_NUMBER, TOKEN_DENSE } kind;
} token_t;

/* Words that carry nothing in a question, and those of the question form itself. */
static const char *const stop_words [] = {
    "a", "about", "according", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at",
    "be", "been", "being", "between", "but", "by", "can", "could", "did", "do", "does", "each",
    "following", "for", "from", "give", "given", "had", "has", "have", "how", "i", "if", "in",
    "into", "is", "it", "its", "list", "many", "me", "much", "my", "of", "on", "or", "our",
    "please", "s", "shall", "should", "so", "some", "such", "t", "tell", "than", "that", "the",
    "their", "them", "then", "there", "these", "they", "this", "those", "to", "us", "was", "we",
    "were", "what", "when", "where", "whether", "which", "while", "who", "whom", "whose", "why",
    "will", "with", "would", "you", "your",
};

/* Words that say that a number is asked for. */
static const char *const quantity_words [] = {
    "amount", "amounts", "average", "cost", "difference", "dollars", "growth", "margin", "median",
    "million", "millions", "billion", "billions", "percent", "percentage", "percentages",
    "proportion", "quantity", "rate", "ratio", "sum", "thousand", "thousands", "total", "usd",
};

static int compare_words (const void *left, const void *right)
{
    return strcmp (*(const char *const *) left, *(const char *const *) right);
}

bool terms_is_common (const char *term)
{
    return bsearch (&term, stop_words, COUNT_OF (stop_words), sizeof *stop_words,
                    compare_words) != NULL;
}

static bool is_quantity_word (const char *term)
{
    for (size_t i = 0; i < COUNT_OF (quantity_words); i++)
        if (strcmp (quantity_words [i], term) == 0)
            return true;
    return false;
}

/* -- characters ----------------------------------------------------------------------------- */

/* Scripts that write without spaces between words: Han, kana, Hangul, Thai, Lao, Khmer, Burmese. */
static bool is_dense_script (uint32_t c)
{
    return (c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x1000 && c <= 0x109F)
        || (c >= 0x1780 && c <= 0x17FF) || (c >= 0x3040 && c <= 0x30FF)
        || (c >= 0x3105 && c <= 0x318E) || (c >= 0x31F0 && c <= 0x31FF)
        || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF)
        || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF)
        || (c >= 0xFF66 && c <= 0xFFDC) || (c >= 0x20000 && c <= 0x3FFFF);
}

static class_t class_of (uint32_t c)
{
    if (c < 0x80) {
        if (c >= '0' && c <= '9')
            return CLASS_DIGIT;
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? CLASS_LETTER : CLASS_NONE;
    }
    switch (utf8proc_category ((utf8proc_int32_t) c)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM: case UTF8PROC_CATEGORY_LO: case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return is_dense_script (c) ? CLASS_DENSE : CLASS_LETTER;
    default:
        return CLASS_NONE;
    }
}

static class_t class_at (const char *text, size_t size, size_t offset, size_t *next)
{
    *next = offset;
    return offset < size ? class_of (utf8_next (text, size, next)) : CLASS_NONE;
}

static bool digit_at (const char *text, size_t size, size_t offset)
{
    return offset < size && text [offset] >= '0' && text [offset] <= '9';
}

/* -- tokens --------------------------------------------------------------------------------- */

/* The end of a number that begins here: digits, thousands parted by commas, one decimal point or
 * more ("2.18.0"). */
static size_t number_end (const char *text, size_t size, size_t offset)
{
    while (digit_at (text, size, offset)) {
        while (digit_at (text, size, offset))
            offset++;
        bool comma = offset < size && text [offset] == ',' && digit_at (text, size, offset + 1)
            && digit_at (text, size, offset + 2) && digit_at (text, size, offset + 3)
            && !digit_at (text, size, offset + 4);
        bool point = offset < size && text [offset] == '.' && digit_at (text, size, offset + 1);
        if (comma || point)
            offset++;
    }
    return offset;
}

static size_t run_end (const char *text, size_t size, size_t offset, bool dense)
{
    for (;;) {
        size_t next;
        class_t class = class_at (text, size, offset, &next);
        if (class == CLASS_NONE || (class == CLASS_DENSE) != dense)
            return offset;
        offset = next;
    }
}

/* "'s" behind a word says nothing; the bytes of it, or 0. */
static size_t possessive (const char *text, size_t size, size_t offset)
{
    size_t mark = 0;
    if (offset < size && text [offset] == '\'')
        mark = 1;
    else if (size - offset >= 3 && memcmp (text + offset, "\xE2\x80\x99", 3) == 0)
        mark = 3;
    if (mark == 0 || offset + mark >= size || (text [offset + mark] | 0x20) != 's')
        return 0;
    size_t next;
    return class_at (text, size, offset + mark + 1, &next) == CLASS_NONE ? mark + 1 : 0;
}

/* Finds the next token from *offset and moves past it. */
static bool next_token (const char *text, size_t size, size_t *offset, token_t *token)
{
    size_t at = *offset, next;
    class_t class;
    while ((class = class_at (text, size, at, &next)) == CLASS_NONE) {
        if (at >= size)
            return false;
        at = next;
    }
    *token = (token_t) {.start = at, .kind = TOKEN_WORD};
    if (class == CLASS_DENSE) {
        token->kind = TOKEN_DENSE;
        token->end = run_end (text, size, at, true);
    } else {
        token->end = run_end (text, size, at, false);
        size_t end = number_end (text, size, at);
        if (end >= token->end) {
            token->kind = TOKEN_NUMBER;
            token->end = end;
        }
    }
    *offset = token->end;
    if (token->kind == TOKEN_WORD)
        *offset += possessive (text, size, token->end);
    return true;
}

/* -- folding -------------------------------------------------------------------------------- */

static size_t cut (const char *text, size_t size, size_t most)
{
    if (size <= most)
        return size;
    while (most > 0 && ((unsigned char) text [most] & 0xC0) == 0x80)
        most--;
    return most;
}

/* Accents are writing habits in alphabets, but vowels further on. */
static bool accents_fold (const char *text, size_t size)
{
    size_t offset = 0;
    return utf8_next (text, size, &offset) < 0x0900;
}

static size_t fold_wide (const char *text, size_t size, char out [MAX_TERM_BYTES + 1])
{
    utf8proc_option_t options = UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    options |= accents_fold (text, size) ? UTF8PROC_STRIPMARK | UTF8PROC_DECOMPOSE
                                         : UTF8PROC_COMPOSE;
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t length = utf8proc_map ((const utf8proc_uint8_t *) text,
                                            (utf8proc_ssize_t) size, &folded, options);
    size_t kept = 0;
    for (utf8proc_ssize_t i = 0; i < length; i++)   /* a few letters fold to words with spaces */
        if (folded [i] != ' ')
            folded [kept++] = folded [i];
    kept = cut ((const char *) folded, kept, MAX_TERM_BYTES);
    if (kept > 0)
        memcpy (out, folded, kept);
    free (folded);
    out [kept] = '\0';
    return kept;
}

static size_t fold (const char *text, size_t size, char out [MAX_TERM_BYTES + 1])
{
    size = cut (text, size, MAX_TERM_BYTES);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char) text [i];
        if (c >= 0x80)
            return fold_wide (text, size, out);
        out [i] = (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    out [size] = '\0';
    return size;
}

static term_kind_t kind_of (const char *term)
{
    for (const char *c = term; *c != '\0'; c++)
        if (*c < 'a' || *c > 'z')
            return TERM_OTHER;
    return TERM_WORD;
}

/* -- terms of tokens ------------------------------------------------------------------------ */

/* fy2018 and fy18 also say 2018. */
static void emit_fiscal_year (const char *term, size_t size, term_handler_t *handler, void *context)
{
    if (strncmp (term, "fy", 2) != 0 || strspn (term + 2, "0123456789") != size - 2)
        return;
    char year [5] = "20";
    if (size == 4)
        memcpy (year + 2, term + 2, 3);
    else if (size == 6)
        memcpy (year, term + 2, 5);
    else
        return;
    handler (context, year, TERM_NUMBER);
}

static void emit_word (const char *text, size_t size, term_handler_t *handler, void *context)
{
    char term [MAX_TERM_BYTES + 1];
    size_t length = fold (text, size, term);
    if (length == 0)
        return;
    handler (context, term, kind_of (term));
    emit_fiscal_year (term, length, handler, context);
}

static void emit_number (const char *text, size_t size, term_handler_t *handler, void *context)
{
    char term [MAX_TERM_BYTES + 1];
    size_t length = 0;
    for (size_t i = 0; i < size && length < MAX_TERM_BYTES; i++)
        if (text [i] != ',')
            term [length++] = text [i];
    term [length] = '\0';
    handler (context, term, TERM_NUMBER);
}

static void emit_characters (const char *text, size_t size, term_handler_t *handler, void *context)
{
    char term [MAX_TERM_BYTES + 1];
    if (fold (text, size, term) > 0)
        handler (context, term, TERM_DENSE);
}

/* Pairs of neighbouring characters; single ones too where a question may have only one. */
static void emit_dense (const char *text, size_t size, bool singles, term_handler_t *handler,
                        void *context)
{
    size_t before = 0, at = 0;
    bool first = true;
    while (at < size) {
        size_t next = at;
        (void) utf8_next (text, size, &next);
        if (singles || (first && next == size))
            emit_characters (text + at, next - at, handler, context);
        if (!first)
            emit_characters (text + before, next - before, handler, context);
        first = false;
        before = at;
        at = next;
    }
}

static void emit_token (const char *text, token_t token, bool singles, term_handler_t *handler,
                        void *context)
{
    const char *start = text + token.start;
    size_t size = token.end - token.start;
    switch (token.kind) {
    case TOKEN_WORD:   emit_word (start, size, handler, context); break;
    case TOKEN_NUMBER: emit_number (start, size, handler, context); break;
    case TOKEN_DENSE:  emit_dense (start, size, singles, handler, context); break;
    }
}

/* -- documents ------------------------------------------------------------------------------ */

void terms_of_text (const char *text, size_t size, term_handler_t *handler, void *context)
{
    token_t token;
    for (size_t offset = 0; next_token (text, size, &offset, &token);)
        emit_token (text, token, true, handler, context);
}

typedef struct {
    size_t terms, numbers;
} term_counts_t;

static void count_term (void *context, const char *term UNUSED, term_kind_t kind)
{
    term_counts_t *counts = context;
    counts->terms++;
    counts->numbers += kind == TERM_NUMBER;
}

size_t terms_count (const char *text, size_t size, float *number_share)
{
    term_counts_t counts = {0};
    terms_of_text (text, size, count_term, &counts);
    *number_share = counts.terms == 0 ? 0 : (float) counts.numbers / (float) counts.terms;
    return counts.terms;
}

/* -- questions ------------------------------------------------------------------------------ */

typedef struct {
    term_handler_t *handler;
    void *context;
    size_t kept;
} question_t;

static void keep_telling (void *context, const char *term, term_kind_t kind)
{
    question_t *question = context;
    if (kind == TERM_WORD && terms_is_common (term))
        return;
    question->kept++;
    question->handler (question->context, term, kind);
}

void terms_of_question (const char *text, size_t size, term_handler_t *handler, void *context)
{
    question_t question = {handler, context, 0};
    token_t token;
    size = cut (text, size, MAX_QUESTION_BYTES);
    for (size_t offset = 0; next_token (text, size, &offset, &token);)
        emit_token (text, token, false, keep_telling, &question);
    if (question.kept > 0)
        return;
    for (size_t offset = 0; next_token (text, size, &offset, &token);)
        emit_token (text, token, false, handler, context);
}

typedef struct {
    char previous [MAX_TERM_BYTES + 1];
    bool quantity;
} quantity_t;

static void look_for_quantity (void *context, const char *term, term_kind_t kind UNUSED)
{
    quantity_t *state = context;
    bool how = strcmp (state->previous, "how") == 0;
    bool number = strcmp (state->previous, "number") == 0;
    state->quantity |= is_quantity_word (term)
        || (how && (strcmp (term, "many") == 0 || strcmp (term, "much") == 0))
        || (number && strcmp (term, "of") == 0);
    strcpy (state->previous, term);
}

bool terms_ask_quantity (const char *text, size_t size)
{
    size = cut (text, size, MAX_QUESTION_BYTES);
    quantity_t state = {0};
    terms_of_text (text, size, look_for_quantity, &state);
    return state.quantity || memchr (text, '%', size) != NULL || memchr (text, '$', size) != NULL;
}

/* -- names ---------------------------------------------------------------------------------- */

static bool is_lower (char c) { return c >= 'a' && c <= 'z'; }
static bool is_upper (char c) { return c >= 'A' && c <= 'Z'; }
static bool is_digit (char c) { return c >= '0' && c <= '9'; }

/* Does a part of a name end between these two: "BestBuy", "2022Annual", "report2"? */
static bool parts_between (char left, char right)
{
    return (is_lower (left) && is_upper (right)) || (is_digit (left) != is_digit (right));
}

static void emit_parts (const char *text, size_t size, term_handler_t *handler, void *context)
{
    size_t start = 0;
    for (size_t i = 1; i < size; i++)
        if (parts_between (text [i - 1], text [i])) {
            emit_word (text + start, i - start, handler, context);
            start = i;
        }
    if (start > 0)
        emit_word (text + start, size - start, handler, context);
}

static size_t without_extension (const char *name, size_t size)
{
    if (size > 4 && (memcmp (name + size - 4, ".pdf", 4) == 0
                     || memcmp (name + size - 4, ".PDF", 4) == 0))
        return size - 4;
    return size;
}

void terms_of_name (const char *name, size_t size, term_handler_t *handler, void *context)
{
    token_t token;
    size = without_extension (name, size);
    for (size_t offset = 0; next_token (name, size, &offset, &token);) {
        emit_token (name, token, true, handler, context);
        if (token.kind == TOKEN_WORD)
            emit_parts (name + token.start, token.end - token.start, handler, context);
    }
}

#define GLUED_WORDS 3

typedef struct {
    term_handler_t *handler;
    void *context;
    char last [GLUED_WORDS - 1] [MAX_TERM_BYTES + 1];   /* the words before, nearest first */
} gluing_t;

static void emit_glued (const gluing_t *gluing, const char *term)
{
    char glued [GLUED_WORDS * MAX_TERM_BYTES + 1];
    strcpy (glued, term);
    for (size_t i = 0; i < COUNT_OF (gluing->last) && gluing->last [i] [0] != '\0'; i++) {
        size_t before = strlen (gluing->last [i]), length = strlen (glued);
        memmove (glued + before, glued, length + 1);
        memcpy (glued, gluing->last [i], before);
        if (before + length <= MAX_TERM_BYTES)
            gluing->handler (gluing->context, glued, TERM_OTHER);
    }
}

static void glue_term (void *context, const char *term, term_kind_t kind)
{
    gluing_t *gluing = context;
    if (kind != TERM_WORD || !terms_is_common (term))
        gluing->handler (gluing->context, term, kind);
    emit_glued (gluing, term);
    memmove (gluing->last [1], gluing->last [0], sizeof gluing->last [0]);
    strcpy (gluing->last [0], term);
}

void terms_of_question_as_names (const char *text, size_t size, term_handler_t *handler,
                                 void *context)
{
    gluing_t gluing = {.handler = handler, .context = context};
    terms_of_text (text, cut (text, size, MAX_QUESTION_BYTES), glue_term, &gluing);
}
