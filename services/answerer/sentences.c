/* Sentences: lines first, then the ends of sentences within them. */
#include "sentences.h"

#include <string.h>
#include <utf8proc.h>

#include "utf8.h"

/* Words whose dot ends no sentence, as a rule; with a capital or a digit behind them. */
static const char *const abbreviations [] = {
    "al", "approx", "art", "ca", "cf", "ch", "co", "corp", "dr", "e.g", "ed", "eq", "eqs", "etc", "fig", "figs",
    "i.e", "inc", "jr", "ltd", "mr", "mrs", "ms", "no", "nos", "nr", "p", "para", "pp", "prof", "ref", "sec",
    "sect", "sr", "st", "tab", "u.s", "vol", "vs",
};

static bool is_space (uint32_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == 0xA0 || c == 0x3000;
}

/* The white space that canonical text has; of a byte, which may be a part of a longer character. */
static bool is_blank (char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool is_end (uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0x61F;
}

/* After these a sentence ends without a space. */
static bool is_wide_end (uint32_t c)
{
    return c == 0x3002 || c == 0xFF01 || c == 0xFF1F;
}

static bool is_closing (uint32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201D || c == 0x2019 || c == 0xBB
        || c == 0x300D || c == 0x300F || c == 0xFF09;
}

/* Is the word that ends before the dot at `dot` an abbreviation or an initial ("J. Smith")? */
static bool is_abbreviation (const char *text, size_t start, size_t dot)
{
    size_t from = dot;
    char word [8] = "";
    while (from > start && !is_blank (text [from - 1]) && text [from - 1] != '(')
        from--;
    size_t length = dot - from;
    if (length == 0 || length >= sizeof word)
        return false;
    for (size_t i = 0; i < length; i++)
        word [i] = (char) (text [from + i] >= 'A' && text [from + i] <= 'Z' ? text [from + i] + 32 : text [from + i]);
    if (length == 1 && word [0] >= 'a' && word [0] <= 'z')
        return true;
    for (size_t i = 0; i < COUNT_OF (abbreviations); i++)
        if (strcmp (word, abbreviations [i]) == 0)
            return true;
    return false;
}

static bool is_lower (uint32_t c)
{
    return utf8proc_category ((utf8proc_int32_t) c) == UTF8PROC_CATEGORY_LL;
}

/* Does a sentence end with the mark at `mark`? *after gets where the next one may begin. */
static bool ends_at (const char *text, size_t start, size_t size, size_t mark, size_t *after)
{
    size_t at = mark;
    uint32_t c = utf8_next (text, size, &at), end = c;
    size_t next = at;
    while (next < size && (is_closing (c = utf8_next (text, size, &next)) || is_end (c)))
        at = next;
    *after = at;
    if (at >= size || is_wide_end (end))
        return true;
    next = at;
    if (!is_space (utf8_next (text, size, &next)))
        return false;
    while (next < size && text [next] == ' ')
        next++;
    c = next < size ? utf8_next (text, size, &next) : 0;
    return !is_lower (c) && (end != '.' || !is_abbreviation (text, start, mark));
}

typedef struct {
    const char *text;
    sentence_t *out;
    size_t count, capacity;
} cutter_t;

/* Where text [start, end) is cut when it is too long: between words, or else between characters. */
static size_t stop_of (const char *text, size_t start, size_t end)
{
    if (end - start <= MAX_SENTENCE_BYTES)
        return end;
    size_t stop = start + MAX_SENTENCE_BYTES;
    while (stop > start && !is_blank (text [stop]))
        stop--;
    while (stop > start && is_blank (text [stop - 1]))
        stop--;
    if (stop == start)
        for (stop = start + MAX_SENTENCE_BYTES; ((unsigned char) text [stop] & 0xC0) == 0x80;)
            stop--;
    return stop;
}

/* Takes text [start, end) without the white space around it. */
static void take (cutter_t *cutter, size_t start, size_t end)
{
    const char *text = cutter->text;
    while (end > start && is_blank (text [end - 1]))
        end--;
    while (cutter->count < cutter->capacity) {
        while (start < end && is_blank (text [start]))
            start++;
        if (start == end)
            return;
        size_t stop = stop_of (text, start, end);
        cutter->out [cutter->count++] = (sentence_t) {start, stop};
        start = stop;
    }
}

static void cut_line (cutter_t *cutter, size_t start, size_t end)
{
    size_t from = start;
    bool is_row = memchr (cutter->text + start, '\t', end - start) != NULL;
    for (size_t at = start; at < end && !is_row;) {
        size_t mark = at, after;
        uint32_t c = utf8_next (cutter->text, end, &at);
        if (!is_end (c) || !ends_at (cutter->text, start, end, mark, &after))
            continue;
        take (cutter, from, after);
        from = at = after;
    }
    take (cutter, from, end);
}

size_t sentences_cut (const char *text, size_t size, sentence_t *sentences, size_t capacity)
{
    cutter_t cutter = {.text = text, .out = sentences, .capacity = capacity};
    for (size_t start = 0; start < size;) {
        const char *line_end = memchr (text + start, '\n', size - start);
        size_t end = line_end == NULL ? size : (size_t) (line_end - text);
        cut_line (&cutter, start, end);
        start = end + 1;
    }
    return cutter.count;
}
