/* ask: an answer as it is made, and below it where it stands. By POST /v1/responses with the tool
 * file_search, streamed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "commands.h"
#include "interrupt.h"
#include "output.h"
#include "plain.h"
#include "shelf.h"
#include "terminal.h"

#define MAX_QUESTION  (1u << 18)
#define ASK_SILENCE_S 300   /* an LLM may think for long */

static char *body_make (const session_t *session, const char *question, const char *store, const char *previous)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "model", "quire");
    yyjson_mut_obj_add_str (document, root, "input", question);
    yyjson_mut_obj_add_bool (document, root, "stream", true);
    if (*previous != 0)
        yyjson_mut_obj_add_str (document, root, "previous_response_id", previous);
    yyjson_mut_val *tool = yyjson_mut_arr_add_obj (document, yyjson_mut_obj_add_arr (document, root, "tools"));
    yyjson_mut_obj_add_str (document, tool, "type", "file_search");
    yyjson_mut_arr_add_str (document, yyjson_mut_obj_add_arr (document, tool, "vector_store_ids"), store);
    yyjson_mut_obj_add_int (document, tool, "max_num_results", session->arguments->numbers [OPTION_RESULTS]);
    char *body = yyjson_mut_write (document, 0, NULL);
    yyjson_mut_doc_free (document);
    return body;
}

/* -- printing -------------------------------------------------------------------------------- */

/* What is there is seen at once. */
static int print_text (void *context UNUSED, const char *text)
{
    plain_write (stdout, text, PLAIN_LINES);
    return output_flush () ? 0 : -1;
}

/* Where it stands; and the quote, unless the answer is that quote. */
static void print_citation (void *context UNUSED, const citation_t *citation)
{
    char *quote = plain_copy (citation->quote, strlen (citation->quote), PLAIN_RUN);
    if (!citation->goes_on) {
        printf ("%s[%" PRIu64 "]%s ", terminal_style (STYLE_BOLD), citation->mark, terminal_style (STYLE_NONE));
        plain_write (stdout, citation->file_name, PLAIN_LINE);
        printf (", page %" PRIu64 "\n", citation->page);
    }
    if (quote != NULL && *quote != 0 && !citation->is_said)
        plain_wrap (stdout, quote, terminal_is_shown () ? terminal_width () - 1 : 0, 4);
    free (quote);
}

static void print_unsupported (void *context, const char *text, size_t size)
{
    bool *is_first = context;
    char *part = plain_copy (text, size, PLAIN_RUN);
    if (part != NULL && *part != 0) {
        printf ("%s", *is_first ? "\nNo quote supports:\n" : "");
        plain_wrap (stdout, part, terminal_is_shown () ? terminal_width () - 1 : 0, 4);
        *is_first = false;
    }
    free (part);
}

static void print_end (const answering_t *answering)
{
    bool is_first = true;
    printf ("%s", answering_size (answering) > 0 ? "\n" : "");
    if (answering_citation_count (answering) > 0)
        fputc ('\n', stdout);
    answering_each_citation (answering, print_citation, NULL);
    if (!answering_has_declined (answering))
        answering_each_unsupported (answering, print_unsupported, &is_first);
    if (terminal_is_shown () && *answering_id (answering) != 0)
        printf ("\n%squire ask --previous %s ... follows on%s\n", terminal_style (STYLE_DIM), answering_id (answering),
                terminal_style (STYLE_NONE));
}

/* -- one question ---------------------------------------------------------------------------- */

/* Tells the end. Returns how it was. */
static outcome_t conclude (const session_t *session, const answering_t *answering)
{
    failure_t failure;
    bool has_failed = answering_failure (answering, &failure) != 0;
    const char *note = answering_note (answering);
    if (session->json && answering_response (answering) != NULL)
        output_json (answering_response (answering));
    else if (!session->json)
        print_end (answering);
    if (!has_failed && *note != 0)
        output_say ("%s", note);
    if (has_failed)
        return output_failure (&failure, session->json && answering_response (answering) == NULL);
    return answering_has_declined (answering) ? OUTCOME_NOTHING : OUTCOME_OK;
}

/* previous: the answer before, replaced by the one of this answer. */
static outcome_t ask_one (session_t *session, const char *question, const char *store, char previous [MAX_ID])
{
    failure_t failure;
    char *body = body_make (session, question, store, previous);
    answering_t *answering = body == NULL ? NULL : answering_new (session->json ? NULL : print_text, NULL);
    outcome_t outcome;
    if (body == NULL)
        failure_set (&failure, OUTCOME_USAGE, "The question must be text in UTF-8.");
    else
        failure_set (&failure, OUTCOME_LOCAL, "There is not enough memory.");
    if (answering == NULL)
        outcome = output_failure (&failure, session->json);
    else if (session_stream (session, "/v1/responses", body, ASK_SILENCE_S, answering_feed, answering, &failure) != 0) {
        if (!session->json && answering_size (answering) > 0)
            print_end (answering);
        outcome = output_is_broken () ? OUTCOME_LOCAL : output_failure (&failure, session->json);
    } else
        outcome = conclude (session, answering);
    if (answering != NULL && *answering_id (answering) != 0)
        snprintf (previous, MAX_ID, "%s", answering_id (answering));
    answering_destroy (&answering);
    free (body);
    return outcome;
}

/* -- where the question comes from ----------------------------------------------------------- */

/* Reads up to a line end, or to the end of standard input. Returns false at its end or when Ctrl-C came. */
static bool question_read (char *question, size_t capacity, bool whole)
{
    size_t size = 0;
    for (char c; size + 1 < capacity;) {
        ssize_t got = read (STDIN_FILENO, &c, 1);
        if (got <= 0)
            break;
        if (c == '\n' && !whole)
            return question [size] = 0, true;
        question [size++] = c != 0 ? c : ' ';
    }
    question [size] = 0;
    return size > 0 && !interrupt_came ();
}

/* One question after another, each after those before it. */
static outcome_t ask_on (session_t *session, const char *store, char previous [MAX_ID], char *question)
{
    outcome_t outcome = OUTCOME_OK;
    for (;;) {
        printf ("%s> %s", terminal_style (STYLE_BOLD), terminal_style (STYLE_NONE));
        output_flush ();
        if (!question_read (question, MAX_QUESTION, false))
            break;
        if (question [strspn (question, " \t\r")] != 0)
            outcome = ask_one (session, question, store, previous);
        if (outcome == OUTCOME_INTERRUPTED || outcome == OUTCOME_LOCAL)
            return outcome;
        printf ("\n");
    }
    printf ("\n");
    return interrupt_came () ? OUTCOME_INTERRUPTED : outcome;
}

static outcome_t ask_what_is_read (session_t *session, const char *store, char previous [MAX_ID])
{
    failure_t failure;
    char *question = malloc (MAX_QUESTION);
    outcome_t outcome = OUTCOME_INTERRUPTED;
    if (question == NULL) {
        failure_set (&failure, OUTCOME_LOCAL, "There is not enough memory.");
        return output_failure (&failure, session->json);
    }
    if (terminal_asks () && !session->json)
        outcome = ask_on (session, store, previous, question);
    else if (question_read (question, MAX_QUESTION, true))
        outcome = ask_one (session, question, store, previous);
    else if (!interrupt_came ()) {
        failure_set (&failure, OUTCOME_USAGE, "There is no question: name it, or send it to standard input.");
        outcome = output_failure (&failure, session->json);
    }
    free (question);
    return outcome;
}

outcome_t command_ask (session_t *session)
{
    const arguments_t *arguments = session->arguments;
    const char *first = arguments->texts [OPTION_PREVIOUS];
    char store [MAX_ID], previous [MAX_ID];
    failure_t failure;
    if (first != NULL && strlen (first) >= MAX_ID)
        failure_set (&failure, OUTCOME_NOT_FOUND, "There is no answer with so long an id.");
    else if (shelf_store (session, false, store, &failure) == 0) {
        snprintf (previous, sizeof previous, "%s", first != NULL ? first : "");
        return arguments->operand_count > 0 ? ask_one (session, arguments->operands [0], store, previous)
                                            : ask_what_is_read (session, store, previous);
    }
    return output_failure (&failure, session->json);
}
