/* JSON bodies: what a request may send where a route takes one object. Pure, but that
 * the document's memory counts against the ceiling. */
#ifndef QUIRE_GATEWAY_JSON_BODY_H
#define QUIRE_GATEWAY_JSON_BODY_H

#include <yyjson.h>

#include "macros.h"

#define MAX_JSON_DEPTH 64

/* Reads any JSON that nests no deeper than MAX_JSON_DEPTH. The caller frees the document; NULL with
 * BAD_JSON, NO_MEMORY or TOO_MANY_REQUESTS. */
MUST_CHECK yyjson_doc *json_parse (char *text, size_t size);

/* Reads a body, which is one object that nests no deeper than MAX_JSON_DEPTH. The caller frees the
 * document; NULL with BAD_JSON, NO_MEMORY or TOO_MANY_REQUESTS. */
MUST_CHECK yyjson_doc *json_body_parse (char *text, size_t size);

#endif
