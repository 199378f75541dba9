/* Processors: how many this process may use, which is how many threads are worth having. */
#ifndef QUIRE_PROCESSORS_H
#define QUIRE_PROCESSORS_H

#include "macros.h"

/* Those that it may run on (its affinity), or fewer when a limit says so, as docker's --cpus does. At
 * least 1. */
size_t processors_usable (void);

/* How many processors a group's limit (cpu.max of Linux's control groups, "150000 100000") comes to,
 * rounded up; 0: no limit. Pure. */
size_t processors_of_limit (const char *text);

#endif
