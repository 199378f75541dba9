/* Citations: see citations.h. What may be a mark is held back until it is one or not. */
#include "citations.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "quote.h"
#include "sentences.h"
#include "text.h"
#include "utf8.h"

#define MAX_PARTS     8      /* of one mark */
#define MAX_DIGITS    3      /* of a passage's number: [2024] is a year */
#define MAX_STATEMENT 1200   /* bytes before a mark that it is looked for in */
#define MAX_PLACES    4096   /* citations of which the place is remembered */
#define MAX_SENTENCES 2048   /* that are looked at in the end */

struct citations {
    citations_handler_t handler;
    void *context;
    char *told;                      /* the answer's text as it was told */
    size_t told_size, told_capacity;
    uint32_t told_length;            /* in code points */
    size_t handed;                   /* bytes of it that the handler has */
    char held [MAX_MARK_BYTES + 8];  /* white space before a mark, and what may become one */
    size_t held_size;
    size_t places [MAX_PLACES];      /* bytes of the text at which a mark stands that was found */
    size_t place_count;
    size_t after_mark;               /* where the last statement's marks end */
    uint32_t rejected;
    bool failed;
};

/* -- telling --------------------------------------------------------------------------------- */

static void tell (citations_t *citations, const char *text, size_t size)
{
    if (size == 0 || citations->failed)
        return;
    if (citations->told_size + size > MAX_ANSWER_BYTES) {
        citations->failed = true;
        error_set (ERROR_BODY_TOO_LARGE, "An answer may have %u bytes.", MAX_ANSWER_BYTES);
        return;
    }
    if (text_append (&citations->told, &citations->told_size, &citations->told_capacity, text, size) != 0) {
        citations->failed = true;
        return;
    }
    citations->told_length += utf8_length (text, size);
}

/* Gives the handler what was gathered since. */
static void hand_over (citations_t *citations)
{
    if (citations->told_size > citations->handed)
        citations->handler.text (citations->context, citations->told + citations->handed,
                                 citations->told_size - citations->handed);
    citations->handed = citations->told_size;
}

/* -- one mark -------------------------------------------------------------------------------- */

typedef struct {
    size_t number;
    const char *quote;
    size_t size;
} mark_part_t;

typedef struct {
    const char *at, *end;
} cursor_t;

static const struct {
    const char *open, *close;
} quote_marks [] = {
    {"\"", "\""}, {"\xE2\x80\x9C", "\xE2\x80\x9D"}, {"\xE2\x80\x9E", "\xE2\x80\x9C"}, {"\xC2\xAB", "\xC2\xBB"},
    {"'", "'"}, {"\xE2\x80\x98", "\xE2\x80\x99"},
};

static bool take (cursor_t *cursor, const char *word)
{
    size_t size = strlen (word);
    if ((size_t) (cursor->end - cursor->at) < size || strncasecmp (cursor->at, word, size) != 0)
        return false;
    cursor->at += size;
    return true;
}

static void skip (cursor_t *cursor, const char *bytes)
{
    while (cursor->at < cursor->end && strchr (bytes, *cursor->at) != NULL)
        cursor->at++;
}

static bool take_number (cursor_t *cursor, size_t *number)
{
    size_t digits = 0;
    *number = 0;
    for (; cursor->at < cursor->end && isdigit ((unsigned char) *cursor->at) && digits <= MAX_DIGITS; cursor->at++, digits++)
        *number = *number * 10 + (size_t) (*cursor->at - '0');
    return digits > 0 && digits <= MAX_DIGITS && (cursor->at == cursor->end || !isalnum ((unsigned char) *cursor->at));
}

/* The closing mark is one behind which the mark, or its next part, goes on. */
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
        if (!take (cursor, quote_marks [i].open))
            continue;
        const char *end = closing (cursor->at, cursor->end, quote_marks [i].close);
        if (end == NULL)
            return false;
        part->quote = cursor->at;
        part->size = (size_t) (end - cursor->at);
        cursor->at = end + strlen (quote_marks [i].close);
        return true;
    }
    return false;
}

/* Reads what stands between the brackets. Returns how many parts, 0 when it is no mark. */
static size_t read_mark (const char *text, size_t size, mark_part_t parts [MAX_PARTS])
{
    cursor_t cursor = {text, text + size};
    size_t count = 0, number = 0;
    skip (&cursor, " \n");
    while (cursor.at < cursor.end && count < MAX_PARTS) {
        mark_part_t part = {.quote = "", .size = 0};
        bool numbered = take (&cursor, "passage ") || isdigit ((unsigned char) *cursor.at);
        if (numbered && !take_number (&cursor, &number))
            return 0;
        skip (&cursor, " \n");
        if (numbered && cursor.at < cursor.end && strchr (":,", *cursor.at) != NULL)
            cursor.at++;
        skip (&cursor, " \n");
        bool quoted = cursor.at < cursor.end && take_quote (&cursor, &part);
        if (number == 0 || (!numbered && !quoted))
            return 0;
        part.number = number;
        parts [count++] = part;
        skip (&cursor, " \n,;");
    }
    return cursor.at == cursor.end ? count : 0;
}

/* -- what a mark is for ---------------------------------------------------------------------- */

/* The statement before a mark: the last sentence, or what follows the mark before it. */
static const char *statement_of (const citations_t *citations, size_t *size)
{
    size_t from = citations->told_size > MAX_STATEMENT ? citations->told_size - MAX_STATEMENT : 0, end = citations->told_size;
    while (from < end && ((unsigned char) citations->told [from] & 0xC0) == 0x80)
        from++;
    if (from < citations->after_mark && citations->after_mark < end)
        from = citations->after_mark;
    sentence_t sentences [64];
    size_t count = end > from ? sentences_cut (citations->told + from, end - from, sentences, COUNT_OF (sentences)) : 0;
    *size = count == 0 ? 0 : sentences [count - 1].end - sentences [count - 1].start;
    return count == 0 ? "" : citations->told + from + sentences [count - 1].start;
}

static void put_mark (citations_t *citations, const found_quote_t *quote)
{
    char mark [24] = "[";
    size_t size = 1, number = quote->passage, digits = 1;
    for (size_t rest = number; rest >= 10; rest /= 10)
        digits++;
    for (size_t i = digits; i-- > 0; number /= 10)
        mark [size + i] = (char) ('0' + number % 10);
    mark [size + digits] = ']';
    uint32_t index = citations->told_length;
    if (citations->place_count < MAX_PLACES)
        citations->places [citations->place_count++] = citations->told_size;
    tell (citations, mark, size + digits + 1);
    hand_over (citations);
    if (!citations->failed)
        citations->handler.citation (citations->context, quote, index);
}

/* Tells a whole mark: those of its parts that are found; the white space before it only with one. */
static void settle_mark (citations_t *citations, const mark_part_t *parts, size_t count, size_t space)
{
    size_t statement_size, told = 0;
    const char *statement = statement_of (citations, &statement_size);
    found_quote_t found [MAX_PARTS];
    for (size_t i = 0; i < count; i++) {
        bool checked = parts [i].size == 0 || quote_says (parts [i].quote, parts [i].size);
        if (checked && citations->handler.check (citations->context, parts [i].number, parts [i].quote, parts [i].size,
                                                 statement, statement_size, &found [told]))
            told++;
        else
            citations->rejected++;
    }
    if (told > 0)
        tell (citations, citations->held, space);
    for (size_t i = 0; i < told; i++)
        put_mark (citations, &found [i]);
    citations->after_mark = citations->told_size;
}

/* -- what is held back ----------------------------------------------------------------------- */

static bool is_blank (char c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

static size_t held_space (const citations_t *citations)
{
    size_t space = 0;
    while (space < citations->held_size && is_blank (citations->held [space]))
        space++;
    return space;
}

static void drop_held (citations_t *citations, size_t size)
{
    citations->held_size -= size;
    memmove (citations->held, citations->held + size, citations->held_size);
}

#define WIDE_OPEN  "\xE3\x80\x90"
#define WIDE_CLOSE "\xE3\x80\x91"

static size_t bracket_size (const char *at, size_t size)
{
    return size >= 1 && *at == '[' ? 1 : size >= 3 && memcmp (at, WIDE_OPEN, 3) == 0 ? 3 : 0;
}

/* Where the mark that begins at `start` ends; 0: not yet, or never. A bracket in a quote ends none, as
 * what stands before it is no whole mark. */
static size_t end_of_mark (const citations_t *citations, size_t start)
{
    mark_part_t parts [MAX_PARTS];
    for (size_t at = start; at < citations->held_size; at++) {
        bool wide = citations->held_size - at >= 3 && memcmp (citations->held + at, WIDE_CLOSE, 3) == 0;
        if ((citations->held [at] == ']' || wide) && read_mark (citations->held + start, at - start, parts) > 0)
            return at + (wide ? 3 : 1);
    }
    return 0;
}

/* May what follows the bracket still become a mark? */
static bool may_be_mark (const char *text, size_t size)
{
    static const char word [] = "passage ";
    size_t at = 0, letters = 0;
    while (at < size && is_blank (text [at]))
        at++;
    while (at + letters < size && letters < sizeof word - 1
           && tolower ((unsigned char) text [at + letters]) == word [letters])
        letters++;
    at += letters;
    if (letters > 0 && letters < sizeof word - 1)
        return at == size;
    if (at == size)
        return true;
    size_t digits = 0;
    while (at < size && isdigit ((unsigned char) text [at]))
        at++, digits++;
    if (digits == 0 || digits > MAX_DIGITS)
        return false;
    /* A number alone, as in a year or a table, ends at its bracket. */
    return at == size || is_blank (text [at]) || strchr (":,;]\"'", text [at]) != NULL || (unsigned char) text [at] >= 0x80;
}

/* -- text that is no mark -------------------------------------------------------------------- */

/* Does `<` begin a tag here? Any may hold an address that a reader's program would fetch. */
static bool begins_tag (char next)
{
    return (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
}

static void tell_held (citations_t *citations, size_t size)
{
    tell (citations, citations->held, size);
    drop_held (citations, size);
}

/* The steps below return false when more must come before anything can be told. */

/* A bracket opens behind `space` bytes of white space. */
static bool step_bracket (citations_t *citations, size_t space, size_t bracket, bool at_end)
{
    mark_part_t parts [MAX_PARTS];
    size_t start = space + bracket, end = end_of_mark (citations, start);
    const char *inner = citations->held + start;
    if (end > 0) {
        size_t close = citations->held [end - 1] == ']' ? 1 : strlen (WIDE_CLOSE);
        settle_mark (citations, parts, read_mark (inner, end - close - start, parts), space);
        drop_held (citations, end);
        return true;
    }
    if (!at_end && citations->held_size < MAX_MARK_BYTES && may_be_mark (inner, citations->held_size - start))
        return false;
    tell_held (citations, start);
    return true;
}

/* What begins a picture, a link's address or a tag loses what makes it one. */
static bool step_special (citations_t *citations, bool at_end)
{
    const char *held = citations->held;
    size_t size = citations->held_size;
    if (size < 2 && !at_end)
        return false;
    bool tag = size > 1 && held [0] == '<' && begins_tag (held [1]);
    bool picture = size > 1 && held [0] == '!' && held [1] == '[';
    bool link = size > 1 && held [0] == ']' && held [1] == '(';
    if (!picture)
        tell (citations, held, 1);
    if (tag || link)
        tell (citations, " ", 1);
    drop_held (citations, 1);
    return true;
}

static bool step_text (citations_t *citations, bool at_end)
{
    const char *held = citations->held;
    size_t size = citations->held_size, plain = 1;
    if ((unsigned char) held [0] == (unsigned char) WIDE_OPEN [0]) {
        if (size < 3 && !at_end)
            return false;
        plain = size < 3 ? size : 3;
    }
    while (plain < size && !is_blank (held [plain]) && strchr ("[!]<", held [plain]) == NULL
           && (unsigned char) held [plain] != (unsigned char) WIDE_OPEN [0])
        plain++;
    tell_held (citations, plain);
    return true;
}

static bool step (citations_t *citations, bool at_end)
{
    const char *held = citations->held;
    size_t size = citations->held_size, space = held_space (citations);
    size_t bracket = bracket_size (held + space, size - space);
    if (size == 0 || (space == size && !at_end && size < MAX_MARK_BYTES))
        return false;
    if (bracket > 0)
        return step_bracket (citations, space, bracket, at_end);
    if (space > 0) {
        tell_held (citations, space);
        return true;
    }
    return strchr ("!]<", held [0]) != NULL ? step_special (citations, at_end) : step_text (citations, at_end);
}

int citations_feed (citations_t *citations, const char *text, size_t size)
{
    for (size_t at = 0; at < size && !citations->failed;) {
        size_t room = MAX_MARK_BYTES + 4 - citations->held_size, part = size - at < room ? size - at : room;
        while (at + part < size && ((unsigned char) text [at + part] & 0xC0) == 0x80)
            part--;   /* characters stay whole */
        memcpy (citations->held + citations->held_size, text + at, part);
        citations->held_size += part;
        at += part;
        while (!citations->failed && step (citations, false))
            ;
    }
    hand_over (citations);
    return citations->failed ? -1 : 0;
}

int citations_finish (citations_t *citations)
{
    while (!citations->failed && step (citations, true))
        ;
    hand_over (citations);
    return citations->failed ? -1 : 0;
}

/* -- life ------------------------------------------------------------------------------------ */

citations_t *citations_new (const citations_handler_t *handler, void *context)
{
    citations_t *citations = calloc (1, sizeof *citations);
    if (citations == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    citations->handler = *handler;
    citations->context = context;
    return citations;
}

void citations_destroy (citations_t **citations)
{
    if (*citations == NULL)
        return;
    free ((*citations)->told);
    free (*citations);
    *citations = NULL;
}

const char *citations_text (const citations_t *citations, size_t *size)
{
    *size = citations->told_size;
    return citations->told == NULL ? "" : citations->told;
}

uint32_t citations_rejected (const citations_t *citations) { return citations->rejected; }

/* -- what is not supported ------------------------------------------------------------------- */

bool citations_declines (const char *text)
{
    static const char phrase [] = "the documents do not say";
    while (*text != '\0' && !isalpha ((unsigned char) *text))
        text++;
    return strncasecmp (text, phrase, sizeof phrase - 1) == 0;
}

/* A copy of the text in which the marks are blanks, so that they part no sentence and are part of none. */
static char *without_marks (const citations_t *citations)
{
    char *text = citations->told_size == 0 ? NULL : malloc (citations->told_size + 1);
    if (text == NULL)
        return NULL;
    memcpy (text, citations->told, citations->told_size + 1);
    for (size_t i = 0; i < citations->place_count; i++)
        for (size_t at = citations->places [i]; at < citations->told_size && text [at] != ' '; at++) {
            bool last = text [at] == ']';
            text [at] = ' ';
            if (last)
                break;
        }
    return text;
}

static bool has_place (const citations_t *citations, size_t start, size_t end)
{
    for (size_t i = 0; i < citations->place_count; i++)
        if (citations->places [i] >= start && citations->places [i] < end)
            return true;
    return false;
}

/* A line that leads to others, a heading and what says that nothing is said state nothing. */
static bool states (const char *text, size_t start, size_t end)
{
    bool has_words = false;
    for (size_t at = start; at < end; at++)
        has_words |= isalnum ((unsigned char) text [at]) || (unsigned char) text [at] >= 0x80;
    return has_words && text [end - 1] != ':' && text [start] != '#' && !citations_declines (text + start);
}

size_t citations_unsupported (const citations_t *citations, unsupported_t *ranges, size_t capacity)
{
    char *text = without_marks (citations);
    sentence_t *sentences = malloc (MAX_SENTENCES * sizeof *sentences);
    size_t all = text == NULL || sentences == NULL ? 0
               : sentences_cut (text, citations->told_size, sentences, MAX_SENTENCES), count = 0;
    for (size_t i = 0; i < all && count < capacity; i++) {
        size_t start = sentences [i].start, end = sentences [i].end;
        size_t next = i + 1 < all ? sentences [i + 1].start : citations->told_size;
        if (!states (text, start, end) || has_place (citations, start, next))
            continue;
        ranges [count].start = utf8_length (text, start);
        ranges [count].end = ranges [count].start + utf8_length (text + start, end - start);
        count++;
    }
    free (sentences);
    free (text);
    return count;
}
