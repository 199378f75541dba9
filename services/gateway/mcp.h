/* MCP requests: what the handler of /mcp and the tools' calls share. */
#ifndef QUIRE_GATEWAY_MCP_H
#define QUIRE_GATEWAY_MCP_H

#include "http.h"
#include "mcp_shapes.h"
#include "mcp_tools.h"
#include "rpc.h"
#include "site.h"

/* A request of an MCP client, until it is answered. */
struct mcp_call {
    request_t *request;
    yyjson_doc *document;                 /* of what was sent */
    yyjson_mut_doc *answers;              /* of a batch, as a list; NULL: it is none */
    size_t next;                          /* message of the batch */
    rpc_t rpc;
    bool by_request;                      /* it says its version itself (mcp_protocol.h) */
    char base [MAX_SITE];
    mcp_links_t links;
    value_t values [MAX_TOOL_FIELDS];     /* the arguments of a tool */
    void (*go_on) (mcp_call_t *call, const char *store_id);   /* once the vector store is known */
    yyjson_doc *file;                     /* whose page is wanted, once it is known */
    char file_id [MAX_FILE_ID];
    uint32_t page;
};

void mcp_call_free (void *call);

/* An answer of this call's id, to be filled. NULL: the request has been told that there is no memory. */
MUST_CHECK yyjson_mut_doc *mcp_answer_new (mcp_call_t *call);

/* Ends a call of a tool: with what it found, made in the answer (taken; NULL: with this thread's last
 * error), or with what the model is to hear of why there is nothing. */
void mcp_call_answer (mcp_call_t *call, yyjson_mut_doc *answer, yyjson_mut_val *structured);
void mcp_call_fail (mcp_call_t *call, const char *text);

#endif
