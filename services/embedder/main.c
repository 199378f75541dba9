/* embedder: turns texts into vectors.
 *
 * Takes tasks (lists of texts) from the answerer, encodes their texts side by side on a few threads,
 * questions before all else, and sends each task's vectors back when the last of them is done. A
 * question does not even wait for the chunks that are being encoded: they pause for it. Keeps nothing:
 * a task that is lost with the process is given to another embedder. */
#include <stdio.h>
#include <time.h>

#include "encoders.h"
#include "log.h"
#include "metrics.h"
#include "processors.h"
#include "service.h"
#include "task.h"

#define MAX_FOLDER       4096   /* bytes of a path; one that is cut is no folder */
#define TASKS_PER_THREAD 2      /* one being worked on, one that waits */
#define EXPRESS_TASKS    1024   /* questions are small: they wait here rather than elsewhere */

static channel_t *embed_channel;
static pool_t *pool;
static size_t thread_count;
static task_t *tasks;           /* under way */

/* -- a task's way ------------------------------------------------------------------------------ */

static void task_keep (task_t *task)
{
    task->next = tasks;
    task->link = &tasks;
    if (tasks)
        tasks->link = &task->next;
    tasks = task;
}

static void task_drop (task_t *task)
{
    *task->link = task->next;
    if (task->next)
        task->next->link = task->link;
    task_destroy (&task);
}

static void answer_send (peer_t *peer, const message_t *message)
{
    if (channel_send (embed_channel, peer, message) != 0)
        log_warning ("answer_dropped", "message=%s why=\"%s\"", message_name (message->id),
                     error_text ());
}

static void task_finish (task_t *task)
{
    if (task->peer) {
        message_t answer = task_answer (task);
        answer_send (task->peer, &answer);
    }
    task_drop (task);
}

static int64_t thread_microseconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A chunk's pause. */
static void questions_first (void *context UNUSED)
{
    pool_run_urgent (pool);
}

static void text_encode (task_text_t *text)
{
    const task_t *task = text->task;
    sequence_t sequence;
    (task->ids ? sequence_of_ids : sequence_of_text) (text->text, &sequence);
    *text->pieces = (uint32_t) sequence.pieces;
    if (task->whole && sequence.pieces > MAX_SEQUENCE)
        return;
    if (encoders_encode (&sequence, task->urgent ? NULL : questions_first, text->vector) != 0) {
        text->error = error_get ();
        log_error ("text_failed", "task=%llu why=\"%s\"", (unsigned long long) task->number,
                   error_text ());
    } else {
        metric_add (METRIC_TEXTS_EMBEDDED, 1);
        metric_add (METRIC_PIECES_EMBEDDED, *text->pieces);
    }
}

/* On a thread of the pool, also in a pause of another text. */
static void text_work (void *argument)
{
    static _Thread_local int64_t others;    /* time in the pauses of the text that is being encoded */
    int64_t start = thread_microseconds (), others_before = others;
    others = 0;
    text_encode (argument);
    int64_t all = thread_microseconds () - start;
    metric_add (METRIC_EMBED_MICROSECONDS, all - others);
    others = others_before + all;
}

/* Back on the loop's thread. */
static void text_done (void *argument)
{
    task_text_t *text = argument;
    task_t *task = text->task;
    if (task->error == ERROR_NONE)
        task->error = text->error;
    if (--task->unfinished == 0)
        task_finish (task);
}

static void task_begin (task_t *task)
{
    for (size_t i = 0; i < task->count; i++)
        if (pool_submit (pool, task->urgent, text_work, text_done, &task->texts [i]) != 0) {
            task->error = error_get ();
            task->unfinished -= task->count - i;
            break;
        }
    if (task->unfinished == 0)
        task_finish (task);
}

/* -- messages ---------------------------------------------------------------------------------- */

static void on_embed_texts (peer_t *peer, const embed_texts_message_t *message)
{
    task_t *task = task_new (peer, message);
    if (!task) {
        answer_send (peer, &(message_t) {.id = MESSAGE_TASK_FAILED, .task_failed = {
            .task = message->task, .error = error_get (), .message = error_text (),
        }});
        return;
    }
    task_keep (task);
    task_begin (task);
}

static void on_embed_message (void *context UNUSED, peer_t *peer, const message_t *message)
{
    if (message->id == MESSAGE_EMBED_TEXTS) {
        on_embed_texts (peer, &message->embed_texts);
        return;
    }
    metric_add (METRIC_MESSAGES_REFUSED, 1);
    log_warning ("message_refused", "message=%s", message_name (message->id));
}

/* Its tasks go to another embedder or come again: what they give here is for nobody. */
static void on_embed_lost (void *context UNUSED, peer_t *peer)
{
    for (task_t *task = tasks; task; task = task->next)
        if (task->peer == peer)
            task->peer = NULL;
}

/* -- the process ------------------------------------------------------------------------------- */

/* As many as set, or one for each processor that this process may use. */
static size_t threads_wanted (void)
{
    size_t set = (size_t) settings_number (SETTING_EMBEDDER_THREADS);
    size_t count = set > 0 ? set : processors_usable ();
    return count < MOST_THREADS ? count : MOST_THREADS;
}

/* Packed weights are kept beside the model or, where that can't be written to, in the data folder. */
static int embedder_start (loop_t *loop)
{
    char folder [MAX_FOLDER];
    snprintf (folder, sizeof folder, "%s/model", settings_text (SETTING_DATA_DIR));
    packed_folders_t packed = {{settings_text (SETTING_MODEL_DIR), folder}};
    thread_count = threads_wanted ();
    if (encoders_open (settings_text (SETTING_MODEL_DIR), settings_text (SETTING_EMBEDDER_PRECISION),
                       &packed, thread_count) != 0)
        return -1;
    pool = pool_new (loop, (int) thread_count);
    return pool ? 0 : -1;
}

static void embedder_linked (void)
{
    channel_set_offer (embed_channel, (channel_offer_t) {
        .credit = (uint32_t) thread_count * TASKS_PER_THREAD, .express = EXPRESS_TASKS,
    });
}

static void embedder_stop (void)
{
    pool_destroy (&pool);
    while (tasks)
        task_drop (tasks);
    encoders_close ();
}

static const channel_handlers_t embed_handlers = {.lost = on_embed_lost, .message = on_embed_message};

static const service_link_t links [] = {
    {.name = "embed", .address = SETTING_EMBEDDER_EMBED_CONNECT, .handlers = &embed_handlers,
     .channel = &embed_channel},
};

int main (int argc, char *argv [])
{
    return service_run (&(service_t) {
        .name = "embedder", .letter = 'E', .what = "turns texts into vectors",
        .links = links, .link_count = COUNT_OF (links),
        .start = embedder_start, .linked = embedder_linked, .stop = embedder_stop,
    }, argc, argv);
}
