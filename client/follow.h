/* Follow: what the service does with the files that it was given, by its event stream. The stream only
 * says sooner what a look at each file would say too, so a broken one costs time and nothing else. */
#ifndef QUIRE_CLIENT_FOLLOW_H
#define QUIRE_CLIENT_FOLLOW_H

#include "session.h"
#include "sse.h"

typedef struct {
    session_t *session;
    void (*news) (void *context, yyjson_val *event);   /* a file is further */
    void (*reopened) (void *context);                  /* events may have been missed */
    void *context;
    sse_t *reader;
    bool is_open, was_open;
    int64_t next_ms;   /* when it may be opened again */
    unsigned tries;
} follow_t;

/* Opens the stream when it is not open and may be; now_ms: a clock that never goes back. */
void follow_turn (follow_t *follow, int64_t now_ms);
void follow_close (follow_t *follow);

#endif
