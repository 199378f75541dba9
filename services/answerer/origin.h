/* Origins: to whom an answer goes. A peer may be lost before its answer is there; then the answer
 * is dropped (a peer that comes back asks again). All on the loop's thread. */
#ifndef QUIRE_ORIGIN_H
#define QUIRE_ORIGIN_H

#include "channel.h"

typedef struct origin origin_t;

MUST_CHECK origin_t *origin_new (channel_t *channel, peer_t *peer);
void origin_destroy (origin_t **origin);

/* Sends the answer and destroys the origin. */
void origin_answer (origin_t **origin, const message_t *message);

/* Sends one of several messages. 0, or -1 as channel_send; a peer that is lost gets nothing. */
MUST_CHECK int origin_tell (const origin_t *origin, const message_t *message);

bool origin_is_from (const origin_t *origin, const peer_t *peer);
bool origin_waits (const origin_t *origin);         /* is the peer still there? */
void origin_forget_peer (const peer_t *peer);   /* it is lost */

#endif
