/* The guard of a link: with keys set, only peers that have the right one get in (CURVE: both ends are
 * known by their key, and what they say is encrypted), and whoever is refused is counted, keys or not.
 *
 * An installation has two pairs of keys: that of the ends that bind, and that of the ends that
 * connect. Each end has its own secret key and the other's public one. */
#ifndef QUIRE_LINK_GUARD_H
#define QUIRE_LINK_GUARD_H

#include "loop_sockets.h"

#define LINK_KEY_SIZE 41    /* Z85: forty letters and the NUL */
#define MAX_PEER_KEYS 64    /* public keys that may come in */

typedef struct link_guard link_guard_t;

/* Guards a socket of the link from now on; to be called before it binds or connects, and dropped
 * before the socket is. NULL with BAD_FIELD (a key is set and another missing, or one is none),
 * INTERNAL or NO_MEMORY. */
MUST_CHECK link_guard_t *link_guard_new (loop_t *loop, const char *link, zsock_t *socket, bool binds);
void link_guard_destroy (link_guard_t **guard);

/* A peer's hello has come over this connection of a socket that is bound. */
void link_guard_heard (link_guard_t *guard, int fd);

/* Makes a pair of keys. Returns 0, or -1 with INTERNAL: this ZeroMQ knows no CURVE. */
MUST_CHECK int link_keys_make (char public_key [LINK_KEY_SIZE], char secret_key [LINK_KEY_SIZE]);

#endif
