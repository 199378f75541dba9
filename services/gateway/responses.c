/* responses: /v1/responses, answers as OpenAI's response objects, whole or told event by event. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "conversation.h"
#include "file_search.h"
#include "log.h"
#include "reply.h"
#include "response.h"
#include "response_fields.h"

#define MAX_CHAIN 32   /* responses before it that are looked at */

typedef struct run run_t;

/* A response under way. */
struct run {
    run_t *next, **link;
    reply_t *reply;
    response_t response;
    file_search_t search;
    yyjson_mut_val *turns;
    char *sampling;
};

static run_t *runs;

/* -- life ------------------------------------------------------------------------------------ */

static void run_free (void *context)
{
    run_t *run = context;
    if (run->link != NULL) {
        *run->link = run->next;
        if (run->next != NULL)
            run->next->link = run->link;
    }
    file_search_free (&run->search);
    yyjson_mut_doc_free (run->response.document);
    free (run->sampling);
    free (run);
}

static void run_list (run_t *run)
{
    run->next = runs;
    run->link = &runs;
    if (run->next != NULL)
        run->next->link = &run->next;
    runs = run;
}

static run_t *run_lookup (const char *id)
{
    run_t *run = runs;
    while (run != NULL && strcmp (run->response.id, id) != 0)
        run = run->next;
    return run;
}

/* -- events ---------------------------------------------------------------------------------- */

static yyjson_mut_doc *event_new (run_t *run, const char *type)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "type", type);
    yyjson_mut_obj_add_uint (document, root, "sequence_number", run->response.sequence++);
    return document;
}

static void event_tell (run_t *run, yyjson_mut_doc *document)
{
    const char *type = yyjson_mut_get_str (yyjson_mut_obj_get (yyjson_mut_doc_get_root (document), "type"));
    reply_tell (run->reply, type, &document);
}

static void tell_response (run_t *run, const char *type)
{
    yyjson_mut_doc *event = event_new (run, type);
    yyjson_mut_obj_add_val (event, yyjson_mut_doc_get_root (event), "response",
                            response_object (&run->response, &run->reply->draft, run->response.shows_results, event));
    event_tell (run, event);
}

static void tell_search (run_t *run, const char *type)
{
    yyjson_mut_doc *event = event_new (run, type);
    yyjson_mut_val *root = yyjson_mut_doc_get_root (event);
    yyjson_mut_obj_add_uint (event, root, "output_index", 0);
    yyjson_mut_obj_add_str (event, root, "item_id", run->response.search_id);
    event_tell (run, event);
}

static void tell_search_item (run_t *run, const char *type, bool done)
{
    yyjson_mut_doc *event = event_new (run, type);
    yyjson_mut_val *root = yyjson_mut_doc_get_root (event);
    yyjson_mut_obj_add_uint (event, root, "output_index", 0);
    yyjson_mut_obj_add_val (event, root, "item", response_search_item (&run->response, &run->reply->draft,
                                                                       run->response.shows_results, done, event));
    event_tell (run, event);
}

static void tell_message_item (run_t *run, const char *type)
{
    yyjson_mut_doc *event = event_new (run, type);
    yyjson_mut_val *root = yyjson_mut_doc_get_root (event);
    yyjson_mut_obj_add_uint (event, root, "output_index", 1);
    yyjson_mut_obj_add_val (event, root, "item", response_message_item (&run->response, &run->reply->draft, event));
    event_tell (run, event);
}

/* An event about the one text of the message. */
static yyjson_mut_doc *text_event_new (run_t *run, const char *type)
{
    yyjson_mut_doc *event = event_new (run, type);
    yyjson_mut_val *root = yyjson_mut_doc_get_root (event);
    yyjson_mut_obj_add_str (event, root, "item_id", run->response.message_id);
    yyjson_mut_obj_add_uint (event, root, "output_index", 1);
    yyjson_mut_obj_add_uint (event, root, "content_index", 0);
    return event;
}

static void tell_part (run_t *run, const char *type)
{
    yyjson_mut_doc *event = text_event_new (run, type);
    yyjson_mut_obj_add_val (event, yyjson_mut_doc_get_root (event), "part",
                            response_text_part (&run->reply->draft, event));
    event_tell (run, event);
}

static void on_found (reply_t *reply)
{
    run_t *run = reply->own;
    tell_response (run, "response.created");
    tell_response (run, "response.in_progress");
    tell_search_item (run, "response.output_item.added", false);
    tell_search (run, "response.file_search_call.in_progress");
    tell_search (run, "response.file_search_call.searching");
    tell_search (run, "response.file_search_call.completed");
    tell_search_item (run, "response.output_item.done", true);
    tell_message_item (run, "response.output_item.added");
    tell_part (run, "response.content_part.added");
}

static void on_text (reply_t *reply, const char *text)
{
    run_t *run = reply->own;
    yyjson_mut_doc *event = text_event_new (run, "response.output_text.delta");
    yyjson_mut_val *root = yyjson_mut_doc_get_root (event);
    yyjson_mut_obj_add_str (event, root, "delta", text);
    yyjson_mut_obj_add_arr (event, root, "logprobs");
    event_tell (run, event);
}

static void on_cited (reply_t *reply, yyjson_mut_val *citation)
{
    run_t *run = reply->own;
    yyjson_mut_doc *event = text_event_new (run, "response.output_text.annotation.added");
    yyjson_mut_val *root = yyjson_mut_doc_get_root (event);
    yyjson_mut_obj_add_uint (event, root, "annotation_index", yyjson_mut_arr_size (reply->draft.citations) - 1);
    yyjson_mut_obj_add_val (event, root, "annotation", yyjson_mut_val_mut_copy (event, citation));
    event_tell (run, event);
}

static void tell_text_done (run_t *run)
{
    const draft_t *draft = &run->reply->draft;
    yyjson_mut_doc *event = text_event_new (run, "response.output_text.done");
    yyjson_mut_val *root = yyjson_mut_doc_get_root (event);
    yyjson_mut_obj_add_strncpy (event, root, "text", draft->text, draft->size);
    yyjson_mut_obj_add_arr (event, root, "logprobs");
    event_tell (run, event);
}

/* -- the end --------------------------------------------------------------------------------- */

/* A cancelled one is incomplete to OpenAI's clients; its status says more. */
static const char *last_event (const draft_t *draft)
{
    const char *status = response_status (draft);
    return strcmp (status, "completed") == 0 ? "response.completed"
           : strcmp (status, "failed") == 0  ? "response.failed"
                                             : "response.incomplete";
}

static void answer_with_run (request_t *request, const run_t *run)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_doc_set_root (document, response_object (&run->response, &run->reply->draft,
                                                        run->response.shows_results, document));
    api_answer (request, 200, &document);
}

static void tell_end (run_t *run)
{
    if (!run->reply->streams) {
        answer_with_run (run->reply->request, run);
        return;
    }
    tell_response (run, last_event (&run->reply->draft));
    event_writer_end (&run->reply->events);
}

static void on_stored (reply_t *reply, const ask_answer_t *answer)
{
    if (answer->message == NULL)
        log_warning ("response_not_stored", "error=%s text=\"%s\"", error_name (answer->error), answer->text);
    if (reply == NULL)
        return;
    run_t *run = reply->own;
    if (answer->message == NULL)
        yyjson_mut_set_bool (yyjson_mut_obj_get (run->response.asked, "store"), false);
    tell_end (run);
}

static bool is_stored (const run_t *run)
{
    return yyjson_mut_get_bool (yyjson_mut_obj_get (run->response.asked, "store"));
}

/* Kept with its passages, so that it can be told with them. */
static void store (run_t *run)
{
    const response_t *response = &run->response;
    const char *previous = yyjson_mut_get_str (yyjson_mut_obj_get (response->asked, "previous_response_id"));
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *object = response_object (response, &run->reply->draft, true, document);
    char *json = yyjson_mut_val_write (object, 0, NULL), *input = yyjson_mut_val_write (response->items, 0, NULL);
    message_t message = {.id = MESSAGE_PUT_RESPONSE, .put_response = {
        .response_id = response->id, .previous_id = previous == NULL ? "" : previous, .created = response->created,
        .response = json, .input = input}};
    if (json == NULL || input == NULL || reply_consult (run->reply, &message, on_stored) != 0)
        tell_end (run);
    free (json);
    free (input);
    yyjson_mut_doc_free (document);
}

static void on_ended (reply_t *reply)
{
    run_t *run = reply->own;
    if (reply->streams) {
        tell_text_done (run);
        tell_part (run, "response.content_part.done");
        tell_message_item (run, "response.output_item.done");
    }
    if (is_stored (run))
        store (run);
    else
        tell_end (run);
}

/* -- the beginning --------------------------------------------------------------------------- */

static const reply_form_t form = {
    .input = "input", .found = on_found, .text = on_text, .cited = on_cited, .ended = on_ended, .drop = run_free,
};

static void run_ask (run_t *run)
{
    request_t *request = run->reply->request;
    conversation_cut (run->turns);
    char *turns = yyjson_mut_val_write (run->turns, 0, NULL);
    if (turns == NULL) {
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    answer_message_t answer = file_search_message (&run->search);
    answer.turns = turns;
    answer.instructions = request_text (request, "instructions");
    answer.sampling = run->sampling;
    reply_ask (run->reply, &answer);
    free (turns);
}

/* Puts the turns of those before it, the oldest first, in front of its own. */
static void take_chain (run_t *run, yyjson_val *chain)
{
    yyjson_mut_doc *document = run->response.document;
    yyjson_mut_val *own = run->turns;
    run->turns = yyjson_mut_arr (document);
    for (size_t i = yyjson_arr_size (chain); i > 0; i--) {
        yyjson_val *stored = yyjson_arr_get (chain, i - 1);
        conversation_add_stored (yyjson_obj_get (stored, "input"), yyjson_obj_get (stored, "response"), document,
                                 run->turns);
    }
    for (yyjson_mut_val *turn; (turn = yyjson_mut_arr_remove_first (own)) != NULL;)
        yyjson_mut_arr_append (run->turns, turn);
}

static void on_previous (reply_t *reply, const ask_answer_t *answer)
{
    const char *json = reply == NULL ? NULL : api_result (reply->request, answer, "previous_response_id");
    if (json == NULL)
        return;
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    take_chain (reply->own, yyjson_obj_get (yyjson_doc_get_root (document), "data"));
    yyjson_doc_free (document);
    run_ask (reply->own);
}

static void run_begin (run_t *run)
{
    const char *previous = request_text (run->reply->request, "previous_response_id");
    message_t message = {.id = MESSAGE_GET_RESPONSE, .get_response = {.response_id = previous, .limit = MAX_CHAIN}};
    if (*previous == 0)
        run_ask (run);
    else if (reply_consult (run->reply, &message, on_previous) != 0)
        request_fail_last (run->reply->request);
}

/* Reads what was asked for. Returns 0, or -1 with an error; *param gets the field. */
static int run_read (run_t *run, const request_t *request, const char **param)
{
    response_t *response = &run->response;
    yyjson_val *root = request_body (request);
    response->document = yyjson_mut_doc_new (NULL);
    response->created = api_now_s ();
    response->shows_results = response_wants_results (root);
    response->asked = response_fields_asked (root, response->document);
    response->items = yyjson_mut_arr (response->document);
    run->turns = yyjson_mut_arr (response->document);
    run->sampling = sampling_json (root);
    id_new ("resp_", response->id);
    id_new ("fs_", response->search_id);
    id_new ("msg_", response->message_id);
    *param = NULL;
    if (run->sampling == NULL || run->turns == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    if (response_fields_check (root, param) != 0)
        return -1;
    *param = "tools";
    if (file_search_read (yyjson_obj_get (root, "tools"), &run->search) != 0)
        return -1;
    *param = "input";
    return conversation_add_input (yyjson_obj_get (root, "input"), response->document, run->turns, response->items);
}

void api_create_response (request_t *request)
{
    const char *param = NULL;
    run_t *run = calloc (1, sizeof *run);
    if (run == NULL) {
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    if (run_read (run, request, &param) != 0) {
        request_fail (request, error_get (), error_text (), param);
        run_free (run);
        return;
    }
    run->reply = reply_new (request, &form, request_integer (request, "stream") != 0, run);
    if (run->reply == NULL)
        return;
    run_list (run);
    run_begin (run);
}

/* -- what is stored -------------------------------------------------------------------------- */

static void get_stored (request_t *request, ask_done_t *done)
{
    message_t message = {.id = MESSAGE_GET_RESPONSE,
                         .get_response = {.response_id = request_text (request, "response_id"), .limit = 1}};
    ask (&message, done, request);
}

/* What is stored, as JSON that can be changed; NULL: the request has been answered. */
static yyjson_mut_doc *read_stored (request_t *request, const ask_answer_t *answer)
{
    const char *json = api_result (request, answer, NULL);
    if (json == NULL)
        return NULL;
    yyjson_doc *read = yyjson_read (json, strlen (json), 0);
    yyjson_val *stored = yyjson_arr_get_first (yyjson_obj_get (yyjson_doc_get_root (read), "data"));
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_doc_set_root (document, yyjson_val_mut_copy (document, stored));
    yyjson_doc_free (read);
    return document;
}

static void on_response (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    yyjson_mut_doc *document = read_stored (request, answer);
    if (document == NULL)
        return;
    yyjson_mut_val *response = yyjson_mut_obj_get (yyjson_mut_doc_get_root (document), "response");
    if (*request_text (request, "include[]") == 0)
        response_hide_results (response);
    yyjson_mut_doc_set_root (document, response);
    api_answer (request, 200, &document);
}

void api_get_response (request_t *request)
{
    const run_t *run = run_lookup (request_text (request, "response_id"));
    if (run != NULL)
        answer_with_run (request, run);
    else
        get_stored (request, on_response);
}

void api_delete_response (request_t *request)
{
    message_t message = {.id = MESSAGE_DELETE_RESPONSE,
                         .delete_response = {.response_id = request_text (request, "response_id")}};
    api_ask (request, &message);
}

static void refuse_cancel (request_t *request)
{
    request_fail (request, ERROR_BAD_REQUEST, "The response has ended already: there is nothing to cancel.",
                  "response_id");
}

static void on_to_be_cancelled (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    if (answer->message == NULL)
        api_fail (request, answer);
    else
        refuse_cancel (request);
}

void api_cancel_response (request_t *request)
{
    run_t *run = run_lookup (request_text (request, "response_id"));
    if (run == NULL) {
        get_stored (request, on_to_be_cancelled);
        return;
    }
    if (run->reply->draft.end != NULL) {   /* it may not be stored yet */
        refuse_cancel (request);
        return;
    }
    reply_end (run->reply, "cancelled", ERROR_NONE, "It was cancelled.");
    answer_with_run (request, run);
}

/* -- input items ----------------------------------------------------------------------------- */

/* Returns 0, or -1 with BAD_FIELD: no item has the id. */
static int place_after (yyjson_mut_val *items, const char *id, size_t *place)
{
    size_t index, count;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach (items, index, count, item) {
        if (yyjson_mut_equals_str (yyjson_mut_obj_get (item, "id"), id)) {
            *place = index + 1;
            return 0;
        }
    }
    *place = 0;
    return *id == 0 ? 0 : error_set (ERROR_BAD_FIELD, "'after' is not the id of an item of this list.");
}

static void reverse (yyjson_mut_val *items)
{
    size_t count = yyjson_mut_arr_size (items);
    for (size_t i = 1; i < count; i++)
        yyjson_mut_arr_insert (items, yyjson_mut_arr_remove (items, i), 0);
}

static void add_edge (yyjson_mut_doc *document, yyjson_mut_val *list, const char *key, yyjson_mut_val *item)
{
    yyjson_mut_val *id = yyjson_mut_obj_get (item, "id");
    yyjson_mut_obj_add_val (document, list, key,
                            id == NULL ? yyjson_mut_null (document) : yyjson_mut_val_mut_copy (document, id));
}

/* The page of the list that was asked for; NULL with BAD_FIELD. */
static yyjson_mut_val *list_items (const request_t *request, yyjson_mut_doc *document, yyjson_mut_val *items)
{
    size_t limit = (size_t) request_integer (request, "limit"), first;
    if (!api_is_ascending (request))
        reverse (items);
    if (place_after (items, request_text (request, "after"), &first) != 0)
        return NULL;
    yyjson_mut_arr_remove_range (items, 0, first);
    size_t count = yyjson_mut_arr_size (items);
    if (count > limit)
        yyjson_mut_arr_remove_range (items, limit, count - limit);
    yyjson_mut_val *list = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, list, "object", "list");
    yyjson_mut_obj_add_val (document, list, "data", items);
    add_edge (document, list, "first_id", yyjson_mut_arr_get_first (items));
    add_edge (document, list, "last_id", yyjson_mut_arr_get_last (items));
    yyjson_mut_obj_add_bool (document, list, "has_more", count > limit);
    return list;
}

static void on_items (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    yyjson_mut_doc *document = read_stored (request, answer);
    if (document == NULL)
        return;
    yyjson_mut_val *items = yyjson_mut_obj_remove_key (yyjson_mut_doc_get_root (document), "input");
    yyjson_mut_val *list = list_items (request, document, items);
    if (list == NULL) {
        yyjson_mut_doc_free (document);
        request_fail (request, error_get (), error_text (), "after");
        return;
    }
    yyjson_mut_doc_set_root (document, list);
    api_answer (request, 200, &document);
}

void api_list_input_items (request_t *request)
{
    get_stored (request, on_items);
}
