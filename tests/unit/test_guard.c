/* The door's rules: API keys, clients behind proxies, questions a minute, connections of an address,
 * and the ceiling of memory, each by itself. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "body.h"
#include "ceiling.h"
#include "error.h"
#include "guard.h"
#include "keys.h"
#include "metrics.h"
#include "rates.h"
#include "routes.h"
#include "settings.h"
#include "visitors.h"

/* -- keys ------------------------------------------------------------------------------------ */

static void test_keys_are_found_by_their_bearer (void **state UNUSED)
{
    static const struct {
        const char *header;
        int found;
    } cases [] = {
        {"Bearer first", 0}, {"Bearer second", 1}, {"bearer third", 2}, {"BEARER  first", 0}, {"Bearer first \t", 0},
        {NULL, -1}, {"", -1}, {"Bearer", -1}, {"Bearer ", -1}, {"first", -1}, {"Basic first", -1}, {"Bearerfirst", -1},
        {"Bearer firs", -1}, {"Bearer firstt", -1}, {"Bearer First", -1}, {"Bearer first second", -1},
        {"Bearer first,second", -1}, {"Bearer \xff", -1},
    };
    keys_t *keys = keys_new (" first,second \r\n\n third\n");
    assert_non_null (keys);
    assert_int_equal (keys_count (keys), 3);
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_int_equal (keys_find (keys, cases [i].header), cases [i].found);
    keys_destroy (&keys);
    assert_null (keys);
}

static void test_wrong_keys_are_told_by_number (void **state UNUSED)
{
    char text [MAX_KEY_BYTES + 16] = "fine,";
    assert_null (keys_new (""));
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
    assert_null (keys_new (" ,\n"));
    assert_null (keys_new ("fine,caf\xc3\xa9"));
    assert_non_null (strstr (error_text (), "API key 2"));
    assert_null (strstr (error_text (), "caf"));
    memset (text + 5, 'k', MAX_KEY_BYTES);
    keys_t *keys = keys_new (text);
    assert_non_null (keys);
    keys_destroy (&keys);
    text [5 + MAX_KEY_BYTES] = 'k';
    assert_null (keys_new (text));
    assert_null (strstr (error_text (), "kkk"));
}

static void test_as_many_keys_as_fit (void **state UNUSED)
{
    char *text = calloc (MAX_KEYS + 1, 8);
    for (int i = 0; i <= MAX_KEYS; i++)
        snprintf (text + 7 * i, 8, "k%05d,", i);
    assert_null (keys_new (text));
    text [7 * MAX_KEYS] = 0;
    keys_t *keys = keys_new (text);
    assert_int_equal (keys_count (keys), MAX_KEYS);
    assert_int_equal (keys_find (keys, "Bearer k00999"), 999);
    keys_destroy (&keys);
    free (text);
}

/* -- which routes ---------------------------------------------------------------------------- */

static void test_what_is_open_is_health_and_the_page (void **state UNUSED)
{
    static const char *const open [] = {"/healthz", "/readyz", "/"};
    size_t found = 0;
    settings_override (SETTING_API_KEYS, "a-key");
    assert_int_equal (guard_start (), 0);
    assert_true (guard_wants_key (NULL));
    for (size_t i = 0; i < route_count; i++) {
        bool is_open = false;
        for (size_t k = 0; k < COUNT_OF (open); k++)
            is_open |= strcmp (routes [i].pattern, open [k]) == 0;
        assert_int_equal (guard_wants_key (&routes [i]), !is_open);
        found += is_open;
    }
    assert_int_equal (found, COUNT_OF (open));
    guard_stop ();
    settings_override (SETTING_API_KEYS, "");
    assert_int_equal (guard_start (), 0);
    for (size_t i = 0; i < route_count; i++)
        assert_false (guard_wants_key (&routes [i]));
    guard_stop ();
}

static void test_what_counts_as_a_question (void **state UNUSED)
{
    static const char *const asked [] = {"/v1/vector_stores/{vector_store_id}/search", "/v1/embeddings",
                                         "/v1/responses", "/v1/chat/completions"};
    size_t found = 0;
    for (size_t i = 0; i < route_count; i++) {
        bool is_asked = false;
        for (size_t k = 0; k < COUNT_OF (asked); k++)
            is_asked |= strcmp (routes [i].pattern, asked [k]) == 0 && strcmp (routes [i].method, "POST") == 0;
        assert_int_equal (guard_is_question (&routes [i]), is_asked);
        found += is_asked;
    }
    assert_int_equal (found, COUNT_OF (asked));
    assert_false (guard_is_question (NULL));
}

static void test_settings_that_can_not_be_used (void **state UNUSED)
{
    settings_override (SETTING_API_KEYS, " , ");
    assert_int_equal (guard_start (), -1);
    assert_non_null (strstr (error_text (), "QUIRE_API_KEYS"));
    settings_override (SETTING_API_KEYS, "");
    setenv ("QUIRE_API_KEYS_FILE", "/dev/null", 1);   /* named, but empty: no open door */
    settings_override (SETTING_API_KEYS, "");
    assert_int_equal (guard_start (), -1);
    unsetenv ("QUIRE_API_KEYS_FILE");
    settings_override (SETTING_API_KEYS, "");
    settings_override (SETTING_GATEWAY_TRUSTED_PROXIES, "10.0.0.0/33");
    assert_int_equal (guard_start (), -1);
    assert_non_null (strstr (error_text (), "QUIRE_GATEWAY_TRUSTED_PROXIES"));
    settings_override (SETTING_GATEWAY_TRUSTED_PROXIES, "");
}

/* -- addresses ------------------------------------------------------------------------------- */

static address_t address (const char *text)
{
    address_t out;
    assert_true (address_parse (text, strlen (text), &out));
    return out;
}

static void test_networks (void **state UNUSED)
{
    static const struct {
        const char *networks, *address;
        bool held;
    } cases [] = {
        {"10.0.0.0/8", "10.255.0.1", true}, {"10.0.0.0/8", "11.0.0.1", false}, {"10.0.0.0/8", "::1", false},
        {"192.168.4.0/23", "192.168.5.255", true}, {"192.168.4.0/23", "192.168.6.0", false},
        {"127.0.0.1", "127.0.0.1", true}, {"127.0.0.1", "127.0.0.2", false}, {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false}, {"::/0", "8.8.8.8", true}, {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false}, {"::1, 10.0.0.1", "10.0.0.1", true}, {"", "10.0.0.1", false},
        {"10.0.0.1", "::ffff:10.0.0.1", true},
    };
    networks_t networks;
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        address_t one = address (cases [i].address);
        assert_int_equal (networks_parse (cases [i].networks, &networks), 0);
        assert_int_equal (networks_hold (&networks, &one), cases [i].held);
    }
    static const char *const wrong [] = {"10.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "x", "10.0.0.0/8x", "/8",
                                         "10.0.0.0/-1", "10.0.0.0/0008", "1.2.3.4/8/8"};
    for (size_t i = 0; i < COUNT_OF (wrong); i++) {
        assert_int_equal (networks_parse (wrong [i], &networks), -1);
        assert_int_equal (error_get (), ERROR_BAD_FIELD);
    }
}

static void test_who_stands_behind_a_proxy (void **state UNUSED)
{
    static const struct {
        const char *peer, *forwarded, *who;
    } cases [] = {
        {"8.8.8.8", "1.2.3.4", "8.8.8.8"},                    /* no proxy of ours says so */
        {"10.0.0.1", NULL, "10.0.0.1"}, {"10.0.0.1", "", "10.0.0.1"}, {"10.0.0.1", " , ", "10.0.0.1"},
        {"10.0.0.1", "1.2.3.4", "1.2.3.4"}, {"10.0.0.1", "1.2.3.4,", "1.2.3.4"},
        {"10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"},          /* the client wrote the first itself */
        {"10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"},
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", "nonsense", "10.0.0.1"}, {"10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"},
        {"10.0.0.1", "1.2.3.4:5555", "1.2.3.4"}, {"10.0.0.1", "[2001:db8::7]:5555", "2001:db8::7"},
        {"10.0.0.1", "2001:db8::7", "2001:db8::7"}, {"10.0.0.1", "[2001:db8::7", "10.0.0.1"},
        {"10.0.0.1", "[", "10.0.0.1"}, {"10.0.0.1", ":", "10.0.0.1"},
    };
    networks_t proxies;
    assert_int_equal (networks_parse ("10.0.0.0/8", &proxies), 0);
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        address_t peer = address (cases [i].peer), wanted = address (cases [i].who);
        address_t who = address_behind (&peer, cases [i].forwarded, &proxies);
        assert_true (address_equal (&who, &wanted));
    }
}

static void test_a_house_is_a_half_of_ipv6_and_all_of_ipv4 (void **state UNUSED)
{
    address_t a = address ("2001:db8::1"), b = address ("2001:db8::ffff:2"), c = address ("2001:db8:0:1::1");
    address_t d = address ("10.0.0.1"), e = address ("10.0.0.2");
    address_t houses [] = {address_of_house (&a), address_of_house (&b), address_of_house (&c), address_of_house (&d),
                           address_of_house (&e)};
    assert_true (address_equal (&houses [0], &houses [1]));
    assert_false (address_equal (&houses [0], &houses [2]));
    assert_false (address_equal (&houses [3], &houses [4]));
}

/* -- rates ----------------------------------------------------------------------------------- */

static asker_t asker (unsigned number)
{
    asker_t one = {{1}};
    memcpy (one.bytes + 1, &number, sizeof number);
    return one;
}

static void test_a_minutes_worth_then_steadily (void **state UNUSED)
{
    rates_t *rates = rates_new (6);
    asker_t one = asker (1), other = asker (2);
    uint64_t now = 1000;
    for (int i = 0; i < 6; i++)
        assert_int_equal (rates_take (rates, &one, now), 0);
    assert_int_equal (rates_take (rates, &one, now), 10000);
    assert_int_equal (rates_take (rates, &other, now), 0);      /* has a bucket of its own */
    assert_int_equal (rates_take (rates, &one, now + 4000), 6000);
    assert_int_equal (rates_take (rates, &one, now + 9999), 1);
    assert_int_equal (rates_take (rates, &one, now + 10000), 0);
    assert_int_equal (rates_take (rates, &one, now + 10000), 10000);
    now += 10000 + 3600000;                                     /* an hour fills it once, not sixty times */
    for (int i = 0; i < 6; i++)
        assert_int_equal (rates_take (rates, &one, now), 0);
    assert_int_equal (rates_take (rates, &one, now), 10000);
    rates_destroy (&rates);
}

static void test_a_table_that_is_full_forgets_who_is_quiet (void **state UNUSED)
{
    rates_t *rates = rates_new (1);
    asker_t busy = asker (7);
    assert_int_equal (rates_take (rates, &busy, 1), 0);
    for (unsigned i = 0; i < 100 * MAX_ASKERS; i++) {
        asker_t stranger = asker (1000 + i);
        assert_int_equal (rates_take (rates, &stranger, 2 + i / 16), 0);
        if (i % 64 == 0)
            assert_true (rates_take (rates, &busy, 2 + i / 16) > 0);   /* who goes on asking is known */
    }
    rates_destroy (&rates);
}

/* -- connections of an address --------------------------------------------------------------- */

static void test_visitors (void **state UNUSED)
{
    visitors_t *visitors = visitors_new (2), *anyone = visitors_new (0);
    address_t a = address ("10.0.0.1"), b = address ("10.0.0.2");
    assert_true (visitors_enter (visitors, &a));
    assert_false (visitors_full (visitors, &a));
    assert_true (visitors_enter (visitors, &a));
    assert_true (visitors_full (visitors, &a));
    assert_false (visitors_enter (visitors, &a));
    assert_true (visitors_enter (visitors, &b));
    visitors_leave (visitors, &a);
    assert_true (visitors_enter (visitors, &a));
    visitors_leave (visitors, &b);
    assert_false (visitors_full (visitors, &b));
    for (int i = 0; i < 5000; i++)
        assert_true (visitors_enter (anyone, &a));
    visitors_destroy (&visitors);
    visitors_destroy (&anyone);
}

/* -- the ceiling ----------------------------------------------------------------------------- */

static int body_of (body_t *body, const char *json)
{
    *body = (body_t) {0};
    return body_add (body, json, strlen (json)) != 0 ? -1 : body_parse (body);
}

static void test_bodies_stay_under_the_ceiling (void **state UNUSED)
{
    body_t first, second = {0};
    ceiling_set (1 << 20);
    assert_int_equal (body_of (&first, "{\"a\":[1,2,3]}"), 0);
    uint64_t held = ceiling_held ();
    assert_true (held > 0);
    char piece [1000] = {0};
    int64_t refused = metric_get (METRIC_HTTP_NO_ROOM);
    size_t taken = 0;
    while (body_add (&second, piece, sizeof piece) == 0)
        taken += sizeof piece;
    assert_int_equal (error_get (), ERROR_TOO_MANY_REQUESTS);
    assert_true (taken > 1 << 18 && taken <= 1 << 20);
    assert_true (ceiling_held () <= 1 << 20);
    assert_int_equal (metric_get (METRIC_HTTP_NO_ROOM), refused + 1);
    body_t small;   /* which the large one leaves room for */
    assert_int_equal (body_of (&small, "{\"query\":\"a question\"}"), 0);
    body_free (&small);
    body_free (&second);
    assert_int_equal (ceiling_held (), held);
    body_free (&first);
    assert_int_equal (ceiling_held (), 0);
}

static void test_large_ones_leave_room_for_small_ones (void **state UNUSED)
{
    ceiling_set (8 << 20);
    size_t large = 0, small = 0, size = 1 << 18, little = 1 << 12;
    while (ceiling_take (size))
        large++;
    while (ceiling_take (little))
        small++;
    assert_int_equal (large * size, 7 << 20);
    assert_int_equal (small * little, 1 << 20);
    ceiling_give (large * size + small * little);
    assert_int_equal (ceiling_held (), 0);
}

/* "[0,0,0…]" is a document of eight times its size. */
static void test_a_document_that_outgrows_the_ceiling (void **state UNUSED)
{
    size_t size = 400000;
    char *text = malloc (size + 1);
    body_t body;
    memcpy (text, "{\"a\":[0", 7);
    for (size_t i = 7; i + 2 < size; i += 2)
        memcpy (text + i, ",0", 2);
    memcpy (text + size - 3, "]}", 3);
    ceiling_set (1 << 20);
    assert_int_equal (body_of (&body, text), -1);
    assert_int_equal (error_get (), ERROR_TOO_MANY_REQUESTS);
    body_free (&body);
    assert_int_equal (ceiling_held (), 0);
    ceiling_set (64 << 20);
    assert_int_equal (body_of (&body, text), 0);
    body_free (&body);
    assert_int_equal (ceiling_held (), 0);
    free (text);
}

static void test_bodies_that_are_no_object (void **state UNUSED)
{
    static const char *const wrong [] = {"", "{", "[]", "7", "{\"a\":}", "{} x"};
    ceiling_set (1 << 20);
    for (size_t i = 0; i < COUNT_OF (wrong); i++) {
        body_t body;
        assert_int_equal (body_of (&body, wrong [i]), -1);
        assert_int_equal (error_get (), ERROR_BAD_JSON);
        body_free (&body);
    }
    assert_int_equal (ceiling_held (), 0);
}

static int set_up (void **state UNUSED)
{
    return settings_load ();
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_keys_are_found_by_their_bearer),
        cmocka_unit_test (test_wrong_keys_are_told_by_number),
        cmocka_unit_test (test_as_many_keys_as_fit),
        cmocka_unit_test (test_what_is_open_is_health_and_the_page),
        cmocka_unit_test (test_what_counts_as_a_question),
        cmocka_unit_test (test_settings_that_can_not_be_used),
        cmocka_unit_test (test_networks),
        cmocka_unit_test (test_who_stands_behind_a_proxy),
        cmocka_unit_test (test_a_house_is_a_half_of_ipv6_and_all_of_ipv4),
        cmocka_unit_test (test_a_minutes_worth_then_steadily),
        cmocka_unit_test (test_a_table_that_is_full_forgets_who_is_quiet),
        cmocka_unit_test (test_visitors),
        cmocka_unit_test (test_large_ones_leave_room_for_small_ones),
        cmocka_unit_test (test_bodies_stay_under_the_ceiling),
        cmocka_unit_test (test_a_document_that_outgrows_the_ceiling),
        cmocka_unit_test (test_bodies_that_are_no_object),
    };
    return cmocka_run_group_tests (tests, set_up, NULL);
}
