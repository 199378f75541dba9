/* HTTP: connections, bodies and answers on the event loop. A request comes to its route's handler
 * with its fields checked; the handler answers at once or later, exactly once. Until then the
 * connection sleeps and costs no thread. */
#ifndef QUIRE_GATEWAY_HTTP_H
#define QUIRE_GATEWAY_HTTP_H

#include "address.h"
#include "loop.h"
#include "route.h"

#define MAX_JSON_BODY_BYTES  (4u << 20)
#define MAX_DISCARD_BYTES    (1u << 20)   /* of a refused body, read so that the client hears why */
#define MAX_TARGET_BYTES     (16u << 10)  /* of a URL */
#define MAX_HEADER_BYTES     (16u << 10)  /* of all headers together */
#define MAX_ANSWER_HEADERS   8

typedef struct http http_t;

typedef struct {
    const char *address;
    int port;
    unsigned max_connections;
    unsigned address_connections;   /* of one address; 0: any number */
    unsigned idle_s;
    unsigned request_s;             /* for a request to come */
    const networks_t *proxies;      /* whose word for whom they speak is believed; or NULL */
    uint64_t max_upload_bytes;
    const route_t *routes;
    size_t route_count;
    int (*admit) (request_t *request, const route_t *route);   /* 0, or -1 with error_set; or NULL */
    bool (*fallback) (request_t *request, const char *name);   /* GET of "/name"; false: not found */
} http_options_t;

/* Listens. NULL with BAD_FIELD (the address, or the port is in use) or NO_MEMORY. The options'
 * texts must outlive it. */
MUST_CHECK http_t *http_new (loop_t *loop, const http_options_t *options);
void http_destroy (http_t **http);   /* answers what is open with 503 */

/* The service is to stop: the port is closed, uploads are turned back, what else is under way is answered,
 * and each connection ends with the request that it is at. Called again and again, until it returns true:
 * no connection is left. */
MUST_CHECK bool http_drain (http_t *http);

/* How many connections it takes: fewer than was asked for when there are too few descriptors. */
unsigned http_connections (const http_t *http);

/* -- what came -- */
const char *request_id (const request_t *request);
const route_t *request_route (const request_t *request);
const char *request_header (const request_t *request, const char *name);      /* or NULL */
bool request_method_is (const request_t *request, const char *method);
address_t request_address (const request_t *request);   /* who asks, behind a trusted proxy too */
bool request_is_from_proxy (const request_t *request);  /* one that is trusted: its X-Forwarded-… are to be believed */

/* The route's field of this name, checked; never NULL for a field of the route's table. */
const value_t *request_value (const request_t *request, const char *name);
const char *request_text (const request_t *request, const char *name);        /* "" when left out */
int64_t request_integer (const request_t *request, const char *name);

yyjson_val *request_body (const request_t *request);   /* the JSON object that was sent, or NULL */
char *request_data (request_t *request, size_t *size);   /* of BODY_RPC: what was sent; NULL when nothing was */

/* A client that closes its side of the connection gives up this request, even one that has not been
 * answered: it is dropped then. */
void request_end_with_client (request_t *request);

/* What a handler keeps with a request until the request has ended; dropped with `drop`. */
void request_keep (request_t *request, void *context, void (*drop) (void *context));
void *request_kept (const request_t *request);

/* -- answers: one of these ends a request -- */

/* Adds a header to the answer that follows. Texts are copied; what does not fit is left out. */
void request_add_header (request_t *request, const char *name, const char *value);

void request_answer_json (request_t *request, const char *json);              /* 200; json is copied */
void request_answer_taken (request_t *request, int status, const char *type, char **data, size_t size);
void request_answer_static (request_t *request, const char *type, const void *data, size_t size);
void request_answer_empty (request_t *request, int status);
void request_answer_file (request_t *request, const char *type, int fd, uint64_t size);   /* takes fd */

/* Answers with an error in OpenAI's shape. text NULL: the table's; param NULL or "": none. */
void request_fail (request_t *request, error_t error, const char *text, const char *param);
void request_fail_last (request_t *request);    /* with this thread's last error */

/* An answer without an end: read writes at most `size` bytes to out and returns how many; 0 sends the
 * connection to sleep until stream_wake, STREAM_END ends it. */
#define STREAM_END ((size_t) -1)
typedef size_t (stream_read_t) (void *context, char *out, size_t size);
void request_answer_stream (request_t *request, const char *type, stream_read_t *read, void *context);
void stream_wake (request_t *request);

#endif
