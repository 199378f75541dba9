/* JSON bodies: see json_body.h. */
#include "json_body.h"

#include <stdlib.h>
#include <string.h>

#include "ceiling.h"
#include "error.h"

/* -- memory, counted ------------------------------------------------------------------------- */

/* Stands before each piece: how large it is. As large as what keeps the piece aligned. */
typedef union {
    size_t size;
    max_align_t aligned;
} piece_t;

static void *piece_new (void *context UNUSED, size_t size)
{
    if (!ceiling_take (size + sizeof (piece_t)))
        return NULL;
    piece_t *piece = malloc (size + sizeof *piece);
    if (piece == NULL) {
        ceiling_give (size + sizeof *piece);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    piece->size = size;
    return piece + 1;
}

static void piece_free (void *context UNUSED, void *at)
{
    piece_t *piece = (piece_t *) at - 1;
    ceiling_give (piece->size + sizeof *piece);
    free (piece);
}

static void *piece_resize (void *context, void *at, size_t old_size, size_t size)
{
    void *other = piece_new (context, size);
    if (other == NULL)
        return NULL;
    memcpy (other, at, old_size < size ? old_size : size);
    piece_free (context, at);
    return other;
}

/* -- reading --------------------------------------------------------------------------------- */

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

yyjson_doc *json_parse (char *text, size_t size)
{
    static const yyjson_alc counted = {piece_new, piece_resize, piece_free, NULL};
    yyjson_read_err wrong;
    if (size == 0) {
        error_set (ERROR_BAD_JSON, "The body is empty. Send one JSON object, {} at least.");
        return NULL;
    }
    if (json_depth (text, size) > MAX_JSON_DEPTH) {
        error_set (ERROR_BAD_JSON, "The body nests deeper than %d levels.", MAX_JSON_DEPTH);
        return NULL;
    }
    yyjson_doc *document = yyjson_read_opts (text, size, 0, &counted, &wrong);
    if (document == NULL && wrong.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return NULL;   /* the error is that of piece_new */
    if (document == NULL)
        error_set (ERROR_BAD_JSON, "The body is not valid JSON: %s at byte %zu.", wrong.msg, wrong.pos);
    return document;
}

yyjson_doc *json_body_parse (char *text, size_t size)
{
    yyjson_doc *document = json_parse (text, size);
    if (document != NULL && !yyjson_is_obj (yyjson_doc_get_root (document))) {
        yyjson_doc_free (document);
        document = NULL;
        error_set (ERROR_BAD_JSON, "The body must be one JSON object.");
    }
    return document;
}
