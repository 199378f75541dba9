/* jobs: files, tasks and workers; the rules are in dispatch.c. */
#include "jobs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

#include "ask.h"
#include "blobs.h"
#include "board.h"
#include "dispatch.h"
#include "draws.h"
#include "log.h"
#include "metrics.h"
#include "settings.h"

#define BUCKETS          1024
#define CLOCK_MS         1000
#define MAX_WORKERS      1024
#define RECOVER_FILES    200     /* asked for at once */
#define RECOVER_AGAIN_MS 5000    /* after something was put off */
#define MAX_FILE_TASKS   100000
#define OVERDUE_MS       (30 * 60 * 1000)   /* of a sent task: its worker has forgotten it */

typedef enum {
    TASK_WAITING = 1,   /* in its file's lane */
    TASK_COUNTING,      /* the board is counting the try */
    TASK_READY,         /* counted; waits for a worker */
    TASK_SENT,          /* with a worker */
    TASK_SETTLING,      /* done or given up; the answerer is being told */
    TASK_PAUSED,        /* failed for a reason that may pass; tried again soon */
} task_state_t;

typedef struct task {
    turn_t turn;                  /* first: the queue knows a task by it */
    struct task *next, **link;    /* of the job */
    struct task *bucket_next;
    struct task *ready_next;
    struct job *job;
    uint64_t id;
    range_t range;                /* {0, 0}: inspect the file */
    uint32_t pages;               /* that the inspection found, until the answerer has them */
    task_state_t state;
    uint32_t losses;
    uint32_t failures;            /* of the service, running */
    bool suspect;
    bool is_counted;              /* the try that comes is that which the board has counted */
    peer_t *worker;               /* while it is sent */
    uint64_t due_ms;              /* while it is paused or sent */
    error_t error;                /* why it failed last */
    char *reason;
} task_t;

typedef struct job {
    lane_t lane;
    struct job *next;             /* in its bucket */
    char *file_id, *sha256, *password, *name;
    job_state_t state;
    task_t *tasks;
} job_t;

channel_t *extract_link;

static struct {
    loop_t *loop;
    queue_t queue;
    job_t *jobs [BUCKETS];
    task_t *tasks [BUCKETS];
    task_t *ready, **ready_end;
    size_t ready_count, counting;
    uint64_t clock_ms;            /* when tasks' times were last looked at */
    uint64_t last_task;
    bool recovering, recover_again, stopping;
    uint64_t recover_ms;          /* when to ask again what is unfinished; 0: no need */
    char recovered_to [64];
} all;

static void pump (void);

/* For want of memory, or of an answer, this is not done: the answerer, which knows what is unfinished, is
 * asked for it a little later. */
static void put_off (const char *what, const char *why)
{
    if (all.stopping)
        return;
    log_error ("work_put_off", "what=%s why=\"%s\"", what, why);
    all.recover_ms = loop_now_ms () + RECOVER_AGAIN_MS;
}

/* -- jobs and tasks as such ------------------------------------------------------------------ */

static uint32_t hash (const char *text)
{
    uint32_t value = 2166136261u;
    for (; *text != 0; text++)
        value = (value ^ (unsigned char) *text) * 16777619u;
    return value % BUCKETS;
}

static job_t *job_lookup (const char *file_id)
{
    job_t *job = all.jobs [hash (file_id)];
    while (job != NULL && strcmp (job->file_id, file_id) != 0)
        job = job->next;
    return job;
}

static void job_free (job_t *job)
{
    free (job->file_id);
    free (job->sha256);
    free (job->password);
    free (job->name);
    free (job);
}

static job_t *job_new (const char *file_id, const char *sha256, const char *password, const char *name)
{
    job_t *job = calloc (1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->file_id = strdup (file_id);
    job->sha256 = strdup (sha256);
    job->password = strdup (password);
    job->name = strdup (name);
    if (job->file_id == NULL || job->sha256 == NULL || job->password == NULL || job->name == NULL) {
        job_free (job);
        return NULL;
    }
    job_t **bucket = &all.jobs [hash (file_id)];
    job->next = *bucket;
    *bucket = job;
    return job;
}

/* The one door of a job's state. */
static void job_set_state (job_t *job, job_state_t state, job_progress_t progress, board_done_t *done,
                           void *context)
{
    if (job->state != 0 && !job_state_allowed (job->state, state)) {
        log_error ("job_step_refused", "file=%s from=%s to=%s", job->file_id, job_state_name (job->state),
                   job_state_name (state));
        return;
    }
    if (job->state != state)
        log_info ("job", "file=%s state=%s", job->file_id, job_state_name (state));
    job->state = state;
    progress.state = state;
    progress.name = job->name;
    board_update (job->file_id, &progress, done, context);
}

static task_t *task_lookup (uint64_t id)
{
    task_t *task = all.tasks [id % BUCKETS];
    while (task != NULL && task->id != id)
        task = task->bucket_next;
    return task;
}

/* Contexts of calls that outlive a task are its number. */
static void *task_context (const task_t *task)
{
    return (void *) (uintptr_t) task->id;
}

static task_t *task_of_context (void *context)
{
    return task_lookup ((uint64_t) (uintptr_t) context);
}

static void ready_remove (task_t *task)
{
    task_t **link = &all.ready;
    while (*link != NULL && *link != task)
        link = &(*link)->ready_next;
    if (*link == NULL)
        return;
    *link = task->ready_next;
    if (all.ready_end == &task->ready_next)
        all.ready_end = link;
    all.ready_count--;
}

static void ready_add (task_t *task)
{
    task->ready_next = NULL;
    *all.ready_end = task;
    all.ready_end = &task->ready_next;
    all.ready_count++;
}

static void worker_release (task_t *task)
{
    peer_t *worker = task->worker;
    task->worker = NULL;
    if (worker == NULL)
        return;
    if (worker->tasks > 0)
        worker->tasks--;
    if (worker->context == task)
        worker->context = NULL;
}

/* The one door of a task's state. */
static void task_set_state (task_t *task, task_state_t state)
{
    switch (task->state) {
    case TASK_COUNTING: all.counting--; break;
    case TASK_READY:    ready_remove (task); break;
    case TASK_SENT:     worker_release (task); break;
    default:            break;
    }
    task->state = state;
    switch (state) {
    case TASK_COUNTING: all.counting++; break;
    case TASK_READY:    ready_add (task); break;
    default:            break;
    }
}

static void task_wait (task_t *task, bool first)
{
    task_set_state (task, TASK_WAITING);
    (first ? queue_put_first : queue_put) (&all.queue, &task->job->lane, &task->turn);
}

static void task_pause (task_t *task)
{
    task->due_ms = loop_now_ms () + dispatch_rest_ms (++task->failures);
    task->is_counted = true;
    task_set_state (task, TASK_PAUSED);
}

static task_t *task_new (job_t *job, range_t range, bool suspect)
{
    task_t *task = calloc (1, sizeof *task);
    if (task == NULL)
        return NULL;
    task->job = job;
    task->id = ++all.last_task;
    task->range = range;
    task->suspect = suspect;
    task->next = job->tasks;
    task->link = &job->tasks;
    if (task->next != NULL)
        task->next->link = &task->next;
    job->tasks = task;
    task_t **bucket = &all.tasks [task->id % BUCKETS];
    task->bucket_next = *bucket;
    *bucket = task;
    task_wait (task, false);
    return task;
}

/* Frees a task that is in no lane. */
static void task_free (task_t *task)
{
    task_set_state (task, 0);
    *task->link = task->next;
    if (task->next != NULL)
        task->next->link = task->link;
    task_t **link = &all.tasks [task->id % BUCKETS];
    while (*link != task)
        link = &(*link)->bucket_next;
    *link = task->bucket_next;
    free (task->reason);
    free (task);
}

static void job_drop (job_t *job)
{
    queue_drop_lane (&all.queue, &job->lane);
    while (job->tasks != NULL)
        task_free (job->tasks);
    job_t **link = &all.jobs [hash (job->file_id)];
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    job_free (job);
}

/* A task has come to its end; with the last one the job is no longer the gateway's. */
static void task_finish (task_t *task)
{
    job_t *job = task->job;
    task_free (task);
    if (job->tasks == NULL)
        job_drop (job);
}

/* -- telling the answerer -------------------------------------------------------------------- */

/* Looks at the answer to something told about a task's file. Returns the task when it was heard; a
 * file that is gone takes its job with it, other failures are tried again. */
static task_t *task_heard (void *context, const ask_answer_t *answer)
{
    task_t *task = task_of_context (context);
    if (task == NULL || answer->message != NULL)
        return task;
    log_warning ("answerer_refused", "file=%s why=\"%s\"", task->job->file_id, answer->text);
    if (answer->error == ERROR_FILE_NOT_FOUND)
        job_drop (task->job);
    else if (!all.stopping)
        task_pause (task);
    return NULL;
}

static void on_file_failed (void *context, const ask_answer_t *answer)
{
    task_t *task = task_heard (context, answer);
    if (task == NULL)
        return;
    job_t *job = task->job;
    job_progress_t progress = JOB_PROGRESS_NONE;
    progress.reason = task->reason != NULL ? task->reason : error_default (task->error);
    job_set_state (job, JOB_FAILED, progress, NULL, NULL);
    board_remove (job->file_id);
    job_drop (job);
}

static void on_pages_failed (void *context, const ask_answer_t *answer)
{
    task_t *task = task_heard (context, answer);
    if (task != NULL)
        task_finish (task);
}

/* Nothing more is tried: the file, or these pages of it, end as failed with the last reason. */
static void task_give_up (task_t *task)
{
    const char *file_id = task->job->file_id;
    error_t error = task->error == ERROR_NONE ? ERROR_READER_DIED : task->error;
    const char *reason = task->reason != NULL ? task->reason : error_default (error);
    task->error = error;
    task_set_state (task, TASK_SETTLING);
    log_warning ("task_given_up", "file=%s pages=%u-%u error=%s", file_id, task->range.first,
                 task->range.last, error_name (error));
    if (task->range.first == 0) {
        message_t message = {.id = MESSAGE_FAIL_FILE,
                             .fail_file = {.file_id = file_id, .error = error, .message = reason}};
        ask_patiently (&message, on_file_failed, task_context (task));
    } else {
        message_t message = {.id = MESSAGE_FAIL_PAGES,
                             .fail_pages = {.file_id = file_id, .first = task->range.first,
                                            .last = task->range.last, .reason = reason}};
        ask_patiently (&message, on_pages_failed, task_context (task));
    }
}

static void task_note (task_t *task, error_t error, const char *reason)
{
    free (task->reason);
    task->reason = reason != NULL && *reason != 0 ? strdup (reason) : NULL;
    task->error = error;
}

/* -- giving out ------------------------------------------------------------------------------ */

static void add_ranges (job_t *job, range_t missing)
{
    uint32_t pages = (uint32_t) settings_number (SETTING_GATEWAY_RANGE_PAGES);
    range_t piece;
    for (uint32_t first = missing.first; range_cut ((range_t) {first, missing.last}, pages, &piece, 1) == 1;
         first = piece.last + 1)
        if (task_new (job, piece, false) == NULL)
            put_off (job->file_id, error_default (ERROR_NO_MEMORY));
}

static void task_part (task_t *task)
{
    range_t halves [2];
    range_part (task->range, halves);
    log_info ("range_parted", "file=%s pages=%u-%u", task->job->file_id, task->range.first, task->range.last);
    if (task_new (task->job, halves [1], true) == NULL) {
        task_pause (task);   /* no memory: as it is, a little later */
        return;
    }
    task->range = halves [0];
    task->losses = 0;
    task->suspect = true;
    task_wait (task, true);
}

static void on_counted (void *context, int tries)
{
    task_t *task = task_of_context (context);
    if (task == NULL)
        return;
    if (tries < 1)
        task_wait (task, true);   /* the board is away: when it is there again */
    else
        switch (dispatch_verdict (task->range, tries - 1, task->losses)) {
        case VERDICT_TRY:     task_set_state (task, TASK_READY); break;
        case VERDICT_PART:    task_part (task); break;
        case VERDICT_GIVE_UP: task_give_up (task); break;
        }
    pump ();
}

static size_t room_of_workers (void)
{
    size_t room = 0;
    for (size_t i = 0; i < channel_peer_count (extract_link); i++) {
        const peer_t *peer = channel_peer (extract_link, i);
        room += peer->credit > peer->tasks ? peer->credit - peer->tasks : 0;
    }
    return room;
}

/* Lets the board count as many tries as there is room for. */
static void count_tries (void)
{
    if (!board_is_there ())
        return;
    for (size_t room = room_of_workers (); all.counting + all.ready_count < room;) {
        task_t *task = (task_t *) queue_take (&all.queue);
        if (task == NULL)
            return;
        if (task->is_counted) {
            task->is_counted = false;
            task_set_state (task, TASK_READY);
            continue;
        }
        task_set_state (task, TASK_COUNTING);
        board_attempt (task->job->file_id, task->range.first, task->range.last, on_counted, task_context (task));
    }
}

static int task_send (task_t *task, peer_t *worker)
{
    const job_t *job = task->job;
    message_t message = {.id = MESSAGE_INSPECT_FILE,
                         .inspect_file = {task->id, job->file_id, job->sha256, job->password}};
    if (task->range.first > 0)
        message = (message_t) {.id = MESSAGE_EXTRACT_PAGES,
                               .extract_pages = {task->id, job->file_id, job->sha256, job->password,
                                                 task->range.first, task->range.last}};
    if (channel_send (extract_link, worker, &message) != 0)
        return -1;
    task_set_state (task, TASK_SENT);
    task->due_ms = loop_now_ms () + OVERDUE_MS;
    task->worker = worker;
    worker->tasks++;
    if (task->suspect)
        worker->context = task;
    metric_add (METRIC_TASKS_SENT, 1);
    return 0;
}

static peer_t *worker_for (const task_t *task, bool suspect_waits)
{
    static worker_t workers [MAX_WORKERS];
    static bool held [MAX_WORKERS];
    size_t count = 0;
    for (; count < MAX_WORKERS && count < channel_peer_count (extract_link); count++) {
        const peer_t *peer = channel_peer (extract_link, count);
        workers [count] = (worker_t) {peer->credit, peer->tasks};
        held [count] = peer->context != NULL;
    }
    int chosen = dispatch_choose (workers, held, count, task->suspect, suspect_waits);
    return chosen < 0 ? NULL : channel_peer (extract_link, (size_t) chosen);
}

static bool suspect_is_ready (void)
{
    for (const task_t *task = all.ready; task != NULL; task = task->ready_next)
        if (task->suspect)
            return true;
    return false;
}

static void send_ready (void)
{
    for (task_t *task = all.ready, *next; task != NULL; task = next) {
        next = task->ready_next;
        peer_t *worker = worker_for (task, suspect_is_ready ());
        if (worker != NULL && task_send (task, worker) != 0)
            return;   /* its queue is full: at the next tick */
    }
}

/* Ends the pauses that are over, and takes back what a worker has had for far too long. */
static void look_at_clock (void)
{
    uint64_t now = loop_now_ms ();
    if (now - all.clock_ms < CLOCK_MS)
        return;
    all.clock_ms = now;
    for (size_t i = 0; i < BUCKETS; i++)
        for (task_t *task = all.tasks [i]; task != NULL; task = task->bucket_next) {
            if ((task->state != TASK_PAUSED && task->state != TASK_SENT) || task->due_ms > now)
                continue;
            if (task->state == TASK_SENT)
                log_warning ("task_overdue", "file=%s pages=%u-%u", task->job->file_id, task->range.first,
                             task->range.last);
            task_wait (task, false);
        }
    if (all.recover_ms != 0 && now >= all.recover_ms && !all.recovering)
        jobs_recover ();
}

static void pump (void)
{
    if (extract_link == NULL || all.stopping)
        return;
    count_tries ();
    send_ready ();
}

void jobs_tick (void)
{
    look_at_clock ();
    pump ();
    draws_tick ();
}

/* -- what extractors say --------------------------------------------------------------------- */

static void on_inspection_kept (void *context, const ask_answer_t *answer)
{
    task_t *task = task_heard (context, answer);
    if (task == NULL)
        return;
    job_t *job = task->job;
    job_progress_t progress = JOB_PROGRESS_NONE;
    progress.pages = task->pages;
    job_set_state (job, JOB_READING, progress, NULL, NULL);
    add_ranges (job, (range_t) {1, task->pages});
    task_finish (task);
    pump ();
}

static void on_inspected (task_t *task, const file_inspected_message_t *found)
{
    uint32_t most = (uint32_t) settings_number (SETTING_GATEWAY_MAX_FILE_PAGES);
    if (found->pages == 0 || found->pages > most) {
        task_note (task, found->pages == 0 ? ERROR_FILE_NO_PAGES : ERROR_FILE_TOO_MANY_PAGES, NULL);
        task_give_up (task);
        return;
    }
    message_t message = {.id = MESSAGE_SET_INSPECTED,
                         .set_inspected = {.file_id = task->job->file_id, .pages = found->pages,
                                           .title = found->title}};
    task_set_state (task, TASK_SETTLING);
    task->pages = found->pages;
    ask_patiently (&message, on_inspection_kept, task_context (task));
}

/* An extractor that does not find the bytes may look in a wrong folder; when they are not where they
 * were put either, they are gone. */
static bool bytes_are_gone (const job_t *job)
{
    uint64_t size;
    int fd = blob_open (job->sha256, &size);
    if (fd >= 0)
        close (fd);
    return fd < 0 && error_get () == ERROR_FILE_NOT_FOUND;
}

static void on_task_failed (task_t *task, const task_failed_message_t *failed)
{
    error_t error = error_from_number (failed->error);
    failure_t failure = dispatch_failure (task->range, error);
    if (error == ERROR_FILE_NOT_FOUND && bytes_are_gone (task->job))
        failure = FAILURE_OF_FILE;
    metric_add (METRIC_TASKS_FAILED, 1);
    log_warning ("task_failed", "file=%s pages=%u-%u error=%s failures=%u", task->job->file_id,
                 task->range.first, task->range.last, error_name (error), task->failures);
    task_note (task, error, failed->message);
    if (failure == FAILURE_OF_FILE)
        task_give_up (task);
    else if (failure == FAILURE_OF_SERVICE)
        task_pause (task);
    else {
        task->losses++;
        task_wait (task, true);
    }
}

static uint64_t task_number (const message_t *message)
{
    switch (message->id) {
    case MESSAGE_FILE_INSPECTED:  return message->file_inspected.task;
    case MESSAGE_PAGES_EXTRACTED: return message->pages_extracted.task;
    case MESSAGE_TASK_FAILED:     return message->task_failed.task;
    default:                      return 0;
    }
}

static void on_message (void *context UNUSED, peer_t *peer, const message_t *message)
{
    if (draws_on_message (peer, message))
        return;
    task_t *task = task_lookup (task_number (message));
    if (task == NULL || task->state != TASK_SENT || task->worker != peer) {
        metric_add (METRIC_RESULTS_LATE, 1);
        log_debug ("result_late", "message=%s", message_name (message->id));
        return;   /* of a file that is deleted, or a second time */
    }
    if (message->id == MESSAGE_TASK_FAILED)
        on_task_failed (task, &message->task_failed);
    else if (message->id == MESSAGE_FILE_INSPECTED && task->range.first == 0)
        on_inspected (task, &message->file_inspected);
    else if (message->id == MESSAGE_PAGES_EXTRACTED && task->range.first > 0)
        task_finish (task);
    pump ();
}

/* Where others have failed, one that is new may do better: nothing that rests waits on. */
static void end_rests (void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (task_t *task = all.tasks [i]; task != NULL; task = task->bucket_next)
            if (task->state == TASK_PAUSED)
                task_wait (task, false);
}

static void on_ready (void *context UNUSED, peer_t *peer UNUSED)
{
    end_rests ();
    pump ();
    draws_tick ();
}

/* Its tasks go to others at once. */
static void on_lost (void *context UNUSED, peer_t *peer)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (task_t *task = all.tasks [i]; task != NULL; task = task->bucket_next) {
            if (task->state != TASK_SENT || task->worker != peer)
                continue;
            if (!peer->unharmed) {   /* else it did not die of a task */
                task->losses += task->suspect;   /* then it had nothing else */
                task->suspect = true;
                task_note (task, ERROR_READER_DIED, NULL);
            } else
                task->is_counted = true;
            metric_add (METRIC_TASKS_REDISPATCHED, 1);
            task_wait (task, true);
        }
    draws_on_lost (peer);
}

const channel_handlers_t jobs_handlers = {.ready = on_ready, .lost = on_lost, .message = on_message};

/* -- files come and go ----------------------------------------------------------------------- */

typedef struct {
    char *file_id;
    jobs_done_t *done;
    void *context;
} admission_t;

static void on_admitted (void *context, int outcome)
{
    admission_t *admission = context;
    job_t *job = job_lookup (admission->file_id);
    if (outcome == 0 && job != NULL && job->tasks == NULL && task_new (job, (range_t) {0, 0}, false) == NULL)
        outcome = error_set (ERROR_NO_MEMORY, NULL);
    if (outcome != 0 && job != NULL && job->tasks == NULL)
        job_drop (job);
    admission->done (admission->context, outcome < 0 ? -1 : 0);
    free (admission->file_id);
    free (admission);
    pump ();
}

void jobs_admit (const char *file_id, const char *sha256, const char *password, const char *name,
                 jobs_done_t *done, void *context)
{
    admission_t *admission = calloc (1, sizeof *admission);
    char *id_copy = strdup (file_id);
    job_t *job = job_lookup (file_id);   /* a recovery may have found it first */
    if (job == NULL)
        job = job_new (file_id, sha256, password, name);
    if (admission == NULL || id_copy == NULL || job == NULL) {
        free (admission);
        free (id_copy);
        error_set (ERROR_NO_MEMORY, NULL);
        done (context, -1);
        return;
    }
    *admission = (admission_t) {id_copy, done, context};
    job_set_state (job, job->state == 0 ? JOB_QUEUED : job->state, JOB_PROGRESS_NONE, on_admitted, admission);
}

void jobs_forget (const char *file_id)
{
    message_t message = {.id = MESSAGE_FORGET_FILE, .forget_file = {.file_id = file_id}};
    for (size_t i = 0; extract_link != NULL && i < channel_peer_count (extract_link); i++)
        if (channel_send (extract_link, channel_peer (extract_link, i), &message) != 0)
            log_debug ("forget_unsent", "file=%s", file_id);   /* its results will be dropped */
    job_t *job = job_lookup (file_id);
    job_progress_t progress = JOB_PROGRESS_NONE;
    progress.state = JOB_DELETED;
    if (job != NULL) {
        job_set_state (job, JOB_DELETED, progress, NULL, NULL);
        job_drop (job);
    } else
        board_update (file_id, &progress, NULL, NULL);
    board_remove (file_id);
    pump ();
}

/* -- recovery -------------------------------------------------------------------------------- */

static const char *text_of (yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str (yyjson_obj_get (object, key));
    return text == NULL ? "" : text;
}

static int64_t number_of (yyjson_val *object, const char *key)
{
    return yyjson_get_sint (yyjson_obj_get (object, key));
}

/* The ranges that tasks are under way for. The caller frees them. */
static range_t *ranges_under_way (const job_t *job, size_t *count)
{
    size_t capacity = 1;
    *count = 0;
    for (const task_t *task = job->tasks; task != NULL; task = task->next)
        capacity++;
    range_t *ranges = calloc (capacity, sizeof *ranges);
    for (const task_t *task = job->tasks; ranges != NULL && task != NULL; task = task->next)
        if (task->range.first > 0)
            ranges [(*count)++] = task->range;
    return ranges;
}

static void recover_range (job_t *job, range_t missing)
{
    size_t count;
    range_t *taken = ranges_under_way (job, &count);
    range_t *left = calloc (count + 1, sizeof *left);
    if (taken != NULL && left != NULL) {
        size_t pieces = range_subtract (missing, taken, count, left, count + 1);
        for (size_t i = 0; i < pieces; i++)
            add_ranges (job, left [i]);
    } else {
        put_off (job->file_id, error_default (ERROR_NO_MEMORY));
    }
    free (taken);
    free (left);
}

static void recover_ranges (job_t *job, yyjson_val *missing, uint32_t pages)
{
    yyjson_val *item;
    size_t index, count;
    yyjson_arr_foreach (missing, index, count, item) {
        uint64_t first = yyjson_get_uint (yyjson_arr_get (item, 0));
        uint64_t last = yyjson_get_uint (yyjson_arr_get (item, 1));
        if (first >= 1 && first <= last && last <= pages)
            recover_range (job, (range_t) {(uint32_t) first, (uint32_t) last});
    }
}

static bool inspection_under_way (const job_t *job)
{
    for (const task_t *task = job->tasks; task != NULL; task = task->next)
        if (task->range.first == 0)
            return true;
    return false;
}

static void recover_progress (job_t *job, yyjson_val *file, bool reading)
{
    job_progress_t progress = {.pages = number_of (file, "pages"), .pages_done = number_of (file, "pages_done"),
                               .chunks = number_of (file, "chunks"), .vectors = number_of (file, "vectors")};
    job_state_t state = progress.pages == 0 ? JOB_QUEUED : reading ? JOB_READING : JOB_INDEXING;
    if (job->state == 0 || job_state_allowed (job->state, state))
        job_set_state (job, state, progress, NULL, NULL);
}

static void recover_file (yyjson_val *file)
{
    const char *file_id = text_of (file, "id");
    yyjson_val *missing = yyjson_obj_get (file, "missing");
    int64_t pages = number_of (file, "pages");
    job_t *job = job_lookup (file_id);
    if (*file_id == 0 || pages < 0 || pages > MAX_FILE_TASKS)
        return;
    if (job == NULL)
        job = job_new (file_id, text_of (file, "sha256"), text_of (file, "password"), text_of (file, "filename"));
    if (job == NULL) {
        put_off (file_id, error_default (ERROR_NO_MEMORY));
        return;
    }
    recover_progress (job, file, yyjson_arr_size (missing) > 0);
    if (inspection_under_way (job))
        return;
    if (pages > 0)
        recover_ranges (job, missing, (uint32_t) pages);
    else if (job->state <= JOB_QUEUED && task_new (job, (range_t) {0, 0}, false) == NULL)
        put_off (file_id, error_default (ERROR_NO_MEMORY));
    if (job->tasks == NULL)
        job_drop (job);   /* all of it is read: the answerer goes on alone */
}

static void recover_next (void);

static void recover_end (void)
{
    all.recovering = false;
    if (all.recover_again)
        jobs_recover ();
    pump ();
}

static bool recover_files (const char *json)
{
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    yyjson_val *root = yyjson_doc_get_root (document), *file;
    if (document == NULL)
        put_off ("recovery", error_default (ERROR_NO_MEMORY));
    yyjson_val *data = yyjson_obj_get (root, "data");
    size_t index, count;
    yyjson_arr_foreach (data, index, count, file)
        recover_file (file);
    const char *last = text_of (yyjson_arr_get_last (data), "id");
    bool more = yyjson_is_true (yyjson_obj_get (root, "has_more")) && *last != 0
                && strlen (last) < sizeof all.recovered_to;
    if (more)
        strcpy (all.recovered_to, last);
    if (yyjson_arr_size (data) > 0)
        log_info ("jobs_recovered", "files=%zu more=%d", yyjson_arr_size (data), more);
    yyjson_doc_free (document);
    return more;
}

static void on_unfinished (void *context UNUSED, const ask_answer_t *answer)
{
    if (answer->message == NULL)
        put_off ("recovery", answer->text);
    if (all.stopping || answer->message == NULL || answer->message->id != MESSAGE_RESULT)
        recover_end ();
    else if (recover_files (answer->message->result.json))
        recover_next ();
    else
        recover_end ();
}

static void recover_next (void)
{
    message_t message = {.id = MESSAGE_LIST_UNFINISHED,
                         .list_unfinished = {.after = all.recovered_to, .limit = RECOVER_FILES}};
    ask_patiently (&message, on_unfinished, NULL);
}

void jobs_recover (void)
{
    all.recover_again = all.recovering && !all.stopping;
    if (all.recovering || all.stopping)
        return;
    all.recovering = true;
    all.recover_ms = 0;
    all.recovered_to [0] = 0;
    recover_next ();
}

/* -- lifetime -------------------------------------------------------------------------------- */

int jobs_start (loop_t *loop)
{
    all.loop = loop;
    all.ready_end = &all.ready;
    return 0;
}

void jobs_stop (void)
{
    all.stopping = true;
    draws_stop ();
    for (size_t i = 0; i < BUCKETS; i++)
        while (all.jobs [i] != NULL)
            job_drop (all.jobs [i]);
}
