/* Field schemas: a table of fields as JSON Schema, for those who read a description of the API and for
 * the tools of MCP. Pure. */
#ifndef QUIRE_GATEWAY_FIELD_SCHEMA_H
#define QUIRE_GATEWAY_FIELD_SCHEMA_H

#include "field.h"

yyjson_mut_val *field_schema (yyjson_mut_doc *document, const field_t *field);

/* An object with those of the fields that have this place; only_these: nothing else may be in it. */
yyjson_mut_val *fields_schema (yyjson_mut_doc *document, const field_t *fields, size_t count, field_place_t place,
                               bool only_these);

#endif
