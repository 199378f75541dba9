/* draws: the list of pictures that are waited for. */
#include "draws.h"

#include <stdlib.h>
#include <string.h>

#include "jobs.h"
#include "metrics.h"
#include "settings.h"

#define DRAW_MARK  (UINT64_C (1) << 63)   /* tells a draw's number from another task's */
#define MAX_LOSSES 2

typedef struct draw {
    struct draw *next;
    uint64_t id;
    uint64_t due_ms;
    uint8_t *data;            /* the message as it is sent */
    size_t size;
    peer_t *worker;           /* NULL: waits for one */
    uint32_t losses;
    draw_done_t *done;        /* NULL: nobody waits any more, but a worker still has it */
    void *context;
} draw_t;

static struct {
    draw_t *first;            /* in the order they came */
    size_t count;
    uint64_t last_id;
} draws;

static void answer (draw_t *draw, bytes_t png, error_t error, const char *text)
{
    draw_done_t *done = draw->done;
    draw->done = NULL;
    if (done != NULL)
        done (draw->context, png, error, text != NULL && *text != 0 ? text : error_default (error));
}

static void draw_free (draw_t *draw)
{
    draw_t **link = &draws.first;
    while (*link != draw)
        link = &(*link)->next;
    *link = draw->next;
    draws.count--;
    if (draw->worker != NULL && draw->worker->express_tasks > 0)
        draw->worker->express_tasks--;
    free (draw->data);
    free (draw);
}

static void draw_fail (draw_t *draw, error_t error, const char *text)
{
    answer (draw, (bytes_t) {0}, error, text);
    draw_free (draw);
}

static peer_t *worker_with_room (void)
{
    peer_t *best = NULL;
    uint32_t most = 0;
    for (size_t i = 0; extract_link != NULL && i < channel_peer_count (extract_link); i++) {
        peer_t *peer = channel_peer (extract_link, i);
        uint32_t room = peer->express > peer->express_tasks ? peer->express - peer->express_tasks : 0;
        if (room > most) {
            best = peer;
            most = room;
        }
    }
    return best;
}

static bool draw_send (draw_t *draw, peer_t *worker)
{
    message_t message;
    if (message_decode (&message, draw->data, draw->size) != 0
        || channel_send (extract_link, worker, &message) != 0)
        return false;
    draw->worker = worker;
    worker->express_tasks++;
    metric_add (METRIC_TASKS_SENT, 1);
    return true;
}

/* A picture that came too late is not waited for; its worker has its hands free when it answers. */
static void end_patience (draw_t *draw)
{
    error_t error = channel_first_peer (extract_link) == NULL ? ERROR_ROLE_AWAY : ERROR_TIMED_OUT;
    if (draw->worker == NULL)
        draw_fail (draw, error, NULL);
    else
        answer (draw, (bytes_t) {0}, error, NULL);
}

void draws_tick (void)
{
    uint64_t now = draws.first == NULL ? 0 : loop_now_ms ();
    for (draw_t *draw = draws.first, *next; draw != NULL; draw = next) {
        next = draw->next;
        peer_t *worker = draw->worker == NULL ? worker_with_room () : NULL;
        if (draw->done != NULL && draw->due_ms <= now)
            end_patience (draw);
        else if (worker != NULL && !draw_send (draw, worker))
            return;
    }
}

static draw_t *draw_new (const draw_page_message_t *page)
{
    draw_t *draw = draws.count < MAX_DRAWS ? calloc (1, sizeof *draw) : NULL;
    if (draw == NULL) {
        error_set (draws.count < MAX_DRAWS ? ERROR_NO_MEMORY : ERROR_TOO_MANY_REQUESTS, NULL);
        return NULL;
    }
    message_t message = {.id = MESSAGE_DRAW_PAGE, .draw_page = *page};
    draw->id = message.draw_page.task = DRAW_MARK | ++draws.last_id;
    draw->data = message_encode (&message, &draw->size);
    if (draw->data != NULL)
        return draw;
    free (draw);
    return NULL;
}

void draw_page (const draw_page_message_t *page, draw_done_t *done, void *context)
{
    draw_t *draw = draw_new (page);
    if (draw == NULL) {
        done (context, (bytes_t) {0}, error_get (), error_text ());
        return;
    }
    draw->done = done;
    draw->context = context;
    draw->due_ms = loop_now_ms () + (uint64_t) settings_number (SETTING_GATEWAY_ANSWER_S) * 1000;
    draw_t **link = &draws.first;
    while (*link != NULL)
        link = &(*link)->next;
    *link = draw;
    draws.count++;
    draws_tick ();
}

static draw_t *draw_of (const peer_t *peer, uint64_t id)
{
    draw_t *draw = draws.first;
    while (draw != NULL && (draw->id != id || draw->worker != peer))
        draw = draw->next;
    return draw;
}

bool draws_on_message (peer_t *peer, const message_t *message)
{
    bool drawn = message->id == MESSAGE_PAGE_DRAWN;
    if (!drawn && (message->id != MESSAGE_TASK_FAILED || !(message->task_failed.task & DRAW_MARK)))
        return false;
    draw_t *draw = draw_of (peer, drawn ? message->page_drawn.task : message->task_failed.task);
    if (draw == NULL) {
        metric_add (METRIC_RESULTS_LATE, 1);
        return true;
    }
    if (drawn)
        answer (draw, message->page_drawn.png, ERROR_NONE, NULL);
    else {
        metric_add (METRIC_TASKS_FAILED, 1);
        answer (draw, (bytes_t) {0}, error_from_number (message->task_failed.error), message->task_failed.message);
    }
    draw_free (draw);
    draws_tick ();
    return true;
}

void draws_on_lost (const peer_t *peer)
{
    for (draw_t *draw = draws.first, *next; draw != NULL; draw = next) {
        next = draw->next;
        if (draw->worker != peer)
            continue;
        draw->worker = NULL;   /* the channel sets the peer's count back itself */
        if (draw->done == NULL || ++draw->losses == MAX_LOSSES)
            draw_fail (draw, ERROR_READER_DIED, NULL);
        else
            metric_add (METRIC_TASKS_REDISPATCHED, 1);
    }
}

void draws_stop (void)
{
    while (draws.first != NULL) {
        draws.first->worker = NULL;
        draw_fail (draws.first, ERROR_ROLE_AWAY, NULL);
    }
}
