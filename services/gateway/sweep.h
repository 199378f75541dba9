/* Sweep: finds blobs that no file has, which a process that ended at the wrong moment left behind.
 *
 * All files are asked for; only when the answerer has named them to the last is the list compared
 * with the files folder. */
#ifndef QUIRE_GATEWAY_SWEEP_H
#define QUIRE_GATEWAY_SWEEP_H

void sweep_begin (void);   /* unless one is under way */

#endif
