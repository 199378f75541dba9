/* Answers under way: from a question, over the search and the passages, to a text with citations and
 * its one end. All calls are made on the loop's thread. */
#ifndef QUIRE_ANSWERS_H
#define QUIRE_ANSWERS_H

#include "channel.h"
#include "library.h"

#define MAX_ANSWERS 256u   /* under way at once */

void answers_start (library_t *library, pool_t *readers, channel_t **channel);
void answers_stop (void);
void answers_tick (void);
bool answers_are_under_way (void);

void answers_begin (peer_t *peer, const message_t *request);
void answers_cancel (peer_t *peer, uint64_t request);
void answers_drop_unwanted (void);   /* those whose peer was lost */

#endif
