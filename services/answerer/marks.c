/* Marks: see marks.h. */
#include "marks.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_DIGITS     3      /* of a passage's number: [2024] is a year */
#define MAX_PLAIN_MARK 300u   /* bytes of one without a quote */
#define MAX_HEAD       32     /* bytes before the number */
#define MAX_TRIED      16     /* brackets in a quote that may close it */
#define DAGGER         "\xE2\x80\xA0"

static const struct {
    const char *open, *close;
    bool is_round;
} brackets [] = {
    {"[", "]", false}, {"(", ")", true},
    {"\xE3\x80\x90", "\xE3\x80\x91", false}, {"\xE3\x80\x94", "\xE3\x80\x95", false},   /* 【】 〔〕 */
    {"\xEF\xBC\xBB", "\xEF\xBC\xBD", false}, {"\xEF\xBC\x88", "\xEF\xBC\x89", true},    /* ［］ （） */
};

static const struct {
    const char *open, *close;
} quote_marks [] = {
    {"\"", "\""}, {"\xE2\x80\x9C", "\xE2\x80\x9D"}, {"\xE2\x80\x9E", "\xE2\x80\x9C"}, {"\xC2\xAB", "\xC2\xBB"},
    {"'", "'"}, {"\xE2\x80\x98", "\xE2\x80\x99"},
};

/* Longer ones first, where one begins with the other. */
static const char *const citing_words [] = {
    "passages", "passage", "sources", "source", "documents", "document", "docs", "doc", "references", "reference",
    "refs", "ref", "citations", "citation", "excerpts", "excerpt", "see", NULL};
static const char *const page_words [] = {"pages", "page", "pp", "p", NULL};
static const char *const dashes [] = {"-", "\xE2\x80\x93", "\xE2\x80\x94", "to ", NULL};
static const char *const separators [] = {" ", "\n", ",", ";", "&", "/", "and ", NULL};

typedef struct {
    const char *at, *end;
} cursor_t;

/* -- pieces ---------------------------------------------------------------------------------- */

static bool take (cursor_t *cursor, const char *word)
{
    size_t size = strlen (word);
    if ((size_t) (cursor->end - cursor->at) < size || strncasecmp (cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static bool take_one (cursor_t *cursor, const char *const *words)
{
    for (; *words != NULL; words++)
        if (take (cursor, *words))
            return true;
    return false;
}

static void skip (cursor_t *cursor, const char *bytes)
{
    while (cursor->at < cursor->end && *cursor->at != '\0' && strchr (bytes, *cursor->at) != NULL)
        cursor->at++;
}

static char byte_at (const cursor_t *cursor, size_t offset)
{
    return offset < (size_t) (cursor->end - cursor->at) ? cursor->at [offset] : '\0';
}

static bool is_digit_at (const cursor_t *cursor, size_t offset)
{
    return isdigit ((unsigned char) byte_at (cursor, offset));
}

/* A word of these that no letter follows. */
static bool take_word (cursor_t *cursor, const char *const *words)
{
    cursor_t ahead = *cursor;
    if (!take_one (&ahead, words) || isalpha ((unsigned char) byte_at (&ahead, 0)))
        return false;
    skip (&ahead, " .:#\n");
    *cursor = ahead;
    return true;
}

/* Digits that are no part of a figure such as 1.5, 12,000 or 95 %. */
static bool take_digits (cursor_t *cursor, size_t *number)
{
    cursor_t ahead = *cursor;
    *number = 0;
    while (is_digit_at (&ahead, 0) && ahead.at - cursor->at <= MAX_DIGITS)
        *number = *number * 10 + (size_t) (*ahead.at++ - '0');
    size_t digits = (size_t) (ahead.at - cursor->at);
    bool fraction = byte_at (&ahead, 0) == '.' && is_digit_at (&ahead, 1);
    bool thousands = byte_at (&ahead, 0) == ',' && is_digit_at (&ahead, 1) && is_digit_at (&ahead, 2)
                     && is_digit_at (&ahead, 3);
    cursor_t behind = ahead;
    skip (&behind, " ");
    if (digits == 0 || digits > MAX_DIGITS || fraction || thousands || byte_at (&behind, 0) == '%')
        return false;
    *cursor = ahead;
    return true;
}

static bool take_number (cursor_t *cursor, size_t *number)
{
    cursor_t ahead = *cursor;
    if (!take_digits (&ahead, number) || isalnum ((unsigned char) byte_at (&ahead, 0)))
        return false;
    *cursor = ahead;
    return true;
}

/* 3, or 1-3: *last gets the last of them. */
static bool take_range (cursor_t *cursor, size_t *first, size_t *last)
{
    if (!take_number (cursor, first))
        return false;
    *last = *first;
    cursor_t ahead = *cursor;
    skip (&ahead, " ");
    if (!take_one (&ahead, dashes))
        return true;
    skip (&ahead, " ");
    if (!take_number (&ahead, last))
        return false;
    *cursor = ahead;
    return *last >= *first && *last - *first < MAX_MARK_PARTS;
}

/* "p. 3", "(pages 3-5)": where the model says that the passage stands. */
static bool take_pages (cursor_t *cursor)
{
    cursor_t ahead = *cursor;
    size_t first, last;
    skip (&ahead, " ,(\n");
    if (!take_word (&ahead, page_words) || !take_range (&ahead, &first, &last))
        return false;
    skip (&ahead, ")");
    *cursor = ahead;
    return true;
}

static void skip_dagger (cursor_t *cursor)
{
    if (!take (cursor, DAGGER))
        return;
    while (cursor->at < cursor->end && strchr (",;[]()\n", *cursor->at) == NULL)
        cursor->at++;
}

/* -- quotes ---------------------------------------------------------------------------------- */

/* The closing mark is one behind which the citation, or its next part, goes on. */
static const char *closing (const char *at, const char *end, const char *close)
{
    size_t size = strlen (close);
    for (; (size_t) (end - at) >= size; at++)
        if (memcmp (at, close, size) == 0) {
            cursor_t rest = {at + size, end};
            skip (&rest, " \n");
            if (rest.at == rest.end || strchr (",;", *rest.at) != NULL)
                return at;
        }
    return NULL;
}

static bool take_quote (cursor_t *cursor, mark_part_t *part)
{
    for (size_t i = 0; i < COUNT_OF (quote_marks); i++) {
        cursor_t ahead = *cursor;
        if (!take (&ahead, quote_marks [i].open))
            continue;
        const char *end = closing (ahead.at, ahead.end, quote_marks [i].close);
        if (end == NULL)
            return false;
        part->quote = ahead.at;
        part->size = (size_t) (end - ahead.at);
        cursor->at = end + strlen (quote_marks [i].close);
        return true;
    }
    return false;
}

static bool contains (const char *text, size_t size, const char *word)
{
    for (size_t i = 0; i < size; i++) {
        cursor_t cursor = {text + i, text + size};
        if (take (&cursor, word))
            return true;
    }
    return false;
}

/* Words without quote marks, up to the end. */
static bool take_bare_quote (cursor_t *cursor, mark_part_t *part)
{
    static const char *const others [] = {"[", "]", "\"", DAGGER};
    size_t size = (size_t) (cursor->end - cursor->at), letters = 0;
    for (size_t i = 0; i < COUNT_OF (others); i++)
        if (contains (cursor->at, size, others [i]))
            return false;
    for (size_t i = 0; i < size; i++)
        letters += isalpha ((unsigned char) cursor->at [i]) || (unsigned char) cursor->at [i] >= 0x80;
    part->quote = cursor->at;
    part->size = size;
    cursor->at = cursor->end;
    return letters > 0;
}

/* -- what stands between the brackets -------------------------------------------------------- */

static bool take_citing_words (cursor_t *cursor)
{
    bool named = false;
    while (take_word (cursor, citing_words))
        named = true;
    return named;
}

static void add_parts (mark_t *mark, size_t first, size_t last, mark_part_t part)
{
    for (part.number = first; part.number <= last && mark->part_count < MAX_MARK_PARTS; part.number++)
        mark->parts [mark->part_count++] = part;
}

/* One part: a number, or several, and the words that they are cited for. A part without a number goes on
 * with the one before it. */
static bool read_part (cursor_t *cursor, mark_t *mark)
{
    static const size_t none = (size_t) -1;
    mark_part_t part = {.quote = "", .size = 0};
    size_t first = mark->part_count > 0 ? mark->parts [mark->part_count - 1].number : none, last = first;
    if (first != none && take_pages (cursor))
        return true;
    bool named = take_citing_words (cursor);
    skip (cursor, "^#");
    bool numbered = is_digit_at (cursor, 0), quoted = false;
    if (numbered && !take_range (cursor, &first, &last))
        return false;
    if (numbered) {
        (void) take_pages (cursor);
        skip_dagger (cursor);
    }
    skip (cursor, " \n");
    bool colon = byte_at (cursor, 0) == ':';
    if (numbered && (colon || byte_at (cursor, 0) == ','))
        cursor->at++;
    skip (cursor, " \n");
    quoted = take_quote (cursor, &part) || (numbered && colon && take_bare_quote (cursor, &part));
    if (first == none || (!numbered && !quoted) || (colon && !quoted))
        return false;
    mark->is_named |= named || quoted;
    add_parts (mark, first, last, part);
    return true;
}

static bool read_parts (const char *text, size_t size, mark_t *mark)
{
    cursor_t cursor = {text, text + size};
    mark->part_count = 0;
    mark->is_named = false;
    skip (&cursor, " \n");
    while (cursor.at < cursor.end && mark->part_count < MAX_MARK_PARTS) {
        if (!read_part (&cursor, mark))
            return false;
        while (take_one (&cursor, separators))
            ;
    }
    return cursor.at == cursor.end && mark->part_count > 0;
}

/* -- what only looks like one ---------------------------------------------------------------- */

/* The bytes that show that it cites, up to its number and the sign behind that; 0: none do. */
static size_t head_of (const char *text, size_t size)
{
    cursor_t cursor = {text, text + size};
    size_t number;
    skip (&cursor, " \n");
    if (!take_citing_words (&cursor))
        (void) take_word (&cursor, page_words);
    skip (&cursor, "^#");
    if (cursor.at - text >= MAX_HEAD || !take_digits (&cursor, &number))
        return 0;
    skip (&cursor, " :,");
    return (size_t) (cursor.at - text);
}

/* May more text make a head of it? */
static bool may_have_head (const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalpha ((unsigned char) text [i]) && strchr (" .:#^\n", text [i]) == NULL)
            return head_of (text, size) > 0;
    return size < MAX_HEAD;
}

/* Does it say more than numbers, signs and the words of citations? "1a" is a number. */
static bool has_words (const char *text, size_t size)
{
    cursor_t cursor = {text, text + size};
    bool behind_digit = false;
    while (cursor.at < cursor.end) {
        if (take (&cursor, DAGGER))
            continue;
        bool letter = isalpha ((unsigned char) *cursor.at) || (unsigned char) *cursor.at >= 0x80;
        bool lone = behind_digit && !isalnum ((unsigned char) byte_at (&cursor, 1));
        behind_digit = isdigit ((unsigned char) *cursor.at);
        if (!letter || lone)
            cursor.at++;
        else if (!take_word (&cursor, citing_words) && !take_word (&cursor, page_words))
            return true;
    }
    return false;
}

/* -- quotes that are open -------------------------------------------------------------------- */

typedef struct {
    bool any, straight;   /* straight: one is open */
    int curly;            /* open ones */
} quotes_t;

/* The bytes that the marks below begin with, and the brackets. */
static bool is_plain (char c)
{
    return strchr ("\"[]()\xE2\xC2\xE3\xEF", c) == NULL;
}

static void follow_quote (quotes_t *quotes, const char *at, const char *end)
{
    static const struct {
        const char *mark;
        int step;
    } curly [] = {{"\xE2\x80\x9C", 1}, {"\xE2\x80\x9D", -1}, {"\xE2\x80\x9E", 1}, {"\xC2\xAB", 1}, {"\xC2\xBB", -1}};
    cursor_t cursor = {at, end};
    if (*at == '"')
        quotes->straight = !quotes->straight;
    quotes->any |= *at == '"';
    for (size_t i = 0; i < COUNT_OF (curly); i++)
        if (take (&cursor, curly [i].mark)) {
            quotes->curly += curly [i].step;
            quotes->any = true;
        }
}

static bool is_open (const quotes_t *quotes)
{
    return quotes->straight || quotes->curly > 0;
}

/* -- marks ----------------------------------------------------------------------------------- */

size_t mark_opens (const char *text, size_t size)
{
    for (size_t i = 0; i < COUNT_OF (brackets); i++) {
        size_t open = strlen (brackets [i].open);
        if (size >= open && memcmp (text, brackets [i].open, open) == 0)
            return open;
    }
    return 0;
}

static bool is_round (const char *text, size_t size)
{
    for (size_t i = 0; i < COUNT_OF (brackets); i++)
        if (size >= strlen (brackets [i].open) && memcmp (text, brackets [i].open, strlen (brackets [i].open)) == 0)
            return brackets [i].is_round;
    return false;
}

/* The bytes of the bracket that closes here, of the same kind. */
static size_t closes (const mark_t *mark, const char *text, size_t size)
{
    for (size_t i = 0; i < COUNT_OF (brackets); i++) {
        size_t close = strlen (brackets [i].close);
        if (brackets [i].is_round == mark->is_round && size >= close && memcmp (text, brackets [i].close, close) == 0)
            return close;
    }
    return 0;
}

static bool has_bracket (const char *text, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (mark_opens (text + at, size - at) > 0)
            return true;
    return false;
}

/* What cites, and what does not, when nothing more comes that could close it: its head goes. */
static void leave_open (mark_t *mark, const char *inner, size_t size)
{
    size_t head = mark->is_round ? 0 : head_of (inner, size);
    mark->kind = head > 0 ? MARK_UNREADABLE : MARK_NONE;
    mark->size = mark->open + head;
}

static void end_at (mark_t *mark, const char *inner, size_t size, size_t close)
{
    bool looks = !mark->is_round && (head_of (inner, size) > 0 || contains (inner, size, ".pdf") || contains (inner, size, DAGGER));
    bool whole = read_parts (inner, size, mark) && (!mark->is_round || head_of (inner, size) > 0);
    if (!whole && looks && has_bracket (inner, size)) {   /* which may be a mark's */
        leave_open (mark, inner, size);
        mark->kind = MARK_UNREADABLE;
        return;
    }
    mark->kind = whole ? MARK_WHOLE : looks ? MARK_UNREADABLE : MARK_NONE;
    mark->has_words = mark->kind == MARK_UNREADABLE && has_words (inner, size);
    mark->close = close;
    mark->size = mark->open + size + close;
}

/* May it end at this bracket, which closes? In a quote it does so only when it is whole by then. */
static bool may_end (mark_t *mark, const char *inner, size_t size, const quotes_t *quotes, size_t *tried)
{
    return !is_open (quotes) || (++*tried <= MAX_TRIED && read_parts (inner, size, mark));
}

mark_t mark_read (const char *text, size_t size, bool at_end)
{
    mark_t mark = {.kind = MARK_UNFINISHED, .open = mark_opens (text, size), .is_round = is_round (text, size)};
    const char *inner = text + mark.open;
    size_t inner_size = size - mark.open, at = 0, tried = 0;
    quotes_t quotes = {0};
    for (; at < inner_size; at++) {
        if (at >= MAX_MARK_BYTES || (!quotes.any && (at >= MAX_PLAIN_MARK || inner [at] == '\n')))
            break;
        if (is_plain (inner [at]))
            continue;
        size_t close = closes (&mark, inner + at, inner_size - at);
        follow_quote (&quotes, inner + at, inner + inner_size);
        if (close > 0 && may_end (&mark, inner, at, &quotes, &tried)) {
            end_at (&mark, inner, at, close);
            return mark;
        }
    }
    if (at < inner_size || at_end || (mark.is_round && !may_have_head (inner, inner_size)))
        leave_open (&mark, inner, at);
    return mark;
}
