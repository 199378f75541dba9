/* event_writer: see event_writer.h. */
#include "event_writer.h"

#include <stdlib.h>
#include <string.h>

#include "ceiling.h"

#define FIRST_BYTES 4096

static const char comment [] = ": here\n\n";

static size_t read_out (void *context, char *out, size_t size)
{
    event_writer_t *writer = context;
    size_t left = writer->size - writer->sent, now = left < size ? left : size;
    if (left == 0)
        return writer->ended ? STREAM_END : 0;
    memcpy (out, writer->data + writer->sent, now);
    writer->sent += now;
    if (writer->sent == writer->size)
        writer->sent = writer->size = 0;
    return now;
}

void event_writer_open (event_writer_t *writer, request_t *request)
{
    *writer = (event_writer_t) {.request = request};
    request_add_header (request, "Cache-Control", "no-store");
    request_add_header (request, "X-Accel-Buffering", "no");
    request_answer_stream (request, "text/event-stream", read_out, writer);
}

static int make_room (event_writer_t *writer, size_t more)
{
    size_t left = writer->size - writer->sent;
    if (left + more > MAX_UNSENT_BYTES)
        return error_set (ERROR_TOO_MANY_REQUESTS, "The client reads its answer too slowly.");
    if (writer->sent > 0) {
        memmove (writer->data, writer->data + writer->sent, left);
        writer->size = left;
        writer->sent = 0;
    }
    return ceiling_grow (&writer->data, &writer->capacity, left + more, FIRST_BYTES);
}

static void add (event_writer_t *writer, const char *text)
{
    size_t size = strlen (text);
    memcpy (writer->data + writer->size, text, size);
    writer->size += size;
}

int event_writer_put (event_writer_t *writer, const char *name, const char *data)
{
    static const char before [] = "event: ", between [] = "\ndata: ", after [] = "\n\n";
    size_t name_size = name == NULL ? 0 : strlen (before) + strlen (name) + 1;
    if (make_room (writer, name_size + strlen (between) + strlen (data) + strlen (after)) != 0)
        return -1;
    if (name != NULL) {
        add (writer, before);
        add (writer, name);
    }
    add (writer, name == NULL ? between + 1 : between);
    add (writer, data);
    add (writer, after);
    stream_wake (writer->request);
    return 0;
}

void event_writer_comment (event_writer_t *writer)
{
    if (writer->request == NULL || writer->ended || make_room (writer, strlen (comment)) != 0)
        return;
    add (writer, comment);
    stream_wake (writer->request);
}

void event_writer_end (event_writer_t *writer)
{
    writer->ended = true;
    if (writer->request != NULL)
        stream_wake (writer->request);
}

void event_writer_free (event_writer_t *writer)
{
    ceiling_give (writer->capacity);
    free (writer->data);
    *writer = (event_writer_t) {0};
}
