/* MCP: JSON-RPC messages, versions and headers, who may ask, and what the tools answer with. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "mcp_protocol.h"
#include "mcp_shapes.h"
#include "mcp_tools.h"
#include "rpc.h"
#include "site.h"

static yyjson_doc *read_json (const char *json)
{
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    assert_non_null (document);
    return document;
}

/* -- messages -------------------------------------------------------------------------------- */

static void test_messages (void **state UNUSED)
{
    static const struct {
        const char *json;
        rpc_kind_t kind;
        const char *id;   /* as JSON, or NULL */
    } cases [] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", RPC_REQUEST, "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":-9007199254740993,\"method\":\"ping\"}", RPC_REQUEST, "-9007199254740993"},
        {"{\"jsonrpc\":\"2.0\",\"id\":18446744073709551615,\"method\":\"ping\"}", RPC_REQUEST, "18446744073709551615"},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"\",\"params\":{}}", RPC_REQUEST, "\"\""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{\"a\":1}}", RPC_NOTIFICATION, NULL},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", RPC_RESPONSE, "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", RPC_RESPONSE, "1"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        rpc_t rpc;
        rpc_error_t error;
        yyjson_doc *document = read_json (cases [i].json);
        assert_int_equal (rpc_read (yyjson_doc_get_root (document), &rpc, &error), 0);
        assert_int_equal (rpc.kind, cases [i].kind);
        char *id = rpc.id == NULL ? NULL : yyjson_val_write (rpc.id, 0, NULL);
        assert_int_equal (id == NULL, cases [i].id == NULL);
        if (id != NULL)
            assert_string_equal (id, cases [i].id);
        free (id);
        yyjson_doc_free (document);
    }
}

static void test_malformed_messages (void **state UNUSED)
{
    static const struct {
        const char *json;
        int code;
        bool has_id;
    } cases [] = {
        {"null", RPC_INVALID_REQUEST, false}, {"[]", RPC_INVALID_REQUEST, false}, {"{}", RPC_INVALID_REQUEST, false},
        {"{\"id\":1,\"method\":\"ping\"}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.1\",\"id\":1,\"method\":\"ping\"}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"ping\"}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0000b\",\"method\":\"ping\"}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\\u0000ng\"}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", RPC_INVALID_PARAMS, true},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        rpc_t rpc;
        rpc_error_t error;
        yyjson_doc *document = read_json (cases [i].json);
        assert_int_equal (rpc_read (yyjson_doc_get_root (document), &rpc, &error), -1);
        assert_int_equal (error.code, cases [i].code);
        assert_int_equal (error.status, 400);
        assert_int_equal (rpc.id != NULL, cases [i].has_id);
        yyjson_doc_free (document);
    }
}

static void test_error_answers (void **state UNUSED)
{
    rpc_error_t error;
    assert_int_equal (rpc_error_set (&error, MCP_UNSUPPORTED_VERSION, 400, "No %s", "such"), -1);
    yyjson_mut_doc *answer = rpc_answer_new (NULL);
    mcp_add_versions (answer, rpc_answer_add_error (answer, &error), "1");
    char *json = yyjson_mut_write (answer, 0, NULL);
    assert_string_equal (json, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32022,\"message\":\"No such\",\"data\":"
                         "{\"supported\":[\"2026-07-28\",\"2025-11-25\",\"2025-06-18\",\"2025-03-26\"],\"requested\":\"1\"}}}");
    free (json);
    yyjson_mut_doc_free (answer);
}

/* -- versions and headers -------------------------------------------------------------------- */

#define META(version) "{\"io.modelcontextprotocol/protocolVersion\":\"" version "\"," \
                      "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define CALL(meta)    "{\"name\":\"search\",\"_meta\":" meta "}"

static void test_versions (void **state UNUSED)
{
    static const char newest [] = "2026-07-28";
    static const struct {
        const char *params;
        mcp_headers_t headers;
        int code;
        bool by_request;
    } cases [] = {
        {"{}", {NULL, NULL, NULL}, 0, false},
        {"{}", {"2025-03-26", NULL, NULL}, 0, false},
        {"{}", {"2025-11-25", "x", "y"}, 0, false},
        {"{}", {"2024-11-05", NULL, NULL}, MCP_UNSUPPORTED_VERSION, false},
        {"{}", {"", NULL, NULL}, MCP_UNSUPPORTED_VERSION, false},
        {"{}", {newest, "tools/call", "search"}, RPC_INVALID_PARAMS, true},
        {CALL (META ("2026-07-28")), {newest, "tools/call", "search"}, 0, true},
        {CALL (META ("2026-07-28")), {newest, "tools/call", "=?base64?c2VhcmNo?="}, 0, true},
        {CALL (META ("2026-07-28")), {newest, "tools/call", "=?base64?c2VhcmNo?"}, MCP_HEADER_MISMATCH, true},
        {CALL (META ("2026-07-28")), {newest, "tools/call", NULL}, MCP_HEADER_MISMATCH, true},
        {CALL (META ("2026-07-28")), {newest, NULL, "search"}, MCP_HEADER_MISMATCH, true},
        {CALL (META ("2026-07-28")), {newest, "ping", "search"}, MCP_HEADER_MISMATCH, true},
        {CALL (META ("2026-07-28")), {NULL, "tools/call", "search"}, MCP_HEADER_MISMATCH, true},
        {CALL (META ("2026-07-28")), {"2025-11-25", "tools/call", "search"}, MCP_HEADER_MISMATCH, true},
        {CALL (META ("2025-11-25")), {"2025-11-25", "tools/call", "search"}, MCP_UNSUPPORTED_VERSION, true},
        {CALL (META ("2030-01-01")), {"2030-01-01", "tools/call", "search"}, MCP_UNSUPPORTED_VERSION, true},
        {"{\"name\":7,\"_meta\":" META ("2026-07-28") "}", {newest, "tools/call", NULL}, 0, true},
        {CALL ("{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"), {newest, "tools/call", "search"},
         RPC_INVALID_PARAMS, true},
        {CALL ("7"), {newest, "tools/call", "search"}, RPC_INVALID_PARAMS, true},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        bool by_request;
        rpc_error_t error = {0};
        yyjson_doc *document = read_json (cases [i].params);
        rpc_t rpc = {.kind = RPC_REQUEST, .method = "tools/call", .params = yyjson_doc_get_root (document)};
        int outcome = mcp_check (&rpc, &cases [i].headers, &by_request, &error);
        assert_int_equal (outcome, cases [i].code == 0 ? 0 : -1);
        assert_int_equal (error.code, cases [i].code);
        assert_int_equal (by_request, cases [i].by_request);
        yyjson_doc_free (document);
    }
}

/* Names whose base64 ends in no, one and two '='. */
static void test_names_in_base64 (void **state UNUSED)
{
    static const char *const cases [] [2] = {
        {"", "=?base64?" "?="}, {"a", "=?base64?YQ==?="}, {"ab", "=?base64?YWI=?="}, {"abc", "=?base64?YWJj?="},
        {"\xc3\xa9\xff", "=?base64?w6n/?="},
    };
    yyjson_doc *meta = read_json (META ("2026-07-28"));
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        bool by_request;
        rpc_error_t error;
        yyjson_mut_doc *made = yyjson_mut_doc_new (NULL);
        yyjson_mut_val *params = yyjson_mut_obj (made);
        yyjson_mut_doc_set_root (made, params);
        yyjson_mut_obj_add_str (made, params, "name", cases [i] [0]);
        yyjson_mut_obj_add_val (made, params, "_meta", yyjson_val_mut_copy (made, yyjson_doc_get_root (meta)));
        yyjson_doc *document = yyjson_mut_doc_imut_copy (made, NULL);
        rpc_t rpc = {.kind = RPC_REQUEST, .method = "tools/call", .params = yyjson_doc_get_root (document)};
        mcp_headers_t headers = {"2026-07-28", "tools/call", cases [i] [1]};
        assert_int_equal (mcp_check (&rpc, &headers, &by_request, &error), 0);
        yyjson_doc_free (document);
        yyjson_mut_doc_free (made);
    }
    yyjson_doc_free (meta);
}

static void test_accept (void **state UNUSED)
{
    static const struct {
        const char *accept;
        bool fits;
    } cases [] = {
        {NULL, true}, {"application/json", true}, {"text/event-stream, application/json", true}, {"*/*", true},
        {"application/*;q=0.5", true}, {" , ,\tAPPLICATION/JSON ;q=1", true}, {"", false}, {"text/event-stream", false},
        {"application/json5", false}, {"application/jso", false}, {"text/*", false}, {",,,", false},
        {"text/html;x=application/json", false},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_int_equal (mcp_accepts_json (cases [i].accept), cases [i].fits);
}

/* -- sites ----------------------------------------------------------------------------------- */

static void test_origins (void **state UNUSED)
{
    static const struct {
        const char *origin, *host;
        bool open, with_key;   /* may it ask where no key is wanted, and where one is? */
    } cases [] = {
        {NULL, "evil.example", true, true}, {NULL, NULL, true, true},
        {"http://localhost:7860", "localhost:7860", true, true}, {"http://LOCALHOST", "localhost", true, true},
        {"https://127.0.0.1:1", "127.0.0.1:1", true, true}, {"http://[::1]:1", "[::1]:1", true, true},
        {"http://192.168.1.7", "192.168.1.7", true, true},
        {"http://quire.lan:7860", "quire.lan:7860", false, true}, {"https://localhost.lan", "localhost.lan", false, true},
        {"http://127.0.0.1.lan", "127.0.0.1.lan", false, true}, {"http://[::1].lan", "[::1].lan", false, true},
        {"http://localhost:1", "localhost:2", false, false}, {"http://localhost", "localhost:80", false, false},
        {"http://evil.example", "localhost", false, false}, {"null", "localhost", false, false},
        {"", "localhost", false, false}, {"localhost", "localhost", false, false},
        {"file://localhost", "localhost", false, false}, {"http://localhost/", "localhost", false, false},
        {"http://localhost", NULL, false, false}, {"http://", "", false, false},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        assert_int_equal (site_may_ask (cases [i].origin, cases [i].host, false), cases [i].open);
        assert_int_equal (site_may_ask (cases [i].origin, cases [i].host, true), cases [i].with_key);
    }
}

static void test_the_names_of_this_server (void **state UNUSED)
{
    static const struct {
        const char *host, *names;
        bool own;
    } cases [] = {
        {NULL, "", true}, {"", "", true}, {"localhost:7860", "", true}, {"LocalHost", "", true}, {"127.0.0.1", "", true},
        {"192.168.1.7:7860", "", true}, {"[::1]:7860", "", true}, {"[fe80::1]", "", true}, {"gateway:7860", "", true},
        {"nas", "", true}, {"nas.local:80", "", true}, {"nas.lan.", "", true}, {"host.docker.internal:1", "", true},
        {"gateway.quire.svc", "", true}, {"a.localhost", "", true},
        {"evil.example", "", false}, {"evil.example:7860", "", false}, {"evil.example.", "", false},
        {"localhost.evil.example", "", false}, {"127.0.0.1.evil.example", "", false}, {"[::1].evil.example", "", false},
        {"evil.local.example", "", false}, {".local", "", false}, {"evil.example/.local", "", false},
        {"docs.example.com", "docs.example.com", true}, {"DOCS.example.com:443", "a.b, docs.Example.com", true},
        {"docs.example.com.", "docs.example.com", true}, {"example.com", "docs.example.com", false},
        {"a.docs.example.com", "docs.example.com", false}, {"docs.example.comm", "docs.example.com", false},
        {"a.example.com", "*.example.com", true}, {"example.com", "*.example.com", true},
        {"aexample.com", "*.example.com", false}, {"evil.example", "*.example.com", false}, {"evil.example", "*", true},
        {"evil.example", "a.b,*", true}, {"evil.example", " , ", false},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        if (site_is_own (cases [i].host, cases [i].names) != cases [i].own)
            fail_msg ("'%s' among '%s'", cases [i].host, cases [i].names);
}

static void test_bases (void **state UNUSED)
{
    static const char *const cases [] [3] = {
        {"localhost:7860", NULL, "http://localhost:7860"}, {"a.b", "https", "https://a.b"}, {"a.b", "HTTPS", "https://a.b"},
        {"a.b", "javascript", "http://a.b"}, {"[::1]:1", "http", "http://[::1]:1"}, {NULL, NULL, ""}, {"", NULL, ""},
        {"a/b", NULL, ""}, {"a b", NULL, ""}, {"user@a", NULL, ""}, {"a\"b", NULL, ""}, {"a#b", "https", ""},
    };
    char base [MAX_SITE], host [MAX_HOST_BYTES + 2];
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        site_base (cases [i] [0], cases [i] [1], base);
        assert_string_equal (base, cases [i] [2]);
    }
    memset (host, 'a', sizeof host);
    host [MAX_HOST_BYTES] = 0;
    site_base (host, "https", base);
    assert_int_equal (strlen (base), MAX_HOST_BYTES + strlen ("https://"));
    host [MAX_HOST_BYTES] = 'a';
    host [MAX_HOST_BYTES + 1] = 0;
    site_base (host, "https", base);
    assert_string_equal (base, "");
}

/* -- shapes ---------------------------------------------------------------------------------- */

static void test_document_ids (void **state UNUSED)
{
    static const char *const wrong [] = {"", ":", "file-a", "file-a:", ":1", "file-a:0", "file-a:01", "file-a:x", "file-a:1x",
                                         "file-a:-1", "file-a:+1", "file-a: 1", "file-a:12345678", "file-a:1:"};
    char file_id [MAX_FILE_ID], longest [MAX_FILE_ID + 8];
    uint32_t page;
    assert_int_equal (mcp_document_id_read ("file-a:1234567", file_id, &page), 0);
    assert_string_equal (file_id, "file-a");
    assert_int_equal (page, 1234567);
    assert_int_equal (mcp_document_id_read ("a:b:2", file_id, &page), 0);
    assert_string_equal (file_id, "a:b");
    for (size_t i = 0; i < COUNT_OF (wrong); i++)
        assert_int_equal (mcp_document_id_read (wrong [i], file_id, &page), -1);
    memset (longest, 'a', sizeof longest);
    strcpy (longest + MAX_FILE_ID - 1, ":1");
    assert_int_equal (mcp_document_id_read (longest, file_id, &page), 0);
    assert_int_equal (strlen (file_id), MAX_FILE_ID - 1);
    strcpy (longest + MAX_FILE_ID, ":1");
    longest [MAX_FILE_ID - 1] = 'a';
    assert_int_equal (mcp_document_id_read (longest, file_id, &page), -1);
}

static void is_json (yyjson_mut_val *value, const char *wanted)
{
    char *json = yyjson_mut_val_write (value, 0, NULL);
    assert_non_null (json);
    assert_string_equal (json, wanted);
    free (json);
}

static void test_pages_are_found_once (void **state UNUSED)
{
    static const char found [] =
        "{\"data\":[{\"file_id\":\"f1\",\"filename\":\"a.pdf\",\"page\":2},{\"file_id\":\"f2\",\"filename\":\"b.pdf\",\"page\":2},"
        "{\"file_id\":\"f1\",\"filename\":\"a.pdf\",\"page\":2},{\"file_id\":\"f1\",\"filename\":\"a.pdf\",\"page\":3}]}";
    mcp_links_t pictures = {"http://h", true}, page = {"", false};
    yyjson_mut_doc *made = yyjson_mut_doc_new (NULL);
    yyjson_doc *document = read_json (found);
    yyjson_val *root = yyjson_doc_get_root (document);
    is_json (mcp_found (made, root, &pictures), "{\"results\":["
             "{\"id\":\"f1:2\",\"title\":\"a.pdf, page 2\",\"url\":\"http://h/v1/files/f1/pages/2/image\"},"
             "{\"id\":\"f2:2\",\"title\":\"b.pdf, page 2\",\"url\":\"http://h/v1/files/f2/pages/2/image\"},"
             "{\"id\":\"f1:3\",\"title\":\"a.pdf, page 3\",\"url\":\"http://h/v1/files/f1/pages/3/image\"}]}");
    yyjson_mut_val *results = yyjson_mut_obj_get (mcp_found (made, root, &page), "results");
    is_json (yyjson_mut_arr_get_first (results), "{\"id\":\"f1:2\",\"title\":\"a.pdf, page 2\",\"url\":\"/#in=f1\"}");
    yyjson_doc_free (document);
    document = read_json ("{\"data\":7}");
    assert_null (mcp_found (made, yyjson_doc_get_root (document), &page));
    assert_null (mcp_files (made, yyjson_doc_get_root (document)));
    yyjson_doc_free (document);
    yyjson_mut_doc_free (made);
}

static void test_no_more_pages_than_the_limit (void **state UNUSED)
{
    char json [4096] = "{\"data\":[";
    for (int i = 0; i < 2 * MAX_FOUND_PAGES; i++)
        sprintf (json + strlen (json), "%s{\"file_id\":\"f\",\"page\":%d}", i > 0 ? "," : "", i + 1);
    strcat (json, "]}");
    yyjson_mut_doc *made = yyjson_mut_doc_new (NULL);
    yyjson_doc *document = read_json (json);
    yyjson_mut_val *found = mcp_found (made, yyjson_doc_get_root (document), &(mcp_links_t) {"", true});
    assert_int_equal (yyjson_mut_arr_size (yyjson_mut_obj_get (found, "results")), MAX_FOUND_PAGES);
    yyjson_doc_free (document);
    yyjson_mut_doc_free (made);
}

static void test_answers (void **state UNUSED)
{
    draft_t draft;
    yyjson_mut_doc *made = yyjson_mut_doc_new (NULL);
    assert_int_equal (draft_begin (&draft), 0);
    assert_int_equal (draft_add_text (&draft, "In 1874 [1]."), 0);
    assert_int_equal (draft_add_citation (&draft, "{\"type\":\"file_citation\",\"file_id\":\"f\",\"filename\":\"a.pdf\","
                      "\"index\":8,\"page\":3,\"quote\":\"q\",\"start\":5,\"end\":6,\"boxes\":[],\"passage\":1}"), 0);
    assert_int_equal (draft_set_end (&draft, &(answer_ended_message_t) {
        .status = "completed", .reason = "", .message = "", .by = "extractive", .model = "", .unsupported = ""}), 0);
    is_json (mcp_answer (made, &draft, &(mcp_links_t) {"http://h", true}),
             "{\"answer\":\"In 1874 [1].\",\"citations\":[{\"id\":\"f:3\",\"file_id\":\"f\",\"filename\":\"a.pdf\",\"page\":3,"
             "\"quote\":\"q\",\"start\":5,\"end\":6,\"passage\":1,\"url\":\"http://h/v1/files/f/pages/3/image?highlight=5-6\"}],"
             "\"declined\":false,\"files_reading\":0,\"status\":\"completed\",\"by\":\"extractive\",\"message\":\"\"}");
    draft_free (&draft);
    yyjson_mut_doc_free (made);
}

static void test_results (void **state UNUSED)
{
    yyjson_mut_doc *made = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *structured = yyjson_mut_obj (made);
    yyjson_mut_obj_add_str (made, structured, "a", "\"");
    is_json (mcp_call_result (made, structured), "{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"a\\\":\\\"\\\\\\\"\\\"}\"}],"
             "\"structuredContent\":{\"a\":\"\\\"\"},\"isError\":false}");
    is_json (mcp_call_failure (made, "No."), "{\"content\":[{\"type\":\"text\",\"text\":\"No.\"}],\"isError\":true}");
    yyjson_mut_doc_free (made);
}

/* -- tools ----------------------------------------------------------------------------------- */

static void test_tools (void **state UNUSED)
{
    yyjson_mut_doc *made = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *list = yyjson_mut_obj_get (mcp_tools_result (made), "tools"), *tool;
    size_t index, count;
    assert_int_equal (yyjson_mut_arr_size (list), 5);
    yyjson_mut_arr_foreach (list, index, count, tool) {
        const mcp_tool_t *found = mcp_tool_lookup (yyjson_mut_get_str (yyjson_mut_obj_get (tool, "name")));
        assert_non_null (found);
        assert_true (found->field_count <= MAX_TOOL_FIELDS);
        assert_true (yyjson_mut_is_obj (yyjson_mut_obj_get (tool, "outputSchema")));   /* it is in schemas.json */
    }
    assert_null (mcp_tool_lookup (""));
    assert_null (mcp_tool_lookup ("Search"));
    yyjson_mut_doc_free (made);
}

static void test_arguments (void **state UNUSED)
{
    value_t values [MAX_TOOL_FIELDS];
    const mcp_tool_t *tool = mcp_tool_lookup ("list_files");
    assert_int_equal (mcp_tool_check (tool, NULL, values), 0);
    assert_int_equal (values [0].integer, 100);
    yyjson_doc *document = read_json ("{\"limit\":7,\"after\":null,\"other\":1}");
    assert_int_equal (mcp_tool_check (tool, yyjson_doc_get_root (document), values), -1);
    assert_string_equal (error_text (), "'other' is no argument of 'list_files': leave it out.");
    yyjson_doc_free (document);
    assert_int_equal (mcp_tool_check (mcp_tool_lookup ("search"), NULL, values), -1);
    assert_int_equal (error_get (), ERROR_MISSING_FIELD);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_messages), cmocka_unit_test (test_malformed_messages), cmocka_unit_test (test_error_answers),
        cmocka_unit_test (test_versions), cmocka_unit_test (test_names_in_base64), cmocka_unit_test (test_accept),
        cmocka_unit_test (test_origins), cmocka_unit_test (test_the_names_of_this_server), cmocka_unit_test (test_bases), cmocka_unit_test (test_document_ids),
        cmocka_unit_test (test_pages_are_found_once), cmocka_unit_test (test_no_more_pages_than_the_limit),
        cmocka_unit_test (test_answers), cmocka_unit_test (test_results), cmocka_unit_test (test_tools),
        cmocka_unit_test (test_arguments),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
