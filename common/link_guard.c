/* Link guard: CURVE keys from the settings, the answer to ZeroMQ's question who may come in (ZAP,
 * rfc.zeromq.org/spec/27), and its reports of connections that fail. */
#include "link_guard.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "metrics.h"
#include "settings.h"

#define ZAP_ADDRESS  "inproc://zeromq.zap.01"   /* where libzmq asks */
#define ZAP_DOMAIN   "quire"
#define ZAP_FRAMES   7      /* version, request, domain, address, identity, mechanism, the client's key */
#define KEY_BYTES    32
#define BETWEEN      ", \t\r\n"
#define FAILURES     (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL \
                      | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define MAX_FD       65536  /* of connections that are told apart */
#define LOG_REST_MS  1000   /* all refusals are counted; one a second is told */
#define MAX_REPORTS  1000   /* read before others have their turn */

struct link_guard {
    loop_t *loop;
    const char *link;
    zsock_t *socket, *reports;
    bool binds;
    bool asks;                    /* has a part in the door below */
    const char *why;              /* the handshake of the connection that ends next failed, or NULL */
    uint64_t told_ms;
    uint8_t heard [MAX_FD / 8];   /* a bit a descriptor: it has said hello */
};

/* Who answers libzmq's questions: one in a process, for all its sockets that bind with keys. */
static struct {
    loop_t *loop;
    zsock_t *answers;
    size_t users;
    size_t count;
    uint8_t keys [MAX_PEER_KEYS] [KEY_BYTES];
} door;

/* -- keys ------------------------------------------------------------------------------------ */

static int wrong_key (setting_t setting)
{
    return error_set (ERROR_BAD_FIELD, "%s is no key: quire-keygen makes them, of %d letters each",
                      settings_variable (setting), LINK_KEY_SIZE - 1);
}

static bool key_decode (const char *text, size_t size, uint8_t out [KEY_BYTES])
{
    char copy [LINK_KEY_SIZE];
    if (size != LINK_KEY_SIZE - 1)
        return false;
    memcpy (copy, text, size);
    copy [size] = 0;
    return zmq_z85_decode (out, copy) != NULL;
}

static bool is_locked (void)
{
    return settings_given (SETTING_CURVE_SERVER_SECRET) || settings_given (SETTING_CURVE_CLIENT_PUBLIC)
           || settings_given (SETTING_CURVE_CLIENT_SECRET) || settings_given (SETTING_CURVE_SERVER_PUBLIC);
}

/* A link with half of its keys would be an open one that looks closed. */
static int need (setting_t setting)
{
    return settings_given (setting) ? 0
        : error_set (ERROR_BAD_FIELD, "%s is missing: another key of the links is set, so this one must be too",
                     settings_variable (setting));
}

/* The socket's own pair of keys, from its secret one. */
static int own_keys_set (zsock_t *socket, setting_t setting)
{
    char public_key [LINK_KEY_SIZE];
    uint8_t bytes [KEY_BYTES];
    const char *secret = settings_text (setting);
    if (need (setting) != 0)
        return -1;
    if (!key_decode (secret, strlen (secret), bytes) || zmq_curve_public (public_key, secret) != 0)
        return wrong_key (setting);
    zsock_set_curve_secretkey (socket, secret);
    zsock_set_curve_publickey (socket, public_key);
    return 0;
}

static int client_keys_set (zsock_t *socket)
{
    uint8_t bytes [KEY_BYTES];
    const char *server = settings_text (SETTING_CURVE_SERVER_PUBLIC);
    if (own_keys_set (socket, SETTING_CURVE_CLIENT_SECRET) != 0 || need (SETTING_CURVE_SERVER_PUBLIC) != 0)
        return -1;
    if (!key_decode (server, strlen (server), bytes))
        return wrong_key (SETTING_CURVE_SERVER_PUBLIC);
    zsock_set_curve_serverkey (socket, server);
    return 0;
}

/* Without an answer to its question libzmq is to let nobody in, not everybody: hence the domain. */
static int server_keys_set (zsock_t *socket)
{
    if (own_keys_set (socket, SETTING_CURVE_SERVER_SECRET) != 0)
        return -1;
    zsock_set_zap_domain (socket, ZAP_DOMAIN);
    zsock_set_zap_enforce_domain (socket, 1);
    zsock_set_curve_server (socket, 1);
    return 0;
}

int link_keys_make (char public_key [LINK_KEY_SIZE], char secret_key [LINK_KEY_SIZE])
{
    return zmq_curve_keypair (public_key, secret_key) == 0 ? 0
        : error_set (ERROR_INTERNAL, "this ZeroMQ was built without CURVE, so there are no keys for links");
}

/* -- the door -------------------------------------------------------------------------------- */

static int peers_read (void)
{
    const char *text = settings_text (SETTING_CURVE_CLIENT_PUBLIC);
    door.count = 0;
    if (need (SETTING_CURVE_CLIENT_PUBLIC) != 0)
        return -1;
    for (size_t size; *(text += strspn (text, BETWEEN)) != 0; text += size) {
        size = strcspn (text, BETWEEN);
        if (door.count == MAX_PEER_KEYS)
            return error_set (ERROR_BAD_FIELD, "%s holds more than %d keys",
                              settings_variable (SETTING_CURVE_CLIENT_PUBLIC), MAX_PEER_KEYS);
        if (!key_decode (text, size, door.keys [door.count++]))
            return wrong_key (SETTING_CURVE_CLIENT_PUBLIC);
    }
    return door.count > 0 ? 0 : wrong_key (SETTING_CURVE_CLIENT_PUBLIC);
}

/* Is this the question of a client whose public key is known? That it has the secret one belonging to
 * it, libzmq has made sure of. */
static bool may_come_in (zmsg_t *question)
{
    zframe_t *key = zmsg_last (question);
    if (zmsg_size (question) != ZAP_FRAMES || zframe_size (key) != KEY_BYTES)
        return false;
    for (size_t i = 0; i < door.count; i++)
        if (memcmp (zframe_data (key), door.keys [i], KEY_BYTES) == 0)
            return true;
    return false;
}

static int on_question (zloop_t *zloop UNUSED, zsock_t *socket, void *argument)
{
    zmsg_t *question = zmsg_recv (socket), *answer = zmsg_new ();
    zmsg_first (question);
    zframe_t *number = zmsg_next (question);
    bool welcome = may_come_in (question);
    zmsg_addstr (answer, "1.0");
    zmsg_addmem (answer, number ? zframe_data (number) : NULL, number ? zframe_size (number) : 0);
    zmsg_addstr (answer, welcome ? "200" : "400");
    zmsg_addstr (answer, welcome ? "OK" : "unknown key");
    zmsg_addstr (answer, "");   /* no user */
    zmsg_addmem (answer, NULL, 0);   /* nothing to tell of it */
    zmsg_destroy (&question);
    zmsg_send (&answer, socket);
    return loop_verdict (argument);
}

static void door_leave (void)
{
    if (--door.users > 0)
        return;
    loop_socket_unwatch (door.loop, door.answers);
    zsock_unbind (door.answers, "%s", ZAP_ADDRESS);   /* now: a socket's end comes some time later */
    zsock_destroy (&door.answers);
}

static int door_enter (loop_t *loop)
{
    if (door.users > 0) {
        door.users++;
        return 0;
    }
    if (peers_read () != 0)
        return -1;
    door.loop = loop;
    door.answers = zsock_new (ZMQ_REP);
    if (!door.answers)
        return error_set (ERROR_NO_MEMORY, "no more sockets can be made");
    if (zsock_bind (door.answers, "%s", ZAP_ADDRESS) < 0 || loop_socket_watch (loop, door.answers, on_question, loop) != 0) {
        zsock_destroy (&door.answers);
        return error_set (ERROR_INTERNAL, "the keys of links can't be checked: %s", zmq_strerror (zmq_errno ()));
    }
    door.users = 1;
    return 0;
}

/* -- refusals -------------------------------------------------------------------------------- */

static const char *reason (uint16_t event)
{
    return event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ? "a wrong key"
        : event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ? "another protocol, or keys at one end only"
        : "it broke off";
}

static void refused (link_guard_t *guard, const char *why)
{
    uint64_t now = loop_now_ms ();
    metric_add (METRIC_LINK_REFUSALS, 1);
    if (guard->told_ms && now - guard->told_ms < LOG_REST_MS)
        return;
    guard->told_ms = now;
    log_warning ("connection_refused", "link=%s why=\"%s\"", guard->link, why);
}

void link_guard_heard (link_guard_t *guard, int fd)
{
    if (fd >= 0 && fd < MAX_FD)
        guard->heard [fd / 8] |= (uint8_t) (1 << fd % 8);
}

/* Has it said hello? Its descriptor may be another connection's from now on. */
static bool forget (link_guard_t *guard, uint32_t fd)
{
    if (fd >= MAX_FD)
        return true;
    bool was = guard->heard [fd / 8] >> fd % 8 & 1;
    guard->heard [fd / 8] &= (uint8_t) ~(1 << fd % 8);
    return was;
}

/* Where others connect, a connection counts as refused when it ends without hello: libzmq does not
 * report all that it closes for their noise. Where we connect, a handshake that failed counts, as there
 * being nobody is no refusal. */
static void reported (link_guard_t *guard, uint16_t event, uint32_t value)
{
    if (!guard->binds && event != ZMQ_EVENT_DISCONNECTED)
        refused (guard, reason (event));
    else if (event != ZMQ_EVENT_DISCONNECTED)
        guard->why = reason (event);
    else if (guard->binds && !forget (guard, value)) {
        refused (guard, guard->why ? guard->why : "it ended without a word that is ours");
        guard->why = NULL;
    }
}

/* A report is the event's number and a value, which is the descriptor of what is disconnected, then
 * the address. */
static int on_report (zloop_t *zloop UNUSED, zsock_t *reports, void *argument)
{
    link_guard_t *guard = argument;
    void *socket = zsock_resolve (reports);
    uint8_t event [6];
    char address [256];
    for (int i = 0; i < MAX_REPORTS && zmq_recv (socket, event, sizeof event, ZMQ_DONTWAIT) == sizeof event; i++) {
        uint16_t number;
        uint32_t value;
        memcpy (&number, event, sizeof number);
        memcpy (&value, event + sizeof number, sizeof value);
        if (zsock_rcvmore (reports))
            zmq_recv (socket, address, sizeof address, ZMQ_DONTWAIT);
        reported (guard, number, value);
    }
    return loop_verdict (guard->loop);
}

/* Reports are never held back, since libzmq's own thread would wait for us to read them. */
static int reports_begin (link_guard_t *guard)
{
    static unsigned number;
    char address [40];
    snprintf (address, sizeof address, "inproc://quire-reports-%u", ++number);
    guard->reports = zsock_new (ZMQ_PAIR);
    if (!guard->reports)
        return error_set (ERROR_NO_MEMORY, "no more sockets can be made");
    zsock_set_rcvhwm (guard->reports, 0);
    if (zmq_socket_monitor (zsock_resolve (guard->socket), address, FAILURES | ZMQ_EVENT_DISCONNECTED) == 0
        && zsock_connect (guard->reports, "%s", address) == 0
        && loop_socket_watch (guard->loop, guard->reports, on_report, guard) == 0)
        return 0;
    return error_set (ERROR_INTERNAL, "link %s can't be watched: %s", guard->link, zmq_strerror (zmq_errno ()));
}

/* -- lifetime -------------------------------------------------------------------------------- */

static int keys_set (link_guard_t *guard)
{
    if (!is_locked ())
        return 0;
    if (!guard->binds)
        return client_keys_set (guard->socket);
    if (server_keys_set (guard->socket) != 0 || door_enter (guard->loop) != 0)
        return -1;
    guard->asks = true;
    return 0;
}

link_guard_t *link_guard_new (loop_t *loop, const char *link, zsock_t *socket, bool binds)
{
    link_guard_t *guard = calloc (1, sizeof *guard);
    if (!guard) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    *guard = (link_guard_t) {.loop = loop, .link = link, .socket = socket, .binds = binds};
    if (keys_set (guard) != 0 || reports_begin (guard) != 0)
        link_guard_destroy (&guard);
    return guard;
}

void link_guard_destroy (link_guard_t **guard_p)
{
    link_guard_t *guard = *guard_p;
    if (!guard)
        return;
    if (guard->reports) {
        zmq_socket_monitor (zsock_resolve (guard->socket), NULL, 0);
        loop_socket_unwatch (guard->loop, guard->reports);
        zsock_destroy (&guard->reports);
    }
    if (guard->asks)
        door_leave ();
    free (guard);
    *guard_p = NULL;
}
