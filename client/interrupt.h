/* Interrupt: Ctrl-C (or SIGTERM) asks a command to end in good order; the second one ends it at once. */
#ifndef QUIRE_CLIENT_INTERRUPT_H
#define QUIRE_CLIENT_INTERRUPT_H

#include "macros.h"

/* Returns 0, or -1 when the system has no descriptor left. */
MUST_CHECK int interrupt_start (void);

bool interrupt_came (void);
int interrupt_fd (void);   /* can be read once it came; nobody reads it */

/* Waits, and returns whether it came. */
bool interrupt_wait (long milliseconds);

/* Ends the process by the signal that came, as its parent expects. */
void interrupt_obey (void);

#endif
