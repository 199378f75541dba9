/* Bodies: a JSON body as it comes and the document that it is, both under the ceiling of memory. */
#ifndef QUIRE_GATEWAY_BODY_H
#define QUIRE_GATEWAY_BODY_H

#include <yyjson.h>

#include "macros.h"

/* Zeroed is empty. */
typedef struct {
    char *text;
    size_t size, capacity;
    yyjson_doc *document;   /* one object, once it has been parsed */
} body_t;

/* Returns 0, or -1 with NO_MEMORY or TOO_MANY_REQUESTS (the ceiling is reached). */
MUST_CHECK int body_add (body_t *body, const char *data, size_t size);

/* Makes the document and gives up the text. Returns 0, or -1 with BAD_JSON or as body_add. */
MUST_CHECK int body_parse (body_t *body);
void body_free (body_t *body);

#endif
