/* Stored objects: see stored_object.h. */
#include "stored_object.h"

#include <string.h>

void add_stored_object (yyjson_mut_doc *doc, yyjson_mut_val *to, const char *name, const char *json)
{
    yyjson_doc *parsed = json [0] == '\0' ? NULL : yyjson_read (json, strlen (json), 0);
    yyjson_mut_val *value = parsed == NULL ? yyjson_mut_obj (doc)
                                           : yyjson_val_mut_copy (doc, yyjson_doc_get_root (parsed));
    yyjson_mut_obj_add_val (doc, to, name, value);
    yyjson_doc_free (parsed);
}
