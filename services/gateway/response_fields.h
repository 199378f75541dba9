/* The fields of a response: checked beyond their types, and told again in the response. Pure. */
#ifndef QUIRE_GATEWAY_RESPONSE_FIELDS_H
#define QUIRE_GATEWAY_RESPONSE_FIELDS_H

#include "field.h"

/* Is what the fields ask for something that is done here? root: the request's object. Returns 0, or
 * -1 with BAD_FIELD; *param gets the field. */
MUST_CHECK int response_fields_check (yyjson_val *root, const char **param);

bool response_wants_results (yyjson_val *root);

/* What a response repeats of the request, with the standards of what was left out. */
yyjson_mut_val *response_fields_asked (yyjson_val *root, yyjson_mut_doc *document);

/* What an LLM heeds, under the names that the answerer takes, of a response's or a chat's fields; the
 * caller frees it. NULL with NO_MEMORY. */
MUST_CHECK char *sampling_json (yyjson_val *root);

#endif
