/* Routes: which handler answers a method and a path. A request's target is taken apart here, so that
 * no handler sees a percent sign, a NUL or a path that is more than its names. Pure. */
#ifndef QUIRE_GATEWAY_ROUTE_H
#define QUIRE_GATEWAY_ROUTE_H

#include "field.h"

typedef struct request request_t;

typedef enum {
    BODY_NONE,      /* what comes is ignored */
    BODY_JSON,      /* one object */
    BODY_KNOWN_JSON, /* one object; fields that are not listed are refused */
    BODY_RPC,       /* JSON that the handler reads, to say itself what is wrong with it */
    BODY_UPLOAD,    /* multipart/form-data, given to the route's reader as it comes */
} body_kind_t;

/* Takes a body piece by piece. Each returns 0, or -1 with error_set: then the rest is thrown away. */
typedef struct {
    int (*begin) (request_t *request, const char *content_type);
    int (*data) (request_t *request, const char *data, size_t size);
} body_reader_t;

typedef struct {
    const char *method;
    const char *pattern;             /* "/v1/files/{file_id}" */
    const char *name;                /* operationId */
    void (*handle) (request_t *request);
    const field_t *fields;
    size_t field_count;
    body_kind_t body;
    const body_reader_t *reader;     /* of BODY_UPLOAD */
    const char *answer;              /* a schema of openapi.c, or a media type with a slash */
    const char *what;
} route_t;

#define MAX_SEGMENTS    12
#define MAX_QUERY_PAIRS 64

/* A request's target, taken apart and decoded. */
typedef struct {
    char *text;                      /* what the pointers below point into */
    size_t segment_count;            /* "/" has none */
    const char *segments [MAX_SEGMENTS];
    size_t pair_count;
    struct { const char *name, *value; } pairs [MAX_QUERY_PAIRS];
} target_t;

/* Returns 0, or -1 with BAD_REQUEST (a bad escape, a NUL or other control character, no UTF-8, more
 * parts than the limits) or NO_MEMORY; the target is freed with target_free in either case. */
MUST_CHECK int target_parse (const char *raw, target_t *target);
void target_free (target_t *target);
const char *target_query (const target_t *target, const char *name);   /* or NULL */

/* Finds the route. Returns NULL with NOT_FOUND, or with METHOD_NOT_ALLOWED and, in allowed [size],
 * the methods that the path takes. HEAD is answered by the route of GET. */
const route_t *route_find (const route_t *routes, size_t count, const char *method,
                           const target_t *target, char *allowed, size_t size);

/* The segment that stands for {name} in the route's pattern, or NULL. */
const char *route_segment (const route_t *route, const target_t *target, const char *name);

#endif
