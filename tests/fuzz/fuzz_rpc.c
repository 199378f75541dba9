/* MCP messages: any bytes are a message or refused with a code that says why; what is answered is JSON
 * again and has the message's id, whatever the headers say, and arguments that pass are what the tool's
 * table says. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "json_body.h"
#include "mcp_protocol.h"
#include "mcp_shapes.h"
#include "mcp_tools.h"
#include "site.h"

#define MAX_HEADER 300

void fuzz_start (void) {}

/* A header up to the next line's end; NULL when it is empty. */
static const char *take_header (input_t *input, char out [MAX_HEADER])
{
    size_t size = 0;
    for (uint8_t c; input->size > 0 && (c = take_u8 (input)) != '\n';)
        if (c != 0 && size + 1 < MAX_HEADER)
            out [size++] = (char) c;
    out [size] = 0;
    return size == 0 ? NULL : out;
}

static void check_sites (const char *origin, const char *host)
{
    char base [MAX_SITE];
    site_base (host, "https", base);
    MUST (*base == 0 || strcmp (base + strlen ("https://"), host) == 0);
    MUST (site_may_ask (origin, host, true) || !site_may_ask (origin, host, false));
    MUST (origin == NULL || !site_may_ask (origin, host, true) || *base != 0);
}

/* The answer is JSON with the id that came. */
static void check_answer (const rpc_t *rpc, const rpc_error_t *error)
{
    yyjson_mut_doc *answer = rpc_answer_new (rpc->id);
    MUST (answer);
    rpc_answer_add_error (answer, error);
    size_t size;
    char *json = yyjson_mut_write (answer, 0, &size);
    MUST (json);
    yyjson_doc *again = yyjson_read (json, size, 0);
    yyjson_val *id = yyjson_obj_get (yyjson_doc_get_root (again), "id");
    MUST (rpc->id == NULL ? yyjson_is_null (id) : yyjson_equals (id, rpc->id));
    yyjson_doc_free (again);
    free (json);
    yyjson_mut_doc_free (answer);
}

static void check_call (const rpc_t *rpc)
{
    char file_id [MAX_FILE_ID];
    uint32_t page;
    value_t values [MAX_TOOL_FIELDS];
    const char *name = yyjson_get_str (yyjson_obj_get (rpc->params, "name"));
    yyjson_val *arguments = yyjson_obj_get (rpc->params, "arguments");
    const mcp_tool_t *tool = name == NULL ? NULL : mcp_tool_lookup (name);
    if (tool == NULL || (arguments != NULL && !yyjson_is_obj (arguments)) || mcp_tool_check (tool, arguments, values) != 0)
        return;
    for (size_t i = 0; i < tool->field_count; i++)
        checked_value (&tool->fields [i], &values [i]);
    if (strcmp (tool->name, "fetch") == 0 && mcp_document_id_read (values [0].text, file_id, &page) == 0)
        MUST (page > 0 && *file_id != 0 && strlen (file_id) < strlen (values [0].text));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char lines [6] [MAX_HEADER];
    const char *headers [6];
    input_t input = {data, size};
    for (size_t i = 0; i < COUNT_OF (headers); i++)
        headers [i] = take_header (&input, lines [i]);
    mcp_headers_t said = {headers [0], headers [1], headers [2]};
    mcp_accepts_json (headers [3]);
    check_sites (headers [4], headers [5]);
    uint8_t *text = take_bytes (&input, input.size, &size);
    yyjson_doc *document = json_parse ((char *) text, size);
    rpc_error_t error = {.text = "Nothing."};
    rpc_t rpc;
    bool by_request;
    if (document && (rpc_read (yyjson_doc_get_root (document), &rpc, &error) != 0
                     || (rpc.kind == RPC_REQUEST && mcp_check (&rpc, &said, &by_request, &error) != 0)))
        MUST (error.code < 0 && error.status == 400);
    if (document)
        check_answer (&rpc, &error);
    if (document && rpc.params)
        check_call (&rpc);
    yyjson_doc_free (document);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("\n\n\n\n\n\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    seed_text ("2025-06-18\n\n\napplication/json, text/event-stream\nhttp://localhost:1\nlocalhost:1\n"
               "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"tools/call\",\"params\":{\"name\":\"fetch\",\"arguments\":"
               "{\"id\":\"file-a:12\"}}}");
    seed_text ("2026-07-28\ntools/call\n=?base64?c2VhcmNo?=\n*/*\n\n[::1]\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
               "\"params\":{\"name\":\"search\",\"arguments\":{\"query\":\"x\"},\"_meta\":"
               "{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}}}");
    seed_text ("\n\n\n\n\n\n[{\"jsonrpc\":\"2.0\",\"id\":-1,\"result\":{}}]");
}
