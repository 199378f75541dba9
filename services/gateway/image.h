/* Pictures of pages: what the caller may ask to be marked. Pure. */
#ifndef QUIRE_GATEWAY_IMAGE_H
#define QUIRE_GATEWAY_IMAGE_H

#include "error.h"

#define MAX_HIGHLIGHTS 256

/* Reads "10-52,60-75": ranges of a page's text, ends exclusive. out [2 * MAX_HIGHLIGHTS] gets starts
 * and ends. Returns how many ranges, or -1 with BAD_FIELD. */
MUST_CHECK int highlights_parse (const char *text, uint32_t *out);

#endif
