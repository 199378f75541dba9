/* What a language model's server says: see llm_reply.h. */
#include "llm_reply.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "utf8.h"

static bool is_blank (const char *data, size_t size)
{
    size_t at = 0;
    while (at < size && strchr (" \t\r\n", data [at]) != NULL && data [at] != '\0')
        at++;
    return at == size;
}

static bool is_done (const char *data, size_t size)
{
    static const char word [] = "[DONE]";
    while (size > 0 && (data [size - 1] == ' ' || data [size - 1] == '\r'))
        size--;
    return size == sizeof word - 1 && memcmp (data, word, size) == 0;
}

/* Content is a text, or a list of parts with texts. */
static void take_content (yyjson_val *content, llm_reply_t *reply)
{
    size_t size = 0, i, most;
    yyjson_val *part;
    if (yyjson_is_str (content) && yyjson_get_len (content) > 0 && reply->text == NULL)
        reply->text = utf8_repair (yyjson_get_str (content), yyjson_get_len (content));
    if (!yyjson_is_arr (content) || reply->text != NULL)
        return;
    yyjson_arr_foreach (content, i, most, part)
        size += yyjson_get_len (yyjson_obj_get (part, "text"));
    char *text = size == 0 ? NULL : calloc (1, size + 1);
    yyjson_arr_foreach (content, i, most, part)
        if (text != NULL && yyjson_is_str (yyjson_obj_get (part, "text")))
            strcat (text, yyjson_get_str (yyjson_obj_get (part, "text")));
    if (text != NULL)
        reply->text = utf8_repair (text, strlen (text));
    free (text);
}

static void take_finish (yyjson_val *choice, llm_reply_t *reply)
{
    const char *reason = yyjson_get_str (yyjson_obj_get (choice, "finish_reason"));
    if (reason == NULL)
        return;
    reply->finished = true;
    reply->cut_short = strcmp (reason, "length") == 0;
    if (strcmp (reason, "content_filter") == 0)
        reply->trouble = LLM_FILTERED;
    if (strcmp (reason, "error") == 0)
        reply->trouble = LLM_UNWELL;
}

static void take_choice (yyjson_val *choice, llm_reply_t *reply)
{
    yyjson_val *delta = yyjson_obj_get (choice, "delta");
    delta = yyjson_is_obj (delta) ? delta : yyjson_obj_get (choice, "message");
    yyjson_val *refusal = yyjson_obj_get (delta, "refusal");
    take_content (yyjson_obj_get (delta, "content"), reply);
    if (yyjson_is_str (refusal) && yyjson_get_len (refusal) > 0) {
        reply->refused = true;
        take_content (refusal, reply);
    }
    take_finish (choice, reply);
}

static uint32_t count_in (yyjson_val *usage, const char *name)
{
    yyjson_val *count = yyjson_obj_get (usage, name);
    uint64_t number = yyjson_get_uint (count);
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t) number;
}

/* The code is a number, in words or in digits; without one the server is unwell. */
static void take_error (yyjson_val *error, llm_reply_t *reply)
{
    yyjson_val *code = yyjson_obj_get (error, "code");
    long status = yyjson_is_int (code) ? (long) yyjson_get_sint (code) : yyjson_is_str (code) ? atol (yyjson_get_str (code)) : 0;
    const char *word = yyjson_is_str (code) ? yyjson_get_str (code) : "";
    reply->trouble = status >= 400 && status < 600 ? llm_trouble_of_status (status)
                   : strcmp (word, "rate_limit_exceeded") == 0 ? LLM_BUSY
                   : strcmp (word, "context_length_exceeded") == 0 ? LLM_TOO_LONG : LLM_UNWELL;
}

static void take_root (yyjson_val *root, llm_reply_t *reply)
{
    yyjson_val *choices = yyjson_obj_get (root, "choices"), *usage = yyjson_obj_get (root, "usage");
    yyjson_val *error = yyjson_obj_get (root, "error");
    if (yyjson_is_obj (error) || yyjson_is_str (error)) {
        take_error (error, reply);
        return;
    }
    if (yyjson_is_arr (choices) && yyjson_arr_size (choices) > 0) {
        take_choice (yyjson_arr_get_first (choices), reply);
        error = yyjson_obj_get (yyjson_arr_get_first (choices), "error");
        if (yyjson_is_obj (error))
            take_error (error, reply);
    }
    if (yyjson_is_obj (usage)) {
        reply->has_usage = true;
        reply->input_tokens = count_in (usage, "prompt_tokens");
        reply->output_tokens = count_in (usage, "completion_tokens");
    }
}

void llm_reply_read (const char *data, size_t size, llm_reply_t *reply)
{
    *reply = (llm_reply_t) {0};
    if (is_done (data, size)) {
        reply->done = true;
        return;
    }
    if (is_blank (data, size))
        return;
    char *text = utf8_repair (data, size);
    yyjson_doc *doc = text == NULL ? NULL : yyjson_read (text, strlen (text), 0);
    if (text == NULL)
        reply->trouble = LLM_OUT_OF_MEMORY;
    else if (!yyjson_is_obj (yyjson_doc_get_root (doc)))
        reply->trouble = LLM_BAD_REPLY;
    else
        take_root (yyjson_doc_get_root (doc), reply);
    yyjson_doc_free (doc);
    free (text);
}

void llm_reply_clear (llm_reply_t *reply)
{
    free (reply->text);
    *reply = (llm_reply_t) {0};
}
