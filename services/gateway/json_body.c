/* JSON bodies: see json_body.h. */
#include "json_body.h"

#include "error.h"

/* How deep JSON nests: those who read it further on need not fear for their stack. */
static size_t json_depth (const char *text, size_t size)
{
    size_t depth = 0, deepest = 0;
    bool in_text = false;
    for (size_t i = 0; i < size; i++) {
        char c = text [i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '{' || c == '['))
            deepest = ++depth > deepest ? depth : deepest;
        else if (!in_text && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return deepest;
}

yyjson_doc *json_body_parse (char *text, size_t size)
{
    yyjson_read_err wrong;
    if (size == 0) {
        error_set (ERROR_BAD_JSON, "The body is empty. Send one JSON object, {} at least.");
        return NULL;
    }
    if (json_depth (text, size) > MAX_JSON_DEPTH) {
        error_set (ERROR_BAD_JSON, "The body nests deeper than %d levels.", MAX_JSON_DEPTH);
        return NULL;
    }
    yyjson_doc *document = yyjson_read_opts (text, size, 0, NULL, &wrong);
    if (document == NULL)
        error_set (wrong.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION ? ERROR_NO_MEMORY : ERROR_BAD_JSON,
                   "The body is not valid JSON: %s at byte %zu.", wrong.msg, wrong.pos);
    else if (!yyjson_is_obj (yyjson_doc_get_root (document))) {
        yyjson_doc_free (document);
        document = NULL;
        error_set (ERROR_BAD_JSON, "The body must be one JSON object.");
    }
    return document;
}
