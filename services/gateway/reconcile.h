/* Reconciling: the board is told of a file's end as well as can be; when that was missed (Redis or the
 * answerer was away just then) the job would stand there for ever. So jobs that have been silent for
 * a while, and those that stand on a board that has come back, are compared with the store. */
#ifndef QUIRE_GATEWAY_RECONCILE_H
#define QUIRE_GATEWAY_RECONCILE_H

#include "loop.h"

void reconcile_start (loop_t *loop);
void reconcile_stop (void);
void reconcile_board (void);   /* compares all that is on the board, a few files at a time */

#endif
