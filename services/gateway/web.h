/* The web page: its files are part of the program. */
#ifndef QUIRE_GATEWAY_WEB_H
#define QUIRE_GATEWAY_WEB_H

#include "http.h"

typedef struct {
    const char *name;
    const uint8_t *data, *end;
} web_file_t;

/* Made at build time from the folder web/ (web_files.cmake); ends with a name NULL. */
extern const web_file_t web_files [];
extern const web_file_t schema_files [];   /* the same for schemas.json alone (openapi.c) */

#define MAX_POLICY 2048

MUST_CHECK int web_start (void);   /* reads its setting; -1 with BAD_FIELD */

/* Writes the content policy that lets pages of these sites frame the page. Returns 0, or -1 with
 * BAD_FIELD when they would say something else in the header. */
MUST_CHECK int web_policy (const char *ancestors, char out [MAX_POLICY]);

/* Answers with the file of this name. Returns false when there is none. */
bool web_answer (request_t *request, const char *name);

/* The media type for a file's name. Pure. */
const char *web_type (const char *name);

#endif
