/* Citations: see citations.h. What may be a mark is held back until it is one or not. */
#include "citations.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "marks.h"
#include "quote.h"
#include "sentences.h"
#include "text.h"
#include "utf8.h"

#define MAX_STATEMENT 1200   /* bytes before a mark that it is looked for in */
#define BLOCK_TICKS   3      /* back ticks that begin a block of code */
#define MAX_FENCE_BYTES 600  /* of a copy of one of the prompt's */
#define MAX_PLACES    4096   /* citations of which the place is remembered */
#define MAX_SENTENCES 2048   /* that are looked at in the end */

/* A quotation, or code, that the text is in. */
typedef struct {
    const char *close;   /* what ends it; NULL: none is open */
    size_t ticks;        /* of code: how many back ticks began it, and end it */
    size_t from;         /* in the text as it was told */
} span_t;

struct citations {
    citations_handler_t handler;
    void *context;
    size_t passages;
    char *told;                      /* the answer's text as it was told */
    size_t told_size, told_capacity;
    uint32_t told_length;            /* in code points */
    size_t handed;                   /* bytes of it that the handler has */
    char held [MAX_MARK_BYTES + 8];  /* white space before a mark, and what may become one */
    size_t held_size;
    size_t places [MAX_PLACES];      /* bytes of the text at which a mark stands that was found */
    size_t place_count;
    size_t after_mark;               /* where the last statement's marks end */
    span_t span;
    size_t ticks;                    /* back ticks at the end of the text so far */
    bool may_define;                 /* a bracket began this line */
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

/* Has the line of what is told next nothing yet but signs such as those of a list? */
static bool at_line_start (const citations_t *citations)
{
    size_t at = citations->told_size;
    while (at > 0 && strchr (" \t>-*+", citations->told [at - 1]) != NULL)
        at--;
    return at == 0 || citations->told [at - 1] == '\n';
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

/* How much of it is looked at. */
static size_t view_of (const citations_t *citations)
{
    return citations->held_size < MAX_MARK_BYTES ? citations->held_size : MAX_MARK_BYTES;
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
    citations->may_define |= at_line_start (citations);
    if (citations->place_count < MAX_PLACES)
        citations->places [citations->place_count++] = citations->told_size;
    tell (citations, mark, size + digits + 1);
    hand_over (citations);
    if (!citations->failed)
        citations->handler.citation (citations->context, quote, index);
}

/* -- quotations and code --------------------------------------------------------------------- */

static bool begins (const char *text, size_t size, const char *word)
{
    return size >= strlen (word) && memcmp (text, word, strlen (word)) == 0;
}

/* A run of back ticks is over, at a place of the text. */
static void end_ticks (citations_t *citations, size_t place)
{
    span_t *span = &citations->span;
    if (citations->ticks > 0 && span->ticks == citations->ticks)
        *span = (span_t) {0};
    else if (citations->ticks > 0 && span->ticks == 0)
        *span = (span_t) {.close = "`", .ticks = citations->ticks, .from = place};
    citations->ticks = 0;
}

static void follow_quote (span_t *span, const char *at, size_t size, size_t place)
{
    static const char *const pairs [] [2] = {
        {"\"", "\""}, {"\xE2\x80\x9C", "\xE2\x80\x9D"}, {"\xE2\x80\x9E", "\xE2\x80\x9C"}, {"\xC2\xAB", "\xC2\xBB"}};
    if (span->close != NULL && begins (at, size, span->close)) {
        *span = (span_t) {0};
        return;
    }
    for (size_t i = 0; span->close == NULL && i < COUNT_OF (pairs); i++)
        if (begins (at, size, pairs [i] [0]))
            *span = (span_t) {.close = pairs [i] [1], .from = place + strlen (pairs [i] [0])};
}

/* Sees in which quotation the text is that is told next. A line's end ends all but blocks of code. */
static void follow (citations_t *citations, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        size_t place = citations->told_size + i;
        if (text [i] == '`') {
            citations->ticks++;
            continue;
        }
        end_ticks (citations, place);
        if (text [i] == '\n' && citations->span.ticks < BLOCK_TICKS)
            citations->span = (span_t) {0};
        citations->may_define &= text [i] != '\n';
        if (citations->span.ticks == 0)
            follow_quote (&citations->span, text + i, size - i, place);
    }
}

static void tell_held (citations_t *citations, size_t size)
{
    follow (citations, citations->held, size);
    tell (citations, citations->held, size);
    drop_held (citations, size);
}

/* White space before what goes goes with it, but for the end of a line. */
static void settle_space (citations_t *citations, size_t space, bool stays)
{
    if (stays || memchr (citations->held, '\n', space) != NULL)
        tell_held (citations, space);
    else
        drop_held (citations, space);
}

/* Where the quotation ends that the text is in, from `at` on; 0: not yet, or never. */
static size_t end_of_span (const citations_t *citations, size_t at, bool *never)
{
    const span_t *span = &citations->span;
    size_t view = view_of (citations), ticks = 0;
    for (; at < view; at++) {
        ticks = citations->held [at] == '`' ? ticks + 1 : 0;
        bool run_is_over = at + 1 < view ? citations->held [at + 1] != '`' : *never || view == MAX_MARK_BYTES;
        bool ends_code = span->ticks > 0 && ticks == span->ticks && run_is_over;
        if (ends_code || (span->ticks == 0 && begins (citations->held + at, view - at, span->close)))
            return at;
        if (citations->held [at] == '\n' && span->ticks < BLOCK_TICKS)
            break;
    }
    *never |= at < view || view == MAX_MARK_BYTES;
    return 0;
}

/* Does what was told of a quotation, and so much of what is held, stand in a passage? */
static bool is_verbatim (const citations_t *citations, size_t held)
{
    size_t told = citations->told_size - citations->span.from, size = told + held;
    found_quote_t found;
    char *words = size > MAX_QUOTE_BYTES ? NULL : malloc (size + 1);
    if (words == NULL)
        return false;
    memcpy (words, citations->told + citations->span.from, told);
    memcpy (words + told, citations->held, held);
    while (size > 0 && strchr (" .,;", words [size - 1]) != NULL)
        size--;
    bool stands = size > 0 && citations->handler.check (citations->context, 0, words, size, "", 0, &found);
    free (words);
    return stands;
}

typedef enum { OWN_TEXT, QUOTED, NOT_YET } quoted_t;

/* Is the bracket, behind `space`, a part of what a document says, or of code (an index: a[0])? */
static quoted_t is_quoted (citations_t *citations, size_t space, const mark_t *mark, bool at_end)
{
    const span_t *span = &citations->span;
    bool never = at_end;
    end_ticks (citations, citations->told_size);
    if (span->close == NULL)
        return OWN_TEXT;
    char before = space > 0 || citations->told_size == span->from ? ' ' : citations->told [citations->told_size - 1];
    if (span->ticks > 0 && !isalnum ((unsigned char) before) && strchr ("_)]", before) == NULL)
        return OWN_TEXT;
    size_t end = end_of_span (citations, space + mark->size, &never);
    if (end == 0)
        return never ? OWN_TEXT : NOT_YET;
    return span->ticks > 0 || is_verbatim (citations, end) ? QUOTED : OWN_TEXT;
}

/* -- marks ----------------------------------------------------------------------------------- */

/* Checks the parts of a mark. Returns how many are found. */
static size_t check_parts (citations_t *citations, const mark_t *mark, found_quote_t found [MAX_MARK_PARTS])
{
    size_t statement_size, count = 0;
    const char *statement = statement_of (citations, &statement_size);
    for (size_t i = 0; i < mark->part_count; i++) {
        const mark_part_t *part = &mark->parts [i];
        bool says = part->size == 0 ? part->number > 0 : quote_says (part->quote, part->size);
        count += says && citations->handler.check (citations->context, part->number, part->quote, part->size, statement,
                                                   statement_size, &found [count]);
    }
    return count;
}

/* Tells those that were found, or else nothing, not even the space before them. */
static void put_found (citations_t *citations, const mark_t *mark, const found_quote_t *found, size_t count, size_t space)
{
    settle_space (citations, space, count > 0);
    for (size_t i = 0; i < count; i++)
        put_mark (citations, &found [i]);
    citations->rejected += (uint32_t) (mark->part_count - count);
    citations->after_mark = citations->told_size;
    drop_held (citations, mark->size);
}

/* Parentheses hold much else: figures, counts of a list, arguments. A mark in them has the number of a
 * passage, or several, behind a word and a space. */
static bool may_cite (const citations_t *citations, const mark_t *mark, size_t space)
{
    if (!mark->is_round || mark->is_named)
        return true;
    for (size_t i = 0; i < mark->part_count; i++)
        if (mark->parts [i].number == 0 || mark->parts [i].number > citations->passages)
            return false;
    return space > 0 && citations->held [space - 1] != '\n' && !at_line_start (citations);
}

/* Ends a clause behind the mark? Then it is no count, as in "(1) its height". */
static bool ends_clause (const citations_t *citations, size_t at, size_t view)
{
    while (at < view && citations->held [at] == ' ')
        at++;
    return at == view || strchr (".,;:!?\n([", citations->held [at]) != NULL;
}

static bool settle_round (citations_t *citations, const mark_t *mark, size_t space, bool at_end)
{
    found_quote_t found [MAX_MARK_PARTS];
    size_t end = space + mark->size, view = view_of (citations), next = end;
    while (next < view && citations->held [next] == ' ')
        next++;
    if (next == view && view < MAX_MARK_BYTES && !at_end)
        return false;
    size_t count = check_parts (citations, mark, found);
    if (count > 0 || mark->is_named || ends_clause (citations, end, view))
        put_found (citations, mark, found, count, space);
    else
        tell_held (citations, space + mark->open);   /* what it holds may have marks of its own */
    return true;
}

/* What looks like a citation and is none: its words stay, if there are any. */
static void take_off (citations_t *citations, const mark_t *mark, size_t space)
{
    size_t inner = mark->size - mark->open - mark->close;
    citations->rejected++;
    settle_space (citations, space, mark->has_words || mark->close == 0);
    drop_held (citations, mark->open);
    if (mark->has_words)
        tell_held (citations, inner);
    else
        drop_held (citations, inner);
    drop_held (citations, mark->close);
}

/* The steps below return false when more must come before anything can be told. */

static bool step_mark (citations_t *citations, size_t space, const mark_t *mark, bool at_end)
{
    found_quote_t found [MAX_MARK_PARTS];
    if (mark->kind == MARK_WHOLE && mark->is_round && !mark->is_named)
        return settle_round (citations, mark, space, at_end);
    if (mark->kind == MARK_WHOLE)
        put_found (citations, mark, found, check_parts (citations, mark, found), space);
    else
        take_off (citations, mark, space);
    return true;
}

/* A bracket opens behind `space` bytes of white space. */
static bool step_bracket (citations_t *citations, size_t space, bool at_end)
{
    mark_t mark = mark_read (citations->held + space, view_of (citations) - space,
                             at_end || citations->held_size >= MAX_MARK_BYTES);
    if (mark.kind == MARK_UNFINISHED)
        return false;
    bool cites = mark.kind != MARK_NONE && may_cite (citations, &mark, space);
    quoted_t quoted = cites ? is_quoted (citations, space, &mark, at_end) : OWN_TEXT;
    if (quoted == NOT_YET)
        return false;
    if (cites && quoted == OWN_TEXT)
        return step_mark (citations, space, &mark, at_end);
    citations->may_define |= !mark.is_round && at_line_start (citations);
    tell_held (citations, space + (cites ? mark.size : mark.open));
    return true;
}

/* -- text that is no mark -------------------------------------------------------------------- */

/* Does `<` begin a tag here? Any may hold an address that a reader's program would fetch. */
static bool begins_tag (char next)
{
    return (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
}

/* A fence of the prompt (prompt.c), which weak models write on. *fence gets its bytes, 0: it is none. Returns
 * false when more must come before that can be told. */
static bool read_fence (const char *held, size_t size, bool at_end, size_t *fence)
{
    static const char *const beginnings [] = {"<passage-", "</passage-"};
    *fence = 0;
    for (size_t i = 0; i < COUNT_OF (beginnings); i++) {
        size_t length = strlen (beginnings [i]);
        if (memcmp (held, beginnings [i], size < length ? size : length) != 0)
            continue;
        size_t end = 0, view = size < MAX_FENCE_BYTES ? size : MAX_FENCE_BYTES;
        while (end < view && held [end] != '>' && held [end] != '\n')
            end++;
        *fence = size >= length && end < view && held [end] == '>' ? end + 1 : 0;
        return end < view || view == MAX_FENCE_BYTES || at_end;
    }
    return true;
}

/* What begins a picture, a link's address or a tag loses what makes it one. */
static bool step_special (citations_t *citations, bool at_end)
{
    const char *held = citations->held;
    size_t size = citations->held_size, fence = 0;
    if ((size < 2 && !at_end) || (held [0] == '<' && !read_fence (held, size, at_end, &fence)))
        return false;
    if (fence > 0) {
        drop_held (citations, fence);
        return true;
    }
    bool tag = size > 1 && held [0] == '<' && begins_tag (held [1]);
    bool picture = size > 1 && held [0] == '!' && held [1] == '[';
    if (picture)
        drop_held (citations, 1);
    else
        tell_held (citations, 1);
    if (tag)
        tell (citations, " ", 1);
    return true;
}

/* Would a bracket that closes here make a mark of what is left of others, as of "[[9]1]"? */
static bool closes_number (const citations_t *citations)
{
    size_t at = citations->told_size, digits = 0;
    for (; at > 0 && isdigit ((unsigned char) citations->told [at - 1]); at--)
        digits++;
    return digits > 0 && digits <= 3 && at > 0 && citations->told [at - 1] == '[';
}

static bool step_text (citations_t *citations)
{
    const char *held = citations->held;
    size_t size = citations->held_size, plain = 1;
    if (held [0] == ']' && closes_number (citations)) {
        citations->rejected++;
        drop_held (citations, 1);
        return true;
    }
    while (held [0] != ']' && plain < size && !is_blank (held [plain]) && strchr ("!]<", held [plain]) == NULL
           && mark_opens (held + plain, size - plain) == 0)
        plain++;
    tell_held (citations, plain);
    return true;
}

/* "](" would make a link of what stands before it, "]:" behind a bracket that begins its line a link of
 * every such bracket. */
static void part_link (citations_t *citations)
{
    char next = citations->held_size > 0 ? citations->held [0] : '\0';
    bool behind = citations->told_size > 0 && citations->told [citations->told_size - 1] == ']';
    if (behind && (next == '(' || (next == ':' && citations->may_define)))
        tell (citations, " ", 1);
}

static bool step (citations_t *citations, bool at_end)
{
    const char *held = citations->held;
    size_t size = citations->held_size, space = held_space (citations);
    part_link (citations);
    if (size == 0 || (space == size && !at_end && size < MAX_MARK_BYTES))
        return false;
    if (mark_opens (held + space, size - space) > 0)
        return step_bracket (citations, space, at_end);
    if (space > 0) {
        tell_held (citations, space);
        return true;
    }
    return strchr ("!<", held [0]) != NULL ? step_special (citations, at_end) : step_text (citations);
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

citations_t *citations_new (const citations_handler_t *handler, size_t passages, void *context)
{
    citations_t *citations = calloc (1, sizeof *citations);
    if (citations == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    citations->handler = *handler;
    citations->passages = passages;
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
