/* The store's responses: what the gateway keeps of answers, so that a conversation can go on. */
#include "store_parts.h"

#include <string.h>

int store_put_response (store_t *store, const put_response_message_t *message, uint64_t most_bytes)
{
    size_t bytes = strlen (message->response) + strlen (message->input);
    if (bytes > MAX_RESPONSE_BYTES)
        return error_set (ERROR_BODY_TOO_LARGE, "The response and its input have %zu bytes; up to %u can be"
                          " stored. Send 'store': false.", bytes, MAX_RESPONSE_BYTES);
    if (statement_run (store, STATEMENT_RESPONSE_PUT, "ttiitt", message->response_id, message->previous_id,
                       (int64_t) message->created, (int64_t) bytes, message->input, message->response) != 0)
        return -1;
    return statement_run (store, STATEMENT_RESPONSES_FORGET, "ii", (int64_t) most_bytes, (int64_t) MAX_RESPONSES);
}

int store_get_response (store_t *store, const char *id, response_row_t *row)
{
    rows_forget (store);
    rows_t *s = statement_start (store, STATEMENT_RESPONSE_GET, "t", id);
    int result = statement_step (store, s);
    if (result == 1) {
        *row = (response_row_t) {.id = column_text (s, 0), .previous = column_text (s, 1),
                                 .input = column_text (s, 2), .response = column_text (s, 3)};
        row->input_size = strlen (row->input);
        row->response_size = strlen (row->response);
        if (!row_keep_string (store, &row->id) || !row_keep_string (store, &row->previous)
            || !row_keep_string (store, &row->input) || !row_keep_string (store, &row->response))
            result = -1;
    }
    return statement_found (s, result, ERROR_RESPONSE_NOT_FOUND, NULL, NULL);
}

int store_delete_response (store_t *store, const char *id)
{
    if (statement_run (store, STATEMENT_RESPONSE_DELETE, "t", id) != 0)
        return -1;
    return statement_changes (store) ? 0 : error_set (ERROR_RESPONSE_NOT_FOUND, NULL);
}
