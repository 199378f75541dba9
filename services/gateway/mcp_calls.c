/* mcp_calls: what the tools of MCP do, each with what the answerer is asked anyway. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "file_search.h"
#include "mcp.h"
#include "reply.h"

#define DEFAULT_STORE   "default"
#define SEARCH_PASSAGES 30   /* of which some stand on the same page */

/* -- what all of them need ------------------------------------------------------------------- */

static bool is_blank (const char *text)
{
    return text [strspn (text, " \t\r\n")] == 0;
}

/* The JSON that the answerer has given, or NULL: then the call has been ended with why not. */
static yyjson_doc *result_of (mcp_call_t *call, const ask_answer_t *answer)
{
    yyjson_doc *result = NULL;
    if (answer->message != NULL && answer->message->id == MESSAGE_RESULT)
        result = yyjson_read (answer->message->result.json, strlen (answer->message->result.json), 0);
    if (result == NULL)
        mcp_call_fail (call, answer->message == NULL ? answer->text : error_default (ERROR_BAD_MESSAGE));
    return result;
}

static void on_store (void *context, const ask_answer_t *answer)
{
    mcp_call_t *call = context;
    yyjson_doc *store = result_of (call, answer);
    const char *id = yyjson_get_str (yyjson_obj_get (yyjson_doc_get_root (store), "id"));
    if (store != NULL)
        call->go_on (call, id == NULL ? "" : id);
    yyjson_doc_free (store);
}

/* Goes on with the id of the vector store of this name or id. */
static void with_store (mcp_call_t *call, const char *name, void (*go_on) (mcp_call_t *call, const char *store_id))
{
    message_t message = {.id = MESSAGE_FIND_STORE, .find_store = {.name = name}};
    call->go_on = go_on;
    if (strcmp (name, DEFAULT_STORE) == 0)
        go_on (call, DEFAULT_STORE);
    else
        ask (&message, on_store, call);
}

/* -- search ---------------------------------------------------------------------------------- */

static void on_found (void *context, const ask_answer_t *answer)
{
    mcp_call_t *call = context;
    yyjson_doc *found = result_of (call, answer);
    yyjson_mut_doc *document = found == NULL ? NULL : mcp_answer_new (call);
    if (document != NULL)
        mcp_call_answer (call, document, mcp_found (document, yyjson_doc_get_root (found), &call->links));
    yyjson_doc_free (found);
}

static void search_store (mcp_call_t *call, const char *store_id)
{
    ranking_t ranking;
    strings_builder_t queries = {0};
    const char *query = call->values [0].text;
    if (ranking_read (NULL, &ranking) != 0 || strings_add (&queries, query, strlen (query)) != 0)
        mcp_call_fail (call, error_text ());
    else {
        message_t message = {.id = MESSAGE_SEARCH,
                             .search = {.store_id = store_id, .queries = strings_built (&queries),
                                        .limit = SEARCH_PASSAGES, .filters = "", .ranker = ranking.ranker,
                                        .threshold = ranking.threshold}};
        ask (&message, on_found, call);
    }
    strings_free (&queries);
}

void mcp_call_search (mcp_call_t *call)
{
    if (is_blank (call->values [0].text))
        mcp_call_fail (call, error_default (ERROR_QUESTION_EMPTY));
    else
        with_store (call, request_text (call->request, "vector_store"), search_store);
}

/* -- pages ----------------------------------------------------------------------------------- */

typedef yyjson_mut_val *(page_shape_t) (yyjson_mut_doc *document, yyjson_val *file, yyjson_val *page,
                                        const mcp_links_t *links);

static void answer_page (mcp_call_t *call, const ask_answer_t *answer, page_shape_t *shape)
{
    yyjson_doc *page = result_of (call, answer);
    yyjson_mut_doc *document = page == NULL ? NULL : mcp_answer_new (call);
    if (document != NULL)
        mcp_call_answer (call, document, shape (document, yyjson_doc_get_root (call->file), yyjson_doc_get_root (page),
                                                &call->links));
    yyjson_doc_free (page);
}

static void on_page_fetched (void *context, const ask_answer_t *answer)
{
    answer_page (context, answer, mcp_document);
}

static void on_page_read (void *context, const ask_answer_t *answer)
{
    answer_page (context, answer, mcp_page);
}

static void ask_page (mcp_call_t *call, const ask_answer_t *answer, ask_done_t *done)
{
    call->file = result_of (call, answer);
    message_t message = {.id = MESSAGE_GET_PAGE, .get_page = {.file_id = call->file_id, .page = call->page}};
    if (call->file != NULL)
        ask (&message, done, call);
}

static void on_file_to_fetch (void *context, const ask_answer_t *answer)
{
    ask_page (context, answer, on_page_fetched);
}

static void on_file_to_read (void *context, const ask_answer_t *answer)
{
    ask_page (context, answer, on_page_read);
}

static void ask_file (mcp_call_t *call, ask_done_t *done)
{
    message_t message = {.id = MESSAGE_GET_FILE, .get_file = {.file_id = call->file_id}};
    ask (&message, done, call);
}

void mcp_call_fetch (mcp_call_t *call)
{
    if (mcp_document_id_read (call->values [0].text, call->file_id, &call->page) != 0)
        mcp_call_fail (call, error_text ());
    else
        ask_file (call, on_file_to_fetch);
}

void mcp_call_read_page (mcp_call_t *call)
{
    const char *file_id = call->values [0].text;
    if (strlen (file_id) >= MAX_FILE_ID) {
        mcp_call_fail (call, error_default (ERROR_FILE_NOT_FOUND));
        return;
    }
    strcpy (call->file_id, file_id);
    call->page = (uint32_t) call->values [1].integer;
    ask_file (call, on_file_to_read);
}

/* -- files ----------------------------------------------------------------------------------- */

static void on_files (void *context, const ask_answer_t *answer)
{
    mcp_call_t *call = context;
    yyjson_doc *list = result_of (call, answer);
    yyjson_mut_doc *document = list == NULL ? NULL : mcp_answer_new (call);
    if (document != NULL)
        mcp_call_answer (call, document, mcp_files (document, yyjson_doc_get_root (list)));
    yyjson_doc_free (list);
}

static void list_store (mcp_call_t *call, const char *store_id)
{
    message_t message = {.id = MESSAGE_LIST_FILES,
                         .list_files = {.store_id = store_id, .whole = 1, .limit = (uint32_t) call->values [0].integer,
                                        .after = call->values [1].text == NULL ? "" : call->values [1].text}};
    ask (&message, on_files, call);
}

/* The vector store that the call names, or else the address. */
static const char *store_named (const mcp_call_t *call, size_t field)
{
    const char *store = call->values [field].text;
    return store != NULL ? store : request_text (call->request, "vector_store");
}

void mcp_call_list_files (mcp_call_t *call)
{
    with_store (call, store_named (call, 2), list_store);
}

/* -- answers --------------------------------------------------------------------------------- */

/* The call goes on without the reply: more may come in its batch. */
static mcp_call_t *take_back (reply_t *reply)
{
    mcp_call_t *call = reply->own;
    reply_release (reply);
    request_keep (call->request, call, mcp_call_free);
    return call;
}

static void on_refused (reply_t *reply, error_t error UNUSED, const char *text)
{
    mcp_call_fail (take_back (reply), text);
}

static void on_ended (reply_t *reply)
{
    mcp_call_t *call = reply->own;
    bool failed = strcmp (draft_end_text (&reply->draft, "status"), "failed") == 0;
    char why [MAX_ERROR_TEXT] = "";
    strncat (why, draft_end_text (&reply->draft, "message"), sizeof why - 1);
    yyjson_mut_doc *document = failed ? NULL : mcp_answer_new (call);
    yyjson_mut_val *answer = document == NULL ? NULL : mcp_answer (document, &reply->draft, &call->links);
    (void) take_back (reply);
    if (failed)
        mcp_call_fail (call, why);
    else if (document != NULL)
        mcp_call_answer (call, document, answer);
}

/* The answer is told whole: what comes on the way is in the draft. */
static const reply_form_t form = {
    .input = "question", .refused = on_refused, .ended = on_ended, .drop = mcp_call_free,
};

/* The question as the only turn of a conversation, as JSON; NULL with NO_MEMORY. */
static char *turns_of (const char *question)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *turns = yyjson_mut_arr (document), *turn = yyjson_mut_arr_add_obj (document, turns);
    yyjson_mut_obj_add_str (document, turn, "role", "user");
    yyjson_mut_obj_add_str (document, turn, "content", question);
    char *json = yyjson_mut_val_write (turns, 0, NULL);
    yyjson_mut_doc_free (document);
    if (json == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    return json;
}

/* From here on the call is the reply's, and ends with the client. */
static void ask_store (mcp_call_t *call, const char *store_id)
{
    file_search_t search;
    char *turns = turns_of (call->values [0].text);
    if (file_search_of_store (store_id, &search) != 0 || turns == NULL)
        mcp_call_fail (call, error_text ());
    else {
        request_keep (call->request, NULL, NULL);
        reply_t *reply = reply_new (call->request, &form, false, call);
        answer_message_t answer = file_search_message (&search);
        answer.turns = turns;
        answer.sampling = "";
        if (reply != NULL)
            reply_ask (reply, &answer);
    }
    file_search_free (&search);
    free (turns);
}

void mcp_call_ask (mcp_call_t *call)
{
    if (is_blank (call->values [0].text))
        mcp_call_fail (call, "The question is empty. Ask something in 'question'.");
    else
        with_store (call, store_named (call, 1), ask_store);
}
