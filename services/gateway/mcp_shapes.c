/* mcp_shapes: see mcp_shapes.h. */
#include "mcp_shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define MAX_URL 1024

/* -- ids and links --------------------------------------------------------------------------- */

int mcp_document_id_read (const char *id, char file_id [MAX_FILE_ID], uint32_t *page)
{
    const char *colon = strrchr (id, ':');
    size_t size = colon == NULL ? 0 : (size_t) (colon - id), digits = colon == NULL ? 0 : strspn (colon + 1, "0123456789");
    bool is_one = size > 0 && size < MAX_FILE_ID && digits > 0 && digits < 8 && colon [1 + digits] == 0
                  && colon [1] != '0';
    if (!is_one)
        return error_set (ERROR_NOT_FOUND, "There is no such document. An id is what 'search' gave, such as file-abc:12.");
    snprintf (file_id, MAX_FILE_ID, "%.*s", (int) size, id);
    *page = (uint32_t) strtoul (colon + 1, NULL, 10);
    return 0;
}

static void add_id (yyjson_mut_doc *document, yyjson_mut_val *object, const char *file_id, uint64_t page)
{
    char id [MAX_FILE_ID + 24];
    snprintf (id, sizeof id, "%.*s:%llu", MAX_FILE_ID - 1, file_id, (unsigned long long) page);
    yyjson_mut_obj_add_strcpy (document, object, "id", id);
}

static void add_title (yyjson_mut_doc *document, yyjson_mut_val *object, const char *name, uint64_t page)
{
    size_t size = strlen (name) + 32;
    char *title = malloc (size);
    if (title == NULL)
        return;
    snprintf (title, size, "%s, page %llu", name, (unsigned long long) page);
    yyjson_mut_obj_add_strcpy (document, object, "title", title);
    free (title);
}

/* highlight: what is to be marked, such as "10-52", or "". */
static void add_url (yyjson_mut_doc *document, yyjson_mut_val *object, const mcp_links_t *links, const char *file_id,
                     uint64_t page, const char *highlight)
{
    char url [MAX_URL];
    if (links->pictures)
        snprintf (url, sizeof url, "%s/v1/files/%s/pages/%llu/image%s%s", links->base, file_id, (unsigned long long) page,
                  *highlight != 0 ? "?highlight=" : "", highlight);
    else
        snprintf (url, sizeof url, "%s/#in=%s", links->base, file_id);
    yyjson_mut_obj_add_strcpy (document, object, "url", url);
}

/* -- what was found -------------------------------------------------------------------------- */

typedef struct {
    const char *file_id, *name;
    uint64_t page;
} place_t;

static const char *text_of (yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str (yyjson_obj_get (object, key));
    return text == NULL ? "" : text;
}

static bool is_among (const place_t *places, size_t count, const place_t *place)
{
    for (size_t i = 0; i < count; i++)
        if (places [i].page == place->page && strcmp (places [i].file_id, place->file_id) == 0)
            return true;
    return false;
}

static size_t pages_of (yyjson_val *passages, place_t places [MAX_FOUND_PAGES])
{
    size_t found = 0, index, count;
    yyjson_val *passage;
    yyjson_arr_foreach (passages, index, count, passage) {
        place_t place = {text_of (passage, "file_id"), text_of (passage, "filename"),
                         yyjson_get_uint (yyjson_obj_get (passage, "page"))};
        if (found < MAX_FOUND_PAGES && !is_among (places, found, &place))
            places [found++] = place;
    }
    return found;
}

yyjson_mut_val *mcp_found (yyjson_mut_doc *document, yyjson_val *results, const mcp_links_t *links)
{
    place_t places [MAX_FOUND_PAGES];
    yyjson_val *passages = yyjson_obj_get (results, "data");
    if (!yyjson_is_arr (passages)) {
        error_set (ERROR_BAD_MESSAGE, NULL);
        return NULL;
    }
    yyjson_mut_val *object = yyjson_mut_obj (document), *list = yyjson_mut_obj_add_arr (document, object, "results");
    size_t found = pages_of (passages, places);
    for (size_t i = 0; i < found; i++) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj (document, list);
        add_id (document, one, places [i].file_id, places [i].page);
        add_title (document, one, places [i].name, places [i].page);
        add_url (document, one, links, places [i].file_id, places [i].page, "");
    }
    return object;
}

/* -- pages ----------------------------------------------------------------------------------- */

static void add_number_text (yyjson_mut_doc *document, yyjson_mut_val *object, const char *key, uint64_t number)
{
    char text [24];
    snprintf (text, sizeof text, "%llu", (unsigned long long) number);
    yyjson_mut_obj_add_strcpy (document, object, key, text);
}

yyjson_mut_val *mcp_document (yyjson_mut_doc *document, yyjson_val *file, yyjson_val *page, const mcp_links_t *links)
{
    yyjson_mut_val *object = yyjson_mut_obj (document);
    const char *file_id = text_of (file, "id"), *name = text_of (file, "filename");
    uint64_t number = yyjson_get_uint (yyjson_obj_get (page, "page"));
    add_id (document, object, file_id, number);
    add_title (document, object, name, number);
    yyjson_mut_obj_add_strcpy (document, object, "text", text_of (page, "text"));
    add_url (document, object, links, file_id, number, "");
    yyjson_mut_val *metadata = yyjson_mut_obj_add_obj (document, object, "metadata");
    yyjson_mut_obj_add_strcpy (document, metadata, "file_id", file_id);
    yyjson_mut_obj_add_strcpy (document, metadata, "filename", name);
    add_number_text (document, metadata, "page", number);
    add_number_text (document, metadata, "pages", yyjson_get_uint (yyjson_obj_get (file, "pages")));
    yyjson_mut_obj_add_strcpy (document, metadata, "status", text_of (page, "status"));
    return object;
}

yyjson_mut_val *mcp_page (yyjson_mut_doc *document, yyjson_val *file, yyjson_val *page, const mcp_links_t *links)
{
    yyjson_mut_val *object = yyjson_mut_obj (document);
    const char *file_id = text_of (file, "id");
    uint64_t number = yyjson_get_uint (yyjson_obj_get (page, "page"));
    yyjson_mut_obj_add_strcpy (document, object, "file_id", file_id);
    yyjson_mut_obj_add_strcpy (document, object, "filename", text_of (file, "filename"));
    yyjson_mut_obj_add_uint (document, object, "page", number);
    yyjson_mut_obj_add_uint (document, object, "pages", yyjson_get_uint (yyjson_obj_get (file, "pages")));
    yyjson_mut_obj_add_strcpy (document, object, "status", text_of (page, "status"));
    yyjson_mut_obj_add_strcpy (document, object, "reason", text_of (page, "reason"));
    yyjson_mut_obj_add_strcpy (document, object, "text", text_of (page, "text"));
    add_url (document, object, links, file_id, number, "");
    return object;
}

/* -- files ----------------------------------------------------------------------------------- */

static void copy (yyjson_mut_doc *document, yyjson_mut_val *to, const char *key, yyjson_val *from)
{
    yyjson_mut_obj_add_val (document, to, key, yyjson_val_mut_copy (document, yyjson_obj_get (from, key)));
}

yyjson_mut_val *mcp_files (yyjson_mut_doc *document, yyjson_val *list)
{
    static const char *const keys [] = {"filename", "title", "pages", "state", "created_at"};
    yyjson_val *files = yyjson_obj_get (list, "data"), *file;
    const char *last = NULL;
    size_t index, count;
    if (!yyjson_is_arr (files)) {
        error_set (ERROR_BAD_MESSAGE, NULL);
        return NULL;
    }
    yyjson_mut_val *object = yyjson_mut_obj (document), *to = yyjson_mut_obj_add_arr (document, object, "files");
    yyjson_arr_foreach (files, index, count, file) {
        yyjson_mut_val *one = yyjson_mut_arr_add_obj (document, to);
        last = text_of (file, "id");
        yyjson_mut_obj_add_strcpy (document, one, "file_id", last);
        for (size_t i = 0; i < COUNT_OF (keys); i++)
            copy (document, one, keys [i], file);
    }
    if (last != NULL && yyjson_get_bool (yyjson_obj_get (list, "has_more")))
        yyjson_mut_obj_add_strcpy (document, object, "next", last);
    else
        yyjson_mut_obj_add_null (document, object, "next");
    return object;
}

/* -- answers --------------------------------------------------------------------------------- */

static const char *citation_text (yyjson_mut_val *citation, const char *key)
{
    const char *text = yyjson_mut_get_str (yyjson_mut_obj_get (citation, key));
    return text == NULL ? "" : text;
}

static void add_citation (yyjson_mut_doc *document, yyjson_mut_val *list, yyjson_mut_val *citation,
                          const mcp_links_t *links)
{
    static const char *const keys [] = {"file_id", "filename", "page", "quote", "start", "end", "passage"};
    char range [48];
    yyjson_mut_val *one = yyjson_mut_arr_add_obj (document, list);
    const char *file_id = citation_text (citation, "file_id");
    uint64_t page = yyjson_mut_get_uint (yyjson_mut_obj_get (citation, "page"));
    add_id (document, one, file_id, page);
    for (size_t i = 0; i < COUNT_OF (keys); i++)
        yyjson_mut_obj_add_val (document, one, keys [i],
                                yyjson_mut_val_mut_copy (document, yyjson_mut_obj_get (citation, keys [i])));
    snprintf (range, sizeof range, "%llu-%llu",
              (unsigned long long) yyjson_mut_get_uint (yyjson_mut_obj_get (citation, "start")),
              (unsigned long long) yyjson_mut_get_uint (yyjson_mut_obj_get (citation, "end")));
    add_url (document, one, links, file_id, page, range);
}

yyjson_mut_val *mcp_answer (yyjson_mut_doc *document, const draft_t *draft, const mcp_links_t *links)
{
    yyjson_mut_val *object = yyjson_mut_obj (document), *citation;
    size_t index, count;
    yyjson_mut_obj_add_strncpy (document, object, "answer", draft->text, draft->size);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr (document, object, "citations");
    yyjson_mut_arr_foreach (draft->citations, index, count, citation) {
        add_citation (document, list, citation, links);
    }
    yyjson_mut_obj_add_bool (document, object, "declined",
                             yyjson_mut_get_bool (yyjson_mut_obj_get (draft->end, "declined")));
    yyjson_mut_obj_add_uint (document, object, "files_reading", draft_end_number (draft, "files_reading"));
    yyjson_mut_obj_add_strcpy (document, object, "status", draft_end_text (draft, "status"));
    yyjson_mut_obj_add_strcpy (document, object, "by", draft_end_text (draft, "by"));
    yyjson_mut_obj_add_strcpy (document, object, "message", draft_end_text (draft, "message"));
    return object;
}

/* -- results --------------------------------------------------------------------------------- */

static void add_text (yyjson_mut_doc *document, yyjson_mut_val *result, const char *text)
{
    yyjson_mut_val *content = yyjson_mut_obj_add_arr (document, result, "content");
    yyjson_mut_val *item = yyjson_mut_arr_add_obj (document, content);
    yyjson_mut_obj_add_str (document, item, "type", "text");
    yyjson_mut_obj_add_strcpy (document, item, "text", text);
}

yyjson_mut_val *mcp_call_result (yyjson_mut_doc *document, yyjson_mut_val *structured)
{
    char *text = yyjson_mut_val_write (structured, 0, NULL);
    yyjson_mut_val *result = yyjson_mut_obj (document);
    if (text == NULL || result == NULL) {
        free (text);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    add_text (document, result, text);
    free (text);
    yyjson_mut_obj_add_val (document, result, "structuredContent", structured);
    yyjson_mut_obj_add_bool (document, result, "isError", false);
    return result;
}

yyjson_mut_val *mcp_call_failure (yyjson_mut_doc *document, const char *text)
{
    yyjson_mut_val *result = yyjson_mut_obj (document);
    add_text (document, result, text);
    yyjson_mut_obj_add_bool (document, result, "isError", true);
    return result;
}
