/* The tools that MCP clients may call, as one table: tools/list is made from it, and a call's arguments
 * are checked by it. */
#ifndef QUIRE_GATEWAY_MCP_TOOLS_H
#define QUIRE_GATEWAY_MCP_TOOLS_H

#include "field.h"

#define MAX_TOOL_FIELDS 4

typedef struct mcp_call mcp_call_t;

typedef struct {
    const char *name, *title, *what;
    const field_t *fields;
    size_t field_count;
    const char *answer;                /* its schema in schemas.json */
    bool is_question;                  /* counts against the questions a minute */
    void (*run) (mcp_call_t *call);    /* answers, at once or later */
} mcp_tool_t;

const mcp_tool_t *mcp_tool_lookup (const char *name);   /* or NULL */

/* The result of tools/list. */
yyjson_mut_val *mcp_tools_result (yyjson_mut_doc *document);

/* Checks a call's arguments (an object, or NULL). Returns 0, or -1 with MISSING_FIELD or BAD_FIELD. */
MUST_CHECK int mcp_tool_check (const mcp_tool_t *tool, yyjson_val *arguments, value_t values [MAX_TOOL_FIELDS]);

/* mcp_calls.c */
void mcp_call_search (mcp_call_t *call);
void mcp_call_fetch (mcp_call_t *call);
void mcp_call_ask (mcp_call_t *call);
void mcp_call_list_files (mcp_call_t *call);
void mcp_call_read_page (mcp_call_t *call);

#endif
