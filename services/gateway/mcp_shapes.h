/* What the tools of MCP answer with, made from what the answerer tells. Pure. */
#ifndef QUIRE_GATEWAY_MCP_SHAPES_H
#define QUIRE_GATEWAY_MCP_SHAPES_H

#include "draft.h"

#define MAX_FILE_ID     200
#define MAX_FOUND_PAGES 10

/* Where a person may look at what is told. */
typedef struct {
    const char *base;   /* "http://host:port", or "" */
    bool pictures;      /* a browser may have them as they are; else the web page, which asks for a key */
} mcp_links_t;

/* "file-abc:12": a page as a document of its own. Returns 0, or -1 with NOT_FOUND. */
MUST_CHECK int mcp_document_id_read (const char *id, char file_id [MAX_FILE_ID], uint32_t *page);

/* The pages of a search's passages, each once, best first. NULL with BAD_MESSAGE. */
MUST_CHECK yyjson_mut_val *mcp_found (yyjson_mut_doc *document, yyjson_val *results, const mcp_links_t *links);

/* A page of a file, both as the catalogue tells them: as fetch and as read_page tell it. */
MUST_CHECK yyjson_mut_val *mcp_document (yyjson_mut_doc *document, yyjson_val *file, yyjson_val *page,
                                         const mcp_links_t *links);
MUST_CHECK yyjson_mut_val *mcp_page (yyjson_mut_doc *document, yyjson_val *file, yyjson_val *page,
                                     const mcp_links_t *links);

/* A list of files, as the catalogue tells it. NULL with BAD_MESSAGE. */
MUST_CHECK yyjson_mut_val *mcp_files (yyjson_mut_doc *document, yyjson_val *list);

/* An answer that has ended. */
MUST_CHECK yyjson_mut_val *mcp_answer (yyjson_mut_doc *document, const draft_t *draft, const mcp_links_t *links);

/* The result of tools/call: the object as it is, and as text for clients that know only that. Takes it;
 * NULL with NO_MEMORY. */
MUST_CHECK yyjson_mut_val *mcp_call_result (yyjson_mut_doc *document, yyjson_mut_val *structured);
yyjson_mut_val *mcp_call_failure (yyjson_mut_doc *document, const char *text);

#endif
