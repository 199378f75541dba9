/* Answers: each goes through its steps by callbacks, of which one at a time is awaited. An answer that
 * has ended while something was still on its way to it is freed when that is there. */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "embedding.h"
#include "error.h"
#include "extractive.h"
#include "fusion.h"
#include "log.h"
#include "metrics.h"
#include "origin.h"
#include "sources.h"
#include "turns.h"
#include "utf8.h"

#define QUESTION_PATIENCE_MS  2000   /* as a search waits for its question's vector */
#define SENTENCES_PATIENCE_MS 2000   /* for those of the sentences; then words alone decide */

typedef enum {
    STEP_QUESTION,     /* its vector is awaited */
    STEP_SEARCH,       /* a reader's thread has it */
    STEP_SENTENCES,    /* their vectors are awaited */
    STEP_OVER,         /* it has ended; freed when nothing is on its way to it */
} step_t;

typedef struct answering {
    struct answering *next, *previous;
    origin_t *origin;
    uint8_t *buffer;              /* the request's own bytes */
    message_t request;
    step_t step;
    bool awaits;                  /* a callback will come */
    turns_t *turns;
    strings_builder_t questions;  /* one: the question as it stands alone */
    float *vector;                /* of it; NULL: none */
    sources_t *sources;
    answer_t failure;             /* of the search */
    candidate_t candidates [MAX_EMBEDDED];
    size_t candidate_count;
    uint32_t length;              /* of the text so far, in code points */
    uint32_t citations;
} answering_t;

static struct {
    library_t *library;
    pool_t *readers;
    channel_t **channel;
    answering_t *all;
    size_t count;
} answers;

/* -- life of one ----------------------------------------------------------------------------- */

static void answering_free (answering_t *answering)
{
    *(answering->previous != NULL ? &answering->previous->next : &answers.all) = answering->next;
    if (answering->next != NULL)
        answering->next->previous = answering->previous;
    answers.count--;
    origin_destroy (&answering->origin);
    sources_destroy (&answering->sources);
    turns_destroy (&answering->turns);
    strings_free (&answering->questions);
    answer_clear (&answering->failure);
    free (answering->vector);
    free (answering->buffer);
    free (answering);
}

/* Takes the origin. */
static answering_t *answering_new (const message_t *request, origin_t *origin)
{
    size_t size;
    answering_t *answering = calloc (1, sizeof *answering);
    if (answering == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    answering->next = answers.all;
    if (answers.all != NULL)
        answers.all->previous = answering;
    answers.all = answering;
    answers.count++;
    answering->buffer = message_encode (request, &size);
    if (answering->buffer == NULL || message_decode (&answering->request, answering->buffer, size) != 0) {
        answering_free (answering);
        return NULL;
    }
    answering->origin = origin;
    return answering;
}

static answering_t *answering_of (const peer_t *peer, uint64_t request)
{
    for (answering_t *answering = answers.all; answering != NULL; answering = answering->next)
        if (answering->step != STEP_OVER && answering->request.answer.request == request
            && origin_is_from (answering->origin, peer))
            return answering;
    return NULL;
}

/* The one door to STEP_OVER: sends the one last message. */
static void finish (answering_t *answering, const message_t *last)
{
    answering->step = STEP_OVER;
    origin_answer (&answering->origin, last);
    if (!answering->awaits)
        answering_free (answering);
}

/* A callback is there. Returns false when nobody wants it any more. */
static bool arrive (answering_t *answering)
{
    answering->awaits = false;
    if (answering->step != STEP_OVER)
        return true;
    answering_free (answering);
    return false;
}

/* -- what the gateway is told ---------------------------------------------------------------- */

static uint64_t number_of (const answering_t *answering)
{
    return answering->request.answer.request;
}

/* Before anything was told: it could not begin. */
static void refuse (answering_t *answering, const char *param)
{
    answer_fail (&answering->failure, number_of (answering), param);
    finish (answering, &answering->failure.message);
}

static void end (answering_t *answering, answer_ended_message_t ended)
{
    ended.request = number_of (answering);
    ended.citations = answering->citations;
    finish (answering, &(message_t) {.id = MESSAGE_ANSWER_ENDED, .answer_ended = ended});
}

/* A gateway whose queue is full can't be served: the answer ends. */
static bool tell (answering_t *answering, const message_t *message)
{
    if (origin_tell (answering->origin, message) == 0)
        return true;
    end (answering, (answer_ended_message_t) {.status = "failed", .reason = error_name (error_get ()),
                                              .message = error_text (), .unsupported = "[]"});
    return false;
}

static bool tell_text (answering_t *answering, const char *text)
{
    answering->length += utf8_length (text, strlen (text));
    return tell (answering, &(message_t) {.id = MESSAGE_ANSWER_DELTA, .answer_delta = {
        .request = number_of (answering), .text = text}});
}

static bool tell_citation (answering_t *answering, const candidate_t *quote, uint32_t index)
{
    char *json = sources_citation (answering->sources, quote->passage, quote->from, quote->to, index);
    if (json == NULL) {
        log_error ("citation_not_told", "error=%s", error_name (error_get ()));
        return true;
    }
    answering->citations++;
    bool told = tell (answering, &(message_t) {.id = MESSAGE_ANSWER_CITATION, .answer_citation = {
        .request = number_of (answering), .json = json}});
    free (json);
    return told;
}

/* -- the extractive answer ------------------------------------------------------------------- */

/* A quote on a line of its own: the page's words, white space made single, and its mark. */
static char *quote_line (const candidate_t *quote, bool first, uint32_t *mark)
{
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream (&line, &size);
    if (out == NULL)
        return NULL;
    const char *text = quote->on->text;
    fputs (first ? "\xE2\x80\x9C" : "\n\n\xE2\x80\x9C", out);
    for (size_t i = quote->from; i < quote->to; i++)
        fputc (text [i] == '\t' || text [i] == '\n' ? ' ' : text [i], out);
    fputs ("\xE2\x80\x9D ", out);
    fflush (out);
    *mark = utf8_length (line, size);
    fprintf (out, "[%zu]", quote->passage);
    if (fclose (out) == 0)
        return line;
    free (line);
    return NULL;
}

/* Returns false when the answer has ended by it. */
static bool tell_quote (answering_t *answering, const candidate_t *quote, bool first)
{
    uint32_t mark, begin = answering->length;
    char *line = quote_line (quote, first, &mark);
    bool goes_on = line == NULL || (tell_text (answering, line) && tell_citation (answering, quote, begin + mark));
    free (line);
    return goes_on;
}

static void tell_extract (answering_t *answering, bool dense)
{
    bool says;
    size_t count = extractive_choose (answering->candidates, answering->candidate_count, dense, &says);
    if (!says && !tell_text (answering, "The documents do not say."))
        return;
    if (!says && count > 0 && !tell_text (answering, " The nearest passages:\n\n"))
        return;
    for (size_t i = 0; i < count; i++)
        if (!tell_quote (answering, &answering->candidates [i], i == 0))
            return;
    end (answering, (answer_ended_message_t) {
        .status = "completed", .by = "extractive", .declined = !says, .unsupported = "[]"});
}

static void on_sentences_embedded (void *context, const void *vectors, const void *pieces UNUSED, size_t count)
{
    answering_t *answering = context;
    if (!arrive (answering))
        return;
    if (vectors != NULL) {
        float copy [MAX_EMBEDDED * EMBEDDING_WIDTH];
        memcpy (copy, vectors, count * VECTOR_BYTES);
        extractive_weigh (answering->candidates, count, answering->vector, copy);
    }
    tell_extract (answering, vectors != NULL);
}

static int embed_sentences (answering_t *answering)
{
    strings_builder_t texts = {0};
    int result = 0;
    for (size_t i = 0; result == 0 && i < answering->candidate_count; i++) {
        const candidate_t *candidate = &answering->candidates [i];
        result = strings_add (&texts, candidate->on->text + candidate->from, candidate->to - candidate->from);
    }
    if (result == 0)
        result = embedding_ask (LANE_QUESTIONS, strings_built (&texts), SENTENCES_PATIENCE_MS,
                                on_sentences_embedded, answering);
    strings_free (&texts);
    return result;
}

static void extract (answering_t *answering)
{
    answering->step = STEP_SENTENCES;
    answering->awaits = answering->vector != NULL && answering->candidate_count > 0;
    if (answering->awaits && embed_sentences (answering) != 0)
        answering->awaits = false;
    if (!answering->awaits)
        tell_extract (answering, false);
}

/* -- the search ------------------------------------------------------------------------------ */

static const char *question_of (const answering_t *answering)
{
    size_t cursor = 0;
    return strings_next (strings_built (&answering->questions), &cursor);
}

static void do_search (void *argument)
{
    answering_t *answering = argument;
    const char *param = NULL;
    reader_t *reader = library_take_reader (answers.library);
    answering->sources = sources_find (reader, library_index (answers.library), &answering->request.answer,
                                       strings_built (&answering->questions), answering->vector, &param);
    int count = answering->sources == NULL ? -1
              : extractive_collect (answering->sources, question_of (answering), answering->candidates);
    if (count >= 0)
        answering->candidate_count = (size_t) count;
    else
        answer_fail (&answering->failure, number_of (answering), param);
    if (reader->texts_damaged) {
        reader->texts_damaged = false;
        library_distrust_texts (answers.library);
    }
    library_give_reader (answers.library, reader);
    metric_add (METRIC_SEARCHES, 1);
}

static void search_done (void *argument)
{
    answering_t *answering = argument;
    if (!arrive (answering))
        return;
    if (answering->failure.message.id != MESSAGE_NONE) {
        finish (answering, &answering->failure.message);
        return;
    }
    if (tell (answering, &(message_t) {.id = MESSAGE_ANSWER_FOUND, .answer_found = {
        .request = number_of (answering), .json = sources_json (answering->sources)}}))
        extract (answering);
}

static void search (answering_t *answering)
{
    answering->step = STEP_SEARCH;
    answering->awaits = pool_submit (answers.readers, true, do_search, search_done, answering) == 0;
    if (!answering->awaits)
        refuse (answering, NULL);
}

/* -- the question ---------------------------------------------------------------------------- */

static void on_question_embedded (void *context, const void *vectors, const void *pieces UNUSED, size_t count)
{
    answering_t *answering = context;
    ranker_t ranker = RANKER_FUSED;
    if (!arrive (answering))
        return;
    (void) ranker_named (answering->request.answer.ranker, &ranker);
    if (vectors != NULL && (answering->vector = malloc (count * VECTOR_BYTES)) != NULL)
        memcpy (answering->vector, vectors, count * VECTOR_BYTES);
    if (answering->vector == NULL && ranker == RANKER_DENSE) {
        error_set (ERROR_ROLE_AWAY, "The question could not be embedded: no embedder answers. Try again in"
                   " a moment, or search with the ranker 'lexical'.");
        refuse (answering, NULL);
        return;
    }
    search (answering);
}

/* Reads the request. 0, or -1; param gets the field that is wrong. */
static int read_request (answering_t *answering, const char **param)
{
    const answer_message_t *request = &answering->request.answer;
    *param = "input";
    if ((answering->turns = turns_parse (request->turns)) == NULL)
        return -1;
    *param = "vector_store_ids";
    if (request->store_ids.count == 0 || request->store_ids.count > MAX_ANSWER_STORES)
        return error_set (ERROR_BAD_FIELD, "An answer is looked for in 1 to %u vector stores.", MAX_ANSWER_STORES);
    *param = NULL;
    char *question = turns_search_question (answering->turns);
    int result = question == NULL ? -1 : strings_add (&answering->questions, question, strlen (question));
    free (question);
    search_message_t search = {.queries = strings_built (&answering->questions), .limit = request->limit,
                               .ranker = request->ranker, .filters = request->filters};
    return result == 0 ? search_check (&search, param) : -1;
}

static void begin (answering_t *answering)
{
    const char *param;
    if (read_request (answering, &param) != 0) {
        refuse (answering, param);
        return;
    }
    answering->step = STEP_QUESTION;
    answering->awaits = true;
    if (!embedding_is_near ()
        || embedding_ask (LANE_QUESTIONS, strings_built (&answering->questions), QUESTION_PATIENCE_MS,
                          on_question_embedded, answering) != 0)
        on_question_embedded (answering, NULL, NULL, 0);
}

/* -- the link -------------------------------------------------------------------------------- */

static void refuse_unbegun (origin_t **origin, const message_t *request)
{
    answer_t answer = {0};
    answer_fail (&answer, request_number (request), NULL);
    origin_answer (origin, &answer.message);
    answer_clear (&answer);
}

void answers_begin (peer_t *peer, const message_t *request)
{
    if (answering_of (peer, request->answer.request) != NULL)
        return;   /* asked again for what is under way */
    origin_t *origin = origin_new (*answers.channel, peer);
    if (origin == NULL)
        return;
    if (answers.count >= MAX_ANSWERS) {
        error_set (ERROR_TOO_MANY_REQUESTS, NULL);
        refuse_unbegun (&origin, request);
        return;
    }
    answering_t *answering = answering_new (request, origin);
    if (answering == NULL)
        refuse_unbegun (&origin, request);
    else
        begin (answering);
}

void answers_cancel (peer_t *peer, uint64_t request)
{
    answering_t *answering = answering_of (peer, request);
    if (answering != NULL)
        end (answering, (answer_ended_message_t) {.status = "cancelled", .unsupported = "[]"});
}

void answers_drop_unwanted (void)
{
    for (answering_t *answering = answers.all, *next; answering != NULL; answering = next) {
        next = answering->next;
        if (answering->step != STEP_OVER && !origin_waits (answering->origin))
            end (answering, (answer_ended_message_t) {.status = "cancelled"});
    }
}

void answers_start (library_t *library, pool_t *readers, channel_t **channel)
{
    memset (&answers, 0, sizeof answers);
    answers.library = library;
    answers.readers = readers;
    answers.channel = channel;
}

void answers_stop (void)
{
    while (answers.all != NULL)
        answering_free (answers.all);
}
