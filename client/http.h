/* HTTP: requests to one service, any number side by side. The only file that knows libcurl.
 *
 *     http_t *http = http_new (url, key, fd, &failure);
 *     http_start (http, &request);              done () is called from a later http_turn
 *     http_turn (http, timeout_ms);             waits for the network, the descriptor or the time
 *     http_destroy (&http);                     what is under way ends without a call */
#ifndef QUIRE_CLIENT_HTTP_H
#define QUIRE_CLIENT_HTTP_H

#include "outcome.h"

#define MAX_KEPT_BYTES (64u << 20)   /* of an answer that is kept */
#define MAX_URL_BYTES  2048
#define MAX_KEY_BYTES  4096

typedef struct http http_t;

/* Why there is no whole answer. */
typedef enum {
    TROUBLE_NONE,
    TROUBLE_UNREACHED,   /* no connection: the service has seen nothing of it */
    TROUBLE_BROKEN,      /* the connection broke, or nothing came for too long */
    TROUBLE_FILE,        /* the file that was to be sent could not be read */
    TROUBLE_TAKER,       /* data () refused */
    TROUBLE_TOO_LONG,    /* MAX_KEPT_BYTES */
} trouble_t;

typedef struct {
    trouble_t trouble;
    const char *why;        /* of trouble, in libcurl's words */
    int status;             /* 0: none came */
    const char *body;       /* what was not given to data (); ended by a NUL */
    size_t size;
    long retry_after_s;     /* -1: not said */
} answer_t;

typedef struct {
    const char *method;     /* GET, POST, DELETE */
    const char *path;       /* with its query, encoded (http_encode) */
    const char *json;       /* body, or NULL */
    const char *file;       /* path of a file to send as a form, or NULL */
    const char *file_name;  /* and the name that it is sent with */
    const char *password;   /* of the PDF, or NULL */
    long silence_s;         /* time without a byte after which it is given up */
    /* Takes a 200 answer's body as it comes; NULL: it is kept. Returns 0, or -1 to end it. */
    int (*data) (void *context, const char *data, size_t size);
    void (*sent) (void *context, uint64_t bytes, uint64_t total);   /* how much of the file; may be NULL */
    void (*done) (void *context, const answer_t *answer);           /* once; may call http_start */
    void *context;
} request_t;

/* key: or "". wake_fd: one that ends http_turn's waiting when it can be read, or -1. NULL with USAGE
 * or LOCAL. */
MUST_CHECK http_t *http_new (const char *url, const char *key, int wake_fd, failure_t *failure);
void http_destroy (http_t **http);

const char *http_url (const http_t *http);   /* as requests go to it */

/* Copies all that it needs of the request. Returns 0, or -1 without memory, and then done is not called. */
MUST_CHECK int http_start (http_t *http, const request_t *request);

/* Ends the request with this context, whose done () is then not called. Not from data () or sent (). */
void http_cancel (http_t *http, const void *context);
void http_cancel_all (http_t *http);

/* Waits for at most timeout_ms (-1: as long as it takes) until something can be done, and does it. */
void http_turn (http_t *http, int timeout_ms);

/* A part of a path or query, percent-encoded. The caller frees it; NULL without memory. */
MUST_CHECK char *http_encode (const char *text);

#endif
