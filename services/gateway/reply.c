/* reply: see reply.h. */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "log.h"

#define COMMENT_MS 15000   /* while nothing else is told, so that proxies keep the stream open */

/* What was asked beside the answer. It outlives a client that goes away meanwhile. */
typedef struct errand {
    reply_t *reply;   /* NULL: gone */
    reply_consulted_t *done;
} errand_t;

static struct {
    loop_t *loop;
    int timer;
    reply_t *all;
} replies = {.timer = -1};

/* -- life ------------------------------------------------------------------------------------ */

static void drop_nothing (void *own UNUSED) {}

static void reply_free (void *context)
{
    reply_t *reply = context;
    if (reply->asked != 0)
        ask_cancel (reply->asked);
    if (reply->errand != NULL)
        reply->errand->reply = NULL;
    *reply->link = reply->next;
    if (reply->next != NULL)
        reply->next->link = reply->link;
    reply->form->drop (reply->own);
    draft_free (&reply->draft);
    event_writer_free (&reply->events);
    free (reply);
}

reply_t *reply_new (request_t *request, const reply_form_t *form, bool streams, void *own)
{
    reply_t *reply = calloc (1, sizeof *reply);
    if (reply == NULL || draft_begin (&reply->draft) != 0) {
        if (reply != NULL)
            draft_free (&reply->draft);
        free (reply);
        form->drop (own);
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return NULL;
    }
    reply->request = request;
    reply->form = form;
    reply->own = own;
    reply->streams = streams;
    reply->link = &replies.all;
    reply->next = replies.all;
    if (reply->next != NULL)
        reply->next->link = &reply->next;
    replies.all = reply;
    request_keep (request, reply, reply_free);
    request_end_with_client (request);
    return reply;
}

void reply_release (reply_t *reply)
{
    static const reply_form_t nobody = {.drop = drop_nothing};
    request_keep (reply->request, NULL, NULL);
    reply->form = &nobody;
    reply_free (reply);
}

/* -- ends ------------------------------------------------------------------------------------ */

static void refuse (reply_t *reply, error_t error, const char *text, const char *param)
{
    if (reply->form->refused != NULL)
        reply->form->refused (reply, error, text);
    else
        request_fail (reply->request, error, text, param);
}

static void end (reply_t *reply, const answer_ended_message_t *ended)
{
    if (draft_set_end (&reply->draft, ended) != 0) {
        log_error ("answer_not_ended", "text=\"%s\"", error_text ());
        event_writer_end (&reply->events);
        if (reply->events.request == NULL)
            refuse (reply, error_get (), error_text (), NULL);
        return;
    }
    if (reply->streams && reply->events.request == NULL)   /* it ended before anything was found */
        event_writer_open (&reply->events, reply->request);
    reply->form->ended (reply);
}

void reply_end (reply_t *reply, const char *status, error_t why, const char *message)
{
    if (reply->asked != 0)
        ask_cancel (reply->asked);
    reply->asked = 0;
    const char *reason = why == ERROR_NONE ? status : error_name (why);
    end (reply, &(answer_ended_message_t) {.status = status, .reason = reason, .message = message,
                                           .by = "", .model = "", .unsupported = ""});
}

static void fail (reply_t *reply)
{
    char text [MAX_ERROR_TEXT];
    snprintf (text, sizeof text, "%s", error_text ());
    reply_end (reply, "failed", error_get (), text);
}

/* -- what is told ---------------------------------------------------------------------------- */

void reply_tell (reply_t *reply, const char *name, yyjson_mut_doc **document)
{
    char *json = yyjson_mut_write (*document, 0, NULL);
    yyjson_mut_doc_free (*document);
    *document = NULL;
    if (json == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    if (json == NULL || event_writer_put (&reply->events, name, json) != 0) {
        bool goes_on = reply->draft.end == NULL;
        event_writer_end (&reply->events);
        if (goes_on)
            fail (reply);
    }
    free (json);
}

static void on_found (reply_t *reply, const char *json)
{
    if (draft_add_found (&reply->draft, json) != 0) {
        fail (reply);
        return;
    }
    if (!reply->streams)
        return;
    event_writer_open (&reply->events, reply->request);
    reply->form->found (reply);
}

static void on_text (reply_t *reply, const char *text)
{
    if (draft_add_text (&reply->draft, text) != 0)
        fail (reply);
    else if (reply->streams)
        reply->form->text (reply, text);
}

static void on_citation (reply_t *reply, const char *json)
{
    if (draft_add_citation (&reply->draft, json) != 0)
        fail (reply);
    else if (reply->streams)
        reply->form->cited (reply, yyjson_mut_arr_get_last (reply->draft.citations));
}

static void on_part (void *context, const message_t *part)
{
    if (part->id == MESSAGE_ANSWER_FOUND)
        on_found (context, part->answer_found.json);
    else if (part->id == MESSAGE_ANSWER_DELTA)
        on_text (context, part->answer_delta.text);
    else
        on_citation (context, part->answer_citation.json);
}

static void on_done (void *context, const ask_answer_t *answer)
{
    reply_t *reply = context;
    bool has_begun = reply->events.request != NULL || yyjson_mut_arr_size (reply->draft.queries) > 0;
    reply->asked = 0;
    if (answer->message != NULL && answer->message->id == MESSAGE_ANSWER_ENDED)
        end (reply, &answer->message->answer_ended);
    else if (has_begun)
        reply_end (reply, "failed", answer->message == NULL ? answer->error : ERROR_BAD_MESSAGE, answer->text);
    else
        refuse (reply, answer->message == NULL ? answer->error : ERROR_BAD_MESSAGE,
                answer->text == NULL ? error_default (ERROR_BAD_MESSAGE) : answer->text,
                answer->param != NULL && strcmp (answer->param, "input") == 0 ? reply->form->input : answer->param);
}

static void on_consulted (void *context, const ask_answer_t *answer)
{
    errand_t errand = *(errand_t *) context;
    free (context);
    if (errand.reply != NULL)
        errand.reply->errand = NULL;
    errand.done (errand.reply, answer);
}

int reply_consult (reply_t *reply, const message_t *message, reply_consulted_t *done)
{
    errand_t *errand = malloc (sizeof *errand);
    if (errand == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    if (reply->errand != NULL)
        reply->errand->reply = NULL;   /* it ended before that was there */
    *errand = (errand_t) {reply, done};
    reply->errand = errand;
    ask (message, on_consulted, errand);
    return 0;
}

void reply_ask (reply_t *reply, const answer_message_t *answer)
{
    message_t message = {.id = MESSAGE_ANSWER, .answer = *answer};
    reply->asked = ask_in_parts (&message, on_part, on_done, reply);
    if (reply->asked == 0)
        refuse (reply, error_get (), error_text (), NULL);
}

/* -- the clock ------------------------------------------------------------------------------- */

static void on_clock (void *context UNUSED)
{
    for (reply_t *reply = replies.all; reply != NULL; reply = reply->next)
        event_writer_comment (&reply->events);
}

void reply_start (loop_t *loop)
{
    replies.loop = loop;
    replies.timer = loop_timer (loop, COMMENT_MS, on_clock, NULL);
}

void reply_stop (void)
{
    if (replies.timer >= 0)
        loop_timer_end (replies.loop, replies.timer);
}
