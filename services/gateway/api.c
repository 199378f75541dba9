/* api: what the handlers share. */
#include "api.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void api_fail (request_t *request, const ask_answer_t *answer)
{
    request_fail (request, answer->error, answer->text, answer->param);
}

const char *api_result (request_t *request, const ask_answer_t *answer, const char *param)
{
    if (answer->message != NULL && answer->message->id == MESSAGE_RESULT)
        return answer->message->result.json;
    if (answer->message != NULL)
        request_fail (request, ERROR_BAD_MESSAGE, NULL, param);
    else
        request_fail (request, answer->error, answer->text, param != NULL ? param : answer->param);
    return NULL;
}

static void on_answer (void *context, const ask_answer_t *answer)
{
    const char *json = api_result (context, answer, NULL);
    if (json != NULL)
        request_answer_json (context, json);
}

void api_ask (request_t *request, const message_t *message)
{
    ask (message, on_answer, request);
}

char *api_json (const value_t *value)
{
    char *text = value->given && value->json != NULL ? yyjson_val_write (value->json, 0, NULL) : strdup ("");
    if (text == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    return text;
}

int api_texts (const value_t *value, strings_builder_t *texts)
{
    yyjson_val *item;
    size_t index, count;
    if (value->text != NULL)
        return strings_add (texts, value->text, strlen (value->text));
    yyjson_arr_foreach (value->json, index, count, item) {
        if (strings_add (texts, yyjson_get_str (item), yyjson_get_len (item)) != 0)
            return -1;
    }
    return 0;
}

void api_answer (request_t *request, int status, yyjson_mut_doc **document)
{
    size_t size;
    char *json = yyjson_mut_write (*document, 0, &size);
    yyjson_mut_doc_free (*document);
    *document = NULL;
    if (json == NULL)
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
    else
        request_answer_taken (request, status, "application/json", &json, size);
}

uint32_t api_is_ascending (const request_t *request)
{
    return strcmp (request_text (request, "order"), "asc") == 0;
}

uint64_t api_now_s (void)
{
    return (uint64_t) time (NULL);
}
