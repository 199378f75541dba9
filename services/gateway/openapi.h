/* The API's description (OpenAPI 3.1). Pure. */
#ifndef QUIRE_GATEWAY_OPENAPI_H
#define QUIRE_GATEWAY_OPENAPI_H

#include "macros.h"

MUST_CHECK char *openapi_json (void);   /* the caller frees it; NULL when there is no memory */

#endif
