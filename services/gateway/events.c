/* events: the list of states and the streams that walk along it. */
#include "events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "job_board.h"
#include "metrics.h"

#define BUCKETS 1024

/* The newest state of a file. */
typedef struct entry {
    struct entry *older, *newer;   /* in the order of their last change */
    struct entry *bucket_next;
    char *file_id;
    char *json;
    uint64_t number;               /* of the change */
    uint64_t looked_ms;            /* when it changed, or was last told to be silent */
    bool has_ended;                /* completed, failed or deleted */
} entry_t;

typedef struct stream {
    struct stream *next, **link;
    request_t *request;
    uint64_t told;                 /* the change up to which it has been told */
    uint64_t began;                /* endings before this change are not its business */
    bool comment_due;
    char text [MAX_EVENT_BYTES];   /* being sent */
    size_t size, sent;
} stream_t;

static struct {
    loop_t *loop;
    int timer;
    entry_t *buckets [BUCKETS];
    entry_t *oldest, *newest;
    uint64_t number;
    size_t ended;
    stream_t *streams;
    size_t stream_count, most;
    bool over;                     /* streams end when they have told what there is */
} events = {.timer = -1};

/* -- states ---------------------------------------------------------------------------------- */

static entry_t **bucket_of (const char *file_id)
{
    uint32_t value = 2166136261u;
    for (; *file_id != 0; file_id++)
        value = (value ^ (unsigned char) *file_id) * 16777619u;
    return &events.buckets [value % BUCKETS];
}

static entry_t *entry_lookup (const char *file_id)
{
    entry_t *entry = *bucket_of (file_id);
    while (entry != NULL && strcmp (entry->file_id, file_id) != 0)
        entry = entry->bucket_next;
    return entry;
}

static void entry_unlist (entry_t *entry)
{
    *(entry->older != NULL ? &entry->older->newer : &events.oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &events.newest) = entry->older;
    events.ended -= entry->has_ended;
}

static void entry_list (entry_t *entry)
{
    entry->number = ++events.number;
    entry->newer = NULL;
    entry->older = events.newest;
    *(entry->older != NULL ? &entry->older->newer : &events.oldest) = entry;
    events.newest = entry;
    events.ended += entry->has_ended;
}

static void entry_free (entry_t *entry)
{
    entry_unlist (entry);
    entry_t **link = bucket_of (entry->file_id);
    while (*link != entry)
        link = &(*link)->bucket_next;
    *link = entry->bucket_next;
    free (entry->file_id);
    free (entry->json);
    free (entry);
}

static entry_t *entry_new (const char *file_id)
{
    entry_t *entry = calloc (1, sizeof *entry);
    char *copy = strdup (file_id);
    if (entry == NULL || copy == NULL) {
        free (entry);
        free (copy);
        return NULL;
    }
    entry->file_id = copy;
    entry_t **bucket = bucket_of (file_id);
    entry->bucket_next = *bucket;
    *bucket = entry;
    entry_list (entry);
    return entry;
}

static bool is_end (const char *state)
{
    return strcmp (state, job_state_name (JOB_COMPLETED)) == 0 || strcmp (state, job_state_name (JOB_FAILED)) == 0
           || strcmp (state, job_state_name (JOB_DELETED)) == 0;
}

static void drop_old_ends (void)
{
    for (entry_t *entry = events.oldest, *newer; entry != NULL && events.ended > MAX_ENDED_EVENTS; entry = newer) {
        newer = entry->newer;
        if (entry->has_ended)
            entry_free (entry);
    }
}

static void entry_set (const char *file_id, const char *state, const char *json)
{
    entry_t *entry = entry_lookup (file_id);
    if (entry == NULL)
        entry = entry_new (file_id);
    char *copy = strdup (json);
    if (entry == NULL || copy == NULL) {
        free (copy);
        return;   /* no memory: the next change of this file tells it */
    }
    entry_unlist (entry);
    free (entry->json);
    entry->json = copy;
    entry->has_ended = is_end (state);
    entry->looked_ms = loop_now_ms ();
    entry_list (entry);
    drop_old_ends ();
}

void events_take (const char *json)
{
    size_t size = strlen (json);
    yyjson_doc *document = size < MAX_EVENT_BYTES - 64 ? yyjson_read (json, size, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root (document);
    const char *file_id = yyjson_get_str (yyjson_obj_get (root, "file_id"));
    const char *state = yyjson_get_str (yyjson_obj_get (root, "state"));
    if (file_id != NULL)
        entry_set (file_id, state == NULL ? "" : state, json);
    yyjson_doc_free (document);
    for (stream_t *stream = events.streams; stream != NULL; stream = stream->next)
        stream_wake (stream->request);
}

void events_silent (uint64_t silence_ms, size_t most, void (*file) (void *context, const char *file_id),
                    void *context)
{
    uint64_t now = loop_now_ms ();
    for (entry_t *entry = events.oldest; entry != NULL && most > 0; entry = entry->newer) {
        if (entry->has_ended || now - entry->looked_ms < silence_ms)
            continue;
        entry->looked_ms = now;
        most--;
        file (context, entry->file_id);
    }
}

/* -- streams --------------------------------------------------------------------------------- */

/* The oldest change after this one: looked for from both ends, as most streams are at one of them. */
static const entry_t *entry_after (uint64_t told)
{
    const entry_t *old = events.oldest, *new = events.newest;
    if (new == NULL || new->number <= told)
        return NULL;
    for (; old->number <= told; old = old->newer, new = new->older)
        if (new->older == NULL || new->older->number <= told)
            return new;
    return old;
}

/* The oldest change that the stream has not told and that is its business. */
static const entry_t *entry_to_tell (const stream_t *stream)
{
    const entry_t *entry = entry_after (stream->told);
    while (entry != NULL && entry->has_ended && entry->number <= stream->began)
        entry = entry->newer;
    return entry;
}

/* Puts the next thing to tell into the stream's buffer. Returns false when there is none. */
static bool stream_fill (stream_t *stream)
{
    const entry_t *entry = entry_to_tell (stream);
    int size = 0;
    if (entry != NULL) {
        size = snprintf (stream->text, sizeof stream->text, "event: progress\ndata: %s\n\n", entry->json);
        stream->told = entry->number;
    } else if (stream->comment_due)
        size = snprintf (stream->text, sizeof stream->text, ": here\n\n");
    stream->comment_due = false;
    stream->sent = 0;
    stream->size = size > 0 && (size_t) size < sizeof stream->text ? (size_t) size : 0;
    return stream->size > 0;
}

static size_t stream_read (void *context, char *out, size_t size)
{
    stream_t *stream = context;
    size_t written = 0;
    while (written < size && (stream->sent < stream->size || stream_fill (stream))) {
        size_t left = stream->size - stream->sent, room = size - written;
        size_t now = left < room ? left : room;
        memcpy (out + written, stream->text + stream->sent, now);
        stream->sent += now;
        written += now;
    }
    return written == 0 && events.over ? STREAM_END : written;
}

static void stream_free (void *context)
{
    stream_t *stream = context;
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
    events.stream_count--;
    metric_add (METRIC_EVENT_STREAMS, -1);
    free (stream);
}

static stream_t *stream_new (request_t *request)
{
    stream_t *stream = events.stream_count < events.most ? calloc (1, sizeof *stream) : NULL;
    if (stream == NULL)
        return NULL;
    stream->request = request;
    stream->began = events.number;
    stream->comment_due = true;   /* so that the client sees at once that it is connected */
    stream->next = events.streams;
    stream->link = &events.streams;
    if (stream->next != NULL)
        stream->next->link = &stream->next;
    events.streams = stream;
    events.stream_count++;
    metric_add (METRIC_EVENT_STREAMS, 1);
    return stream;
}

void api_events (request_t *request)
{
    stream_t *stream = stream_new (request);
    if (stream == NULL) {
        request_fail (request, ERROR_TOO_MANY_REQUESTS, "Too many event streams are open.", NULL);
        return;
    }
    request_keep (request, stream, stream_free);
    request_add_header (request, "Cache-Control", "no-store");
    request_add_header (request, "X-Accel-Buffering", "no");
    request_answer_stream (request, "text/event-stream", stream_read, stream);
}

static void on_comment_due (void *context UNUSED)
{
    for (stream_t *stream = events.streams; stream != NULL; stream = stream->next) {
        stream->comment_due = true;
        stream_wake (stream->request);
    }
}

/* -- lifetime -------------------------------------------------------------------------------- */

void events_end_streams (void)
{
    events.over = true;
    for (stream_t *stream = events.streams; stream != NULL; stream = stream->next)
        stream_wake (stream->request);
}

void events_start (loop_t *loop)
{
    events.loop = loop;
    events.timer = loop_timer (loop, STREAM_COMMENT_S * 1000, on_comment_due, NULL);
}

void events_limit (size_t streams)
{
    events.most = streams;
}

void events_stop (void)
{
    if (events.timer >= 0)
        loop_timer_end (events.loop, events.timer);
    while (events.oldest != NULL)
        entry_free (events.oldest);
}
