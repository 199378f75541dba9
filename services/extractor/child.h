/* A child process that reads one file, as its extractor sees it: started with the file as an open
 * descriptor, asked one thing at a time, held to a time limit, killed when it breaks any rule.
 *
 * What a child sends is not trusted. Whatever ends it (its own crash, a limit, a reply that makes no
 * sense), `ended` is called once, later, from the loop. */
#ifndef QUIRE_CHILD_H
#define QUIRE_CHILD_H

#include "error.h"
#include "loop.h"
#include "message.h"

typedef struct child child_t;

typedef struct {
    /* A message; the handler may take *data (size bytes, which the message points into) by setting
     * it to NULL. It may ask for the next thing, or kill the child. */
    void (*reply) (void *context, const message_t *message, uint8_t **data, size_t size);

    /* It is gone, and *child destroyed: READER_DIED (by itself), READER_KILLED (by somebody else),
     * READER_FORBIDDEN, READER_BAD_REPLY, PAGE_TIMED_OUT, INTERNAL (it could not start); NONE when child_kill was called
     * with that. */
    void (*ended) (void *context, error_t why);
} child_handlers_t;

/* Is the program that children run where it should be? Returns 0, or -1 with INTERNAL. */
MUST_CHECK int child_check_program (void);

/* Starts a child for the file that fd holds; fd stays the caller's. NULL with INTERNAL. */
MUST_CHECK child_t *child_start (loop_t *loop, int fd, const child_handlers_t *handlers, void *context);

/* Lets others go first when the processors are busy: a question is worth more than a page more. */
void child_yield (const child_t *child);

/* Asks for something; its replies have to come within so many milliseconds. Returns 0, or -1 with
 * an error set when the request is none that can be sent. */
MUST_CHECK int child_ask (child_t *child, const message_t *request, long milliseconds);

/* Gives it so many milliseconds from now, or no limit when 0: it has nothing to do. */
void child_allow (child_t *child, long milliseconds);

/* Kills it when its time is over. To be called every tick. */
void child_check (child_t *child, uint64_t now_ms);

/* Kills it; `ended` gets `why`. */
void child_kill (child_t *child, error_t why);

/* Kills it and waits until it is gone, without `ended`; at the end of the service. */
void child_destroy (child_t **child);

#endif
