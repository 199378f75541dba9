/* Channels and the loop: peers find each other, messages pass, a stopped peer is lost at once, a
 * restarted one is noticed, random bytes do nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>
#include <cmocka.h>

#include "channel.h"
#include "error.h"
#include "metrics.h"
#include "settings.h"
#include "loop_fixture.h"

#define TOO_LONG_MS 200000

typedef struct {
    loop_t *loop;
    channel_t *bound, *connected;
    char address [64];
    int ready, lost, messages;
    char last_file [32];
} fixture_t;

static fixture_t f;

static void on_ready (void *context, peer_t *peer UNUSED)
{
    (void) context;
    f.ready++;
}

static void on_lost (void *context, peer_t *peer UNUSED)
{
    (void) context;
    f.lost++;
}

static void on_message (void *context, peer_t *peer UNUSED, const message_t *message)
{
    (void) context;
    f.messages++;
    if (message->id == MESSAGE_FORGET_FILE)
        snprintf (f.last_file, sizeof f.last_file, "%s", message->forget_file.file_id);
}

static const channel_handlers_t handlers = {on_ready, on_lost, on_message};
static const channel_handlers_t deaf = {NULL, NULL, on_message};

static void wait_until (bool (*enough) (void))
{
    loop_wait (f.loop, enough, 10, TOO_LONG_MS);
}

static int set_up (void **state UNUSED)
{
    if (settings_load () != 0)
        return -1;
    f = (fixture_t) {.loop = loop_new ()};
    snprintf (f.address, sizeof f.address, "ipc:///tmp/quire-test-%ld", (long) getpid ());
    channel_identify ("tester", 42);
    f.bound = channel_bind (f.loop, "test", f.address, (channel_offer_t) {3, 4}, &handlers, NULL);
    f.connected = channel_connect (f.loop, "test", f.address, (channel_offer_t) {5, 6}, &deaf, NULL);
    return f.bound && f.connected ? 0 : -1;
}

static int tear_down (void **state UNUSED)
{
    channel_destroy (&f.connected);
    channel_destroy (&f.bound);
    loop_destroy (&f.loop);
    unlink (f.address + strlen ("ipc://"));
    return 0;
}

static bool both_are_there (void)
{
    return channel_peer_count (f.bound) == 1 && channel_peer_count (f.connected) == 1;
}

static bool nobody_is_there (void)
{
    return channel_peer_count (f.bound) == 0;
}

static bool a_message_came (void)
{
    return f.messages > 0;
}

static bool came_twice (void)
{
    return f.ready == 2;
}

static void test_credit_and_messages (void **state UNUSED)
{
    wait_until (both_are_there);
    assert_int_equal (channel_first_peer (f.bound)->credit, 5);
    assert_int_equal (channel_first_peer (f.bound)->express, 6);
    assert_int_equal (channel_first_peer (f.connected)->credit, 3);
    message_t message = {.id = MESSAGE_FORGET_FILE, .forget_file = {"file-1"}};
    assert_int_equal (channel_send (f.connected, channel_first_peer (f.connected), &message), 0);
    wait_until (a_message_came);
    assert_string_equal (f.last_file, "file-1");
}

static void test_goodbye_and_return (void **state UNUSED)
{
    wait_until (both_are_there);
    channel_destroy (&f.connected);
    wait_until (nobody_is_there);
    assert_int_equal (f.lost, 1);
    f.connected = channel_connect (f.loop, "test", f.address, (channel_offer_t) {5, 6}, &deaf, NULL);
    wait_until (came_twice);
}

static bool all_refused (void)
{
    return metric_get (METRIC_MESSAGES_REFUSED) >= 200;
}

static void test_noise_does_nothing (void **state UNUSED)
{
    wait_until (both_are_there);
    void *context = zmq_ctx_new (), *socket = zmq_socket (context, ZMQ_DEALER);
    assert_int_equal (zmq_connect (socket, f.address), 0);
    unsigned seed = 1;
    for (int i = 0; i < 200; i++) {
        unsigned char noise [64];
        for (size_t k = 0; k < sizeof noise; k++)
            noise [k] = (unsigned char) rand_r (&seed);
        zmq_send (socket, noise, (size_t) (i % 64), i % 3 ? 0 : ZMQ_SNDMORE);
        zmq_send (socket, noise, 1, 0);
    }
    wait_until (all_refused);
    assert_int_equal (f.messages, 0);
    assert_true (both_are_there ());
    zmq_close (socket);
    zmq_ctx_term (context);
}

static bool somebody_is_lost (void)
{
    return f.lost == 1;
}

/* A peer that says hello once and then nothing: it is lost after LINK_SILENCE_MS, and told so. */
static void test_silence_is_noticed_and_told (void **state UNUSED)
{
    void *context = zmq_ctx_new (), *socket = zmq_socket (context, ZMQ_DEALER);
    assert_int_equal (zmq_connect (socket, f.address), 0);
    message_t message = {.id = MESSAGE_HELLO, .hello = {"mute", 7, 1, 1, NULL}};
    size_t size;
    uint8_t *hello = message_encode (&message, &size);
    assert_int_equal (zmq_send (socket, hello, size, 0), (int) size);
    free (hello);
    wait_until (somebody_is_lost);
    uint8_t bytes [65536];
    int timeout = TOO_LONG_MS;
    zmq_setsockopt (socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    do {
        int got = zmq_recv (socket, bytes, sizeof bytes, 0);
        assert_true (got > 0);
        assert_int_equal (message_decode (&message, bytes, (size_t) got), 0);
    } while (message.id != MESSAGE_GOODBYE);
    zmq_close (socket);
    zmq_ctx_term (context);
}

static void test_wrong_address (void **state UNUSED)
{
    assert_null (channel_bind (f.loop, "test", "nonsense", (channel_offer_t) {0}, &handlers, NULL));
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
    assert_null (channel_connect (f.loop, "test", "", (channel_offer_t) {0}, &handlers, NULL));
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
}

/* -- the pool --------------------------------------------------------------------------------- */

#define TASKS 500
static int works_done, order [TASKS + 1];

static void work (void *argument)
{
    int *number = argument;
    *number *= 2;
}

static void done (void *argument)
{
    order [works_done++] = *(int *) argument;
}

static bool all_done (void)
{
    return works_done == TASKS;
}

static void test_pool_does_everything_in_order (void **state UNUSED)
{
    static int numbers [TASKS];
    pool_t *pool = pool_new (f.loop, 1);
    works_done = 0;
    for (int i = 0; i < TASKS; i++) {
        numbers [i] = i;
        assert_int_equal (pool_submit (pool, false, work, done, numbers + i), 0);
    }
    wait_until (all_done);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal (order [i], 2 * i);
    pool_destroy (&pool);
    assert_null (pool);
}

/* Work that stops twice to let urgent work go first: before any waits, and when two wait. */
static struct {
    pool_t *pool;
    char order [8];
} pausing;

static void count (void *argument UNUSED)
{
    works_done++;
}

static void note (void *argument)
{
    strcat (pausing.order, argument);
}

static void pausing_work (void *argument UNUSED)
{
    pool_run_urgent (pausing.pool);
    note ("a");
    if (pool_submit (pausing.pool, false, note, count, "d") != 0
        || pool_submit (pausing.pool, true, note, count, "b") != 0
        || pool_submit (pausing.pool, true, note, count, "B") != 0)
        abort ();
    pool_run_urgent (pausing.pool);
    note ("c");
}

static bool four_done (void)
{
    return works_done == 4;
}

static void test_urgent_work_goes_first_in_a_pause (void **state UNUSED)
{
    pausing.pool = pool_new (f.loop, 1);
    works_done = 0;
    assert_int_equal (pool_submit (pausing.pool, false, pausing_work, count, NULL), 0);
    wait_until (four_done);
    assert_string_equal (pausing.order, "abBcd");
    pool_destroy (&pausing.pool);
}

#define T(test) cmocka_unit_test_setup_teardown (test, set_up, tear_down)

int main (void)
{
    const struct CMUnitTest tests [] = {
        T (test_credit_and_messages), T (test_goodbye_and_return), T (test_noise_does_nothing),
        T (test_silence_is_noticed_and_told), T (test_wrong_address), T (test_pool_does_everything_in_order),
        T (test_urgent_work_goes_first_in_a_pause),
    };
    return cmocka_run_group_tests_name ("channel", tests, NULL, NULL);
}
