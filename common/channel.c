/* Channels: hello and welcome, peers that come and go, messages in and out. */
#include "channel.h"

#include <czmq.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "link_guard.h"
#include "log.h"
#include "loop_sockets.h"
#include "metrics.h"
#include "settings.h"

#define TICK_MS            100    /* of the clock that says hello to those not yet there */
#define MAX_QUEUED         1000   /* messages that wait in a socket, each way and peer */
#define MAX_IDENTITY       255
#define MAX_MESSAGES_A_TURN 64    /* read from one socket before others have their turn */
#define MAX_ADDRESSES      64
#define MAX_PEERS          1024
#define LINGER_MS          300    /* for the goodbye */

typedef struct {
    peer_t open;             /* first: what the channel's user sees */
    zsock_t *socket;         /* the channel's own for a ROUTER; this peer's own for a DEALER */
    link_guard_t *guard;     /* of a DEALER */
    uint8_t identity [MAX_IDENTITY];
    size_t identity_size;
    uint64_t heard_ms;       /* when it last said anything */
    uint64_t greeted_ms;     /* when we last said hello */
    bool is_ready;
    char *metrics;
    channel_t *channel;
} link_peer_t;

struct channel {
    loop_t *loop;
    const char *name;
    bool bound, sends_metrics;
    zsock_t *router;
    link_guard_t *guard;   /* of the ROUTER */
    channel_offer_t offer;
    channel_handlers_t handlers;
    void *context;
    link_peer_t *peers [MAX_PEERS];
    size_t peer_count;
    int timer;
    uint64_t refused_ms;   /* when a refusal was last logged */
    channel_t *next;   /* of all channels of this process */
};

static char own_role [16] = "quire";
static uint64_t own_instance;
static channel_t *channels;

void channel_identify (const char *role, uint64_t instance)
{
    snprintf (own_role, sizeof own_role, "%s", role);
    own_instance = instance;
}

uint64_t channel_own_instance (void)
{
    return own_instance;
}

/* -- sending --------------------------------------------------------------------------------- */

static void trace (bool outward, const char *other, const message_t *message, size_t size)
{
    if (!settings_number (SETTING_TRACE) || message->id == MESSAGE_HELLO || message->id == MESSAGE_WELCOME)
        return;
    char text [512];
    message_describe (message, text, sizeof text);
    log_info ("message", "%s -> %s: %s %zu B", outward ? own_role : other, outward ? other : own_role,
              text, size);
}

static void buffer_free (void *data, void *hint UNUSED)
{
    free (data);
}

/* Sends without ever waiting; takes the buffer. */
static int buffer_send (link_peer_t *peer, uint8_t *data, size_t size)
{
    void *socket = zsock_resolve (peer->socket);
    if (peer->identity_size
        && zmq_send (socket, peer->identity, peer->identity_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        free (data);
        return error_set (ERROR_ROLE_AWAY, NULL);
    }
    zmq_msg_t frame;
    zmq_msg_init_data (&frame, data, size, buffer_free, NULL);
    if (zmq_msg_send (&frame, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close (&frame);
        return error_set (ERROR_ROLE_AWAY, NULL);
    }
    return 0;
}

static int peer_send (link_peer_t *peer, const message_t *message)
{
    size_t size;
    uint8_t *data = message_encode (message, &size);
    if (!data)
        return -1;
    trace (true, peer->open.role, message, size);
    return buffer_send (peer, data, size);
}

int channel_send (channel_t *channel UNUSED, peer_t *peer, const message_t *message)
{
    link_peer_t *link_peer = (link_peer_t *) peer;
    if (!link_peer->is_ready)
        return error_set (ERROR_ROLE_AWAY, NULL);
    return peer_send (link_peer, message);
}

/* -- metrics --------------------------------------------------------------------------------- */

/* Own metrics and those of the peers on other channels; the caller frees. */
static char *metrics_of_house (const channel_t *asking)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    if (!out)
        return NULL;
    char *own = metrics_text (own_role, own_instance);
    fputs (own ? own : "", out);
    free (own);
    for (const channel_t *channel = channels; channel; channel = channel->next)
        for (size_t i = 0; channel != asking && channel->bound && i < channel->peer_count; i++)
            fputs (channel->peers [i]->metrics ? channel->peers [i]->metrics : "", out);
    fclose (out);
    return text;
}

void channel_peer_metrics (const channel_t *channel, void (*line) (void *context, const char *text),
                           void *context)
{
    for (size_t i = 0; i < channel->peer_count; i++) {
        char *copy = channel->peers [i]->metrics ? strdup (channel->peers [i]->metrics) : NULL;
        char *rest = NULL;
        for (char *text = copy ? strtok_r (copy, "\n", &rest) : NULL; text; text = strtok_r (NULL, "\n", &rest))
            line (context, text);
        free (copy);
    }
}

/* -- peers ----------------------------------------------------------------------------------- */

static link_peer_t *peer_add (channel_t *channel, zsock_t *socket)
{
    link_peer_t *peer = channel->peer_count < MAX_PEERS ? calloc (1, sizeof *peer) : NULL;
    if (!peer)
        return NULL;
    peer->channel = channel;
    peer->socket = socket;
    channel->peers [channel->peer_count++] = peer;
    return peer;
}

static void peer_lose (link_peer_t *peer, const char *why)
{
    if (!peer->is_ready)
        return;
    peer->is_ready = false;
    log_warning ("peer_lost", "link=%s peer=%s instance=%016llx why=%s", peer->channel->name,
                 peer->open.role, (unsigned long long) peer->open.instance, why);
    if (peer->channel->handlers.lost)
        peer->channel->handlers.lost (peer->channel->context, &peer->open);
    peer->open.tasks = peer->open.express_tasks = 0;
    peer->open.context = NULL;
    free (peer->metrics);
    peer->metrics = NULL;
}

static void peer_remove (channel_t *channel, link_peer_t *peer)
{
    for (size_t i = 0; i < channel->peer_count; i++)
        if (channel->peers [i] == peer) {
            channel->peers [i] = channel->peers [--channel->peer_count];
            break;
        }
    free (peer->metrics);
    free (peer);
}

/* A hello or welcome: the peer is there, perhaps anew. */
static void peer_greeted (link_peer_t *peer, const char *role, uint64_t instance, uint32_t credit,
                          uint32_t express, const char *metrics)
{
    if (peer->is_ready && peer->open.instance != instance)
        peer_lose (peer, "restarted");
    peer->open.credit = credit;
    peer->open.express = express;
    free (peer->metrics);
    peer->metrics = strdup (metrics);
    if (peer->is_ready)
        return;
    peer->is_ready = true;
    peer->open.unharmed = false;
    peer->open.instance = instance;
    snprintf (peer->open.role, sizeof peer->open.role, "%s", role);
    log_info ("peer_ready", "link=%s peer=%s instance=%016llx", peer->channel->name, role,
              (unsigned long long) instance);
    if (peer->channel->handlers.ready)
        peer->channel->handlers.ready (peer->channel->context, &peer->open);
}

static link_peer_t *peer_by_instance (channel_t *channel, uint64_t instance)
{
    for (size_t i = 0; i < channel->peer_count; i++)
        if (channel->peers [i]->open.instance == instance)
            return channel->peers [i];
    return NULL;
}

static link_peer_t *peer_by_identity (channel_t *channel, const void *identity, size_t size)
{
    for (size_t i = 0; i < channel->peer_count; i++)
        if (channel->peers [i]->identity_size == size
            && memcmp (channel->peers [i]->identity, identity, size) == 0)
            return channel->peers [i];
    return NULL;
}

/* -- hello and welcome ----------------------------------------------------------------------- */

static void hello_send (link_peer_t *peer)
{
    channel_t *channel = peer->channel;
    char *metrics = channel->sends_metrics ? metrics_text (own_role, own_instance) : NULL;
    message_t hello = {.id = MESSAGE_HELLO, .hello = {own_role, own_instance, channel->offer.credit,
                                                      channel->offer.express, metrics}};
    peer->greeted_ms = loop_now_ms ();
    int outcome UNUSED = peer_send (peer, &hello);   /* not there: the next one will be */
    free (metrics);
}

static void goodbye_send (link_peer_t *peer)
{
    message_t goodbye = {.id = MESSAGE_GOODBYE, .goodbye = {own_instance}};
    int outcome UNUSED = peer_send (peer, &goodbye);   /* it finds out by silence otherwise */
}

static void welcome_send (link_peer_t *peer)
{
    channel_t *channel = peer->channel;
    char *metrics = metrics_of_house (channel);
    message_t welcome = {.id = MESSAGE_WELCOME,
                         .welcome = {own_role, own_instance, channel->offer.credit, metrics}};
    int outcome UNUSED = peer_send (peer, &welcome);
    free (metrics);
}

/* The peer speaks over this connection. When it had another one, that was cut, and what was on its way
 * is lost: both ends begin anew, as the peer forgets what it was asked when it hears goodbye. */
static void peer_moves (link_peer_t *peer, const void *identity, size_t size)
{
    bool cut = peer->is_ready
               && (peer->identity_size != size || memcmp (peer->identity, identity, size) != 0);
    memcpy (peer->identity, identity, size);
    peer->identity_size = size;
    if (!cut)
        return;
    goodbye_send (peer);
    peer->open.unharmed = true;
    peer_lose (peer, "cut_off");
}

/* A hello on a bound channel: from a peer that is known by its instance, even when its connection
 * is a new one, or from a new peer. */
static void on_hello (channel_t *channel, const void *identity, size_t size, const hello_message_t *hello)
{
    link_peer_t *peer = peer_by_instance (channel, hello->instance);
    if (!peer)
        peer = peer_by_identity (channel, identity, size);
    if (!peer)
        peer = peer_add (channel, channel->router);
    if (!peer) {
        log_warning ("peer_refused", "link=%s why=too_many_peers", channel->name);
        return;
    }
    peer_moves (peer, identity, size);
    peer->heard_ms = loop_now_ms ();
    welcome_send (peer);   /* before `ready` may send tasks: a peer takes none from who has not spoken */
    peer_greeted (peer, hello->role, hello->instance, hello->credit, hello->express, hello->metrics);
}

static void on_goodbye (channel_t *channel, link_peer_t *peer)
{
    peer->open.unharmed = true;
    peer_lose (peer, "stopped");
    if (channel->bound)
        peer_remove (channel, peer);
}

/* -- receiving ------------------------------------------------------------------------------- */

/* All are counted; one a second is told. */
static void refuse (channel_t *channel, const char *why)
{
    metric_add (METRIC_MESSAGES_REFUSED, 1);
    if (channel->refused_ms && loop_now_ms () - channel->refused_ms < 1000)
        return;
    channel->refused_ms = loop_now_ms ();
    log_warning ("message_refused", "link=%s why=\"%s\"", channel->name, why);
}

static void message_handle (channel_t *channel, link_peer_t *peer, const message_t *message, size_t size)
{
    trace (false, peer->open.role, message, size);
    peer->heard_ms = loop_now_ms ();
    if (message->id == MESSAGE_WELCOME)
        peer_greeted (peer, message->welcome.role, message->welcome.instance, message->welcome.credit, 0,
                      message->welcome.metrics);
    else if (message->id == MESSAGE_GOODBYE)
        on_goodbye (channel, peer);
    else if (peer->is_ready)
        channel->handlers.message (channel->context, &peer->open, message);
}

/* Takes the frames of one message. Returns false when there is none. identity stays empty on a
 * DEALER. A message of a wrong number of frames gives an empty body, which the decoder refuses. */
static bool frames_receive (zsock_t *zsock, bool router, zmq_msg_t *identity, zmq_msg_t *body)
{
    void *socket = zsock_resolve (zsock);
    if (router && zmq_msg_recv (identity, socket, ZMQ_DONTWAIT) < 0)
        return false;
    if (router && !zmq_msg_more (identity))
        return true;
    if (zmq_msg_recv (body, socket, ZMQ_DONTWAIT) < 0)
        return false;
    if (!zmq_msg_more (body))
        return true;
    while (zmq_msg_more (body) && zmq_msg_recv (body, socket, ZMQ_DONTWAIT) >= 0)
        ;
    zmq_msg_close (body);
    zmq_msg_init (body);
    return true;
}

static void frames_handle (channel_t *channel, link_peer_t *dealer_peer, zmq_msg_t *identity, zmq_msg_t *body)
{
    message_t message;
    if (message_decode (&message, zmq_msg_data (body), zmq_msg_size (body)) != 0) {
        refuse (channel, error_text ());
        return;
    }
    if (dealer_peer) {
        message_handle (channel, dealer_peer, &message, zmq_msg_size (body));
        return;
    }
    const void *id = zmq_msg_data (identity);
    size_t id_size = zmq_msg_size (identity);
    if (message.id == MESSAGE_HELLO) {
        link_guard_heard (channel->guard, zmq_msg_get (body, ZMQ_SRCFD));
        on_hello (channel, id, id_size, &message.hello);
        return;
    }
    link_peer_t *peer = peer_by_identity (channel, id, id_size);
    if (peer)
        message_handle (channel, peer, &message, zmq_msg_size (body));
    else
        refuse (channel, "from a peer that has not said hello");
}

static void socket_drain (channel_t *channel, link_peer_t *dealer_peer, zsock_t *socket)
{
    for (int i = 0; i < MAX_MESSAGES_A_TURN; i++) {
        zmq_msg_t identity, body;
        zmq_msg_init (&identity);
        zmq_msg_init (&body);
        bool got = frames_receive (socket, !dealer_peer, &identity, &body);
        if (got)
            frames_handle (channel, dealer_peer, &identity, &body);
        zmq_msg_close (&identity);
        zmq_msg_close (&body);
        if (!got)
            return;
    }
}

static int on_router (zloop_t *zloop UNUSED, zsock_t *socket, void *argument)
{
    channel_t *channel = argument;
    socket_drain (channel, NULL, socket);
    return loop_verdict (channel->loop);
}

static int on_dealer (zloop_t *zloop UNUSED, zsock_t *socket, void *argument)
{
    link_peer_t *peer = argument;
    socket_drain (peer->channel, peer, socket);
    return loop_verdict (peer->channel->loop);
}

/* -- the clock ------------------------------------------------------------------------------- */

static void peer_tick (channel_t *channel, link_peer_t *peer, uint64_t now)
{
    if (peer->is_ready && now - peer->heard_ms > LINK_SILENCE_MS) {
        goodbye_send (peer);   /* should it live: what it asked here, and was asked, is forgotten */
        peer_lose (peer, "silent");
        if (channel->bound) {
            peer_remove (channel, peer);
            return;
        }
    }
    uint64_t pause = peer->is_ready ? LINK_HELLO_MS : TICK_MS;
    if (!channel->bound && now - peer->greeted_ms >= pause)
        hello_send (peer);
}

static void on_tick (void *context)
{
    channel_t *channel = context;
    uint64_t now = loop_now_ms ();
    for (size_t i = channel->peer_count; i-- > 0;)
        peer_tick (channel, channel->peers [i], now);
}

/* -- lifetime -------------------------------------------------------------------------------- */

static channel_t *channel_new (loop_t *loop, const char *name, bool bound, channel_offer_t offer,
                               const channel_handlers_t *handlers, void *context)
{
    channel_t *channel = calloc (1, sizeof *channel);
    if (!channel) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    *channel = (channel_t) {.loop = loop, .name = name, .bound = bound, .offer = offer,
                            .handlers = *handlers, .context = context, .next = channels};
    channels = channel;
    channel->timer = loop_timer (loop, TICK_MS, on_tick, channel);
    return channel;
}

/* A thread of ZeroMQ's that connects looks the address's name up, and does nothing else until the name
 * server has answered, which may take long. So what binds has a thread of its own, and those that connect
 * share the others. */
static int thread_of (const channel_t *channel, int type)
{
    static unsigned connecting;
    if (type == ZMQ_ROUTER)
        return 1 << 0;
    if (channel->peer_count == 0)
        connecting++;
    return 1 << (1 + (connecting - 1 + channel->peer_count) % (LOOP_IO_THREADS - 1));
}

static zsock_t *socket_new (const channel_t *channel, int type)
{
    zsock_t *socket = zsock_new (type);
    if (!socket) {
        error_set (ERROR_NO_MEMORY, "no more sockets can be made");
        return NULL;
    }
    zsock_set_affinity (socket, thread_of (channel, type));
    zsock_set_sndhwm (socket, MAX_QUEUED);
    zsock_set_rcvhwm (socket, MAX_QUEUED);
    zsock_set_maxmsgsize (socket, MAX_MESSAGE_BYTES);
    zsock_set_linger (socket, LINGER_MS);
    zsock_set_heartbeat_ivl (socket, LINK_HELLO_MS);
    zsock_set_heartbeat_timeout (socket, LINK_SILENCE_MS);
    zsock_set_reconnect_ivl (socket, 50);
    zsock_set_reconnect_ivl_max (socket, LINK_HELLO_MS);
    if (type == ZMQ_ROUTER)
        zsock_set_router_mandatory (socket, 1);   /* an unknown peer is an error, not a silent drop */
    else
        zsock_set_immediate (socket, 1);          /* queue nothing for a peer that is not there */
    return socket;
}

channel_t *channel_bind (loop_t *loop, const char *name, const char *address, channel_offer_t offer,
                         const channel_handlers_t *handlers, void *context)
{
    channel_t *channel = channel_new (loop, name, true, offer, handlers, context);
    if (!channel)
        return NULL;
    channel->router = socket_new (channel, ZMQ_ROUTER);
    if (channel->router)
        channel->guard = link_guard_new (loop, name, channel->router, true);
    if (channel->guard && zsock_bind (channel->router, "%s", address) < 0)
        error_set (ERROR_BAD_FIELD, "link %s can't be bound at %s: %s", name, address, zmq_strerror (zmq_errno ()));
    else if (channel->guard && loop_socket_watch (loop, channel->router, on_router, channel) == 0)
        return channel;
    channel_destroy (&channel);
    return NULL;
}

static int dealer_connect (channel_t *channel, const char *address)
{
    zsock_t *socket = socket_new (channel, ZMQ_DEALER);
    if (!socket)
        return -1;
    link_guard_t *guard = link_guard_new (channel->loop, channel->name, socket, false);
    link_peer_t *peer = guard ? peer_add (channel, socket) : NULL;
    if (!peer) {
        int outcome = guard ? error_set (ERROR_NO_MEMORY, NULL) : -1;
        link_guard_destroy (&guard);
        zsock_destroy (&socket);
        return outcome;
    }
    peer->guard = guard;
    if (zsock_connect (socket, "%s", address) < 0)
        return error_set (ERROR_BAD_FIELD, "link %s can't connect to '%s': %s", channel->name, address,
                          zmq_strerror (zmq_errno ()));
    return loop_socket_watch (channel->loop, socket, on_dealer, peer);
}

static int dealers_connect (channel_t *channel, char *addresses)
{
    char *rest = NULL;
    for (char *address = strtok_r (addresses, ", ", &rest); address; address = strtok_r (NULL, ", ", &rest)) {
        if (channel->peer_count == MAX_ADDRESSES)
            return error_set (ERROR_BAD_FIELD, "link %s has more than %d addresses", channel->name, MAX_ADDRESSES);
        if (dealer_connect (channel, address) != 0)
            return -1;
    }
    if (channel->peer_count == 0)
        return error_set (ERROR_BAD_FIELD, "link %s has no address to connect to", channel->name);
    return 0;
}

channel_t *channel_connect (loop_t *loop, const char *name, const char *addresses, channel_offer_t offer,
                            const channel_handlers_t *handlers, void *context)
{
    channel_t *channel = channel_new (loop, name, false, offer, handlers, context);
    char *copy = strdup (addresses);
    if (channel && (!copy || dealers_connect (channel, copy) != 0))
        channel_destroy (&channel);
    free (copy);
    return channel;
}

static void peer_end (channel_t *channel, link_peer_t *peer)
{
    if (peer->is_ready)
        goodbye_send (peer);
    if (!channel->bound) {
        loop_socket_unwatch (channel->loop, peer->socket);
        link_guard_destroy (&peer->guard);
        zsock_destroy (&peer->socket);
    }
    free (peer->metrics);
    free (peer);
}

static void channel_unlist (const channel_t *channel)
{
    for (channel_t **link = &channels; *link; link = &(*link)->next)
        if (*link == channel) {
            *link = channel->next;
            return;
        }
}

void channel_destroy (channel_t **channel_p)
{
    channel_t *channel = *channel_p;
    if (!channel)
        return;
    channel_unlist (channel);
    loop_timer_end (channel->loop, channel->timer);
    for (size_t i = 0; i < channel->peer_count; i++)
        peer_end (channel, channel->peers [i]);
    if (channel->router) {
        loop_socket_unwatch (channel->loop, channel->router);
        link_guard_destroy (&channel->guard);
        zsock_destroy (&channel->router);
    }
    free (channel);
    *channel_p = NULL;
}

/* -- for the channel's user ------------------------------------------------------------------ */

void channel_set_offer (channel_t *channel, channel_offer_t offer)
{
    channel->offer = offer;
}

void channel_send_metrics (channel_t *channel)
{
    channel->sends_metrics = true;
}

/* Only peers that are ready count. */
size_t channel_peer_count (const channel_t *channel)
{
    size_t count = 0;
    for (size_t i = 0; i < channel->peer_count; i++)
        count += channel->peers [i]->is_ready;
    return count;
}

peer_t *channel_peer (channel_t *channel, size_t index)
{
    for (size_t i = 0; i < channel->peer_count; i++)
        if (channel->peers [i]->is_ready && index-- == 0)
            return &channel->peers [i]->open;
    return NULL;
}

peer_t *channel_first_peer (channel_t *channel)
{
    return channel_peer (channel, 0);
}
