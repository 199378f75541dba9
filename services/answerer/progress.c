/* Progress: what changed is collected on the loop's thread and told to the board by one other. */
#include "progress.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "job_board.h"
#include "log.h"

#define INTERVAL_MS 250

static struct {
    pool_t *pool;
    job_board_t *board;
    standing_t *waiting;    /* at most one a file */
    standing_t *telling;    /* with the pool */
    uint64_t next_ms;
} progress;

/* -- standings ------------------------------------------------------------------------------ */

void standings_free (standing_t **list)
{
    while (*list != NULL) {
        standing_t *next = (*list)->next;
        free ((*list)->name);
        free ((*list)->reason);
        free (*list);
        *list = next;
    }
}

static standing_t *standing_named (const char *id, const char *name, const char *reason)
{
    standing_t *standing = calloc (1, sizeof *standing);
    if (standing == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    strncpy (standing->id, id, MAX_ID_BYTES);
    standing->name = strdup (name);
    standing->reason = strdup (reason);
    if (standing->name == NULL || standing->reason == NULL) {
        standings_free (&standing);
        error_set (ERROR_NO_MEMORY, NULL);
    }
    return standing;
}

standing_t *standing_new (const file_row_t *file)
{
    standing_t *standing = standing_named (file->id, file->name, file->reason);
    if (standing == NULL)
        return NULL;
    standing->state = file->state;
    standing->pages = file->pages;
    standing->pages_done = file->pages_done;
    standing->chunks = file->chunks;
    standing->vectors = file->vectors;
    return standing;
}

standing_t *standing_deleted (const char *file_id)
{
    standing_t *standing = standing_named (file_id, "", "");
    if (standing != NULL)
        standing->deleted = true;
    return standing;
}

/* -- telling -------------------------------------------------------------------------------- */

static job_state_t job_state_of (const standing_t *standing)
{
    static const job_state_t states [] = {
        [FILE_QUEUED] = JOB_QUEUED, [FILE_READING] = JOB_READING, [FILE_INDEXING] = JOB_INDEXING,
        [FILE_COMPLETED] = JOB_COMPLETED, [FILE_FAILED] = JOB_FAILED,
    };
    return standing->deleted ? JOB_DELETED : states [standing->state];
}

/* False when the board is away. */
static bool tell (const standing_t *standing)
{
    job_progress_t change = JOB_PROGRESS_NONE;
    change.state = job_state_of (standing);
    if (!standing->deleted) {
        change.pages = standing->pages;
        change.pages_done = standing->pages_done;
        change.chunks = standing->chunks;
        change.vectors = standing->vectors;
        change.name = standing->name;
        change.reason = standing->reason;
    }
    if (job_board_update (progress.board, standing->id, change) != 0)
        return false;
    return change.state < JOB_COMPLETED || job_board_remove (progress.board, standing->id) == 0;
}

static void tell_all (void *argument UNUSED)
{
    for (const standing_t *standing = progress.telling; standing != NULL; standing = standing->next)
        if (!tell (standing)) {
            log_debug ("progress_not_told", "error=%s", error_name (error_get ()));
            return;
        }
}

static void told (void *argument UNUSED)
{
    standings_free (&progress.telling);
}

void progress_tick (void)
{
    uint64_t now = loop_now_ms ();
    if (progress.waiting == NULL || progress.telling != NULL || now < progress.next_ms)
        return;
    progress.next_ms = now + INTERVAL_MS;
    progress.telling = progress.waiting;
    progress.waiting = NULL;
    if (pool_submit (progress.pool, false, tell_all, told, NULL) != 0)
        standings_free (&progress.telling);
}

static void drop_older (const char *id)
{
    for (standing_t **at = &progress.waiting; *at != NULL; at = &(*at)->next)
        if (strcmp ((*at)->id, id) == 0) {
            standing_t *older = *at;
            *at = older->next;
            older->next = NULL;
            standings_free (&older);
            return;
        }
}

void progress_note (standing_t **list)
{
    while (*list != NULL) {
        standing_t *standing = *list;
        *list = standing->next;
        drop_older (standing->id);
        standing->next = progress.waiting;
        progress.waiting = standing;
    }
}

/* -- life ----------------------------------------------------------------------------------- */

int progress_start (loop_t *loop, const char *redis_url)
{
    progress.board = job_board_new (redis_url);
    if (progress.board == NULL)
        return -1;
    progress.pool = pool_new (loop, 1);
    return progress.pool == NULL ? -1 : 0;
}

void progress_stop (void)
{
    pool_destroy (&progress.pool);
    standings_free (&progress.waiting);
    standings_free (&progress.telling);
    job_board_destroy (&progress.board);
}
