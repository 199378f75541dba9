/* An outbox: the messages of one answer on their way to its gateway, in order. When the gateway's queue
 * is full they wait here, so that none is lost, the last one least of all. */
#ifndef QUIRE_OUTBOX_H
#define QUIRE_OUTBOX_H

#include "origin.h"

#define MAX_OUTBOX_BYTES (4u << 20)   /* that wait */

typedef struct kept_message kept_message_t;

typedef struct {
    kept_message_t *first, **last;
    size_t bytes;
} outbox_t;   /* zeroed: empty */

/* Sends the message, or keeps it behind those that wait. 0, or -1 with BODY_TOO_LARGE or NO_MEMORY: it is
 * not sent, and nothing that comes later makes sense. */
MUST_CHECK int outbox_put (outbox_t *outbox, const origin_t *origin, const message_t *message);

/* Sends what waits, as far as it goes. Returns whether it is empty now. */
bool outbox_flush (outbox_t *outbox, const origin_t *origin);

void outbox_clear (outbox_t *outbox);

#endif
