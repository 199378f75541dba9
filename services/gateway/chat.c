/* chat: /v1/chat/completions, answers for every front end that speaks OpenAI's chat API. The model's
 * name says where to look: `quire` is the store `default`, `quire/NAME` the store of that name or id. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "completion.h"
#include "conversation.h"
#include "file_search.h"
#include "log.h"
#include "reply.h"
#include "response_fields.h"

#define MODEL_PREFIX "quire/"

/* A completion under way. */
typedef struct {
    reply_t *reply;
    completion_t completion;
    yyjson_mut_doc *document;      /* owns the turns */
    yyjson_mut_val *turns;
    char *sampling;
    bool tells_usage;
} chat_t;

static void chat_free (void *context)
{
    chat_t *chat = context;
    yyjson_mut_doc_free (chat->document);
    free (chat->sampling);
    free (chat);
}

/* -- the stream ------------------------------------------------------------------------------ */

static void tell (chat_t *chat, yyjson_mut_doc *document)
{
    reply_tell (chat->reply, NULL, &document);
}

static void on_found (reply_t *reply)
{
    chat_t *chat = reply->own;
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *delta = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, delta, "role", "assistant");
    yyjson_mut_obj_add_str (document, delta, "content", "");
    tell (chat, completion_chunk (&chat->completion, document, delta, NULL));
}

static void on_text (reply_t *reply, const char *text)
{
    chat_t *chat = reply->own;
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *delta = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, delta, "content", text);
    tell (chat, completion_chunk (&chat->completion, document, delta, NULL));
}

static void on_cited (reply_t *reply, yyjson_mut_val *citation)
{
    chat_t *chat = reply->own;
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *delta = yyjson_mut_obj (document);
    yyjson_mut_arr_append (yyjson_mut_obj_add_arr (document, delta, "annotations"),
                           yyjson_mut_val_mut_copy (document, citation));
    tell (chat, completion_chunk (&chat->completion, document, delta, NULL));
}

static void tell_last (chat_t *chat)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    completion_chunk (&chat->completion, document, yyjson_mut_obj (document), completion_finish (&chat->reply->draft));
    yyjson_mut_obj_add_val (document, yyjson_mut_doc_get_root (document), "quire",
                            draft_facts (&chat->reply->draft, document));
    tell (chat, document);
    if (chat->tells_usage)
        tell (chat, completion_usage_chunk (&chat->completion, &chat->reply->draft));
}

/* As OpenAI tells an error inside a stream. */
static void tell_failure (chat_t *chat)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document), *error = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_val (document, root, "error", error);
    yyjson_mut_obj_add_strcpy (document, error, "message", draft_end_text (&chat->reply->draft, "message"));
    yyjson_mut_obj_add_str (document, error, "type", "server_error");
    yyjson_mut_obj_add_null (document, error, "param");
    yyjson_mut_obj_add_strcpy (document, error, "code", draft_end_text (&chat->reply->draft, "reason"));
    tell (chat, document);
}

static void end_stream (chat_t *chat, bool failed)
{
    if (failed)
        tell_failure (chat);
    else
        tell_last (chat);
    if (event_writer_put (&chat->reply->events, NULL, "[DONE]") != 0)
        log_debug ("stream_not_ended", "text=\"%s\"", error_text ());
    event_writer_end (&chat->reply->events);
}

static void on_ended (reply_t *reply)
{
    chat_t *chat = reply->own;
    bool failed = strcmp (draft_end_text (&reply->draft, "status"), "failed") == 0;
    yyjson_mut_doc *document;
    if (reply->streams)
        end_stream (chat, failed);
    else if (failed)
        request_fail (reply->request, ERROR_ROLE_AWAY, draft_end_text (&reply->draft, "message"), NULL);
    else {
        document = completion_document (&chat->completion, &reply->draft);
        api_answer (reply->request, 200, &document);
    }
}

/* -- the beginning --------------------------------------------------------------------------- */

static const reply_form_t form = {
    .input = "messages", .found = on_found, .text = on_text, .cited = on_cited, .ended = on_ended, .drop = chat_free,
};

static void chat_ask (chat_t *chat, const char *store)
{
    file_search_t search;
    conversation_cut (chat->turns);
    char *turns = yyjson_mut_val_write (chat->turns, 0, NULL);
    if (file_search_of_store (store, &search) != 0 || turns == NULL)
        request_fail (chat->reply->request, ERROR_NO_MEMORY, NULL, NULL);
    else {
        answer_message_t answer = file_search_message (&search);
        answer.turns = turns;
        answer.sampling = chat->sampling;
        reply_ask (chat->reply, &answer);
    }
    file_search_free (&search);
    free (turns);
}

static void on_store (reply_t *reply, const ask_answer_t *answer)
{
    const char *json = reply == NULL ? NULL : api_result (reply->request, answer, "model");
    if (json == NULL)
        return;
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    const char *id = yyjson_get_str (yyjson_obj_get (yyjson_doc_get_root (document), "id"));
    chat_ask (reply->own, id == NULL ? "" : id);
    yyjson_doc_free (document);
}

static void chat_begin (chat_t *chat)
{
    const char *model = chat->completion.model;
    if (strncmp (model, MODEL_PREFIX, strlen (MODEL_PREFIX)) != 0) {
        chat_ask (chat, "default");
        return;
    }
    message_t message = {.id = MESSAGE_FIND_STORE, .find_store = {.name = model + strlen (MODEL_PREFIX)}};
    if (reply_consult (chat->reply, &message, on_store) != 0)
        request_fail_last (chat->reply->request);
}

static bool is_plain_text (yyjson_val *format)
{
    return format == NULL || yyjson_equals_str (yyjson_obj_get (format, "type"), "text");
}

/* Returns 0, or -1 with an error; *param gets the field. */
static int chat_read (chat_t *chat, const request_t *request, const char **param)
{
    yyjson_val *root = request_body (request);
    chat->document = yyjson_mut_doc_new (NULL);
    chat->turns = yyjson_mut_arr (chat->document);
    chat->sampling = sampling_json (root);
    chat->completion.created = api_now_s ();
    chat->completion.model = request_text (request, "model");
    chat->tells_usage = yyjson_get_bool (yyjson_obj_get (yyjson_obj_get (root, "stream_options"), "include_usage"));
    id_new ("chatcmpl-", chat->completion.id);
    *param = NULL;
    if (chat->sampling == NULL || chat->turns == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    *param = "response_format";
    if (!is_plain_text (request_value (request, "response_format")->json))
        return error_set (ERROR_BAD_FIELD, "'response_format' must be {\"type\":\"text\"}.");
    *param = "store";
    if (request_integer (request, "store") != 0)
        return error_set (ERROR_BAD_FIELD, "Completions are not stored: leave 'store' out, or use /v1/responses.");
    *param = "messages";
    return conversation_add_messages (yyjson_obj_get (root, "messages"), chat->document, chat->turns);
}

void api_create_completion (request_t *request)
{
    const char *param = NULL;
    chat_t *chat = calloc (1, sizeof *chat);
    if (chat == NULL) {
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    if (chat_read (chat, request, &param) != 0) {
        request_fail (request, error_get (), error_text (), param);
        chat_free (chat);
        return;
    }
    chat->reply = reply_new (request, &form, request_integer (request, "stream") != 0, chat);
    if (chat->reply != NULL)
        chat_begin (chat);
}
