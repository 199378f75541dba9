/* Follow: GET /v1/events, opened again whenever it ends. */
#include "follow.h"

#include <string.h>

#define MAX_EVENT_BYTES (1u << 20)
#define SILENCE_S       45      /* the service sends a comment every 15 s */
#define REOPEN_MS       1000
#define LONGEST_MS      15000

static int on_event (void *context, const char *name, const char *data, size_t size)
{
    follow_t *follow = context;
    yyjson_doc *document = strcmp (name, "progress") == 0 ? yyjson_read (data, size, 0) : NULL;
    if (document != NULL)
        follow->news (follow->context, yyjson_doc_get_root (document));
    yyjson_doc_free (document);
    return 0;
}

static int on_data (void *context, const char *data, size_t size)
{
    follow_t *follow = context;
    follow->tries = 0;
    return sse_feed (follow->reader, data, size);
}

/* However it ended: files are looked at one by one until it is there again. */
static void on_done (void *context, const answer_t *answer UNUSED)
{
    follow_t *follow = context;
    follow->is_open = false;
    sse_destroy (&follow->reader);
}

void follow_turn (follow_t *follow, int64_t now_ms)
{
    if (follow->is_open || now_ms < follow->next_ms)
        return;
    int64_t wait = (int64_t) REOPEN_MS << (follow->tries < 4 ? follow->tries : 4);
    follow->tries++;
    follow->next_ms = now_ms + (wait < LONGEST_MS ? wait : LONGEST_MS);
    request_t request = {.method = "GET", .path = "/v1/events", .silence_s = SILENCE_S, .data = on_data,
                         .done = on_done, .context = follow};
    follow->reader = sse_new (MAX_EVENT_BYTES, on_event, follow);
    follow->is_open = follow->reader != NULL && http_start (follow->session->http, &request) == 0;
    if (!follow->is_open)
        sse_destroy (&follow->reader);
    if (follow->was_open)
        follow->reopened (follow->context);
    follow->was_open = true;
}

void follow_close (follow_t *follow)
{
    http_cancel (follow->session->http, follow);
    sse_destroy (&follow->reader);
    follow->is_open = false;
}
