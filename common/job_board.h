/* The job board: where every file that is being worked on stands, kept in Redis so that it outlives
 * any process and all can see it. The store is the truth; a lost board is rebuilt from it.
 *
 *   quire:jobs                set of the ids of the files that are not finished
 *   quire:job:<file id>       hash: state, pages, pages_done, chunks, vectors, reason
 *   quire:attempts:<file id>  hash: "<first>-<last>" -> how often that range was begun
 *   quire:events              channel: each change as one JSON object
 *
 * A connection is waited for BOARD_CONNECT_MS (its name too), an answer BOARD_REPLY_MS, since Redis answers a write
 * only when the disk has it and the disk may be busy; a Redis that is gone is known at once. When it
 * does not answer calls fail at once for a while (BOARD_REST_MS) and then try again. A board is used
 * by one thread. */
#ifndef QUIRE_JOB_BOARD_H
#define QUIRE_JOB_BOARD_H

#include "macros.h"

#define BOARD_CONNECT_MS 500
#define BOARD_REPLY_MS 5000
#define BOARD_REST_MS 1000

typedef struct job_board job_board_t;

/* A file's job. Steps go forward only: job_state_allowed. */
typedef enum {
    JOB_QUEUED = 1,     /* taken in; nothing known of it yet */
    JOB_READING,        /* number of pages known, pages being read */
    JOB_INDEXING,       /* every page committed, vectors being made */
    JOB_COMPLETED,      /* searchable by text and by meaning */
    JOB_FAILED,         /* can't be read at all; the reason says why */
    JOB_DELETED,        /* removed by the user */
} job_state_t;

const char *job_state_name (job_state_t state);
bool job_state_allowed (job_state_t from, job_state_t to);   /* pure */

/* What is known of a job; a change names only what it knows, -1 and NULL elsewhere. */
typedef struct {
    job_state_t state;      /* 0: as it is */
    int64_t pages, pages_done, chunks, vectors;
    const char *name;       /* of the file, for those who watch */
    const char *reason;     /* "" is none */
} job_progress_t;

#define JOB_PROGRESS_NONE ((job_progress_t) {.pages = -1, .pages_done = -1, .chunks = -1, .vectors = -1})

MUST_CHECK job_board_t *job_board_new (const char *url);   /* connects at first use */
void job_board_destroy (job_board_t **board);

void job_board_only_look (job_board_t *board);   /* for who leaves nothing on it, not even a mark */

bool job_board_answers (job_board_t *board);   /* asks it (PING) */

/* True once after Redis has been away or has come back empty: then rebuild it. */
bool job_board_was_lost (job_board_t *board);

/* Each returns 0, or -1 with BOARD_AWAY. */
MUST_CHECK int job_board_update (job_board_t *board, const char *file_id, job_progress_t progress);
MUST_CHECK int job_board_remove (job_board_t *board, const char *file_id);   /* finished, or deleted */

/* Tells the ids of all jobs that stand on the board. */
MUST_CHECK int job_board_list (job_board_t *board, void (*job) (void *context, const char *file_id),
                               void *context);

/* Tells the id of every file that has anything on the board, a job or what a job keeps there; the
 * same may come more than once. */
MUST_CHECK int job_board_traces (job_board_t *board, void (*trace) (void *context, const char *file_id),
                                 void *context);

/* Counts a try of a range before it is given out. Returns how many tries there were, this one
 * included, or -1 with BOARD_AWAY. Those of a file without a job are not kept. */
MUST_CHECK int job_board_attempt (job_board_t *board, const char *file_id, uint32_t first, uint32_t last);

/* Watching: a second connection that is told of every change. job_board_watch returns its
 * descriptor for the loop, or -1 with BOARD_AWAY; when it is readable, job_board_next gives the
 * events (JSON, valid until the next call) until NULL. *closed is set when it must be watched anew. */
MUST_CHECK int job_board_watch (job_board_t *board);
const char *job_board_next (job_board_t *board, bool *closed);

#endif
