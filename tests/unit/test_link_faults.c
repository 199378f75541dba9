/* Links that break: connections that are cut, ends that fall silent, ten thousand peers that come and
 * go. Whatever was on its way is done again, nobody holds a task for ever, and memory stays flat. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>
#include <cmocka.h>

#include "channel.h"
#include "settings.h"
#include "loop_fixture.h"

#define TOO_LONG_MS  200000
#define TASKS         64
#define ROUNDS        10000
#define WARM_UP       2500
#define BATCH         100      /* rounds at once */
#define MOST_PEERS    900      /* that may be missed before the next batch: a channel knows 1,024 */
#define MOST_GROWTH   65536    /* bytes, over all rounds after the warm-up */

#if defined (__SANITIZE_ADDRESS__)
size_t __sanitizer_get_current_allocated_bytes (void);
#define SANITIZER_COUNTS 1
#elif defined (__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes (void);
#define SANITIZER_COUNTS 1
#else
#define SANITIZER_COUNTS 0
#endif

/* A user of the bound end, as the gateway is one: tasks, and which peer has them. */
typedef struct {
    peer_t *peer;
    bool done;
} task_t;

static struct {
    loop_t *loop;
    channel_t *bound, *worker;
    char address [64];
    void *zmq;
    int open;               /* sockets of peers by hand */
    int ready, lost, unharmed, finished;
    task_t tasks [TASKS];
    int wanted;
} f;

/* -- the bound end ------------------------------------------------------------------------------ */

static void give_tasks (peer_t *peer)
{
    for (uint32_t i = 0; i < TASKS && peer->tasks < peer->credit; i++) {
        message_t message = {.id = MESSAGE_INSPECT_FILE, .inspect_file = {i + 1, "file", "sha", ""}};
        if (f.tasks [i].peer || f.tasks [i].done || channel_send (f.bound, peer, &message) != 0)
            continue;
        f.tasks [i].peer = peer;
        peer->tasks++;
    }
}

static void on_ready (void *context UNUSED, peer_t *peer)
{
    f.ready++;
    assert_int_equal (peer->tasks, 0);
    give_tasks (peer);
}

static void on_lost (void *context UNUSED, peer_t *peer)
{
    f.lost++;
    f.unharmed += peer->unharmed;
    for (size_t i = 0; i < TASKS; i++)
        if (f.tasks [i].peer == peer)
            f.tasks [i].peer = NULL;
}

static void on_message (void *context UNUSED, peer_t *peer, const message_t *message)
{
    task_t *task = &f.tasks [message->pages_extracted.task - 1];
    if (message->id != MESSAGE_PAGES_EXTRACTED || task->peer != peer)
        return;
    task->peer = NULL;
    task->done = true;
    peer->tasks--;
    f.finished++;
    give_tasks (peer);
}

static const channel_handlers_t handlers = {on_ready, on_lost, on_message};

/* -- the connecting end: a worker that does what it is told -------------------------------------- */

static int worker_lost;

static void on_task (void *context UNUSED, peer_t *peer, const message_t *message)
{
    message_t done = {.id = MESSAGE_PAGES_EXTRACTED, .pages_extracted = {message->inspect_file.task, "file", 1, 1}};
    assert_int_equal (channel_send (f.worker, peer, &done), 0);
}

static void on_bound_lost (void *context UNUSED, peer_t *peer UNUSED)
{
    worker_lost++;
}

static const channel_handlers_t worker_handlers = {NULL, on_bound_lost, on_task};

/* -- waiting -------------------------------------------------------------------------------------- */

static void wait_until (bool (*enough) (void))
{
    loop_wait (f.loop, enough, 5, TOO_LONG_MS);
}

static bool enough_are_ready (void) { return f.ready >= f.wanted; }
static bool enough_are_lost (void) { return f.lost >= f.wanted; }
static bool few_are_left (void) { return channel_peer_count (f.bound) <= (size_t) f.wanted; }
static bool all_is_done (void) { return f.finished == TASKS; }
static bool worker_is_there (void) { return channel_peer_count (f.worker) == 1; }
static bool worker_has_lost (void) { return worker_lost >= f.wanted; }

static void wait_for (bool (*enough) (void), int wanted)
{
    f.wanted = wanted;
    wait_until (enough);
}

static int set_up (void **state UNUSED)
{
    if (settings_load () != 0)
        return -1;
    memset (&f, 0, sizeof f);
    worker_lost = 0;
    f.loop = loop_new ();
    f.zmq = zmq_ctx_new ();
    zmq_ctx_set (f.zmq, ZMQ_MAX_SOCKETS, 4 * BATCH);
    snprintf (f.address, sizeof f.address, "ipc:///tmp/quire-faults-%ld", (long) getpid ());
    channel_identify ("tester", 42);
    f.bound = channel_bind (f.loop, "test", f.address, (channel_offer_t) {1, 1}, &handlers, NULL);
    return f.bound ? 0 : -1;
}

static int tear_down (void **state UNUSED)
{
    channel_destroy (&f.worker);
    channel_destroy (&f.bound);
    loop_destroy (&f.loop);
    if (f.open == 0)        /* it would wait for what a test that failed has left open */
        zmq_ctx_term (f.zmq);
    unlink (f.address + strlen ("ipc://"));
    return 0;
}

/* -- peers by hand -------------------------------------------------------------------------------- */

static void say (void *socket, const message_t *message)
{
    size_t size;
    uint8_t *bytes = message_encode (message, &size);
    assert_int_equal (zmq_send (socket, bytes, size, 0), (int) size);
    free (bytes);
}

static void hello (void *socket, uint64_t instance)
{
    say (socket, &(message_t) {.id = MESSAGE_HELLO, .hello = {"worker", instance, 1, 0, ""}});
}

static void *socket_open (int type)
{
    void *socket = zmq_socket (f.zmq, type);
    assert_non_null (socket);
    f.open++;
    return socket;
}

static void socket_close (void *socket)
{
    zmq_close (socket);
    f.open--;
}

/* A connection of its own; closing it is a cut. */
static void *connect_as (uint64_t instance)
{
    int linger = 0, patience = TOO_LONG_MS;
    void *socket = socket_open (ZMQ_DEALER);
    zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt (socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal (zmq_connect (socket, f.address), 0);
    hello (socket, instance);
    return socket;
}

/* The next message that has come, which must be there soon. */
static message_id_t heard (void *socket)
{
    static uint8_t bytes [65536];
    message_t message;
    int got = zmq_recv (socket, bytes, sizeof bytes, 0);
    assert_true (got > 0);
    assert_int_equal (message_decode (&message, bytes, (size_t) got), 0);
    return message.id;
}

/* -- one connection ------------------------------------------------------------------------------- */

/* What was on its way when a connection was cut may be lost: both ends begin anew at once. */
static void test_a_cut_connection (void **state UNUSED)
{
    void *socket = connect_as (7);
    wait_for (enough_are_ready, 1);
    assert_int_equal (channel_first_peer (f.bound)->tasks, 1);
    socket_close (socket);   /* with its task unread */
    socket = connect_as (7);
    wait_for (enough_are_ready, 2);
    assert_int_equal (f.lost, 1);
    assert_int_equal (f.unharmed, 1);   /* it lives: no task has ended it */
    assert_int_equal (channel_peer_count (f.bound), 1);
    assert_int_equal (channel_first_peer (f.bound)->tasks, 1);   /* given once more */
    assert_int_equal (heard (socket), MESSAGE_GOODBYE);   /* forget what you were asked */
    assert_int_equal (heard (socket), MESSAGE_WELCOME);
    assert_int_equal (heard (socket), MESSAGE_INSPECT_FILE);
    socket_close (socket);
}

/* The connecting end that hears nothing drops what it was asked, and says so: the other may have heard
 * it all the while. */
static void test_silence_of_the_bound_end_is_told (void **state UNUSED)
{
    char address [80];
    uint8_t identity [256], bytes [65536];
    message_t message;
    void *router = socket_open (ZMQ_ROUTER);
    int patience = 50, linger = 0, size = 0;
    bool welcomed = false, told = false;
    snprintf (address, sizeof address, "%.60s-silent", f.address);
    zmq_setsockopt (router, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt (router, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal (zmq_bind (router, address), 0);
    f.worker = channel_connect (f.loop, "test", address, (channel_offer_t) {1, 0}, &worker_handlers, NULL);
    while (!welcomed) {
        f.ready = 0;
        f.wanted = 0;
        wait_until (enough_are_ready);   /* turns the loop for a moment, so that it says hello */
        size = zmq_recv (router, identity, sizeof identity, 0);
        if (size <= 0)
            continue;
        assert_true (zmq_recv (router, bytes, sizeof bytes, 0) > 0);
        zmq_send (router, identity, (size_t) size, ZMQ_SNDMORE);
        say (router, &(message_t) {.id = MESSAGE_WELCOME, .welcome = {"other", 9, 1, ""}});
        welcomed = true;
    }
    wait_until (worker_is_there);
    wait_for (worker_has_lost, 1);
    while (!told) {
        assert_true (zmq_recv (router, identity, sizeof identity, 0) > 0);
        int got = zmq_recv (router, bytes, sizeof bytes, 0);
        assert_true (got > 0);
        assert_int_equal (message_decode (&message, bytes, (size_t) got), 0);
        told = message.id == MESSAGE_GOODBYE;
    }
    socket_close (router);
    unlink (address + strlen ("ipc://"));
}

/* -- ten thousand --------------------------------------------------------------------------------- */

static size_t allocated (void)
{
#if SANITIZER_COUNTS
    return __sanitizer_get_current_allocated_bytes ();
#else
    return mallinfo2 ().uordblks;
#endif
}

static size_t resident (void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    assert_int_equal (fscanf (file, "%lu %lu", &size, &pages), 2);
    fclose (file);
    return pages * (size_t) sysconf (_SC_PAGESIZE);
}

/* Peers that come, take a task each and go: most say goodbye, some are cut off and come back first,
 * some are never heard of again. */
static void come_and_go (uint64_t first)
{
    void *sockets [BATCH];
    int ready = f.ready;
    for (uint64_t i = 0; i < BATCH; i++)
        sockets [i] = connect_as (first + i);
    wait_for (enough_are_ready, ready + BATCH);
    for (uint64_t i = 0; i < BATCH; i += 4) {
        socket_close (sockets [i]);
        sockets [i] = connect_as (first + i);
    }
    wait_for (enough_are_ready, ready + BATCH + BATCH / 4);
    int lost = f.lost, told = 0;
    for (uint64_t i = 0; i < BATCH; i++)
        if (i % 8 != 1) {
            say (sockets [i], &(message_t) {.id = MESSAGE_GOODBYE, .goodbye = {first + i}});
            told++;
        }
    wait_for (enough_are_lost, lost + told);
    for (uint64_t i = 0; i < BATCH; i++)
        socket_close (sockets [i]);
}

static void test_ten_thousand_peers_come_and_go (void **state UNUSED)
{
    size_t before = 0, resident_before = 0;
    for (uint64_t round = 0; round < ROUNDS; round += BATCH) {
        come_and_go (1000 + round);
        wait_for (few_are_left, round + BATCH == WARM_UP || round + BATCH == ROUNDS ? 0 : MOST_PEERS);
        if (round + BATCH == WARM_UP) {
            before = allocated ();
            resident_before = resident ();
        }
    }
    size_t after = allocated (), resident_after = resident ();
    print_message ("%d rounds: %zu bytes allocated after %d, %zu at the end (resident %zu kB, %zu kB)\n", ROUNDS,
                   before, WARM_UP, after, resident_before >> 10, resident_after >> 10);
    assert_true (after < before + MOST_GROWTH);
    assert_int_equal (f.ready, f.lost);
    for (size_t i = 0; i < TASKS; i++)
        assert_null (f.tasks [i].peer);
    f.worker = channel_connect (f.loop, "test", f.address, (channel_offer_t) {4, 0}, &worker_handlers, NULL);
    wait_until (all_is_done);   /* none is stuck */
    assert_int_equal (channel_first_peer (f.bound)->tasks, 0);
}

#define T(test) cmocka_unit_test_setup_teardown (test, set_up, tear_down)

int main (void)
{
    struct rlimit files;
    getrlimit (RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit (RLIMIT_NOFILE, &files);
    const struct CMUnitTest tests [] = {
        T (test_a_cut_connection), T (test_silence_of_the_bound_end_is_told),
        T (test_ten_thousand_peers_come_and_go),
    };
    return cmocka_run_group_tests_name ("link_faults", tests, NULL, NULL);
}
