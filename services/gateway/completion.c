/* completion: see completion.h. */
#include "completion.h"

#include <string.h>

const char *completion_finish (const draft_t *draft)
{
    if (strcmp (draft_end_text (draft, "status"), "completed") == 0)
        return "stop";
    return strcmp (draft_end_text (draft, "reason"), "content_filter") == 0 ? "content_filter" : "length";
}

static yyjson_mut_val *add_head (const completion_t *completion, const char *object, yyjson_mut_doc *document)
{
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_strcpy (document, root, "id", completion->id);
    yyjson_mut_obj_add_str (document, root, "object", object);
    yyjson_mut_obj_add_uint (document, root, "created", completion->created);
    yyjson_mut_obj_add_strcpy (document, root, "model", completion->model);
    yyjson_mut_obj_add_null (document, root, "system_fingerprint");
    return root;
}

static yyjson_mut_val *usage (const draft_t *draft, yyjson_mut_doc *document)
{
    uint64_t in = draft_end_number (draft, "input_tokens"), out = draft_end_number (draft, "output_tokens");
    yyjson_mut_val *usage = yyjson_mut_obj (document);
    yyjson_mut_obj_add_uint (document, usage, "prompt_tokens", in);
    yyjson_mut_obj_add_uint (document, usage, "completion_tokens", out);
    yyjson_mut_obj_add_uint (document, usage, "total_tokens", in + out);
    return usage;
}

static yyjson_mut_val *add_choice (yyjson_mut_doc *document, yyjson_mut_val *root, const char *key,
                                   yyjson_mut_val *content, const char *finish)
{
    yyjson_mut_val *choice = yyjson_mut_arr_add_obj (document, yyjson_mut_obj_add_arr (document, root, "choices"));
    yyjson_mut_obj_add_uint (document, choice, "index", 0);
    yyjson_mut_obj_add_val (document, choice, key, content);
    yyjson_mut_obj_add_null (document, choice, "logprobs");
    if (finish != NULL)
        yyjson_mut_obj_add_str (document, choice, "finish_reason", finish);
    else
        yyjson_mut_obj_add_null (document, choice, "finish_reason");
    return choice;
}

yyjson_mut_doc *completion_document (const completion_t *completion, const draft_t *draft)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = add_head (completion, "chat.completion", document);
    yyjson_mut_val *message = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, message, "role", "assistant");
    yyjson_mut_obj_add_strncpy (document, message, "content", draft->text, draft->size);
    yyjson_mut_obj_add_null (document, message, "refusal");
    yyjson_mut_obj_add_val (document, message, "annotations", yyjson_mut_val_mut_copy (document, draft->citations));
    add_choice (document, root, "message", message, completion_finish (draft));
    yyjson_mut_obj_add_val (document, root, "usage", usage (draft, document));
    yyjson_mut_obj_add_val (document, root, "quire", draft_facts (draft, document));
    return document;
}

yyjson_mut_doc *completion_chunk (const completion_t *completion, yyjson_mut_doc *document, yyjson_mut_val *delta,
                                  const char *finish)
{
    yyjson_mut_val *root = add_head (completion, "chat.completion.chunk", document);
    add_choice (document, root, "delta", delta, finish);
    return document;
}

yyjson_mut_doc *completion_usage_chunk (const completion_t *completion, const draft_t *draft)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = add_head (completion, "chat.completion.chunk", document);
    yyjson_mut_obj_add_arr (document, root, "choices");
    yyjson_mut_obj_add_val (document, root, "usage", usage (draft, document));
    return document;
}
