/* Event writers: what a client reads of the events, at whatever pace, and what is kept for it. The
 * connection, as far as a writer knows it, is made here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ceiling.h"
#include "error.h"
#include "event_writer.h"

static struct {
    char headers [256], type [64];
    stream_read_t *read;
    void *context;
    size_t wakes;
} connection;

void request_add_header (request_t *request UNUSED, const char *name, const char *value)
{
    size_t length = strlen (connection.headers);
    snprintf (connection.headers + length, sizeof connection.headers - length, "%s=%s;", name, value);
}

void request_answer_stream (request_t *request UNUSED, const char *type, stream_read_t *read, void *context)
{
    snprintf (connection.type, sizeof connection.type, "%s", type);
    connection.read = read;
    connection.context = context;
}

void stream_wake (request_t *request UNUSED) { connection.wakes++; }

static event_writer_t opened (void)
{
    memset (&connection, 0, sizeof connection);
    return (event_writer_t) {0};
}

/* The writer only hands it back. */
static request_t *request (void)
{
    static char place;
    return (request_t *) (void *) &place;
}

static void test_events_however_they_are_read (void **state UNUSED)
{
    static const char told [] = "event: first\ndata: {\"a\":1}\n\ndata: [DONE]\n\n: here\n\nevent: x\ndata: \n\n";
    for (size_t piece = 1; piece <= sizeof told; piece++) {
        char heard [sizeof told + 16] = "";
        size_t size = 0, got;
        event_writer_t writer = opened ();
        event_writer_open (&writer, request ());
        assert_string_equal (connection.type, "text/event-stream");
        assert_non_null (strstr (connection.headers, "Cache-Control=no-store;"));
        assert_int_equal (connection.read (connection.context, heard, piece), 0);   /* it sleeps */
        assert_int_equal (event_writer_put (&writer, "first", "{\"a\":1}"), 0);
        got = connection.read (connection.context, heard, piece);   /* amid an event */
        size += got;
        assert_int_equal (event_writer_put (&writer, NULL, "[DONE]"), 0);
        event_writer_comment (&writer);
        assert_int_equal (event_writer_put (&writer, "x", ""), 0);
        assert_int_equal (connection.wakes, 4);
        event_writer_end (&writer);
        assert_int_equal (connection.wakes, 5);
        while ((got = connection.read (connection.context, heard + size, piece)) != STREAM_END) {
            assert_in_range (got, 1, piece);
            size += got;
        }
        assert_string_equal (heard, told);
        assert_int_equal (connection.read (connection.context, heard, piece), STREAM_END);
        event_writer_free (&writer);
    }
    assert_int_equal (ceiling_held (), 0);
}

static void test_before_and_behind_the_stream (void **state UNUSED)
{
    char heard [64];
    event_writer_t writer = opened ();
    event_writer_comment (&writer);   /* the clock tells all replies, also those that have not begun */
    event_writer_end (&writer);
    assert_int_equal (connection.wakes, 0);
    event_writer_free (&writer);
    event_writer_open (&writer, request ());
    event_writer_end (&writer);
    event_writer_comment (&writer);
    assert_int_equal (connection.read (connection.context, heard, sizeof heard), STREAM_END);
    event_writer_free (&writer);
    event_writer_free (&writer);
    assert_int_equal (ceiling_held (), 0);
}

/* Puts events until no more is taken. Returns how many were. */
static size_t fill (event_writer_t *writer, const char *data)
{
    size_t count = 0;
    while (event_writer_put (writer, "e", data) == 0)
        count++;
    return count;
}

static void test_a_client_that_reads_too_slowly (void **state UNUSED)
{
    static char data [1001], out [MAX_UNSENT_BYTES];
    size_t event = strlen ("event: e\ndata: \n\n") + sizeof data - 1, read = 0, got;
    memset (data, 'x', sizeof data - 1);
    event_writer_t writer = opened ();
    event_writer_open (&writer, request ());
    size_t count = fill (&writer, data);
    assert_int_equal (error_get (), ERROR_TOO_MANY_REQUESTS);
    assert_non_null (strstr (error_text (), "too slowly"));
    assert_int_equal (count, MAX_UNSENT_BYTES / event);
    event_writer_comment (&writer);   /* as far as there is room, else it is left out */
    assert_int_equal (connection.read (connection.context, out, 3 * event), 3 * event);
    assert_int_equal (fill (&writer, data), 3);
    event_writer_end (&writer);
    while ((got = connection.read (connection.context, out, sizeof out)) != STREAM_END)
        read += got;
    assert_in_range (read, count * event, count * event + 16);
    assert_memory_equal (out, "event: e\ndata: x", 16);   /* whole events, in order */
    event_writer_free (&writer);
    assert_int_equal (ceiling_held (), 0);
}

static void test_no_room_under_the_ceiling (void **state UNUSED)
{
    static char data [10000];
    char out [64];
    memset (data, 'x', sizeof data - 1);
    event_writer_t writer = opened ();
    event_writer_open (&writer, request ());
    ceiling_set (5000);
    assert_int_equal (event_writer_put (&writer, NULL, "small"), 0);
    assert_int_equal (event_writer_put (&writer, NULL, data), -1);
    assert_int_equal (error_get (), ERROR_TOO_MANY_REQUESTS);
    assert_int_equal (event_writer_put (&writer, NULL, "more"), 0);
    size_t got = connection.read (connection.context, out, sizeof out);
    assert_int_equal (got, strlen ("data: small\n\ndata: more\n\n"));
    assert_memory_equal (out, "data: small\n\ndata: more\n\n", got);
    event_writer_free (&writer);
    ceiling_set (UINT64_MAX);
    assert_int_equal (ceiling_held (), 0);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_events_however_they_are_read), cmocka_unit_test (test_before_and_behind_the_stream),
        cmocka_unit_test (test_a_client_that_reads_too_slowly), cmocka_unit_test (test_no_room_under_the_ceiling),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
