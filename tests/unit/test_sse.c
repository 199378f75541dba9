/* Server-sent events: by table, each stream whole, split at every byte and byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "sse.h"

#define MOST 64

typedef struct {
    char text [1024];   /* "name=data;" of each event */
    size_t left;        /* events until the handler refuses */
    size_t last_size;   /* of the last one's data */
} told_t;

static int on_event (void *context, const char *name, const char *data, size_t size)
{
    told_t *told = context;
    assert_int_equal (data [size], 0);
    if (told->left-- == 0)
        return error_set (ERROR_INTERNAL, NULL);
    told->last_size = size;
    size_t used = strlen (told->text);
    snprintf (told->text + used, sizeof told->text - used, "%s=%.*s;", name, (int) size, data);
    return 0;
}

/* Feeds bytes in pieces of `first`, then of `rest`, and ends the stream. */
static int read_in_pieces (const char *stream, size_t size, size_t first, size_t rest, told_t *told)
{
    sse_t *sse = sse_new (MOST, on_event, told);
    assert_non_null (sse);
    int outcome = 0;
    for (size_t at = 0, step; at < size && outcome == 0; at += step) {
        step = at == 0 ? first : rest;
        step = step < size - at ? step : size - at;
        char *piece = malloc (step);   /* so that a sanitizer sees what is read beyond it */
        memcpy (piece, stream + at, step);
        outcome = sse_feed (sse, piece, step);
        free (piece);
    }
    if (outcome == 0)
        outcome = sse_finish (sse);
    sse_destroy (&sse);
    assert_null (sse);
    return outcome;
}

static const struct {
    const char *stream, *told;
} cases [] = {
    {"", ""},
    {"data: a\n\n", "message=a;"},
    {"data:a\n\n", "message=a;"},
    {"data:  a\n\n", "message= a;"},
    {"data: a\r\rdata: b\r\n\r\ndata: c\n\n", "message=a;message=b;message=c;"},
    {"event: x\ndata: a\n\ndata: b\n\n", "x=a;message=b;"},
    {"data: a\ndata: b\n\n", "message=a\nb;"},
    {"data\n\n", "message=;"},
    {"data\ndata\n\n", "message=\n;"},
    {"data:\n\n", "message=;"},
    {"event: x\n\ndata: a\n\n", "message=a;"},
    {": OPENROUTER PROCESSING\n\n: x\ndata: a\n: y\n\n", "message=a;"},
    {":\n\n\n\n", ""},
    {"id: 7\nretry: 10\nother: x\ndata: a\n\n", "message=a;"},
    {"Data: a\n data: b\n\n", ""},
    {"data: {\"a\":\"b: c\"}\n\n", "message={\"a\":\"b: c\"};"},
    {"\xEF\xBB\xBF""data: a\n\n", "message=a;"},
    {"\xEF\xBB\xBF\xEF\xBB\xBF""data: a\n\n", ""},
    {"data: b\n\xEF\xBB\xBF""data: a\n\n", "message=b;"},
    {"data: \xff\xc3\n\n", "message=\xff\xc3;"},
    {"data: a\n", "message=a;"},                        /* the stream ends before the event does */
    {"data: a\ndata: b", "message=a\nb;"},
    {"data: [DONE]", "message=[DONE];"},
    {"event: 1234567890123456789012345678901234567890\ndata: a\n\n",
     "1234567890123456789012345678901234567890=a;"},
};

static void test_streams_split_anywhere (void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        size_t size = strlen (cases [i].stream);
        for (size_t first = 1; first <= size + 1; first++) {
            told_t whole = {.left = 100}, bytes = {.left = 100};
            assert_int_equal (read_in_pieces (cases [i].stream, size, first, size, &whole), 0);
            assert_string_equal (whole.text, cases [i].told);
            assert_int_equal (read_in_pieces (cases [i].stream, size, first, 1, &bytes), 0);
            assert_string_equal (bytes.text, cases [i].told);
        }
    }
}

static void test_an_event_too_long_is_refused (void **state UNUSED)
{
    static const struct {
        size_t line, lines;
        bool fits;
    } sizes [] = {{MOST - 6, 1, true}, {MOST - 5, 1, false}, {20, 3, true}, {20, 4, false}, {1, 32, true}, {1, 33, false}};
    for (size_t i = 0; i < COUNT_OF (sizes); i++) {
        char stream [1024] = "";
        for (size_t line = 0; line < sizes [i].lines; line++)
            snprintf (stream + strlen (stream), sizeof stream - strlen (stream), "data: %0*d\n", (int) sizes [i].line, 0);
        told_t told = {.left = 100};
        error_clear ();
        int outcome = read_in_pieces (stream, strlen (stream), 7, 7, &told);
        assert_int_equal (outcome, sizes [i].fits ? 0 : -1);
        assert_int_equal (error_get (), sizes [i].fits ? ERROR_NONE : ERROR_BODY_TOO_LARGE);
    }
}

static void test_a_comment_without_end_is_refused (void **state UNUSED)
{
    char stream [MOST + 2];
    memset (stream, ':', sizeof stream);
    told_t told = {.left = 100};
    assert_int_equal (read_in_pieces (stream, sizeof stream, 1, 1, &told), -1);
    assert_int_equal (error_get (), ERROR_BODY_TOO_LARGE);
}

static void test_nothing_follows_a_refusal (void **state UNUSED)
{
    told_t told = {.left = 1};
    sse_t *sse = sse_new (MOST, on_event, &told);
    static const char stream [] = "data: a\n\ndata: b\n\n";
    assert_int_equal (sse_feed (sse, stream, sizeof stream - 1), -1);
    assert_int_equal (error_get (), ERROR_INTERNAL);
    told.left = 100;
    assert_int_equal (sse_feed (sse, stream, sizeof stream - 1), -1);
    assert_int_equal (sse_finish (sse), -1);
    assert_string_equal (told.text, "message=a;");
    sse_destroy (&sse);
}

static void test_data_may_hold_nul (void **state UNUSED)
{
    static const char stream [] = "data: a\0b\n\n";
    told_t told = {.left = 100};
    assert_int_equal (read_in_pieces (stream, sizeof stream - 1, 3, 3, &told), 0);
    assert_int_equal (told.last_size, 3);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_streams_split_anywhere), cmocka_unit_test (test_an_event_too_long_is_refused),
        cmocka_unit_test (test_a_comment_without_end_is_refused), cmocka_unit_test (test_nothing_follows_a_refusal),
        cmocka_unit_test (test_data_may_hold_nul),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
