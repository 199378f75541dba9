/* response: see response.h. */
#include "response.h"

#include <string.h>

static void copy_member (yyjson_mut_doc *document, yyjson_mut_val *object, const char *key, yyjson_mut_val *value)
{
    yyjson_mut_obj_add_val (document, object, key, yyjson_mut_val_mut_copy (document, value));
}

const char *response_status (const draft_t *draft)
{
    return draft->end == NULL ? "in_progress" : draft_end_text (draft, "status");
}

/* What OpenAI says of an item: it is never failed or cancelled, but incomplete. */
static const char *item_status (const draft_t *draft)
{
    const char *status = response_status (draft);
    return strcmp (status, "completed") == 0 || strcmp (status, "in_progress") == 0 ? status : "incomplete";
}

yyjson_mut_val *response_search_item (const response_t *response, const draft_t *draft, bool with_results,
                                      bool done, yyjson_mut_doc *document)
{
    yyjson_mut_val *item = yyjson_mut_obj (document);
    yyjson_mut_obj_add_strcpy (document, item, "id", response->search_id);
    yyjson_mut_obj_add_str (document, item, "type", "file_search_call");
    yyjson_mut_obj_add_str (document, item, "status", done ? "completed" : "in_progress");
    copy_member (document, item, "queries", draft->queries);
    if (done && with_results)
        copy_member (document, item, "results", draft->results);
    else
        yyjson_mut_obj_add_null (document, item, "results");
    return item;
}

yyjson_mut_val *response_text_part (const draft_t *draft, yyjson_mut_doc *document)
{
    yyjson_mut_val *part = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, part, "type", "output_text");
    yyjson_mut_obj_add_strncpy (document, part, "text", draft->text, draft->size);
    copy_member (document, part, "annotations", draft->citations);
    yyjson_mut_obj_add_arr (document, part, "logprobs");
    return part;
}

yyjson_mut_val *response_message_item (const response_t *response, const draft_t *draft, yyjson_mut_doc *document)
{
    yyjson_mut_val *item = yyjson_mut_obj (document);
    yyjson_mut_obj_add_strcpy (document, item, "id", response->message_id);
    yyjson_mut_obj_add_str (document, item, "type", "message");
    yyjson_mut_obj_add_strcpy (document, item, "status", item_status (draft));
    yyjson_mut_obj_add_str (document, item, "role", "assistant");
    yyjson_mut_val *content = yyjson_mut_obj_add_arr (document, item, "content");
    if (draft->end != NULL)
        yyjson_mut_arr_append (content, response_text_part (draft, document));
    return item;
}

static void add_error (yyjson_mut_doc *document, yyjson_mut_val *object, const draft_t *draft)
{
    if (strcmp (response_status (draft), "failed") != 0) {
        yyjson_mut_obj_add_null (document, object, "error");
        return;
    }
    yyjson_mut_val *error = yyjson_mut_obj_add_obj (document, object, "error");
    yyjson_mut_obj_add_str (document, error, "code", "server_error");
    yyjson_mut_obj_add_strcpy (document, error, "message", draft_end_text (draft, "message"));
}

static void add_incomplete (yyjson_mut_doc *document, yyjson_mut_val *object, const draft_t *draft)
{
    if (strcmp (response_status (draft), "incomplete") != 0) {
        yyjson_mut_obj_add_null (document, object, "incomplete_details");
        return;
    }
    yyjson_mut_val *details = yyjson_mut_obj_add_obj (document, object, "incomplete_details");
    yyjson_mut_obj_add_strcpy (document, details, "reason", draft_end_text (draft, "reason"));
}

static void add_usage (yyjson_mut_doc *document, yyjson_mut_val *object, const draft_t *draft)
{
    if (draft->end == NULL) {
        yyjson_mut_obj_add_null (document, object, "usage");
        return;
    }
    uint64_t in = draft_end_number (draft, "input_tokens"), out = draft_end_number (draft, "output_tokens");
    yyjson_mut_val *usage = yyjson_mut_obj_add_obj (document, object, "usage");
    yyjson_mut_obj_add_uint (document, usage, "input_tokens", in);
    yyjson_mut_val *of_input = yyjson_mut_obj_add_obj (document, usage, "input_tokens_details");
    yyjson_mut_obj_add_uint (document, of_input, "cached_tokens", 0);
    yyjson_mut_obj_add_uint (document, of_input, "cache_write_tokens", 0);
    yyjson_mut_obj_add_uint (document, usage, "output_tokens", out);
    yyjson_mut_val *of_output = yyjson_mut_obj_add_obj (document, usage, "output_tokens_details");
    yyjson_mut_obj_add_uint (document, of_output, "reasoning_tokens", 0);
    yyjson_mut_obj_add_uint (document, usage, "total_tokens", in + out);
}

static void add_output (const response_t *response, const draft_t *draft, bool with_results, yyjson_mut_doc *document,
                        yyjson_mut_val *object)
{
    yyjson_mut_val *output = yyjson_mut_obj_add_arr (document, object, "output");
    if (draft->end == NULL)
        return;
    yyjson_mut_arr_append (output, response_search_item (response, draft, with_results, true, document));
    yyjson_mut_arr_append (output, response_message_item (response, draft, document));
}

yyjson_mut_val *response_object (const response_t *response, const draft_t *draft, bool with_results,
                                 yyjson_mut_doc *document)
{
    size_t index, count;
    yyjson_mut_val *key, *value, *object = yyjson_mut_obj (document);
    yyjson_mut_obj_add_strcpy (document, object, "id", response->id);
    yyjson_mut_obj_add_str (document, object, "object", "response");
    yyjson_mut_obj_add_uint (document, object, "created_at", response->created);
    yyjson_mut_obj_add_strcpy (document, object, "status", response_status (draft));
    add_error (document, object, draft);
    add_incomplete (document, object, draft);
    add_output (response, draft, with_results, document, object);
    yyjson_mut_obj_foreach (response->asked, index, count, key, value) {
        copy_member (document, object, yyjson_mut_get_str (key), value);
    }
    add_usage (document, object, draft);
    yyjson_mut_val *facts = draft_facts (draft, document);
    if (facts != NULL)
        yyjson_mut_obj_add_val (document, object, "quire", facts);
    return object;
}

void response_hide_results (yyjson_mut_val *response)
{
    size_t index, count;
    yyjson_mut_val *item;
    yyjson_mut_arr_foreach (yyjson_mut_obj_get (response, "output"), index, count, item) {
        yyjson_mut_val *results = yyjson_mut_obj_get (item, "results");
        if (results != NULL)
            yyjson_mut_set_null (results);
    }
}
