/* The ceiling: what bodies, their JSON and answers may take of memory together. Whoever would pass it
 * is told to come back; the last of the room is for what is small. Nothing that is under way is
 * harmed. On the loop's thread only. */
#ifndef QUIRE_GATEWAY_CEILING_H
#define QUIRE_GATEWAY_CEILING_H

#include "macros.h"

void ceiling_set (uint64_t bytes);
MUST_CHECK bool ceiling_take (size_t bytes);   /* false with TOO_MANY_REQUESTS: there is no room */
void ceiling_give (size_t bytes);

/* Makes a block that counts at least `wanted` bytes large, by doubling; one of no bytes begins with
 * `first`. Returns 0, or -1 with TOO_MANY_REQUESTS or NO_MEMORY, and it stays as it is. */
MUST_CHECK int ceiling_grow (char **block, size_t *capacity, size_t wanted, size_t first);
uint64_t ceiling_held (void);

#endif
