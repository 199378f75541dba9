/* Sweep: finds blobs that no file has, which a process that ended at the wrong moment left behind.
 *
 * All files are asked for; only when the answerer has named them to the last is the list compared
 * with the files folder. That is done when the answerer comes, and again each time that a blob can
 * have become old enough. */
#ifndef QUIRE_GATEWAY_SWEEP_H
#define QUIRE_GATEWAY_SWEEP_H

#include "loop.h"

void sweep_start (loop_t *loop);
void sweep_stop (void);
void sweep_begin (void);   /* unless one is under way */

#endif
