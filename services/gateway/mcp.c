/* mcp: /mcp, the Model Context Protocol over streamable HTTP, for clients with a handshake (2025-03-26 to
 * 2025-11-25) and without one (2026-07-28). Every message, or batch of them, is a POST and is answered whole;
 * nothing is kept between them, so there are no sessions to end and no stream to open: GET and DELETE are
 * 405. */
#include "mcp.h"

#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "guard.h"
#include "json_body.h"
#include "mcp_protocol.h"
#include "utf8.h"

#define MAX_BATCH 32   /* messages */

/* -- answers --------------------------------------------------------------------------------- */

static void batch_go_on (mcp_call_t *call);

/* Of a batch: keeps it until all are there. */
static void answer_document (mcp_call_t *call, int status, yyjson_mut_doc *answer)
{
    if (answer == NULL) {
        request_fail (call->request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    if (call->answers == NULL) {
        api_answer (call->request, status, &answer);
        return;
    }
    yyjson_mut_arr_append (yyjson_mut_doc_get_root (call->answers),
                           yyjson_mut_val_mut_copy (call->answers, yyjson_mut_doc_get_root (answer)));
    yyjson_mut_doc_free (answer);
    batch_go_on (call);
}

static void answer_error (mcp_call_t *call, const rpc_error_t *error)
{
    yyjson_mut_doc *answer = rpc_answer_new (call->rpc.id);
    yyjson_mut_val *object = answer == NULL ? NULL : rpc_answer_add_error (answer, error);
    const char *requested = request_header (call->request, "MCP-Protocol-Version");
    if (object != NULL && error->code == MCP_UNSUPPORTED_VERSION)
        mcp_add_versions (answer, object, utf8_valid (requested, strlen (requested)) ? requested : "");
    answer_document (call, error->status, answer);
}

static void answer_result (mcp_call_t *call, yyjson_mut_doc *answer, yyjson_mut_val *result)
{
    if (call->by_request)
        mcp_complete (answer, result);
    yyjson_mut_obj_add_val (answer, yyjson_mut_doc_get_root (answer), "result", result);
    answer_document (call, 200, answer);
}

yyjson_mut_doc *mcp_answer_new (mcp_call_t *call)
{
    yyjson_mut_doc *answer = rpc_answer_new (call->rpc.id);
    if (answer == NULL)
        request_fail (call->request, ERROR_NO_MEMORY, NULL, NULL);
    return answer;
}

void mcp_call_fail (mcp_call_t *call, const char *text)
{
    yyjson_mut_doc *answer = mcp_answer_new (call);
    if (answer != NULL)
        answer_result (call, answer, mcp_call_failure (answer, text));
}

void mcp_call_answer (mcp_call_t *call, yyjson_mut_doc *answer, yyjson_mut_val *structured)
{
    yyjson_mut_val *result = structured == NULL ? NULL : mcp_call_result (answer, structured);
    if (result != NULL) {
        answer_result (call, answer, result);
        return;
    }
    yyjson_mut_doc_free (answer);
    mcp_call_fail (call, error_text ());
}

void mcp_call_free (void *context)
{
    mcp_call_t *call = context;
    yyjson_doc_free (call->document);
    yyjson_doc_free (call->file);
    yyjson_mut_doc_free (call->answers);
    free (call);
}

/* -- methods --------------------------------------------------------------------------------- */

static void on_initialize (mcp_call_t *call)
{
    rpc_error_t error;
    if (call->answers != NULL) {
        rpc_error_set (&error, RPC_INVALID_REQUEST, 200, "Invalid request: 'initialize' is no part of a batch.");
        answer_error (call, &error);
        return;
    }
    yyjson_mut_doc *answer = mcp_answer_new (call);
    if (answer != NULL)
        answer_result (call, answer, mcp_initialize_result (answer, call->rpc.params));
}

static void on_ping (mcp_call_t *call)
{
    yyjson_mut_doc *answer = mcp_answer_new (call);
    if (answer != NULL)
        answer_result (call, answer, yyjson_mut_obj (answer));
}

static void answer_lasting (mcp_call_t *call, yyjson_mut_val *(*make) (yyjson_mut_doc *document))
{
    yyjson_mut_doc *answer = mcp_answer_new (call);
    if (answer == NULL)
        return;
    yyjson_mut_val *result = make (answer);
    if (call->by_request)
        mcp_add_cache_hints (answer, result);
    answer_result (call, answer, result);
}

static void on_discover (mcp_call_t *call)
{
    answer_lasting (call, mcp_discover_result);
}

static void on_tools_list (mcp_call_t *call)
{
    answer_lasting (call, mcp_tools_result);
}

static void call_tool (mcp_call_t *call, const mcp_tool_t *tool, yyjson_val *arguments)
{
    if (mcp_tool_check (tool, arguments, call->values) != 0
        || (tool->is_question && guard_count_question (call->request) != 0))
        mcp_call_fail (call, error_text ());
    else
        tool->run (call);
}

static void on_tools_call (mcp_call_t *call)
{
    rpc_error_t error;
    yyjson_val *name = yyjson_obj_get (call->rpc.params, "name");
    yyjson_val *arguments = yyjson_obj_get (call->rpc.params, "arguments");
    const mcp_tool_t *tool = yyjson_is_str (name) ? mcp_tool_lookup (yyjson_get_str (name)) : NULL;
    if (tool == NULL)
        rpc_error_set (&error, RPC_INVALID_PARAMS, 200, "Unknown tool: 'name' must be one of those that tools/list has.");
    else if (arguments != NULL && !yyjson_is_null (arguments) && !yyjson_is_obj (arguments))
        rpc_error_set (&error, RPC_INVALID_PARAMS, 200, "'arguments' must be an object.");
    else {
        call_tool (call, tool, arguments);
        return;
    }
    answer_error (call, &error);
}

static const struct {
    const char *name;
    void (*handle) (mcp_call_t *call);
} methods [] = {
    {"initialize", on_initialize}, {"server/discover", on_discover}, {"ping", on_ping},
    {"tools/list", on_tools_list}, {"tools/call", on_tools_call},
};

/* Clients with a handshake take 404 for the end of their session. */
static void dispatch (mcp_call_t *call)
{
    rpc_error_t error;
    for (size_t i = 0; i < COUNT_OF (methods); i++)
        if (strcmp (call->rpc.method, methods [i].name) == 0) {
            methods [i].handle (call);
            return;
        }
    rpc_error_set (&error, RPC_METHOD_NOT_FOUND, call->by_request ? 404 : 200, "Method not found. This server has tools"
                   " only: initialize, server/discover, ping, tools/list, tools/call.");
    answer_error (call, &error);
}

/* -- requests -------------------------------------------------------------------------------- */

/* By which name the client knows this server; a proxy's word for it counts when the proxy is trusted. */
static const char *host_of (const request_t *request)
{
    const char *forwarded = request_is_from_proxy (request) ? request_header (request, "X-Forwarded-Host") : NULL;
    return forwarded != NULL ? forwarded : request_header (request, "Host");
}

static int check_client (const request_t *request, rpc_error_t *error)
{
    bool wants_key = guard_wants_key (request_route (request));
    if (!site_may_ask (request_header (request, "Origin"), host_of (request), wants_key))
        return rpc_error_set (error, RPC_INVALID_REQUEST, 403, "A web page of this Origin may not ask this server."
                              " Programs, which send no Origin, may.");
    if (!mcp_accepts_json (request_header (request, "Accept")))
        return rpc_error_set (error, RPC_INVALID_REQUEST, 406, "The answer is JSON: send 'Accept: application/json,"
                              " text/event-stream'.");
    return 0;
}

static mcp_headers_t headers_of (const request_t *request)
{
    return (mcp_headers_t) {request_header (request, "MCP-Protocol-Version"), request_header (request, "Mcp-Method"),
                            request_header (request, "Mcp-Name")};
}

/* Returns 0, or -1 with what is wrong; a code of 0 says that the request has been answered already. */
static int read_body (mcp_call_t *call, rpc_error_t *error)
{
    size_t size;
    char *text = request_data (call->request, &size);
    call->document = json_parse (text, size);
    if (call->document == NULL && error_get () == ERROR_BAD_JSON)
        return rpc_error_set (error, RPC_PARSE_ERROR, 400, "Parse error: %s", error_text ());
    if (call->document == NULL) {
        request_fail_last (call->request);
        return rpc_error_set (error, 0, 0, "%s", "");
    }
    return 0;
}

static void take_request (mcp_call_t *call)
{
    rpc_error_t error;
    mcp_headers_t headers = headers_of (call->request);
    if (mcp_check (&call->rpc, &headers, &call->by_request, &error) != 0)
        answer_error (call, &error);
    else
        dispatch (call);
}

/* What is no request is taken and needs no answer; there is nothing to be told, or to cancel: an answer
 * ends with its connection. */
static void take_message (mcp_call_t *call, yyjson_val *message)
{
    rpc_error_t error;
    if (rpc_read (message, &call->rpc, &error) != 0)
        answer_error (call, &error);
    else if (call->rpc.kind == RPC_REQUEST)
        take_request (call);
    else if (call->answers == NULL)
        request_answer_empty (call->request, 202);
    else
        batch_go_on (call);
}

/* -- batches --------------------------------------------------------------------------------- */

static void batch_end (mcp_call_t *call)
{
    if (yyjson_mut_arr_size (yyjson_mut_doc_get_root (call->answers)) == 0)
        request_answer_empty (call->request, 202);
    else
        api_answer (call->request, 200, &call->answers);
}

/* Takes the next message, now that the one before has its answer. */
static void batch_go_on (mcp_call_t *call)
{
    yyjson_val *message = yyjson_arr_get (yyjson_doc_get_root (call->document), call->next++);
    yyjson_doc_free (call->file);
    call->file = NULL;
    if (message == NULL)
        batch_end (call);
    else
        take_message (call, message);
}

static void take_batch (mcp_call_t *call, size_t size)
{
    rpc_error_t error;
    if (size == 0 || size > MAX_BATCH) {
        rpc_error_set (&error, RPC_INVALID_REQUEST, 400, "Invalid request: a batch has 1 to %d messages.", MAX_BATCH);
        answer_error (call, &error);
        return;
    }
    call->answers = yyjson_mut_doc_new (NULL);
    yyjson_mut_doc_set_root (call->answers, yyjson_mut_arr (call->answers));
    if (yyjson_mut_doc_get_root (call->answers) == NULL)
        request_fail (call->request, ERROR_NO_MEMORY, NULL, NULL);
    else
        batch_go_on (call);
}

static void take_body (mcp_call_t *call)
{
    yyjson_val *root = yyjson_doc_get_root (call->document);
    mcp_headers_t headers = headers_of (call->request);
    if (yyjson_is_arr (root) && mcp_takes_batches (&headers))
        take_batch (call, yyjson_arr_size (root));
    else
        take_message (call, root);
}

static void set_links (mcp_call_t *call)
{
    const request_t *request = call->request;
    const char *scheme = request_is_from_proxy (request) ? request_header (request, "X-Forwarded-Proto") : NULL;
    site_base (host_of (request), scheme, call->base);
    call->links = (mcp_links_t) {.base = call->base, .pictures = !guard_wants_key (request_route (request))};
}

void api_mcp (request_t *request)
{
    rpc_error_t error;
    mcp_call_t *call = calloc (1, sizeof *call);
    if (call == NULL) {
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    call->request = request;
    request_keep (request, call, mcp_call_free);
    set_links (call);
    if (check_client (request, &error) == 0 && read_body (call, &error) == 0)
        take_body (call);
    else if (error.code != 0)
        answer_error (call, &error);
}
