/* A page that was read, as JSON in the shape of the HTTP API, for people and tests. */
#ifndef QUIRE_PAGE_JSON_H
#define QUIRE_PAGE_JSON_H

#include <stdio.h>

#include "page_reader.h"

/* Prints a line. Returns 0, or -1 with NO_MEMORY. */
MUST_CHECK int page_json_print (FILE *out, uint32_t number, const page_read_t *page);

#endif
