/* ask: the table of requests to the answerer. */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

#define CLOCK_MS  100
#define RESEND_MS 60000   /* what is not answered in this time is asked again: it was lost */
#define BUCKETS   4096

typedef struct asked {
    struct asked *next;            /* in its bucket */
    struct asked *older, *newer;   /* of all, in the order they came */
    uint64_t request;
    uint64_t due_ms;               /* 0: no matter when */
    uint64_t longer_ms;            /* more than others have */
    uint8_t *data;                 /* the message as it is sent */
    size_t size;
    bool to_the_end;               /* waited for after it was due */
    bool sent;                     /* and the answerer has it to do */
    bool has_begun;                /* its first part is here */
    uint64_t sent_ms;
    ask_part_t *part;              /* NULL: the answer comes whole */
    ask_done_t *done;
    void *context;
} asked_t;

channel_t *ask_link;

static struct {
    loop_t *loop;
    int timer;
    uint64_t patience_ms;
    bool stopping;
    uint64_t last_request;
    asked_t *buckets [BUCKETS];
    asked_t *oldest, *newest;
    size_t count, sent, bytes;
    void (*come) (void);
} asks;

/* -- the table ------------------------------------------------------------------------------- */

static asked_t **bucket_of (uint64_t request)
{
    return &asks.buckets [request % BUCKETS];
}

static void asked_list (asked_t *asked)
{
    asked_t **bucket = bucket_of (asked->request);
    asked->next = *bucket;
    *bucket = asked;
    asked->older = asks.newest;
    if (asks.newest != NULL)
        asks.newest->newer = asked;
    else
        asks.oldest = asked;
    asks.newest = asked;
    asks.count++;
    asks.bytes += asked->size;
}

static void asked_unlist (asked_t *asked)
{
    asked_t **link = bucket_of (asked->request);
    while (*link != asked)
        link = &(*link)->next;
    *link = asked->next;
    *(asked->older != NULL ? &asked->older->newer : &asks.oldest) = asked->newer;
    *(asked->newer != NULL ? &asked->newer->older : &asks.newest) = asked->older;
    asks.count--;
    asks.sent -= asked->sent;
    asks.bytes -= asked->size;
}

static asked_t *asked_lookup (uint64_t request)
{
    asked_t *asked = *bucket_of (request);
    while (asked != NULL && asked->request != request)
        asked = asked->next;
    return asked;
}

static void asked_finish (asked_t *asked, const ask_answer_t *answer)
{
    asked_unlist (asked);
    asked->done (asked->context, answer);
    free (asked->data);
    free (asked);
}

static void asked_fail (asked_t *asked, error_t error)
{
    ask_answer_t answer = {.error = error, .text = error_default (error), .param = ""};
    asked_finish (asked, &answer);
}

/* -- sending --------------------------------------------------------------------------------- */

static bool has_room (const peer_t *peer)
{
    return peer->credit == 0 || asks.sent < peer->credit;
}

static bool asked_send (asked_t *asked, peer_t *peer)
{
    message_t message;
    if (message_decode (&message, asked->data, asked->size) != 0
        || channel_send (ask_link, peer, &message) != 0)
        return false;
    asked->sent = true;
    asked->sent_ms = loop_now_ms ();
    asks.sent++;
    return true;
}

/* Sends what waits, oldest first, as far as the answerer takes it. */
static void send_waiting (void)
{
    peer_t *peer = ask_link == NULL ? NULL : channel_first_peer (ask_link);
    if (peer == NULL || asks.sent == asks.count)
        return;
    for (asked_t *asked = asks.oldest; asked != NULL && has_room (peer); asked = asked->newer)
        if (!asked->sent && !asked->has_begun && !asked_send (asked, peer))
            return;
}

static asked_t *asked_new (const message_t *message, ask_done_t *done, void *context)
{
    asked_t *asked = calloc (1, sizeof *asked);
    message_t numbered = *message;
    if (asked == NULL)
        return NULL;
    asked->request = ++asks.last_request;
    numbered.get_status.request = asked->request;   /* the first field of every message of this link */
    asked->data = message_encode (&numbered, &asked->size);
    asked->done = done;
    asked->context = context;
    if (asked->data != NULL)
        return asked;
    free (asked);
    return NULL;
}

typedef struct {
    ask_done_t *done;
    void *context;
    error_t error;
    char text [MAX_ERROR_TEXT];
} refusal_t;

static void on_refused (void *argument)
{
    refusal_t *refusal = argument;
    ask_answer_t answer = {.error = refusal->error, .text = refusal->text, .param = ""};
    refusal->done (refusal->context, &answer);
    free (refusal);
}

/* Tells of a failure later, so that a caller never hears of one inside its own call. While the
 * service stops there is no later. */
static void refuse (ask_done_t *done, void *context)
{
    refusal_t *refusal = malloc (sizeof *refusal);
    ask_answer_t now = {.error = error_get (), .text = error_text (), .param = ""};
    if (refusal == NULL || asks.stopping) {
        free (refusal);
        done (context, &now);
        return;
    }
    *refusal = (refusal_t) {.done = done, .context = context, .error = now.error};
    strncat (refusal->text, now.text, sizeof refusal->text - 1);
    loop_post (asks.loop, on_refused, refusal);
}

/* NULL with an error when it can't be asked. */
static asked_t *asked_put (const message_t *message, uint64_t due_ms, ask_done_t *done, void *context)
{
    asked_t *asked = NULL;
    if (asks.stopping)
        error_set (ERROR_ROLE_AWAY, "The service is stopping.");
    else if (due_ms != 0 && (asks.count >= MAX_ASKED || asks.bytes >= MAX_ASKED_BYTES))
        error_set (ERROR_TOO_MANY_REQUESTS, NULL);
    else
        asked = asked_new (message, done, context);
    if (asked == NULL)
        return NULL;
    asked->due_ms = due_ms;
    asked_list (asked);
    return asked;
}

static asked_t *ask_until (const message_t *message, uint64_t due_ms, ask_done_t *done, void *context)
{
    asked_t *asked = asked_put (message, due_ms, done, context);
    if (asked == NULL)
        refuse (done, context);
    else
        send_waiting ();
    return asked;
}

void ask (const message_t *message, ask_done_t *done, void *context)
{
    ask_until (message, loop_now_ms () + asks.patience_ms, done, context);
}

void ask_longer (const message_t *message, uint64_t longer_ms, ask_done_t *done, void *context)
{
    asked_t *asked = ask_until (message, loop_now_ms () + asks.patience_ms + longer_ms, done, context);
    if (asked != NULL)
        asked->longer_ms = longer_ms;
}

void ask_to_the_end (const message_t *message, ask_done_t *done, void *context)
{
    asked_t *asked = ask_until (message, loop_now_ms () + asks.patience_ms, done, context);
    if (asked != NULL)
        asked->to_the_end = true;
}

void ask_patiently (const message_t *message, ask_done_t *done, void *context)
{
    ask_until (message, 0, done, context);
}

uint64_t ask_in_parts (const message_t *message, ask_part_t *part, ask_done_t *done, void *context)
{
    asked_t *asked = asked_put (message, loop_now_ms () + asks.patience_ms, done, context);
    if (asked == NULL)
        return 0;
    asked->part = part;
    send_waiting ();
    return asked->request;
}

/* Nobody waits for the answer any more: the answerer need not write it. */
static void tell_cancelled (const asked_t *asked)
{
    peer_t *peer = ask_link == NULL ? NULL : channel_first_peer (ask_link);
    message_t cancel = {.id = MESSAGE_CANCEL_ANSWER, .cancel_answer = {.request = asked->request}};
    if ((asked->sent || asked->has_begun) && peer != NULL && channel_send (ask_link, peer, &cancel) != 0)
        log_warning ("cancel_not_sent", "text=\"%s\"", error_text ());
}

void ask_cancel (uint64_t request)
{
    asked_t *asked = asked_lookup (request);
    if (asked == NULL)
        return;
    tell_cancelled (asked);
    asked_unlist (asked);
    free (asked->data);
    free (asked);
}

/* -- the link -------------------------------------------------------------------------------- */

/* An answer that has begun no longer counts as one that the answerer has to do: it may stream for
 * minutes, while searches go on. */
static void asked_hear (asked_t *asked, const message_t *part)
{
    asks.sent -= asked->sent;
    asked->sent = false;
    asked->has_begun = true;
    asked->due_ms = loop_now_ms () + MAX_PART_WAIT_MS;
    asked->part (asked->context, part);   /* which may cancel it */
}

static bool is_part (message_id_t id)
{
    return id == MESSAGE_ANSWER_FOUND || id == MESSAGE_ANSWER_DELTA || id == MESSAGE_ANSWER_CITATION;
}

static void on_message (void *context UNUSED, peer_t *peer UNUSED, const message_t *message)
{
    asked_t *asked = asked_lookup (message->result.request);
    if (asked == NULL) {
        log_debug ("answer_late", "message=%s", message_name (message->id));
        return;
    }
    if (asked->part != NULL && is_part (message->id)) {
        asked_hear (asked, message);
        return;
    }
    ask_answer_t answer = {.message = message};
    if (message->id == MESSAGE_REQUEST_FAILED) {
        const request_failed_message_t *failed = &message->request_failed;
        answer = (ask_answer_t) {.error = error_from_number (failed->error), .text = failed->message,
                                 .param = failed->param};
    }
    asked_finish (asked, &answer);
    send_waiting ();
}

static asked_t *first_begun (void)
{
    asked_t *asked = asks.oldest;
    while (asked != NULL && !asked->has_begun)
        asked = asked->newer;
    return asked;
}

/* What the answerer had is to be sent again: it, or another, will do it anew. Not so an answer that
 * somebody has read the beginning of. */
static void on_lost (void *context UNUSED, peer_t *peer UNUSED)
{
    for (asked_t *asked = asks.oldest; asked != NULL; asked = asked->newer)
        asked->sent = false;
    asks.sent = 0;
    for (asked_t *asked; (asked = first_begun ()) != NULL;)
        asked_fail (asked, ERROR_ROLE_AWAY);
}

static void on_ready (void *context UNUSED, peer_t *peer UNUSED)
{
    send_waiting ();
    if (asks.come != NULL)
        asks.come ();
}

const channel_handlers_t ask_handlers = {.ready = on_ready, .lost = on_lost, .message = on_message};

static void asked_due (asked_t *asked)
{
    error_t error = channel_first_peer (ask_link) == NULL ? ERROR_ROLE_AWAY : ERROR_TIMED_OUT;
    if (asked->part != NULL)
        tell_cancelled (asked);
    if (!asked->to_the_end) {
        asked_fail (asked, error);
        return;
    }
    ask_answer_t answer = {.error = error, .text = error_default (error), .param = "", .goes_on = true};
    asked->due_ms = 0;
    asked->done (asked->context, &answer);
}

static void on_clock (void *context UNUSED)
{
    uint64_t now = loop_now_ms ();
    for (asked_t *asked = asks.oldest, *newer; asked != NULL; asked = newer) {
        newer = asked->newer;
        if (asked->sent && now - asked->sent_ms > RESEND_MS + asked->longer_ms) {
            asked->sent = false;
            asks.sent--;
        }
        if (asked->due_ms != 0 && asked->due_ms <= now) {
            asked_due (asked);
            newer = asks.oldest;   /* the call may have changed the list */
        }
    }
    send_waiting ();
}

/* -- lifetime -------------------------------------------------------------------------------- */

void ask_on_answerer (void (*come) (void))
{
    asks.come = come;
}

void ask_start (loop_t *loop, int patience_s)
{
    asks.loop = loop;
    asks.patience_ms = (uint64_t) patience_s * 1000;
    asks.timer = loop_timer (loop, CLOCK_MS, on_clock, NULL);
}

void ask_stop (void)
{
    asks.stopping = true;
    loop_timer_end (asks.loop, asks.timer);
    while (asks.oldest != NULL)
        asked_fail (asks.oldest, ERROR_ROLE_AWAY);
}
