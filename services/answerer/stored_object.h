/* Stored objects: JSON objects of the caller's own (attributes, metadata), kept as text. */
#ifndef QUIRE_STORED_OBJECT_H
#define QUIRE_STORED_OBJECT_H

#include <yyjson.h>

/* Adds a stored object to another under a name: {} when there is none. */
void add_stored_object (yyjson_mut_doc *doc, yyjson_mut_val *to, const char *name, const char *json);

#endif
