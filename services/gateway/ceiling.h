/* The ceiling: what bodies, their JSON and answers may take of memory together. Whoever would pass it
 * is told to come back; nothing that is under way is harmed. On the loop's thread only. */
#ifndef QUIRE_GATEWAY_CEILING_H
#define QUIRE_GATEWAY_CEILING_H

#include "macros.h"

void ceiling_set (uint64_t bytes);
MUST_CHECK bool ceiling_take (size_t bytes);   /* false with TOO_MANY_REQUESTS: there is no room */
void ceiling_give (size_t bytes);
uint64_t ceiling_held (void);

#endif
