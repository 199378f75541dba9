/* The link ask: one errand for each question that does not go to the writer. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answers.h"
#include "catalogue.h"
#include "embedding.h"
#include "error.h"
#include "fusion.h"
#include "metrics.h"
#include "question.h"
#include "search.h"
#include "writer.h"

#define QUESTION_PATIENCE_MS 2000    /* a search waits so long for its question's vector */
#define EMBED_PATIENCE_MS    25000   /* /v1/embeddings waits longer, and EMBED_TEXT_MS more for each text */
#define EMBED_PART_TEXTS     8
#define EMBED_PARTS_AT_ONCE  8       /* of one request; the next is asked for when one is there */
#define MAX_EMBED_TEXTS      MAX_STRINGS
#define MAX_EMBED_BYTES      (192u << 20)   /* of embed requests under way */

/* A part of an embed request that has been asked for. */
typedef struct {
    struct errand *errand;   /* NULL: none */
    size_t first;
} part_t;

typedef struct errand {
    struct errand *next, *previous;
    origin_t *origin;
    uint8_t *buffer;            /* the request's own bytes */
    message_t request;
    answer_t answer;
    strings_builder_t queries;  /* of a search, rewritten */
    float *vectors;             /* of a search's questions; NULL: none */
    /* of an embed request: */
    size_t held;                /* bytes of its texts, while they count */
    uint8_t *embedded, *pieces; /* [texts], filled part by part */
    part_t parts [EMBED_PARTS_AT_ONCE];
    size_t parts_asked;         /* and not there yet */
    size_t texts_asked, cursor; /* how far it has come */
    uint64_t due_ms;
    error_t failure;            /* then no more is asked for */
} errand_t;

static struct {
    library_t *library;
    pool_t *readers;
    channel_t **channel;
    errand_t *errands;
    size_t embed_bytes;
    bool is_closed;
} ask;

/* -- errands -------------------------------------------------------------------------------- */

static void errand_end (errand_t *errand)
{
    if (errand->previous != NULL)
        errand->previous->next = errand->next;
    else
        ask.errands = errand->next;
    if (errand->next != NULL)
        errand->next->previous = errand->previous;
    ask.embed_bytes -= errand->held;
    origin_destroy (&errand->origin);
    answer_clear (&errand->answer);
    free (errand->buffer);
    free (errand->vectors);
    strings_free (&errand->queries);
    free (errand->embedded);
    free (errand->pieces);
    free (errand);
}

static errand_t *errand_new (const message_t *request, origin_t *origin)
{
    errand_t *errand = calloc (1, sizeof *errand);
    if (errand == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    errand->next = ask.errands;
    if (ask.errands != NULL)
        ask.errands->previous = errand;
    ask.errands = errand;
    errand->buffer = message_copy (&errand->request, request);
    if (errand->buffer == NULL) {
        errand_end (errand);
        return NULL;
    }
    errand->origin = origin;
    return errand;
}

static void errand_answer (errand_t *errand)
{
    origin_answer (&errand->origin, &errand->answer.message);
    errand_end (errand);
}

static void errand_fail (errand_t *errand, const char *param)
{
    answer_fail (&errand->answer, request_number (&errand->request), param);
    errand_answer (errand);
}

static void errand_done (void *argument)
{
    errand_answer (argument);
}

static void submit (errand_t *errand, pool_call_t *work)
{
    if (pool_submit (ask.readers, true, work, errand_done, errand) != 0)
        errand_fail (errand, NULL);
}

/* -- the catalogue -------------------------------------------------------------------------- */

static void do_read (void *argument)
{
    errand_t *errand = argument;
    reader_t *reader = library_take_reader (ask.library);
    (void) catalogue_answer (reader->store, &errand->request, &errand->answer);
    library_give_reader (ask.library, reader);
}

/* -- searches ------------------------------------------------------------------------------- */

static int64_t microseconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void do_search (void *argument)
{
    errand_t *errand = argument;
    const search_message_t *request = &errand->request.search;
    const char *param = NULL;
    int64_t begun = microseconds ();
    reader_t *reader = library_take_reader (ask.library);
    char *json = search_run (reader, library_index (ask.library), request, errand->vectors, &param);
    if (json != NULL)
        answer_result (&errand->answer, request->request, json);
    else
        answer_fail (&errand->answer, request->request, param);
    library_give_reader (ask.library, reader);
    metric_add (METRIC_SEARCHES, 1);
    metric_add (METRIC_SEARCH_MICROSECONDS, microseconds () - begun);
}

/* The questions have their vectors, or have waited long enough. */
static void on_question_embedded (void *context, const void *vectors, const void *pieces UNUSED, size_t count)
{
    errand_t *errand = context;
    ranker_t ranker = RANKER_FUSED;
    (void) ranker_named (errand->request.search.ranker, &ranker);
    if (vectors != NULL && (errand->vectors = malloc (count * VECTOR_BYTES)) != NULL)
        memcpy (errand->vectors, vectors, count * VECTOR_BYTES);
    if (errand->vectors == NULL && ranker == RANKER_DENSE) {
        error_set (ERROR_ROLE_AWAY, "The question could not be embedded: no embedder answers. Try again in"
                   " a moment, or search with the ranker 'lexical'.");
        errand_fail (errand, NULL);
        return;
    }
    submit (errand, do_search);
}

static int rewrite_queries (errand_t *errand)
{
    search_message_t *request = &errand->request.search;
    size_t cursor = 0;
    for (const char *query; (query = strings_next (request->queries, &cursor)) != NULL;) {
        char *rewritten = question_rewrite (query);
        int result = rewritten == NULL ? -1 : strings_add (&errand->queries, rewritten, strlen (rewritten));
        free (rewritten);
        if (result != 0)
            return -1;
    }
    request->queries = strings_built (&errand->queries);
    return 0;
}

static void on_search (errand_t *errand)
{
    const search_message_t *request = &errand->request.search;
    const char *param = NULL;
    ranker_t ranker = RANKER_FUSED;
    if (search_check (request, &param) != 0 || (request->rewrite != 0 && rewrite_queries (errand) != 0)) {
        errand_fail (errand, param);
        return;
    }
    (void) ranker_named (request->ranker, &ranker);
    bool wanted = ranker != RANKER_LEXICAL && embedding_is_near ();
    if (!wanted || embedding_ask (LANE_QUESTIONS, request->queries, (form_t) {0}, QUESTION_PATIENCE_MS,
                                  on_question_embedded, errand) != 0)
        on_question_embedded (errand, NULL, NULL, 0);
}

/* -- embeddings ----------------------------------------------------------------------------- */

static void embed_finish (errand_t *errand)
{
    const embed_message_t *request = &errand->request.embed;
    size_t count = request->texts.count;
    if (errand->failure != ERROR_NONE) {
        error_set (errand->failure, NULL);
        errand_fail (errand, NULL);
        return;
    }
    errand->answer.message.id = MESSAGE_EMBEDDED;
    errand->answer.message.embedded = (embedded_message_t) {
        .request = request->request, .vectors = {errand->embedded, count * VECTOR_BYTES},
        .pieces = {errand->pieces, count * sizeof (uint32_t)},
    };
    errand_answer (errand);
}

static void embed_more (errand_t *errand);

static void on_part_embedded (void *context, const void *vectors, const void *pieces, size_t count)
{
    part_t *part = context;
    errand_t *errand = part->errand;
    if (vectors == NULL) {
        errand->failure = error_get ();
    } else {
        memcpy (errand->embedded + part->first * VECTOR_BYTES, vectors, count * VECTOR_BYTES);
        memcpy (errand->pieces + part->first * sizeof (uint32_t), pieces, count * sizeof (uint32_t));
    }
    part->errand = NULL;
    errand->parts_asked--;
    embed_more (errand);
}

/* Asks for the next texts. */
static int embed_part (errand_t *errand, part_t *part)
{
    strings_builder_t texts = {0};
    form_t form = {errand->request.embed.ids, errand->request.embed.whole};
    uint64_t now = loop_now_ms ();
    int result = now < errand->due_ms ? 0 : error_set (ERROR_TIMED_OUT, NULL);
    *part = (part_t) {errand, errand->texts_asked};
    for (size_t i = 0; result == 0 && i < EMBED_PART_TEXTS; i++) {
        const char *text = strings_next (errand->request.embed.texts, &errand->cursor);
        if (text == NULL)
            break;
        result = strings_add (&texts, text, strlen (text));
        errand->texts_asked++;
    }
    if (result == 0)
        result = embedding_ask (LANE_TEXTS, strings_built (&texts), form, (int) (errand->due_ms - now),
                                on_part_embedded, part);
    strings_free (&texts);
    return result;
}

static part_t *free_part (errand_t *errand)
{
    for (size_t i = 0; i < EMBED_PARTS_AT_ONCE; i++)
        if (errand->parts [i].errand == NULL)
            return &errand->parts [i];
    return NULL;
}

/* Asks for as many parts as may be under way, and answers when there is none left. */
static void embed_more (errand_t *errand)
{
    part_t *part;
    if (!origin_waits (errand->origin))
        errand->failure = ERROR_ROLE_AWAY;
    while (errand->failure == ERROR_NONE && errand->texts_asked < errand->request.embed.texts.count
           && (part = free_part (errand)) != NULL) {
        if (embed_part (errand, part) == 0) {
            errand->parts_asked++;
        } else {
            errand->failure = error_get ();
            part->errand = NULL;
        }
    }
    if (errand->parts_asked == 0)
        embed_finish (errand);
}

static int embed_begin (errand_t *errand)
{
    strings_t texts = errand->request.embed.texts;
    if (ask.embed_bytes + texts.size > MAX_EMBED_BYTES)
        return error_set (ERROR_TOO_MANY_REQUESTS, NULL);
    errand->held = texts.size;
    ask.embed_bytes += texts.size;
    errand->due_ms = loop_now_ms () + EMBED_PATIENCE_MS + (uint64_t) texts.count * EMBED_TEXT_MS;
    errand->embedded = malloc (texts.count * VECTOR_BYTES);
    errand->pieces = malloc (texts.count * sizeof (uint32_t));
    return errand->embedded == NULL || errand->pieces == NULL ? error_set (ERROR_NO_MEMORY, NULL) : 0;
}

static void on_embed (errand_t *errand)
{
    size_t count = errand->request.embed.texts.count;
    if (count == 0 || count > MAX_EMBED_TEXTS) {
        error_set (ERROR_BAD_FIELD, "'input' must hold 1 to %u texts.", MAX_EMBED_TEXTS);
        errand_fail (errand, "input");
    } else if (embed_begin (errand) != 0) {
        errand_fail (errand, NULL);
    } else {
        embed_more (errand);
    }
}

/* -- the link ------------------------------------------------------------------------------- */

void ask_refuse (origin_t **origin, const message_t *request)
{
    answer_t answer = {0};
    answer_fail (&answer, request_number (request), NULL);
    origin_answer (origin, &answer.message);
    answer_clear (&answer);
}

static void on_message (void *context UNUSED, peer_t *peer, const message_t *message)
{
    bool search = message->id == MESSAGE_SEARCH, embed = message->id == MESSAGE_EMBED;
    if (message->id == MESSAGE_CANCEL_ANSWER)
        answers_cancel (peer, message->cancel_answer.request);
    if (ask.is_closed)
        return;
    if (message->id == MESSAGE_ANSWER)
        answers_begin (peer, message);
    if (!search && !embed && !catalogue_knows (message->id))
        return;
    origin_t *origin = origin_new (*ask.channel, peer);
    if (origin == NULL)
        return;
    if (!search && !embed && catalogue_writes (message)) {
        writer_put_request (message, origin);
        return;
    }
    errand_t *errand = errand_new (message, origin);
    if (errand == NULL)
        ask_refuse (&origin, message);
    else if (search)
        on_search (errand);
    else if (embed)
        on_embed (errand);
    else
        submit (errand, do_read);
}

static void on_lost (void *context UNUSED, peer_t *peer)
{
    origin_forget_peer (peer);
    answers_drop_unwanted ();
}

const channel_handlers_t ask_handlers = {.lost = on_lost, .message = on_message};

void ask_start (library_t *library, pool_t *readers, channel_t **channel)
{
    ask.library = library;
    ask.readers = readers;
    ask.channel = channel;
    answers_start (library, readers, channel);
}

void ask_close (void)
{
    ask.is_closed = true;
}

bool ask_is_busy (void)
{
    return ask.errands != NULL || answers_are_under_way ();
}

void ask_stop (void)
{
    answers_stop ();
    while (ask.errands != NULL)
        errand_end (ask.errands);
}
