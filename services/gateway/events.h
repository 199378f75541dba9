/* Event streams: what happens to each file, told to all who listen.
 *
 * A stream has no queue. The files whose state is known stand in the order of their last change, and
 * a stream remembers up to where it has told: a slow reader is told the newest state of each file,
 * and costs nothing more for being slow. */
#ifndef QUIRE_GATEWAY_EVENTS_H
#define QUIRE_GATEWAY_EVENTS_H

#include "loop.h"

#define MAX_EVENT_BYTES   8192
#define MAX_ENDED_EVENTS  1000    /* of files that are finished: told once, then let go */
#define STREAM_COMMENT_S  15      /* a comment is sent this often, so that proxies keep the stream open */

void events_start (loop_t *loop);
void events_limit (size_t streams);     /* at once; those beyond are refused */
void events_end_streams (void);         /* each ends when it has told what there is */
void events_stop (void);
void events_take (const char *json);    /* a change, as the board tells it */

/* Tells, at most `most`, the unfinished files of which nothing was heard for silence_ms, each once in
 * that time. */
void events_silent (uint64_t silence_ms, size_t most, void (*file) (void *context, const char *file_id),
                    void *context);

#endif
