/* response_fields: see response_fields.h. */
#include "response_fields.h"

#include <string.h>

#define RESULTS "file_search_call.results"

/* -- checks ---------------------------------------------------------------------------------- */

/* The documents are always looked at. */
static bool tool_choice_fits (yyjson_val *choice)
{
    const char *type = yyjson_get_str (yyjson_is_obj (choice) ? yyjson_obj_get (choice, "type") : choice);
    return choice == NULL || yyjson_is_null (choice)
        || (type != NULL && (strcmp (type, "auto") == 0 || strcmp (type, "required") == 0
                             || strcmp (type, "file_search") == 0));
}

static bool text_fits (yyjson_val *text)
{
    yyjson_val *format = yyjson_obj_get (text, "format");
    return format == NULL || yyjson_equals_str (yyjson_obj_get (format, "type"), "text");
}

static bool include_fits (yyjson_val *include)
{
    yyjson_val *item;
    size_t index, count;
    yyjson_arr_foreach (include, index, count, item) {
        if (!yyjson_equals_str (item, RESULTS))
            return false;
    }
    return true;
}

int response_fields_check (yyjson_val *root, const char **param)
{
    const struct {
        const char *name;
        bool fits;
        const char *wrong;
    } checks [] = {
        {"tool_choice", tool_choice_fits (yyjson_obj_get (root, "tool_choice")),
         "'tool_choice' must be auto, required or {\"type\":\"file_search\"}: answers always rest on the documents."},
        {"text", text_fits (yyjson_obj_get (root, "text")), "'text.format' must be {\"type\":\"text\"}."},
        {"include", include_fits (yyjson_obj_get (root, "include")), "'include' takes '" RESULTS "' only."},
        {"background", !yyjson_get_bool (yyjson_obj_get (root, "background")),
         "'background' is not supported: leave it out, or stream."},
    };
    for (size_t i = 0; i < COUNT_OF (checks); i++) {
        *param = checks [i].name;
        if (!checks [i].fits)
            return error_set (ERROR_BAD_FIELD, "%s", checks [i].wrong);
    }
    return 0;
}

bool response_wants_results (yyjson_val *root)
{
    return yyjson_arr_size (yyjson_obj_get (root, "include")) > 0;
}

/* -- what is told again ---------------------------------------------------------------------- */

/* name, and what it is when it was left out, as JSON */
#define ASKED_FIELDS(F) \
    F ("background",           "false") \
    F ("instructions",         "null") \
    F ("max_output_tokens",    "null") \
    F ("max_tool_calls",       "null") \
    F ("metadata",             "{}") \
    F ("model",                "\"quire\"") \
    F ("parallel_tool_calls",  "true") \
    F ("previous_response_id", "null") \
    F ("prompt_cache_key",     "null") \
    F ("reasoning",            "{\"effort\":null,\"summary\":null}") \
    F ("safety_identifier",    "null") \
    F ("service_tier",         "\"default\"") \
    F ("store",                "true") \
    F ("temperature",          "1.0") \
    F ("text",                 "{\"format\":{\"type\":\"text\"}}") \
    F ("tool_choice",          "\"auto\"") \
    F ("tools",                "[]") \
    F ("top_logprobs",         "0") \
    F ("top_p",                "1.0") \
    F ("truncation",           "\"disabled\"") \
    F ("user",                 "null")

yyjson_mut_val *response_fields_asked (yyjson_val *root, yyjson_mut_doc *document)
{
    static const struct {
        const char *name, *standard;
    } fields [] = {
#define F(name, standard) {name, standard},
        ASKED_FIELDS (F)
#undef F
    };
    yyjson_mut_val *asked = yyjson_mut_obj (document);
    for (size_t i = 0; i < COUNT_OF (fields); i++) {
        yyjson_val *given = yyjson_obj_get (root, fields [i].name);
        bool is_given = given != NULL && !yyjson_is_null (given);
        yyjson_doc *standard = is_given ? NULL : yyjson_read (fields [i].standard, strlen (fields [i].standard), 0);
        yyjson_mut_obj_add_val (document, asked, fields [i].name,
                                yyjson_val_mut_copy (document, is_given ? given : yyjson_doc_get_root (standard)));
        yyjson_doc_free (standard);
    }
    return asked;
}

/* -- sampling -------------------------------------------------------------------------------- */

char *sampling_json (yyjson_val *root)
{
    static const char *const names [] [2] = {
        {"max_tokens", "max_tokens"}, {"max_completion_tokens", "max_tokens"}, {"max_output_tokens", "max_tokens"},
        {"temperature", "temperature"}, {"top_p", "top_p"}, {"stop", "stop"}, {"seed", "seed"},
        {"presence_penalty", "presence_penalty"}, {"frequency_penalty", "frequency_penalty"},
    };
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *sampling = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, sampling);
    for (size_t i = 0; i < COUNT_OF (names); i++) {
        yyjson_val *value = yyjson_obj_get (root, names [i] [0]);
        if (value != NULL && !yyjson_is_null (value))
            yyjson_mut_obj_put (sampling, yyjson_mut_str (document, names [i] [1]),
                                yyjson_val_mut_copy (document, value));
    }
    char *json = yyjson_mut_write (document, 0, NULL);
    yyjson_mut_doc_free (document);
    if (json == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    return json;
}
