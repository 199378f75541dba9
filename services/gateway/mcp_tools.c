/* mcp_tools: see mcp_tools.h. search and fetch have the arguments and answers that ChatGPT's connectors
 * and deep research ask for, and no others. */
#include "mcp_tools.h"

#include <string.h>

#include "field_schema.h"
#include "web.h"

#define MAX_QUESTION_BYTES 65536
#define MAX_ID_BYTES       256
#define MAX_PAGE_NUMBER    1000000

#define STORE_SAYS "id or name of the vector store to look in; left out: the one that the server's address names, or 'default'"

static const field_t search_fields [] = {
    {"query", IN_BODY, FIELD_TEXT, true, 1, MAX_QUESTION_BYTES, NULL, NULL, "what is looked for, in words or as a question"},
};
static const field_t fetch_fields [] = {
    {"id", IN_BODY, FIELD_TEXT, true, 1, MAX_ID_BYTES, NULL, NULL, "id of a result of 'search', such as file-abc:12"},
};
static const field_t ask_fields [] = {
    {"question", IN_BODY, FIELD_TEXT, true, 1, MAX_QUESTION_BYTES, NULL, NULL, "the question, whole in itself"},
    {"vector_store", IN_BODY, FIELD_TEXT, false, 1, MAX_ID_BYTES, NULL, NULL, STORE_SAYS},
};
static const field_t list_files_fields [] = {
    {"limit", IN_BODY, FIELD_INTEGER, false, 1, 1000, "100", NULL, "how many at most"},
    {"after", IN_BODY, FIELD_TEXT, false, 1, MAX_ID_BYTES, NULL, NULL, "'next' of the answer before"},
    {"vector_store", IN_BODY, FIELD_TEXT, false, 1, MAX_ID_BYTES, NULL, NULL, STORE_SAYS},
};
static const field_t read_page_fields [] = {
    {"file_id", IN_BODY, FIELD_TEXT, true, 1, MAX_ID_BYTES, NULL, NULL, "id of the file, such as file-abc"},
    {"page", IN_BODY, FIELD_INTEGER, true, 1, MAX_PAGE_NUMBER, NULL, NULL, "number of the page, from 1"},
};

#define FIELDS(list) list, COUNT_OF (list)

static const mcp_tool_t tools [] = {
    {"search", "Search the documents", "Finds the pages of the PDFs that say most about a query. Each result's id can be"
     " given to 'fetch' for the page's text.", FIELDS (search_fields), "McpFound", true, mcp_call_search},
    {"fetch", "Fetch a page", "Gives the text of a page that 'search' found, with a link to a picture of it.",
     FIELDS (fetch_fields), "McpDocument", false, mcp_call_fetch},
    {"ask", "Ask the documents", "Answers a question from the PDFs. Each citation is a quote that stands on its page word"
     " for word; [n] in the answer cites passage n. 'declined' is true when the documents do not say.",
     FIELDS (ask_fields), "McpAnswer", true, mcp_call_ask},
    {"list_files", "List the files", "Lists the PDFs of a vector store, newest first, and how far each has been read.",
     FIELDS (list_files_fields), "McpFiles", false, mcp_call_list_files},
    {"read_page", "Read a page", "Gives the text of one page of a file.", FIELDS (read_page_fields), "McpPage", false,
     mcp_call_read_page},
};

const mcp_tool_t *mcp_tool_lookup (const char *name)
{
    for (size_t i = 0; i < COUNT_OF (tools); i++)
        if (strcmp (tools [i].name, name) == 0)
            return &tools [i];
    return NULL;
}

/* No tool changes anything, and none reaches further than this server's documents. */
static void add_tool (yyjson_mut_doc *document, yyjson_mut_val *list, const mcp_tool_t *tool, yyjson_val *schemas)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj (document, list);
    yyjson_mut_obj_add_str (document, object, "name", tool->name);
    yyjson_mut_obj_add_str (document, object, "title", tool->title);
    yyjson_mut_obj_add_str (document, object, "description", tool->what);
    yyjson_mut_obj_add_val (document, object, "inputSchema",
                            fields_schema (document, tool->fields, tool->field_count, IN_BODY, true));
    yyjson_mut_obj_add_val (document, object, "outputSchema",
                            yyjson_val_mut_copy (document, yyjson_obj_get (schemas, tool->answer)));
    yyjson_mut_val *annotations = yyjson_mut_obj_add_obj (document, object, "annotations");
    yyjson_mut_obj_add_bool (document, annotations, "readOnlyHint", true);
    yyjson_mut_obj_add_bool (document, annotations, "openWorldHint", false);
}

yyjson_mut_val *mcp_tools_result (yyjson_mut_doc *document)
{
    const web_file_t *file = schema_files;
    yyjson_doc *schemas = yyjson_read ((const char *) file->data, (size_t) (file->end - file->data), 0);
    yyjson_mut_val *result = yyjson_mut_obj (document);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr (document, result, "tools");
    for (size_t i = 0; i < COUNT_OF (tools); i++)
        add_tool (document, list, &tools [i], yyjson_doc_get_root (schemas));
    yyjson_doc_free (schemas);
    return result;
}

int mcp_tool_check (const mcp_tool_t *tool, yyjson_val *arguments, value_t values [MAX_TOOL_FIELDS])
{
    const char *unknown;
    if (arguments != NULL && field_check_known (tool->fields, tool->field_count, arguments, &unknown) != 0)
        return error_set (ERROR_BAD_FIELD, "'%.60s' is no argument of '%s': leave it out.", unknown, tool->name);
    for (size_t i = 0; i < tool->field_count; i++)
        if (field_check_json (&tool->fields [i], arguments, &values [i]) != 0)
            return -1;
    return 0;
}
