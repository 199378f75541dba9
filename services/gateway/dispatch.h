/* Dispatch: the rules by which pages are handed to extractors. Pure: no socket, no clock.
 *
 * Files take turns, so that a letter does not wait for a book. A task that has lost its worker is a
 * suspect: it goes to a worker that has nothing else, so that the next loss is its own and no other
 * task's. A range that was tried twice is parted in halves; a page that was twice lost so is given up. */
#ifndef QUIRE_GATEWAY_DISPATCH_H
#define QUIRE_GATEWAY_DISPATCH_H

#include "error.h"

#define MAX_TRIES 2   /* of a range before it is parted, and losses of a page before it is given up */

typedef struct {
    uint32_t first, last;   /* pages, both included */
} range_t;

/* -- what becomes of a task that is to be tried -- */

typedef enum { VERDICT_TRY, VERDICT_PART, VERDICT_GIVE_UP } verdict_t;

/* range     {0, 0} for the inspection of a file
 * tries     that the board has counted before this one, by any gateway; one that a worker answered
 *           with an error of the service is not counted again
 * losses    of a worker that had nothing else, that this gateway has seen itself: a worker that had
 *           others too may have died of them, and a gateway that was stopped in the middle has
 *           counted a try, which is not the page's fault */
verdict_t dispatch_verdict (range_t range, int tries, uint32_t losses);

/* What a worker's error says of a task: that of the file ends it; that of a page counts as a loss, since
 * it may be of one page among many; any other is the service's own, passes, and never fails a file. */
typedef enum { FAILURE_OF_FILE, FAILURE_OF_PAGE, FAILURE_OF_SERVICE } failure_t;
failure_t dispatch_failure (range_t range, error_t error);

/* How long to rest after the service has failed a task so many times running. */
uint64_t dispatch_rest_ms (uint32_t failures);

/* Halves a range of at least two pages. */
void range_part (range_t range, range_t halves [2]);

/* Cuts `range` into pieces of at most `pages`; writes at most `capacity`, returns how many. */
size_t range_cut (range_t range, uint32_t pages, range_t *out, size_t capacity);

/* What is left of `range` after the page ranges of `taken` [count] are taken away, in order. Writes
 * at most `capacity` pieces (count + 1 are enough), returns how many. */
size_t range_subtract (range_t range, const range_t *taken, size_t count, range_t *out, size_t capacity);

/* -- which worker -- */

typedef struct {
    uint32_t credit, tasks;
} worker_t;

/* Chooses for the next task: the worker with the most room, or, for a suspect, one without a task.
 * While a suspect waits, the worker with the fewest tasks gets no others and so comes free; a worker
 * that has a suspect (`held`) gets none either. Returns its index, or -1. */
int dispatch_choose (const worker_t *workers, const bool *held, size_t count, bool suspect,
                     bool suspect_waits);

/* -- whose turn -- */

/* An entry of the queue; part of a task. */
typedef struct turn {
    struct turn *next;
} turn_t;

/* A file's waiting tasks; part of a job. Zeroed is empty. */
typedef struct lane {
    struct lane *next;
    turn_t *first, *last;
    bool listed;
} lane_t;

/* All lanes that have something waiting. Zeroed is empty. */
typedef struct {
    lane_t *first, *last;
} queue_t;

void queue_put (queue_t *queue, lane_t *lane, turn_t *turn);         /* behind the lane's others */
void queue_put_first (queue_t *queue, lane_t *lane, turn_t *turn);   /* before them */
turn_t *queue_take (queue_t *queue);    /* of the lane whose turn it is, or NULL */
void queue_drop_lane (queue_t *queue, lane_t *lane);   /* its entries are the caller's */

#endif
