/* The job board against the store. It can be looked at only while its Redis runs. */
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char part [] = "board";

typedef struct {
    check_t *check;
    char **ids;                 /* sorted, each once */
    size_t count, capacity;
    bool out_of_memory;
} jobs_t;

static void add (void *context, const char *file_id)
{
    jobs_t *jobs = context;
    if (jobs->count == jobs->capacity) {
        size_t capacity = jobs->capacity * 2 + 256;
        char **ids = realloc (jobs->ids, capacity * sizeof *ids);
        if (ids == NULL) {
            jobs->out_of_memory = true;
            return;
        }
        jobs->ids = ids;
        jobs->capacity = capacity;
    }
    jobs->ids [jobs->count] = strdup (file_id);
    if (jobs->ids [jobs->count] == NULL)
        jobs->out_of_memory = true;
    else
        jobs->count++;
}

static int compare_ids (const void *left, const void *right)
{
    return strcmp (*(char *const *) left, *(char *const *) right);
}

static void sort (jobs_t *jobs)
{
    size_t kept = 0;
    if (jobs->count > 0)
        qsort (jobs->ids, jobs->count, sizeof *jobs->ids, compare_ids);
    for (size_t i = 0; i < jobs->count; i++)
        if (kept > 0 && strcmp (jobs->ids [kept - 1], jobs->ids [i]) == 0)
            free (jobs->ids [i]);
        else
            jobs->ids [kept++] = jobs->ids [i];
    jobs->count = kept;
}

static void jobs_free (jobs_t *jobs)
{
    while (jobs->count > 0)
        free (jobs->ids [--jobs->count]);
    free (jobs->ids);
}

static bool is_on (const jobs_t *jobs, const char *file_id)
{
    return jobs->count > 0 && bsearch (&file_id, jobs->ids, jobs->count, sizeof *jobs->ids, compare_ids) != NULL;
}

/* What stands on the board: a job, or something that only a job may leave there. */
static void find_orphans (const jobs_t *jobs, const jobs_t *traces)
{
    for (size_t i = 0; i < traces->count; i++) {
        const char *file_id = traces->ids [i];
        file_row_t file;
        bool is_job = is_on (jobs, file_id);
        bool there = store_get_file (jobs->check->store, file_id, &file) == 0;
        if (there && is_job && file.state < FILE_COMPLETED)
            continue;
        findings_add (jobs->check->findings, FINDING_FAULT, part, "orphan: %s of %s, which %s",
                      is_job ? "the job" : "a key", file_id,
                      !there ? "is not in the store" : file.state < FILE_COMPLETED ? "has no job" : "is finished");
    }
}

static void on_unfinished (void *context, const file_row_t *file)
{
    const jobs_t *jobs = context;
    if (!is_on (jobs, file->id))
        findings_add (jobs->check->findings, FINDING_FAULT, part, "%s is %s, and has no job", file->id,
                      file_state_name (file->state));
}

static void compare (jobs_t *jobs, const jobs_t *traces)
{
    check_t *check = jobs->check;
    if (jobs->out_of_memory || traces->out_of_memory)
        error_set (ERROR_NO_MEMORY, NULL);
    if (jobs->out_of_memory || traces->out_of_memory || store_hold (check->store) != 0
        || store_list_unfinished (check->store, "", UINT32_MAX, on_unfinished, jobs) != 0)
        check_failed (check, part);
    else {
        find_orphans (jobs, traces);
        fprintf (check->out, "board: jobs=%zu\n", jobs->count);
    }
    store_release (check->store);
}

void check_board (check_t *check)
{
    jobs_t jobs = {.check = check}, traces = {.check = check};
    check->board_answers = job_board_answers (check->board)
        && job_board_list (check->board, add, &jobs) == 0 && job_board_traces (check->board, add, &traces) == 0;
    sort (&jobs);
    sort (&traces);
    if (check->board_answers)
        compare (&jobs, &traces);
    else
        fprintf (check->out, "board: not looked at, since its Redis does not run\n");
    jobs_free (&jobs);
    jobs_free (&traces);
}
