/* Server-sent events: a stream gives the same events, and the same end, however it is split; an event
 * that was made comes back; no limit is passed. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "sse.h"

#define MAX_EACH_SPLIT 200   /* so short a stream is split at every place */

void fuzz_start (void) {}

typedef struct {
    size_t most, events, bytes;
    uint64_t sum;            /* of all that was told, in order */
    int outcome;
    error_t error;
    char data [256];         /* of the last event, its beginning */
    size_t size;
} told_t;

static void add (told_t *told, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        told->sum = (told->sum ^ (unsigned char) bytes [i]) * 0x100000001B3u;
    told->sum = (told->sum ^ 0x100) * 0x100000001B3u;
}

static int on_event (void *context, const char *name, const char *data, size_t size)
{
    told_t *told = context;
    MUST (*name && strlen (name) <= MAX_SSE_NAME && size <= told->most && data [size] == '\0');
    told->events++;
    told->bytes += size;
    add (told, name, strlen (name));
    add (told, data, size);
    told->size = size;
    memcpy (told->data, data, size < sizeof told->data ? size : sizeof told->data);
    return 0;
}

static told_t read_stream (const uint8_t *bytes, size_t size, size_t most, size_t first, size_t step)
{
    told_t told = {.most = most};
    sse_t *reader = sse_new (most, on_event, &told);
    MUST (reader);
    for (size_t at = 0, piece = first; told.outcome == 0 && at < size; at += piece, piece = step) {
        piece = piece < size - at ? piece : size - at;
        char *copy = malloc (piece);
        MUST (copy);
        memcpy (copy, bytes + at, piece);
        told.outcome = sse_feed (reader, copy, piece);
        free (copy);
    }
    if (told.outcome == 0)
        told.outcome = sse_finish (reader);
    else
        MUST (sse_feed (reader, "\n", 1) == -1 && sse_finish (reader) == -1);
    told.error = told.outcome == 0 ? ERROR_NONE : error_get ();
    MUST (told.outcome == 0 || told.error == ERROR_BODY_TOO_LARGE);
    sse_destroy (&reader);
    return told;
}

static void same (const told_t *a, const told_t *b)
{
    MUST (a->outcome == b->outcome && a->error == b->error && a->events == b->events && a->sum == b->sum);
}

static told_t read_every_way (const uint8_t *bytes, size_t size, size_t most, size_t first, size_t step)
{
    told_t whole = read_stream (bytes, size, most, size, size), split = read_stream (bytes, size, most, 1, 1);
    same (&whole, &split);
    split = read_stream (bytes, size, most, first, step);
    same (&whole, &split);
    for (size_t at = 1; size <= MAX_EACH_SPLIT && at < size; at++) {
        split = read_stream (bytes, size, most, at, size);
        same (&whole, &split);
    }
    MUST (whole.bytes <= size);
    return whole;
}

/* One event of one line. */
static void come_back (const input_t *input, size_t first, size_t step)
{
    static const char before [] = "event: answer\ndata: ", after [] = "\n\n";
    uint8_t stream [sizeof before + 200 + sizeof after];
    size_t size = input->size < 200 ? input->size : 200, all = sizeof before - 1;
    memcpy (stream, before, all);
    for (size_t i = 0; i < size; i++)
        stream [all++] = input->data [i] == '\n' || input->data [i] == '\r' ? '.' : input->data [i];
    memcpy (stream + all, after, sizeof after - 1);
    told_t told = read_every_way (stream, all + sizeof after - 1, 256, first, step);
    MUST (told.outcome == 0 && told.events == 1 && told.size == size);
    MUST (memcmp (told.data, stream + sizeof before - 1, size) == 0);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    bool made = take_u8 (&input) % 2;
    size_t first = 1 + take_u8 (&input), step = 1 + take_u8 (&input), most = take_u16 (&input);
    if (made)
        come_back (&input, first, step);
    else
        (void) read_every_way (input.data, input.size, most, first, step);
    return 0;
}

void fuzz_seeds (void)
{
    static const char stream [] = "\0\7\3\0\1\xEF\xBB\xBF: hello\r\nevent: delta\r\ndata: {\"a\":1}\r\ndata:two\r\n\r\nid: 1\rdata\r\rdata: [DONE]\n\ndata: cut";
    static const char narrow [] = "\0\7\3\10\0data: 12345678\n\ndata: 123456789\n\n";
    static const char made [] = "\1\2\3\0\0{\"text\":\"\xC3\xA4\"}";
    seed (stream, sizeof stream - 1);
    seed (narrow, sizeof narrow - 1);
    seed (made, sizeof made - 1);
}
