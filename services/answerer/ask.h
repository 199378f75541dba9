/* The link ask: what gateways ask for is handed to the writer, to a reader, or to an embedder
 * first. All calls are made on the loop's thread. */
#ifndef QUIRE_ASK_H
#define QUIRE_ASK_H

#include "channel.h"
#include "library.h"
#include "origin.h"

void ask_start (library_t *library, pool_t *readers, channel_t **channel);
void ask_stop (void);
void ask_close (void);       /* takes no more requests; those under way go on */
bool ask_is_busy (void);     /* a request is under way */

/* Answers a request that could not be begun with this thread's error, and destroys the origin. */
void ask_refuse (origin_t **origin, const message_t *request);

extern const channel_handlers_t ask_handlers;

#endif
