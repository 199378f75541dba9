/* Pages as JSON: see page_json.h. */
#include "page_json.h"

#include <stdlib.h>

#include <yyjson.h>

#include "error.h"

static yyjson_mut_val *words_json (yyjson_mut_doc *doc, const page_text_t *text)
{
    yyjson_mut_val *list = yyjson_mut_arr (doc);
    for (size_t i = 0; i < text->word_count; i++) {
        yyjson_mut_val *word = yyjson_mut_arr_add_obj (doc, list);
        yyjson_mut_obj_add_uint (doc, word, "start", text->words [i].start);
        yyjson_mut_obj_add_uint (doc, word, "end", text->words [i].end);
        yyjson_mut_val *quad = yyjson_mut_obj_add_arr (doc, word, "quad");
        for (int k = 0; k < 8; k++)
            yyjson_mut_arr_add_real (doc, quad, (double) text->words [i].quad [k]);
    }
    return list;
}

static yyjson_mut_val *chunks_json (yyjson_mut_doc *doc, const page_read_t *page)
{
    yyjson_mut_val *list = yyjson_mut_arr (doc);
    for (size_t i = 0; i < page->chunk_count; i++) {
        yyjson_mut_val *chunk = yyjson_mut_arr_add_obj (doc, list);
        yyjson_mut_obj_add_uint (doc, chunk, "start", page->chunks [i].start);
        yyjson_mut_obj_add_uint (doc, chunk, "end", page->chunks [i].end);
        yyjson_mut_obj_add_uint (doc, chunk, "pieces", page->chunks [i].pieces);
    }
    return list;
}

int page_json_print (FILE *out, uint32_t number, const page_read_t *page)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (doc);
    yyjson_mut_doc_set_root (doc, root);
    yyjson_mut_obj_add_uint (doc, root, "page", number);
    yyjson_mut_obj_add_str (doc, root, "status", page_status_name (page->status));
    yyjson_mut_obj_add_str (doc, root, "reason", page->reason);
    yyjson_mut_obj_add_real (doc, root, "width", (double) page->width);
    yyjson_mut_obj_add_real (doc, root, "height", (double) page->height);
    yyjson_mut_obj_add_str (doc, root, "head", page->text.head ? page->text.head : "");
    yyjson_mut_obj_add_str (doc, root, "text", page->text.text ? page->text.text : "");
    yyjson_mut_obj_add_val (doc, root, "words", words_json (doc, &page->text));
    yyjson_mut_obj_add_val (doc, root, "chunks", chunks_json (doc, page));
    char *json = yyjson_mut_write (doc, 0, NULL);
    if (json)
        fprintf (out, "%s\n", json);
    else
        error_set (ERROR_NO_MEMORY, NULL);
    free (json);
    yyjson_mut_doc_free (doc);
    return json ? 0 : -1;
}
