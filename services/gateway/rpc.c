/* rpc: see rpc.h. */
#include "rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

int rpc_error_set (rpc_error_t *error, int code, int status, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (error->text, sizeof error->text, format, arguments);
    va_end (arguments);
    error->code = code;
    error->status = status;
    return -1;
}

static int invalid (rpc_error_t *error, const char *what)
{
    return rpc_error_set (error, RPC_INVALID_REQUEST, 400, "Invalid request: %s", what);
}

static bool is_text (yyjson_val *value)
{
    return yyjson_is_str (value) && utf8_valid (yyjson_get_str (value), yyjson_get_len (value));
}

static bool is_id (yyjson_val *value)
{
    return is_text (value) || yyjson_is_int (value);
}

/* A message without a method answers one of the server's own requests. */
static int read_response (yyjson_val *root, rpc_t *out, rpc_error_t *error)
{
    out->kind = RPC_RESPONSE;
    if (yyjson_obj_get (root, "result") == NULL && yyjson_obj_get (root, "error") == NULL)
        return invalid (error, "'method' is missing.");
    return 0;
}

int rpc_read (yyjson_val *root, rpc_t *out, rpc_error_t *error)
{
    yyjson_val *id = yyjson_obj_get (root, "id"), *method = yyjson_obj_get (root, "method");
    yyjson_val *params = yyjson_obj_get (root, "params");
    *out = (rpc_t) {.kind = id == NULL ? RPC_NOTIFICATION : RPC_REQUEST, .id = is_id (id) ? id : NULL};
    if (yyjson_is_arr (root))
        return invalid (error, "batches are a part of version 2025-03-26 alone. Send one message at a time.");
    if (!yyjson_is_obj (root))
        return invalid (error, "a message is one JSON object.");
    if (!yyjson_equals_str (yyjson_obj_get (root, "jsonrpc"), "2.0"))
        return invalid (error, "'jsonrpc' must be \"2.0\".");
    if (id != NULL && out->id == NULL)
        return invalid (error, "'id' must be text or a whole number.");
    if (method == NULL)
        return read_response (root, out, error);
    if (!is_text (method))
        return invalid (error, "'method' must be text.");
    out->method = yyjson_get_str (method);
    if (params != NULL && !yyjson_is_obj (params))
        return rpc_error_set (error, RPC_INVALID_PARAMS, 400, "'params' must be an object.");
    out->params = params;
    return 0;
}

yyjson_mut_doc *rpc_answer_new (yyjson_val *id)
{
    yyjson_mut_doc *answer = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (answer);
    yyjson_mut_doc_set_root (answer, root);
    yyjson_mut_obj_add_str (answer, root, "jsonrpc", "2.0");
    if (yyjson_mut_obj_add_val (answer, root, "id", id == NULL ? yyjson_mut_null (answer) : yyjson_val_mut_copy (answer, id)))
        return answer;
    yyjson_mut_doc_free (answer);
    return NULL;
}

yyjson_mut_val *rpc_answer_add_error (yyjson_mut_doc *answer, const rpc_error_t *error)
{
    yyjson_mut_val *object = yyjson_mut_obj_add_obj (answer, yyjson_mut_doc_get_root (answer), "error");
    yyjson_mut_obj_add_int (answer, object, "code", error->code);
    yyjson_mut_obj_add_strcpy (answer, object, "message", error->text);
    return object;
}
