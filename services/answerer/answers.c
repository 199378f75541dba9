/* Answers: each goes through its steps by callbacks, of which one at a time is awaited. An answer that
 * has ended is freed when nothing is on its way to it any more, nor from it to its gateway. */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ask.h"
#include "catalogue.h"
#include "citations.h"
#include "clean.h"
#include "embedding.h"
#include "error.h"
#include "extractive.h"
#include "fusion.h"
#include "llm.h"
#include "log.h"
#include "metrics.h"
#include "outbox.h"
#include "prompt.h"
#include "quote.h"
#include "settings.h"
#include "sources.h"
#include "support.h"
#include "turns.h"
#include "utf8.h"

#define QUESTION_PATIENCE_MS  2000   /* as a search waits for its question's vector */
#define SENTENCES_PATIENCE_MS 2000   /* for those of the sentences; then words alone decide */
#define MAX_UNSUPPORTED       200    /* ranges that are told */

typedef enum {
    STEP_QUESTION,     /* its vector is awaited */
    STEP_SEARCH,       /* a reader's thread has it */
    STEP_WRITING,      /* the language model writes */
    STEP_SENTENCES,    /* their vectors are awaited */
    STEP_OVER,         /* its last message is in the outbox, or sent */
} step_t;

typedef struct answering {
    struct answering *next, *previous;
    origin_t *origin;
    outbox_t outbox;
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
    uint32_t cited;               /* citations told */
    /* of one that a language model writes: */
    llm_stream_t *stream;
    citations_t *citations;
    prompt_t prompt;
    llm_end_t llm_end;            /* its trouble, should quotes stand in for it */
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
    metric_set (METRIC_ANSWERS_UNDER_WAY, (int64_t) answers.count);
    llm_cancel (&answering->stream);
    citations_destroy (&answering->citations);
    prompt_clear (&answering->prompt);
    outbox_clear (&answering->outbox);
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
    metric_set (METRIC_ANSWERS_UNDER_WAY, (int64_t) answers.count);
    answering->buffer = message_copy (&answering->request, request);
    if (answering->buffer == NULL) {
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

/* Frees an answer that is over once nothing more comes to it or has to go from it. */
static void free_when_done (answering_t *answering)
{
    if (answering->step == STEP_OVER && !answering->awaits && outbox_flush (&answering->outbox, answering->origin))
        answering_free (answering);
}

/* The one door to STEP_OVER: one last message. */
static void finish (answering_t *answering, const message_t *last)
{
    answering->step = STEP_OVER;
    llm_cancel (&answering->stream);
    metric_add (METRIC_ANSWERS, 1);
    if (outbox_put (&answering->outbox, answering->origin, last) != 0) {
        outbox_clear (&answering->outbox);   /* then it is alone there, and has room */
        if (outbox_put (&answering->outbox, answering->origin, last) != 0)
            log_error ("answer_end_not_told", "error=%s", error_name (error_get ()));
    }
    free_when_done (answering);
}

/* A callback is there. Returns false when nobody wants it any more. */
static bool arrive (answering_t *answering)
{
    answering->awaits = false;
    if (answering->step != STEP_OVER)
        return true;
    free_when_done (answering);
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
    ended.citations = answering->cited;
    ended.files_reading = answering->sources == NULL ? 0 : sources_reading (answering->sources);
    if (ended.unsupported == NULL)
        ended.unsupported = "[]";
    metric_add (METRIC_CITATIONS, answering->cited);
    metric_add (METRIC_QUOTES_REJECTED, ended.quotes_rejected);
    if (ended.declined != 0)
        metric_add (METRIC_ANSWERS_DECLINED, 1);
    finish (answering, &(message_t) {.id = MESSAGE_ANSWER_ENDED, .answer_ended = ended});
}

/* What has not gone yet need not. */
static void cancel (answering_t *answering)
{
    outbox_clear (&answering->outbox);
    metric_add (METRIC_ANSWERS_CANCELLED, 1);
    end (answering, (answer_ended_message_t) {.status = "cancelled"});
}

/* What the gateway does not take, at last not even the outbox does: the answer ends. */
static bool tell (answering_t *answering, const message_t *message)
{
    if (outbox_put (&answering->outbox, answering->origin, message) == 0)
        return true;
    outbox_clear (&answering->outbox);
    end (answering, (answer_ended_message_t) {.status = "failed", .reason = error_name (error_get ()),
                                              .message = error_text ()});
    return false;
}

static bool tell_text (answering_t *answering, const char *text)
{
    answering->length += utf8_length (text, strlen (text));
    return tell (answering, &(message_t) {.id = MESSAGE_ANSWER_DELTA, .answer_delta = {
        .request = number_of (answering), .text = text}});
}

static bool tell_citation (answering_t *answering, const found_quote_t *quote, uint32_t index)
{
    char *json = sources_citation (answering->sources, quote->passage, quote->from, quote->to, index);
    if (json == NULL) {
        log_error ("citation_not_told", "error=%s", error_name (error_get ()));
        return true;
    }
    answering->cited++;
    bool told = tell (answering, &(message_t) {.id = MESSAGE_ANSWER_CITATION, .answer_citation = {
        .request = number_of (answering), .json = json}});
    free (json);
    return told;
}

/* What no citation supports, as JSON that the caller frees. */
static char *unsupported_json (const answering_t *answering)
{
    unsupported_t ranges [MAX_UNSUPPORTED];
    size_t count = citations_unsupported (answering->citations, ranges, MAX_UNSUPPORTED), size;
    char *json = NULL;
    FILE *out = open_memstream (&json, &size);
    if (out == NULL)
        return NULL;
    fputc ('[', out);
    for (size_t i = 0; i < count; i++)
        fprintf (out, "%s[%u,%u]", i == 0 ? "" : ",", ranges [i].start, ranges [i].end);
    fputc (']', out);
    if (fclose (out) == 0)
        return json;
    free (json);
    return NULL;
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

/* Behind "do not say": what is still being read may. Returns false when the answer has ended by it. */
static bool tell_reading (answering_t *answering)
{
    char line [64];
    uint32_t count = sources_reading (answering->sources);
    snprintf (line, sizeof line, count == 1 ? " %u file is still being read." : " %u files are still being read.", count);
    return count == 0 || tell_text (answering, line);
}

/* Returns false when the answer has ended by it. */
static bool tell_quote (answering_t *answering, const candidate_t *quote, bool first)
{
    uint32_t mark, begin = answering->length;
    char *line = quote_line (quote, first, &mark);
    found_quote_t found = {quote->passage, quote->from, quote->to};
    bool goes_on = line == NULL || (tell_text (answering, line) && tell_citation (answering, &found, begin + mark));
    free (line);
    return goes_on;
}

/* Ends an answer that is made of quotes, wholly or because the language model did not get to its end. */
static void end_extract (answering_t *answering, bool says)
{
    llm_trouble_t trouble = answering->llm_end.trouble;
    bool begun = answering->citations != NULL;
    char *unsupported = begun ? unsupported_json (answering) : NULL;
    metric_add (METRIC_ANSWERS_EXTRACTIVE, 1);
    end (answering, (answer_ended_message_t) {
        .status = begun ? "incomplete" : "completed", .reason = llm_trouble_name (trouble),
        .message = llm_trouble_words (trouble), .by = begun ? "llm" : "extractive", .model = begun ? llm_model () : "",
        .declined = !says && !begun, .quotes_rejected = begun ? citations_rejected (answering->citations) : 0,
        .unsupported = unsupported, .input_tokens = answering->llm_end.input_tokens,
        .output_tokens = answering->llm_end.output_tokens});
    free (unsupported);
}

/* Ends an answer that the language model has written to its end. */
static void end_written (answering_t *answering)
{
    const llm_end_t *said = &answering->llm_end;
    size_t size;
    char *unsupported = unsupported_json (answering);
    metric_add (METRIC_ANSWERS_LLM, 1);
    metric_add (METRIC_LLM_INPUT_TOKENS, said->input_tokens);
    metric_add (METRIC_LLM_OUTPUT_TOKENS, said->output_tokens);
    end (answering, (answer_ended_message_t) {
        .status = said->cut_short ? "incomplete" : "completed",
        .reason = said->cut_short ? "max_output_tokens" : said->refused ? "refusal" : "",
        .message = said->cut_short ? "The answer was cut off at its limit of tokens." : "",
        .by = "llm", .model = llm_model (), .declined = citations_declines (citations_text (answering->citations, &size)),
        .unsupported = unsupported, .quotes_rejected = citations_rejected (answering->citations),
        .input_tokens = said->input_tokens, .output_tokens = said->output_tokens});
    free (unsupported);
}

static bool tell_quotes (answering_t *answering, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!tell_quote (answering, &answering->candidates [i], i == 0))
            return false;
    return true;
}

/* Behind an answer of the language model that no quote supports: what the documents do say, when they say
 * something. */
static void tell_support (answering_t *answering, size_t count)
{
    if (tell_text (answering, "\n\n(No quote from the documents supports this answer.")
        && tell_text (answering, count > 0 ? " These are quotes from the documents.)\n\n" : ")")
        && tell_quotes (answering, count))
        end_written (answering);
}

static void tell_extract (answering_t *answering, bool dense)
{
    bool says;
    size_t count = extractive_choose (answering->candidates, answering->candidate_count, dense, &says);
    if (answering->citations != NULL && answering->llm_end.trouble == LLM_FINE) {
        tell_support (answering, says ? count : 0);
        return;
    }
    if (!says && (!tell_text (answering, DOES_NOT_SAY) || !tell_reading (answering)))
        return;
    if (!says && count > 0 && !tell_text (answering, " The nearest passages:\n\n"))
        return;
    if (tell_quotes (answering, count))
        end_extract (answering, says);
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
        result = embedding_ask (LANE_QUESTIONS, strings_built (&texts), (form_t) {0}, SENTENCES_PATIENCE_MS,
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

/* -- what the language model writes ---------------------------------------------------------- */

static const char *question_of (const answering_t *answering)
{
    size_t cursor = 0;
    return strings_next (strings_built (&answering->questions), &cursor);
}

/* Has the passage the quote, or without one, what the statement says? The model may have read on: a
 * quote may stand anywhere on the page of the passage that it named. */
static bool passage_has (const answering_t *answering, size_t number, bool whole_page, const char *quote,
                         size_t quote_size, const char *statement, size_t statement_size, found_quote_t *found)
{
    const source_t *source = sources_get (answering->sources, number);
    if (source == NULL || source->on == NULL || !answering->prompt.shown [number])
        return false;
    const char *passage = source->on->text + source->from;
    size_t size = source->to - source->from;
    found->passage = number;
    bool has = quote_size > 0 ? quote_find (quote, quote_size, passage, size, &found->from, &found->to)
                              : support_find (statement, statement_size, question_of (answering), passage, size,
                                              &found->from, &found->to);
    if (has) {
        found->from += source->from;
        found->to += source->from;
    }
    return has || (whole_page && quote_size > 0
                   && quote_find (quote, quote_size, source->on->text, source->on->size, &found->from, &found->to));
}

/* A model may have the words right and the number wrong: then the number is put right. */
static bool check_quote (void *context, size_t preferred, const char *quote, size_t quote_size, const char *statement,
                         size_t statement_size, found_quote_t *found)
{
    const answering_t *answering = context;
    bool has = passage_has (answering, preferred, true, quote, quote_size, statement, statement_size, found);
    bool may_move = quote_is_telling (quote, quote_size);   /* "12" stands on many pages */
    for (size_t i = 1; !has && may_move && i <= sources_count (answering->sources); i++)
        has = passage_has (answering, i, false, quote, quote_size, statement, statement_size, found);
    return has;
}

static void on_written (void *context, const char *text, size_t size)
{
    answering_t *answering = context;
    char *copy = answering->step == STEP_OVER ? NULL : strndup (text, size);
    if (copy != NULL)
        (void) tell_text (answering, copy);
    free (copy);
}

static void on_cited (void *context, const found_quote_t *quote, uint32_t index)
{
    answering_t *answering = context;
    if (answering->step != STEP_OVER)
        (void) tell_citation (answering, quote, index);
}

static void extract (answering_t *answering);

/* The language model did not write it to the end: quotes stand in for it, behind a line that says why. */
static void extract_instead (answering_t *answering, llm_trouble_t trouble)
{
    char line [512];
    size_t size = 0;
    if (answering->citations != NULL)
        (void) citations_text (answering->citations, &size);
    if (size == 0)
        citations_destroy (&answering->citations);
    answering->llm_end.trouble = trouble;
    metric_add (METRIC_LLM_FAILURES, 1);
    snprintf (line, sizeof line, "%s(%s These are quotes from the documents.)\n\n", size > 0 ? "\n\n" : "",
              llm_trouble_words (trouble));
    if (tell_text (answering, line))
        extract (answering);
}

/* The language model has written it to its end. */
static void finish_written (answering_t *answering)
{
    size_t size;
    const char *text = citations_text (answering->citations, &size);
    bool declined = citations_declines (text);
    if (answering->cited == 0 && !declined && !answering->llm_end.refused)
        extract (answering);
    else if (!declined || tell_reading (answering))
        end_written (answering);
}

/* What the server did not count is estimated. */
static void take_usage (answering_t *answering, const llm_end_t *said)
{
    size_t size;
    const char *text = citations_text (answering->citations, &size);
    answering->llm_end = *said;
    if (said->has_usage)
        return;
    answering->llm_end.input_tokens = answering->prompt.tokens;
    answering->llm_end.output_tokens = prompt_tokens (text, size);
}

static void on_llm_text (void *context, const char *text)
{
    answering_t *answering = context;
    char *clean = clean_text (text, strlen (text));
    answering->awaits = true;   /* it may end in here, and is freed by arrive */
    bool taken = clean != NULL && citations_feed (answering->citations, clean, strlen (clean)) == 0;
    llm_trouble_t trouble = taken ? LLM_FINE : error_get () == ERROR_NO_MEMORY ? LLM_OUT_OF_MEMORY : LLM_ENDLESS;
    free (clean);
    if (!taken)
        llm_cancel (&answering->stream);
    if (arrive (answering) && !taken)
        extract_instead (answering, trouble);
}

static void on_llm_ended (void *context, const llm_end_t *said)
{
    answering_t *answering = context;
    size_t size;
    answering->stream = NULL;
    answering->awaits = true;
    bool whole = citations_finish (answering->citations) == 0;
    if (!arrive (answering))
        return;
    take_usage (answering, said);
    (void) citations_text (answering->citations, &size);
    if (said->trouble != LLM_FINE || !whole)
        extract_instead (answering, said->trouble != LLM_FINE ? said->trouble : LLM_ENDLESS);
    else if (size == 0)
        extract_instead (answering, LLM_EMPTY);
    else
        finish_written (answering);
}

static int make_prompt (answering_t *answering)
{
    uint8_t random [8];
    char fence [2 * sizeof random + 1];
    if (getrandom (random, sizeof random, 0) != sizeof random)
        return error_set (ERROR_INTERNAL, NULL);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf (fence + 2 * i, 3, "%02x", random [i]);
    return prompt_make (answering->sources, answering->turns, &(prompt_options_t) {
        .model = llm_model (), .instructions = answering->request.answer.instructions,
        .sampling = answering->request.answer.sampling, .fence = fence,
        .budget = (uint32_t) settings_number (SETTING_LLM_PROMPT_TOKENS),
        .most_output = (uint32_t) settings_number (SETTING_LLM_ANSWER_TOKENS)}, &answering->prompt);
}

static void write_answer (answering_t *answering)
{
    static const citations_handler_t on_text = {.check = check_quote, .text = on_written, .citation = on_cited};
    static const llm_handler_t on_llm = {.text = on_llm_text, .ended = on_llm_ended};
    answering->step = STEP_WRITING;
    answering->citations = citations_new (&on_text, sources_count (answering->sources), answering);
    if (answering->citations != NULL && make_prompt (answering) == 0)
        answering->stream = llm_begin (answering->prompt.body, &on_llm, answering);
    if (answering->stream == NULL)
        extract_instead (answering, LLM_OUT_OF_MEMORY);
}

/* -- the search ------------------------------------------------------------------------------ */

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
    if (!tell (answering, &(message_t) {.id = MESSAGE_ANSWER_FOUND, .answer_found = {
        .request = number_of (answering), .json = sources_json (answering->sources)}}))
        return;
    if (llm_is_set () && sources_count (answering->sources) > 0)
        write_answer (answering);
    else
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
    if (prompt_check (request->sampling, param) != 0)
        return -1;
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
        || embedding_ask (LANE_QUESTIONS, strings_built (&answering->questions), (form_t) {0},
                          QUESTION_PATIENCE_MS,
                          on_question_embedded, answering) != 0)
        on_question_embedded (answering, NULL, NULL, 0);
}

/* -- the link -------------------------------------------------------------------------------- */

void answers_begin (peer_t *peer, const message_t *request)
{
    if (answering_of (peer, request->answer.request) != NULL)
        return;   /* asked again for what is under way */
    origin_t *origin = origin_new (*answers.channel, peer);
    if (origin == NULL)
        return;
    if (answers.count >= MAX_ANSWERS) {
        error_set (ERROR_TOO_MANY_REQUESTS, NULL);
        ask_refuse (&origin, request);
        return;
    }
    answering_t *answering = answering_new (request, origin);
    if (answering == NULL)
        ask_refuse (&origin, request);
    else
        begin (answering);
}

void answers_cancel (peer_t *peer, uint64_t request)
{
    answering_t *answering = answering_of (peer, request);
    if (answering != NULL)
        cancel (answering);
}

void answers_drop_unwanted (void)
{
    for (answering_t *answering = answers.all, *next; answering != NULL; answering = next) {
        next = answering->next;
        if (answering->step != STEP_OVER && !origin_waits (answering->origin))
            cancel (answering);
        else
            free_when_done (answering);
    }
}

void answers_tick (void)
{
    for (answering_t *answering = answers.all, *next; answering != NULL; answering = next) {
        next = answering->next;
        (void) outbox_flush (&answering->outbox, answering->origin);
        free_when_done (answering);
    }
}

bool answers_are_under_way (void)
{
    return answers.all != NULL;
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
