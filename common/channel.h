/* A channel: this process's end of a link between roles (CZMQ ROUTER that binds, DEALERs that
 * connect, one for each address).
 *
 * Whoever is at the other end is a peer. The connecting end says hello every second and the
 * bound end answers with welcome, so each knows that the other's loop turns, not only that its
 * socket is open: a peer that has been silent for LINK_SILENCE_MS is lost, and so is one that
 * comes back with another instance number (it was restarted). Credit: the bound end never has
 * more tasks with a peer than the peer's hello said. */
#ifndef QUIRE_CHANNEL_H
#define QUIRE_CHANNEL_H

#include "loop.h"
#include "message.h"

#define LINK_HELLO_MS   1000
#define LINK_SILENCE_MS 5000

typedef struct channel channel_t;

typedef struct peer {
    char role [16];
    uint64_t instance;
    uint32_t credit;        /* what it takes of ordinary tasks at once */
    uint32_t express;       /* and of urgent ones */
    uint32_t tasks;         /* ordinary tasks that it has; kept by the channel's user */
    uint32_t express_tasks; /* urgent tasks that it has; kept by the channel's user */
    bool unharmed;          /* when it is lost: it had said goodbye, or was cut off and is back */
    void *context;          /* the channel's user may keep something here */
} peer_t;

typedef struct {
    void (*ready) (void *context, peer_t *peer);   /* has come, or has come back; or NULL */
    void (*lost) (void *context, peer_t *peer);    /* is gone: give its tasks to others; or NULL */
    void (*message) (void *context, peer_t *peer, const message_t *message);  /* no hello, welcome */
} channel_handlers_t;

/* What this process says of itself in hello and welcome. */
typedef struct {
    uint32_t credit, express;
} channel_offer_t;

/* Says who this process is; once, before the first channel. */
void channel_identify (const char *role, uint64_t instance);
uint64_t channel_own_instance (void);   /* as it was told */

/* name is the link's ("extract"). Addresses: one to bind, or several to connect to, parted by
 * commas. NULL with BAD_FIELD when an address can't be used. */
MUST_CHECK channel_t *channel_bind (loop_t *loop, const char *name, const char *address,
                                    channel_offer_t offer, const channel_handlers_t *handlers,
                                    void *context);
MUST_CHECK channel_t *channel_connect (loop_t *loop, const char *name, const char *addresses,
                                       channel_offer_t offer, const channel_handlers_t *handlers,
                                       void *context);
void channel_destroy (channel_t **channel);   /* says goodbye, so that tasks go on at once */

void channel_set_offer (channel_t *channel, channel_offer_t offer);
void channel_send_metrics (channel_t *channel);   /* its hellos carry this process's metrics */

/* Sends to a peer that is ready. Returns 0, or -1 with ROLE_AWAY (its queue is full) or as
 * message_encode. */
MUST_CHECK int channel_send (channel_t *channel, peer_t *peer, const message_t *message);

size_t channel_peer_count (const channel_t *channel);
peer_t *channel_peer (channel_t *channel, size_t index);      /* index < count */
peer_t *channel_first_peer (channel_t *channel);              /* or NULL: nobody is there */

/* The metrics of this process's peers as they last sent them, each line with its labels. */
void channel_peer_metrics (const channel_t *channel, void (*line) (void *context, const char *text),
                           void *context);

#endif
