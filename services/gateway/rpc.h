/* JSON-RPC 2.0, as the Model Context Protocol narrows it: a message, ids that are texts or
 * whole numbers, params that are objects. Pure. */
#ifndef QUIRE_GATEWAY_RPC_H
#define QUIRE_GATEWAY_RPC_H

#include <yyjson.h>

#include "error.h"

enum {
    RPC_PARSE_ERROR      = -32700,
    RPC_INVALID_REQUEST  = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS   = -32602,
    RPC_INTERNAL_ERROR   = -32603,
};

typedef enum {
    RPC_REQUEST,        /* has a method and an id, and is answered */
    RPC_NOTIFICATION,   /* has no id, and is not */
    RPC_RESPONSE,       /* to something that the server asked */
} rpc_kind_t;

/* A message; its values are lent by the document. */
typedef struct {
    rpc_kind_t kind;
    yyjson_val *id;        /* of a request; NULL: none, or none that can be used */
    const char *method;    /* of a request or a notification */
    yyjson_val *params;    /* an object, or NULL */
} rpc_t;

/* What is wrong: a code of JSON-RPC or of MCP, and the status of the HTTP answer that tells it. */
typedef struct {
    int code, status;
    char text [MAX_ERROR_TEXT];
} rpc_error_t;

/* Sets all of it. Returns -1. */
int rpc_error_set (rpc_error_t *error, int code, int status, const char *format, ...) PRINTF_LIKE (4, 5);

/* Returns 0, or -1 with what is wrong; then *out has the id all the same, if there is one. */
MUST_CHECK int rpc_read (yyjson_val *root, rpc_t *out, rpc_error_t *error);

/* A document with the head of an answer: jsonrpc and the id, null when it is not known. NULL: no
 * memory. */
MUST_CHECK yyjson_mut_doc *rpc_answer_new (yyjson_val *id);

/* Adds the error to such an answer; returns it, so that data can be added. */
yyjson_mut_val *rpc_answer_add_error (yyjson_mut_doc *answer, const rpc_error_t *error);

#endif
