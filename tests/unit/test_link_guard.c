/* Keys of links: who has the right ones gets in, everybody else is counted and gets nothing, and a
 * half of the keys is no start. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>
#include <cmocka.h>

#include "channel.h"
#include "error.h"
#include "link_guard.h"
#include "metrics.h"
#include "settings.h"
#include "loop_fixture.h"

#define TOO_LONG_MS 200000
#define NOISE       40     /* connections of random bytes */

typedef struct {
    char public_key [LINK_KEY_SIZE], secret_key [LINK_KEY_SIZE];
} pair_t;

static struct {
    loop_t *loop;
    channel_t *bound, *connected;
    char address [64];
    int port, messages;
    pair_t server, client, other;
    int64_t refusals;
} f;

static void on_message (void *context UNUSED, peer_t *peer UNUSED, const message_t *message UNUSED)
{
    f.messages++;
}

static const channel_handlers_t handlers = {NULL, NULL, on_message};

static void wait_until (bool (*enough) (void))
{
    loop_wait (f.loop, enough, 10, TOO_LONG_MS);
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

static bool somebody_was_refused (void)
{
    return metric_get (METRIC_LINK_REFUSALS) > f.refusals;
}

/* -- settings -------------------------------------------------------------------------------- */

static void set_server (const char *secret, const char *clients)
{
    settings_override (SETTING_CURVE_SERVER_SECRET, secret);
    settings_override (SETTING_CURVE_CLIENT_PUBLIC, clients);
    settings_override (SETTING_CURVE_CLIENT_SECRET, "");
    settings_override (SETTING_CURVE_SERVER_PUBLIC, "");
}

static void set_client (const char *secret, const char *server)
{
    settings_override (SETTING_CURVE_SERVER_SECRET, "");
    settings_override (SETTING_CURVE_CLIENT_PUBLIC, "");
    settings_override (SETTING_CURVE_CLIENT_SECRET, secret);
    settings_override (SETTING_CURVE_SERVER_PUBLIC, server);
}

static int free_port (void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t size = sizeof any;
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    assert_int_equal (bind (fd, (struct sockaddr *) &any, sizeof any), 0);
    assert_int_equal (getsockname (fd, (struct sockaddr *) &any, &size), 0);
    close (fd);
    return ntohs (any.sin_port);
}

static int set_up (void **state UNUSED)
{
    if (settings_load () != 0)
        return -1;
    memset (&f, 0, sizeof f);
    f.loop = loop_new ();
    f.port = free_port ();
    f.refusals = metric_get (METRIC_LINK_REFUSALS);
    snprintf (f.address, sizeof f.address, "tcp://127.0.0.1:%d", f.port);
    channel_identify ("tester", 42);
    return link_keys_make (f.server.public_key, f.server.secret_key)
           || link_keys_make (f.client.public_key, f.client.secret_key)
           || link_keys_make (f.other.public_key, f.other.secret_key);
}

static int tear_down (void **state UNUSED)
{
    channel_destroy (&f.connected);
    channel_destroy (&f.bound);
    loop_destroy (&f.loop);
    set_client ("", "");
    return 0;
}

/* Says why, when a channel that is to be there is not. */
static channel_t *there (channel_t *channel)
{
    if (!channel)
        print_error ("%s\n", error_text ());
    assert_non_null (channel);
    return channel;
}

static channel_t *bind_here (void)
{
    return channel_bind (f.loop, "test", f.address, (channel_offer_t) {3, 4}, &handlers, NULL);
}

static channel_t *connect_there (void)
{
    return channel_connect (f.loop, "test", f.address, (channel_offer_t) {5, 6}, &handlers, NULL);
}

/* -- right keys ------------------------------------------------------------------------------ */

static void test_right_keys_get_in (void **state UNUSED)
{
    set_server (f.server.secret_key, f.client.public_key);
    f.bound = there (bind_here ());
    set_client (f.client.secret_key, f.server.public_key);
    f.connected = there (connect_there ());
    wait_until (both_are_there);
    message_t message = {.id = MESSAGE_FORGET_FILE, .forget_file = {"file-1"}};
    assert_int_equal (channel_send (f.connected, channel_first_peer (f.connected), &message), 0);
    wait_until (a_message_came);
    assert_int_equal (metric_get (METRIC_LINK_REFUSALS), f.refusals);
}

/* As when keys are changed: the new one is let in beside the old. */
static void test_one_of_several_keys (void **state UNUSED)
{
    char both [2 * LINK_KEY_SIZE + 4];
    snprintf (both, sizeof both, "%s,\n%s\n", f.other.public_key, f.client.public_key);
    set_server (f.server.secret_key, both);
    f.bound = there (bind_here ());
    set_client (f.client.secret_key, f.server.public_key);
    f.connected = there (connect_there ());
    wait_until (both_are_there);
}

static void test_a_link_that_ends_leaves_the_others_their_door (void **state UNUSED)
{
    set_server (f.server.secret_key, f.client.public_key);
    f.bound = there (bind_here ());
    channel_t *second = channel_bind (f.loop, "second", "tcp://127.0.0.1:*", (channel_offer_t) {0, 0}, &handlers, NULL);
    assert_non_null (second);
    channel_destroy (&second);
    set_client (f.client.secret_key, f.server.public_key);
    f.connected = there (connect_there ());
    wait_until (both_are_there);
}

/* -- wrong keys ------------------------------------------------------------------------------ */

/* A stranger says hello, again and again, until a refusal is counted; nothing of it gets through. */
static void refuses (void)
{
    int64_t malformed = metric_get (METRIC_MESSAGES_REFUSED);
    wait_until (somebody_was_refused);
    assert_int_equal (channel_peer_count (f.bound), 0);
    assert_int_equal (channel_peer_count (f.connected), 0);
    assert_int_equal (f.messages, 0);
    assert_int_equal (metric_get (METRIC_MESSAGES_REFUSED), malformed);
}

static void test_no_key_gets_nothing (void **state UNUSED)
{
    set_server (f.server.secret_key, f.client.public_key);
    f.bound = there (bind_here ());
    set_client ("", "");
    f.connected = there (connect_there ());
    refuses ();
}

static void test_a_key_that_is_not_known_gets_nothing (void **state UNUSED)
{
    set_server (f.server.secret_key, f.client.public_key);
    f.bound = there (bind_here ());
    set_client (f.other.secret_key, f.server.public_key);
    f.connected = there (connect_there ());
    refuses ();
}

static void test_another_servers_key_gets_nothing (void **state UNUSED)
{
    set_server (f.server.secret_key, f.client.public_key);
    f.bound = there (bind_here ());
    set_client (f.client.secret_key, f.other.public_key);
    f.connected = there (connect_there ());
    refuses ();
}

/* Nor does who has keys speak to a server that can't prove itself. */
static void test_a_server_without_keys_gets_nothing (void **state UNUSED)
{
    set_client ("", "");
    f.bound = there (bind_here ());
    set_client (f.client.secret_key, f.server.public_key);
    f.connected = there (connect_there ());
    refuses ();
}

/* -- noise ----------------------------------------------------------------------------------- */

static void make_noise (unsigned seed)
{
    struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons ((uint16_t) f.port),
                                .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    for (int i = 0; i < NOISE; i++) {
        unsigned char noise [2048];
        for (size_t k = 0; k < sizeof noise; k++)
            noise [k] = (unsigned char) rand_r (&seed);
        if (i % 2)
            noise [0] = 0xff;   /* as a greeting of ZeroMQ begins */
        int fd = socket (AF_INET, SOCK_STREAM, 0);
        assert_int_equal (connect (fd, (struct sockaddr *) &there, sizeof there), 0);
        ssize_t sent UNUSED = send (fd, noise, sizeof noise >> i % 8, MSG_NOSIGNAL);   /* it may hang up before */
        close (fd);
    }
}

static bool all_noise_was_counted (void)
{
    return metric_get (METRIC_LINK_REFUSALS) - f.refusals >= NOISE;
}

/* A peer that is there stays, and its own end is no refusal. */
static void noise_is_only_counted (void)
{
    f.connected = there (connect_there ());
    wait_until (both_are_there);
    make_noise (1);
    wait_until (all_noise_was_counted);
    assert_true (both_are_there ());
    assert_int_equal (f.messages, 0);
    assert_int_equal (metric_get (METRIC_LINK_REFUSALS) - f.refusals, NOISE);
    channel_destroy (&f.connected);
    wait_until (nobody_is_there);
    f.refusals += NOISE;
    make_noise (2);   /* whose end is told behind the peer's */
    wait_until (all_noise_was_counted);
    assert_int_equal (metric_get (METRIC_LINK_REFUSALS) - f.refusals, NOISE);
}

static void test_noise_on_a_link_with_keys (void **state UNUSED)
{
    set_server (f.server.secret_key, f.client.public_key);
    f.bound = there (bind_here ());
    set_client (f.client.secret_key, f.server.public_key);
    noise_is_only_counted ();
}

static void test_noise_on_an_open_link (void **state UNUSED)
{
    set_client ("", "");
    f.bound = there (bind_here ());
    noise_is_only_counted ();
}

/* -- settings that can't be used ------------------------------------------------------------- */

static void refuses_settings (channel_t *channel, const char *named)
{
    assert_null (channel);
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
    assert_non_null (strstr (error_text (), named));
    assert_null (strstr (error_text (), f.server.secret_key));
    assert_null (strstr (error_text (), f.client.secret_key));
}

static void test_half_of_the_keys_is_no_start (void **state UNUSED)
{
    set_server (f.server.secret_key, "");
    refuses_settings (bind_here (), "QUIRE_CURVE_CLIENT_PUBLIC");
    set_server ("", f.client.public_key);
    refuses_settings (bind_here (), "QUIRE_CURVE_SERVER_SECRET");
    refuses_settings (connect_there (), "QUIRE_CURVE_CLIENT_SECRET");
    set_client (f.client.secret_key, "");
    refuses_settings (connect_there (), "QUIRE_CURVE_SERVER_PUBLIC");
    set_client ("", f.server.public_key);
    refuses_settings (connect_there (), "QUIRE_CURVE_CLIENT_SECRET");
}

static void test_what_is_no_key (void **state UNUSED)
{
    char longer [LINK_KEY_SIZE + 1];
    snprintf (longer, sizeof longer, "%sx", f.server.secret_key);
    set_server (longer, f.client.public_key);
    refuses_settings (bind_here (), "QUIRE_CURVE_SERVER_SECRET");
    set_server (f.server.secret_key, "short");
    refuses_settings (bind_here (), "QUIRE_CURVE_CLIENT_PUBLIC");
    set_server (f.server.secret_key, " ,\n");
    refuses_settings (bind_here (), "QUIRE_CURVE_CLIENT_PUBLIC");
    set_client (f.client.secret_key, "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"");
    refuses_settings (connect_there (), "QUIRE_CURVE_SERVER_PUBLIC");
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, set_up, tear_down)

int main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_right_keys_get_in),
        TEST (test_one_of_several_keys),
        TEST (test_a_link_that_ends_leaves_the_others_their_door),
        TEST (test_no_key_gets_nothing),
        TEST (test_a_key_that_is_not_known_gets_nothing),
        TEST (test_another_servers_key_gets_nothing),
        TEST (test_a_server_without_keys_gets_nothing),
        TEST (test_noise_on_a_link_with_keys),
        TEST (test_noise_on_an_open_link),
        TEST (test_half_of_the_keys_is_no_start),
        TEST (test_what_is_no_key),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
