/* The event loop of a process: sockets, timers and work done on other threads, all handlers on one
 * thread. */
#ifndef QUIRE_LOOP_H
#define QUIRE_LOOP_H

#include "macros.h"

typedef struct loop loop_t;

MUST_CHECK loop_t *loop_new (void);
void loop_destroy (loop_t **loop);

void loop_run (loop_t *loop);      /* until loop_stop, SIGTERM or SIGINT */
void loop_stop (loop_t *loop);     /* from a handler */
void loop_restart (loop_t *loop);  /* after loop_run came back: it may run again */

/* At SIGTERM and SIGINT calls handler in the place of loop_stop. */
typedef void (loop_signal_handler_t) (void *context);
void loop_on_signal (loop_t *loop, loop_signal_handler_t *handler, void *context);

/* Calls handler whenever fd is readable (writable too when asked), until unwatched. */
typedef void (loop_fd_handler_t) (void *context, int fd);
MUST_CHECK int loop_watch (loop_t *loop, int fd, bool writable_too, loop_fd_handler_t *handler,
                           void *context);
void loop_unwatch (loop_t *loop, int fd);

/* Calls handler every interval_ms. Returns an id for loop_timer_end. */
typedef void (loop_timer_handler_t) (void *context);
int loop_timer (loop_t *loop, int interval_ms, loop_timer_handler_t *handler, void *context);
void loop_timer_end (loop_t *loop, int timer);

/* Has handler called on the loop's thread soon. The only calls that other threads may make. A loop
 * that ends before that calls drop instead, if there is one: it gives up what the argument owns. */
typedef void (loop_call_t) (void *argument);
void loop_post (loop_t *loop, loop_call_t *handler, void *argument);
void loop_post_owned (loop_t *loop, loop_call_t *handler, loop_call_t *drop, void *argument);

uint64_t loop_now_ms (void);       /* monotonic clock */

/* Threads that do the work that would hold the loop up: `work` runs on one of them, then `done` on
 * the loop's thread. Work is begun in order; urgent work goes before the rest. One thread makes a
 * pool that does one thing at a time. */
typedef struct pool pool_t;
MUST_CHECK pool_t *pool_new (loop_t *loop, int threads);
void pool_destroy (pool_t **pool);   /* finishes work that runs; drops the rest without `done` */
typedef void (pool_call_t) (void *argument);
MUST_CHECK int pool_submit (pool_t *pool, bool urgent, pool_call_t *work, pool_call_t *done,
                            void *argument);   /* 0, or -1 with NO_MEMORY */

/* From within work that is not urgent: does what urgent work waits, on this thread, before it goes
 * on. So urgent work need not wait until a thread is free. */
void pool_run_urgent (pool_t *pool);

#endif
