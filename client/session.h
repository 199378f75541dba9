/* Session: one run of the program: what it was asked for, and the service that it asks. */
#ifndef QUIRE_CLIENT_SESSION_H
#define QUIRE_CLIENT_SESSION_H

#include <yyjson.h>

#include "arguments.h"
#include "http.h"

#define ANSWER_SILENCE_S 90    /* longer than the service waits for its own parts */

typedef struct {
    const arguments_t *arguments;
    http_t *http;
    bool json;
    long patience_s;
    bool has_answered;   /* the service was there in this run, so that an absence may pass */
} session_t;

/* Returns 0, or -1 with USAGE or LOCAL. */
MUST_CHECK int session_open (session_t *session, const arguments_t *arguments, failure_t *failure);
void session_close (session_t *session);

/* The failure that an answer tells of, or that there is none; of a 2xx answer too, when it is not
 * whole. */
int session_failure (const session_t *session, const answer_t *answer, failure_t *failure);

/* Asks, waits for the answer, and asks again after a wait when the service is busy or away. Returns
 * the answer's JSON, which the caller frees, or NULL with the failure. json: a body, or NULL. */
MUST_CHECK yyjson_doc *session_call (session_t *session, const char *method, const char *path, const char *json,
                                     failure_t *failure);

/* The same for an answer that `take` gets as it comes. Once it has begun to come it is not asked for
 * again. Returns 0, or -1 with the failure. */
MUST_CHECK int session_stream (session_t *session, const char *path, const char *json, long silence_s,
                               int (*take) (void *context, const char *data, size_t size), void *context,
                               failure_t *failure);

#endif
