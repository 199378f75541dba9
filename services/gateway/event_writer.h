/* Event writers: server-sent events of one answer on their way to one client, as fast as it reads and
 * no further ahead of it than a named limit. */
#ifndef QUIRE_GATEWAY_EVENT_WRITER_H
#define QUIRE_GATEWAY_EVENT_WRITER_H

#include "http.h"

#define MAX_UNSENT_BYTES (4u << 20)   /* that a client has not read yet */

typedef struct {
    request_t *request;   /* NULL: not opened */
    char *data;
    size_t size, sent, capacity;
    bool ended;
} event_writer_t;

/* Begins the answer to the request. The writer must live as long as the request. */
void event_writer_open (event_writer_t *writer, request_t *request);

/* Adds an event; name NULL: one without a name. Returns 0, or -1 with NO_MEMORY, or TOO_MANY_REQUESTS
 * when the client is too far behind. */
MUST_CHECK int event_writer_put (event_writer_t *writer, const char *name, const char *data);
void event_writer_comment (event_writer_t *writer);   /* so that proxies keep it open */
void event_writer_end (event_writer_t *writer);       /* no more comes */
void event_writer_free (event_writer_t *writer);

#endif
