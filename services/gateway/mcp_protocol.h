/* The Model Context Protocol's versions, and what its requests must say of themselves. Up to 2025-11-25
 * a client shakes hands first (initialize); from 2026-07-28 on every request says its version and is
 * whole in itself. The server keeps nothing between requests in either case. Pure. */
#ifndef QUIRE_GATEWAY_MCP_PROTOCOL_H
#define QUIRE_GATEWAY_MCP_PROTOCOL_H

#include "rpc.h"

enum {
    MCP_HEADER_MISMATCH     = -32020,
    MCP_UNSUPPORTED_VERSION = -32022,   /* there was a header MCP-Protocol-Version, which says it */
};

/* As they came; NULL: they did not. */
typedef struct {
    const char *version, *method, *name;
} mcp_headers_t;

/* Does the request speak a version that this server knows, and do its headers say what its body says?
 * *by_request: it says its version itself (2026-07-28 on). Returns 0, or -1 with what is wrong. */
MUST_CHECK int mcp_check (const rpc_t *rpc, const mcp_headers_t *headers, bool *by_request, rpc_error_t *error);

/* Do clients of this version send several messages at once, in a list? */
bool mcp_takes_batches (const mcp_headers_t *headers);

/* What clients that do not list application/json get is of no use to them. */
bool mcp_accepts_json (const char *accept);

/* Adds the list of versions to the data of an error of the code MCP_UNSUPPORTED_VERSION. */
void mcp_add_versions (yyjson_mut_doc *document, yyjson_mut_val *error, const char *requested);

/* Results. */
yyjson_mut_val *mcp_initialize_result (yyjson_mut_doc *document, yyjson_val *params);
yyjson_mut_val *mcp_discover_result (yyjson_mut_doc *document);

/* Adds what every result has from 2026-07-28 on. */
void mcp_complete (yyjson_mut_doc *document, yyjson_mut_val *result);

/* Adds for how long, and by whom, a result may be kept (2026-07-28 on). */
void mcp_add_cache_hints (yyjson_mut_doc *document, yyjson_mut_val *result);

#endif
