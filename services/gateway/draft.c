/* draft: see draft.h. */
#include "draft.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text.h"

static int no_memory (void)
{
    return error_set (ERROR_NO_MEMORY, NULL);
}

int draft_begin (draft_t *draft)
{
    *draft = (draft_t) {.document = yyjson_mut_doc_new (NULL), .text = calloc (1, 1), .capacity = 1};
    draft->queries = yyjson_mut_arr (draft->document);
    draft->results = yyjson_mut_arr (draft->document);
    draft->citations = yyjson_mut_arr (draft->document);
    return draft->text == NULL || draft->citations == NULL ? no_memory () : 0;
}

void draft_free (draft_t *draft)
{
    yyjson_mut_doc_free (draft->document);
    free (draft->text);
    *draft = (draft_t) {0};
}

/* A copy of the JSON, which the document owns; NULL with an error. */
static yyjson_mut_val *read_json (draft_t *draft, const char *json)
{
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    yyjson_mut_val *value = yyjson_val_mut_copy (draft->document, yyjson_doc_get_root (document));
    if (value == NULL)
        error_set (document == NULL ? ERROR_BAD_MESSAGE : ERROR_NO_MEMORY, NULL);
    yyjson_doc_free (document);
    return value;
}

/* A passage in the shape of a file search: its text beside its file. */
static yyjson_mut_val *flatten (draft_t *draft, yyjson_mut_val *passage)
{
    yyjson_mut_val *content = yyjson_mut_obj_remove_key (passage, "content");
    yyjson_mut_val *text = yyjson_mut_obj_get (yyjson_mut_arr_get_first (content), "text");
    yyjson_mut_obj_add_val (draft->document, passage, "text",
                            text != NULL ? yyjson_mut_val_mut_copy (draft->document, text)
                                         : yyjson_mut_str (draft->document, ""));
    return passage;
}

int draft_add_found (draft_t *draft, const char *json)
{
    yyjson_mut_val *found = read_json (draft, json);
    if (found == NULL)
        return -1;
    yyjson_mut_val *queries = yyjson_mut_obj_get (found, "search_query");
    yyjson_mut_val *passages = yyjson_mut_obj_get (found, "data");
    if (!yyjson_mut_is_arr (queries) || !yyjson_mut_is_arr (passages))
        return error_set (ERROR_BAD_MESSAGE, NULL);
    draft->queries = queries;
    draft->results = yyjson_mut_arr (draft->document);
    for (yyjson_mut_val *passage; (passage = yyjson_mut_arr_remove_first (passages)) != NULL;)
        yyjson_mut_arr_append (draft->results, flatten (draft, passage));
    return 0;
}

int draft_add_text (draft_t *draft, const char *text)
{
    size_t more = strlen (text);
    if (draft->size + more >= MAX_DRAFT_BYTES)
        return error_set (ERROR_INTERNAL, "The answer is longer than %u bytes.", MAX_DRAFT_BYTES);
    return text_append (&draft->text, &draft->size, &draft->capacity, text, more);
}

int draft_add_citation (draft_t *draft, const char *json)
{
    if (yyjson_mut_arr_size (draft->citations) >= MAX_CITATIONS)
        return error_set (ERROR_INTERNAL, "The answer has more than %d citations.", MAX_CITATIONS);
    yyjson_mut_val *citation = read_json (draft, json);
    if (citation == NULL)
        return -1;
    return yyjson_mut_arr_append (draft->citations, citation) ? 0 : no_memory ();
}

int draft_set_end (draft_t *draft, const answer_ended_message_t *ended)
{
    yyjson_mut_doc *document = draft->document;
    yyjson_mut_val *end = yyjson_mut_obj (document);
    yyjson_mut_obj_add_strcpy (document, end, "status", ended->status);
    yyjson_mut_obj_add_strcpy (document, end, "reason", ended->reason);
    yyjson_mut_obj_add_strcpy (document, end, "message", ended->message);
    yyjson_mut_obj_add_strcpy (document, end, "by", ended->by);
    yyjson_mut_obj_add_strcpy (document, end, "model", ended->model);
    yyjson_mut_obj_add_bool (document, end, "declined", ended->declined != 0);
    yyjson_mut_obj_add_uint (document, end, "files_reading", ended->files_reading);
    yyjson_mut_obj_add_uint (document, end, "input_tokens", ended->input_tokens);
    yyjson_mut_obj_add_uint (document, end, "output_tokens", ended->output_tokens);
    yyjson_mut_obj_add_uint (document, end, "quotes_rejected", ended->quotes_rejected);
    yyjson_mut_val *unsupported = read_json (draft, *ended->unsupported == 0 ? "[]" : ended->unsupported);
    if (unsupported == NULL || !yyjson_mut_obj_add_val (document, end, "unsupported", unsupported))
        return -1;
    draft->end = end;
    return 0;
}

const char *draft_end_text (const draft_t *draft, const char *field)
{
    const char *text = yyjson_mut_get_str (yyjson_mut_obj_get (draft->end, field));
    return text == NULL ? "" : text;
}

uint64_t draft_end_number (const draft_t *draft, const char *field)
{
    return yyjson_mut_get_uint (yyjson_mut_obj_get (draft->end, field));
}

static void add_text_or_null (yyjson_mut_doc *document, yyjson_mut_val *object, const char *key, const char *text)
{
    if (*text != 0)
        yyjson_mut_obj_add_strcpy (document, object, key, text);
    else
        yyjson_mut_obj_add_null (document, object, key);
}

yyjson_mut_val *draft_facts (const draft_t *draft, yyjson_mut_doc *document)
{
    static const char *const texts [] = {"by", "model", "reason", "message"};
    static const char *const values [] = {"declined", "files_reading", "quotes_rejected", "unsupported"};
    if (draft->end == NULL)
        return NULL;
    yyjson_mut_val *facts = yyjson_mut_obj (document);
    for (size_t i = 0; i < COUNT_OF (texts); i++)
        add_text_or_null (document, facts, texts [i], draft_end_text (draft, texts [i]));
    for (size_t i = 0; i < COUNT_OF (values); i++)
        yyjson_mut_obj_add_val (document, facts, values [i],
                                yyjson_mut_val_mut_copy (document, yyjson_mut_obj_get (draft->end, values [i])));
    return facts;
}
