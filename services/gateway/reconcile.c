/* reconcile: asks the answerer about jobs that may have ended unheard. */
#include "reconcile.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "ask.h"
#include "board.h"
#include "events.h"
#include "log.h"

#define CLOCK_MS     1000
#define SILENCE_MS   20000    /* of a job before it is asked for */
#define A_TURN       50       /* jobs asked for in one turn of the clock */

static struct {
    loop_t *loop;
    int timer;
    char **ids;               /* that stand on the board and are yet to be compared */
    size_t count;
} waiting = {.timer = -1};

static void end_job (const char *file_id, const job_progress_t *progress)
{
    log_info ("job_reconciled", "file=%s state=%s", file_id, job_state_name (progress->state));
    board_update (file_id, progress, NULL, NULL);
    board_remove (file_id);
}

static int64_t number_of (yyjson_val *file, const char *key)
{
    return yyjson_get_sint (yyjson_obj_get (file, key));
}

static void compare (const char *file_id, const char *json)
{
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    yyjson_val *file = yyjson_doc_get_root (document);
    const char *state = yyjson_get_str (yyjson_obj_get (file, "state"));
    job_progress_t progress = {
        .pages = number_of (file, "pages"), .pages_done = number_of (file, "pages_done"),
        .chunks = number_of (file, "chunks"), .vectors = number_of (file, "vectors"),
        .name = yyjson_get_str (yyjson_obj_get (file, "filename")),
        .reason = yyjson_get_str (yyjson_obj_get (file, "status_details")),
    };
    for (job_state_t end = JOB_COMPLETED; state != NULL && end <= JOB_FAILED; end++)
        if (strcmp (state, job_state_name (end)) == 0) {
            progress.state = end;
            end_job (file_id, &progress);
        }
    yyjson_doc_free (document);
}

static void on_file (void *context, const ask_answer_t *answer)
{
    char *file_id = context;
    job_progress_t progress = JOB_PROGRESS_NONE;
    progress.state = JOB_DELETED;
    if (answer->message != NULL && answer->message->id == MESSAGE_RESULT)
        compare (file_id, answer->message->result.json);
    else if (answer->message == NULL && answer->error == ERROR_FILE_NOT_FOUND)
        end_job (file_id, &progress);
    free (file_id);
}

static void ask_for (void *context UNUSED, const char *file_id)
{
    char *copy = strdup (file_id);
    message_t message = {.id = MESSAGE_GET_FILE, .get_file = {.file_id = file_id}};
    if (copy != NULL)
        ask (&message, on_file, copy);
}

static void drop_waiting (void)
{
    while (waiting.count > 0)
        free (waiting.ids [--waiting.count]);
    free (waiting.ids);
    waiting.ids = NULL;
}

static int compare_ids (const void *left, const void *right)
{
    return strcmp (*(const char *const *) left, *(const char *const *) right);
}

/* The same file may be told more than once. */
static void on_listed (void *context UNUSED, const char *const *ids, size_t count)
{
    drop_waiting ();
    const char **sorted = count == 0 ? NULL : malloc (count * sizeof *sorted);
    waiting.ids = sorted == NULL ? NULL : calloc (count, sizeof *waiting.ids);
    if (waiting.ids != NULL) {
        memcpy (sorted, ids, count * sizeof *sorted);
        qsort (sorted, count, sizeof *sorted, compare_ids);
    }
    for (size_t i = 0; waiting.ids != NULL && i < count; i++) {
        char *copy = i > 0 && strcmp (sorted [i - 1], sorted [i]) == 0 ? NULL : strdup (sorted [i]);
        if (copy != NULL)
            waiting.ids [waiting.count++] = copy;
    }
    free (sorted);
}

void reconcile_board (void)
{
    board_list (on_listed, NULL);
}

static void on_clock (void *context UNUSED)
{
    if (!board_is_there () || channel_first_peer (ask_link) == NULL)
        return;
    size_t asked = 0;
    for (; asked < A_TURN && waiting.count > 0; asked++) {
        char *file_id = waiting.ids [--waiting.count];
        ask_for (NULL, file_id);
        free (file_id);
    }
    events_silent (SILENCE_MS, A_TURN - asked, ask_for, NULL);
}

void reconcile_start (loop_t *loop)
{
    waiting.loop = loop;
    waiting.timer = loop_timer (loop, CLOCK_MS, on_clock, NULL);
}

void reconcile_stop (void)
{
    if (waiting.timer >= 0)
        loop_timer_end (waiting.loop, waiting.timer);
    drop_waiting ();
}
