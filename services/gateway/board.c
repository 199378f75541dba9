/* board: the thread that talks to Redis, and the ear that listens to it. */
#include "board.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"

#define CLOCK_MS 1000
#define MAX_EVENTS_A_TURN 256

typedef enum { CALL_UPDATE, CALL_REMOVE, CALL_ATTEMPT, CALL_LIST, CALL_PING, CALL_WATCH } call_kind_t;

/* A call on its way to the board's thread and back. */
typedef struct call {
    struct call *next, **link;   /* of all that are under way */
    call_kind_t kind;
    char *file_id, *name, *reason;
    job_progress_t progress;
    uint32_t first, last;
    board_done_t *done;
    board_listed_t *listed;
    void *context;
    char **ids;                  /* of CALL_LIST */
    size_t id_count;
    int outcome;
    bool was_lost;
} call_t;

static struct {
    loop_t *loop;
    board_handlers_t handlers;
    pool_t *pool;             /* one thread: the only one that touches `calling` */
    job_board_t *calling;
    job_board_t *listening;   /* touched by the pool while it connects, then by the loop */
    int watch_fd;             /* -1: not watched */
    bool is_there, pinging, connecting;
    int timer;
    call_t *calls;
} board = {.watch_fd = -1, .timer = -1};

static void call_free (call_t *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    free (call->file_id);
    free (call->name);
    free (call->reason);
    while (call->id_count > 0)
        free (call->ids [--call->id_count]);
    free (call->ids);
    free (call);
}

/* -- on the board's thread ------------------------------------------------------------------- */

static void id_add (void *context, const char *file_id)
{
    call_t *call = context;
    char **grown = realloc (call->ids, (call->id_count + 1) * sizeof *grown);
    if (grown == NULL)
        return;   /* the rest is told another time */
    call->ids = grown;
    if ((grown [call->id_count] = strdup (file_id)) != NULL)
        call->id_count++;
}

static void call_make (void *argument)
{
    call_t *call = argument;
    switch (call->kind) {
    case CALL_UPDATE:
        call->outcome = job_board_update (board.calling, call->file_id, call->progress);
        break;
    case CALL_REMOVE:
        call->outcome = job_board_remove (board.calling, call->file_id);
        break;
    case CALL_ATTEMPT:
        call->outcome = job_board_attempt (board.calling, call->file_id, call->first, call->last);
        break;
    case CALL_LIST:
        call->outcome = job_board_traces (board.calling, id_add, call);
        break;
    case CALL_PING:
        call->outcome = job_board_answers (board.calling) ? 0 : -1;
        break;
    case CALL_WATCH:
        call->outcome = job_board_watch (board.listening);
        break;
    }
    call->was_lost = job_board_was_lost (board.calling);
}

/* -- on the loop ----------------------------------------------------------------------------- */

static void set_there (bool is_there)
{
    if (board.is_there == is_there)
        return;
    board.is_there = is_there;
    log_info (is_there ? "board_there" : "board_gone", "events=%s", board.watch_fd >= 0 ? "heard" : "unheard");
}

static void unwatch (void)
{
    if (board.watch_fd >= 0)
        loop_unwatch (board.loop, board.watch_fd);
    board.watch_fd = -1;
}

static void on_event (void *context UNUSED, int fd UNUSED)
{
    bool closed = false;
    const char *json;
    for (int i = 0; i < MAX_EVENTS_A_TURN && (json = job_board_next (board.listening, &closed)) != NULL; i++)
        board.handlers.event (json);
    if (!closed)
        return;
    unwatch ();
    set_there (false);
}

static void watch_begin (int fd)
{
    board.connecting = false;
    if (fd >= 0 && loop_watch (board.loop, fd, false, on_event, NULL) == 0)
        board.watch_fd = fd;
}

static void call_done (void *argument)
{
    call_t *call = argument;
    if (call->kind == CALL_WATCH)
        watch_begin (call->outcome);
    else
        set_there (call->outcome >= 0);
    if (call->kind == CALL_PING)
        board.pinging = false;
    if (call->was_lost)
        board.handlers.lost ();
    if (call->done != NULL)
        call->done (call->context, call->outcome);
    if (call->listed != NULL && call->outcome == 0)
        call->listed (call->context, (const char *const *) call->ids, call->id_count);
    call_free (call);
}

static int copy_texts (call_t *call, const char *file_id, const job_progress_t *progress)
{
    call->file_id = strdup (file_id == NULL ? "" : file_id);
    if (progress != NULL) {
        call->progress = *progress;
        call->progress.name = call->name = progress->name == NULL ? NULL : strdup (progress->name);
        call->progress.reason = call->reason = progress->reason == NULL ? NULL : strdup (progress->reason);
    }
    bool whole = call->file_id != NULL
                 && (progress == NULL || (!progress->name == !call->name && !progress->reason == !call->reason));
    return whole ? 0 : -1;
}

/* Hands a call to the board's thread; when there is no memory for that it has failed. */
static void submit (const call_t *what, const char *file_id, const job_progress_t *progress)
{
    call_t *call = malloc (sizeof *call);
    if (call == NULL) {
        if (what->done != NULL)
            what->done (what->context, -1);
        return;
    }
    *call = *what;
    call->next = board.calls;
    call->link = &board.calls;
    if (call->next != NULL)
        call->next->link = &call->next;
    board.calls = call;
    if (copy_texts (call, file_id, progress) == 0 && board.pool != NULL
        && pool_submit (board.pool, false, call_make, call_done, call) == 0)
        return;
    call->outcome = -1;
    call_done (call);
}

void board_update (const char *file_id, const job_progress_t *progress, board_done_t *done, void *context)
{
    submit (&(call_t) {.kind = CALL_UPDATE, .done = done, .context = context}, file_id, progress);
}

void board_remove (const char *file_id)
{
    submit (&(call_t) {.kind = CALL_REMOVE}, file_id, NULL);
}

void board_attempt (const char *file_id, uint32_t first, uint32_t last, board_done_t *done, void *context)
{
    submit (&(call_t) {.kind = CALL_ATTEMPT, .first = first, .last = last, .done = done, .context = context},
            file_id, NULL);
}

void board_list (board_listed_t *listed, void *context)
{
    submit (&(call_t) {.kind = CALL_LIST, .listed = listed, .context = context}, NULL, NULL);
}

bool board_is_there (void)
{
    return board.is_there;
}

static void on_clock (void *context UNUSED)
{
    if (!board.pinging) {
        board.pinging = true;
        submit (&(call_t) {.kind = CALL_PING}, NULL, NULL);
    }
    if (board.watch_fd < 0 && !board.connecting) {
        board.connecting = true;
        submit (&(call_t) {.kind = CALL_WATCH}, NULL, NULL);
    }
}

/* -- lifetime -------------------------------------------------------------------------------- */

int board_start (loop_t *loop, const char *url, const board_handlers_t *handlers)
{
    board.loop = loop;
    board.handlers = *handlers;
    board.calling = job_board_new (url);
    board.listening = board.calling == NULL ? NULL : job_board_new (url);
    if (board.listening == NULL || (board.pool = pool_new (loop, 1)) == NULL)
        return -1;
    board.timer = loop_timer (loop, CLOCK_MS, on_clock, NULL);
    on_clock (NULL);
    return 0;
}

void board_stop (void)
{
    if (board.timer >= 0)
        loop_timer_end (board.loop, board.timer);
    pool_destroy (&board.pool);
    unwatch ();
    job_board_destroy (&board.calling);
    job_board_destroy (&board.listening);
    for (call_t *call; (call = board.calls) != NULL; call_free (call))
        if (call->done != NULL)
            call->done (call->context, -1);
}
