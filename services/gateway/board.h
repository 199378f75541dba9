/* The job board as the gateway uses it: its calls wait for Redis, so they are made on a thread of
 * their own, in order; and every change on the board is told to those who listen here. */
#ifndef QUIRE_GATEWAY_BOARD_H
#define QUIRE_GATEWAY_BOARD_H

#include "job_board.h"
#include "loop.h"

typedef struct {
    void (*lost) (void);                  /* has been away or is empty: put the jobs on it again */
    void (*event) (const char *json);     /* a job has changed */
} board_handlers_t;

MUST_CHECK int board_start (loop_t *loop, const char *url, const board_handlers_t *handlers);
void board_stop (void);

bool board_is_there (void);               /* as far as is known: at most about a second old */

/* outcome: 0, or the number of tries; -1 when the board is away. */
typedef void (board_done_t) (void *context, int outcome);

/* Texts are copied; done may be NULL. */
void board_update (const char *file_id, const job_progress_t *progress, board_done_t *done, void *context);
void board_remove (const char *file_id);
void board_attempt (const char *file_id, uint32_t first, uint32_t last, board_done_t *done, void *context);

/* Tells the ids of all files that have anything on the board, some more than once; nothing is told when
 * it is away. */
typedef void (board_listed_t) (void *context, const char *const *ids, size_t count);
void board_list (board_listed_t *listed, void *context);

#endif
