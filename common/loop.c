/* The event loop: CZMQ's zloop, a queue of calls from other threads, and an end by signal. */
#include "loop.h"

#include <czmq.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "error.h"
#include "loop_sockets.h"

typedef struct watch {
    struct watch *next;
    loop_t *loop;
    int fd;
    loop_fd_handler_t *handler;
    void *context;
} watch_t;

typedef struct timer {
    struct timer *next;
    loop_t *loop;
    int id;
    loop_timer_handler_t *handler;
    void *context;
} timer_entry_t;

typedef struct posted {
    struct posted *next;
    loop_call_t *handler, *drop;
    void *argument;
} posted_t;

struct loop {
    zloop_t *zloop;
    bool stopped;
    loop_signal_handler_t *told;   /* to end, by a signal; NULL: it stops */
    void *told_context;
    watch_t *watches;
    timer_entry_t *timers;
    int wake;                   /* eventfd: readable while calls are posted */
    pthread_mutex_t posting;    /* guards the list below */
    posted_t *first, **last;
};

static int verdict (const loop_t *loop)
{
    return loop->stopped ? -1 : 0;
}

/* -- signals --------------------------------------------------------------------------------- */

static int signal_wake = -1;   /* the one thing a signal handler may touch */

static void on_signal (int number UNUSED)
{
    uint64_t one = 1;
    ssize_t written UNUSED = write (signal_wake, &one, sizeof one);
}

static void on_signal_wake (void *context, int fd)
{
    loop_t *loop = context;
    uint64_t count;
    ssize_t got UNUSED = read (fd, &count, sizeof count);
    if (loop->told)
        loop->told (loop->told_context);
    else
        loop_stop (loop);
}

void loop_on_signal (loop_t *loop, loop_signal_handler_t *handler, void *context)
{
    loop->told = handler;
    loop->told_context = context;
}

static int signals_catch (loop_t *loop)
{
    signal_wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_wake < 0)
        return error_set (ERROR_NO_MEMORY, "no descriptor is left for the event loop");
    struct sigaction action = {.sa_handler = on_signal};
    sigaction (SIGTERM, &action, NULL);
    sigaction (SIGINT, &action, NULL);
    signal (SIGPIPE, SIG_IGN);
    return loop_watch (loop, signal_wake, false, on_signal_wake, loop);
}

/* -- calls from other threads ---------------------------------------------------------------- */

static posted_t *posted_take (loop_t *loop)
{
    uint64_t count;
    ssize_t got UNUSED = read (loop->wake, &count, sizeof count);
    pthread_mutex_lock (&loop->posting);
    posted_t *calls = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock (&loop->posting);
    return calls;
}

static void on_wake (void *context, int fd UNUSED)
{
    for (posted_t *call = posted_take (context); call;) {
        posted_t *next = call->next;
        call->handler (call->argument);
        free (call);
        call = next;
    }
}

void loop_post (loop_t *loop, loop_call_t *handler, void *argument)
{
    loop_post_owned (loop, handler, NULL, argument);
}

void loop_post_owned (loop_t *loop, loop_call_t *handler, loop_call_t *drop, void *argument)
{
    posted_t *call = malloc (sizeof *call);
    while (!call) {   /* a call that is owed must come: wait for memory */
        usleep (1000);
        call = malloc (sizeof *call);
    }
    *call = (posted_t) {.handler = handler, .drop = drop, .argument = argument};
    pthread_mutex_lock (&loop->posting);
    *loop->last = call;
    loop->last = &call->next;
    pthread_mutex_unlock (&loop->posting);
    uint64_t one = 1;
    ssize_t written UNUSED = write (loop->wake, &one, sizeof one);
}

/* -- lifetime -------------------------------------------------------------------------------- */

static void zeromq_start (void)
{
    zsys_init ();
    zsys_set_io_threads (LOOP_IO_THREADS);
}

loop_t *loop_new (void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, zeromq_start);
    zsys_handler_set (NULL);
    loop_t *loop = calloc (1, sizeof *loop);
    if (!loop) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    loop->last = &loop->first;
    pthread_mutex_init (&loop->posting, NULL);
    loop->zloop = zloop_new ();
    zloop_set_nonstop (loop->zloop, true);
    loop->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake < 0 || loop_watch (loop, loop->wake, false, on_wake, loop) != 0
        || signals_catch (loop) != 0) {
        loop_destroy (&loop);
        error_set (ERROR_NO_MEMORY, "no descriptor is left for the event loop");
    }
    return loop;
}

void loop_destroy (loop_t **loop_p)
{
    loop_t *loop = *loop_p;
    if (!loop)
        return;
    for (posted_t *call = posted_take (loop), *next; call; call = next) {
        next = call->next;
        if (call->drop)
            call->drop (call->argument);
        free (call);
    }
    while (loop->timers)
        loop_timer_end (loop, loop->timers->id);
    while (loop->watches)
        loop_unwatch (loop, loop->watches->fd);
    zloop_destroy (&loop->zloop);
    close (loop->wake);
    close (signal_wake);
    signal_wake = -1;
    pthread_mutex_destroy (&loop->posting);
    free (loop);
    *loop_p = NULL;
}

void loop_run (loop_t *loop)
{
    while (!loop->stopped)
        zloop_start (loop->zloop);
}

void loop_stop (loop_t *loop)
{
    loop->stopped = true;
}

void loop_restart (loop_t *loop)
{
    loop->stopped = false;
}

uint64_t loop_now_ms (void)
{
    return (uint64_t) zclock_mono ();
}

/* -- descriptors ----------------------------------------------------------------------------- */

static int on_fd (zloop_t *zloop UNUSED, zmq_pollitem_t *item, void *argument)
{
    watch_t *watch = argument;
    loop_t *loop = watch->loop;   /* the handler may end its watch */
    watch->handler (watch->context, item->fd);
    return verdict (loop);
}

int loop_watch (loop_t *loop, int fd, bool writable_too, loop_fd_handler_t *handler, void *context)
{
    watch_t *watch = malloc (sizeof *watch);
    if (!watch)
        return error_set (ERROR_NO_MEMORY, NULL);
    *watch = (watch_t) {loop->watches, loop, fd, handler, context};
    loop->watches = watch;
    zmq_pollitem_t item = {.fd = fd, .events = (short) (ZMQ_POLLIN | (writable_too ? ZMQ_POLLOUT : 0))};
    zloop_poller (loop->zloop, &item, on_fd, watch);
    zloop_poller_set_tolerant (loop->zloop, &item);
    return 0;
}

void loop_unwatch (loop_t *loop, int fd)
{
    for (watch_t **link = &loop->watches; *link; link = &(*link)->next) {
        watch_t *watch = *link;
        if (watch->fd != fd)
            continue;
        zmq_pollitem_t item = {.fd = fd};
        zloop_poller_end (loop->zloop, &item);
        *link = watch->next;
        free (watch);
        return;
    }
}

/* -- timers ---------------------------------------------------------------------------------- */

static int on_timer (zloop_t *zloop UNUSED, int id UNUSED, void *argument)
{
    timer_entry_t *timer = argument;
    loop_t *loop = timer->loop;
    timer->handler (timer->context);
    return verdict (loop);
}

int loop_timer (loop_t *loop, int interval_ms, loop_timer_handler_t *handler, void *context)
{
    timer_entry_t *timer = malloc (sizeof *timer);
    if (!timer)
        return error_set (ERROR_NO_MEMORY, NULL);
    *timer = (timer_entry_t) {loop->timers, loop, -1, handler, context};
    timer->id = zloop_timer (loop->zloop, (size_t) interval_ms, 0, on_timer, timer);
    loop->timers = timer;
    return timer->id;
}

void loop_timer_end (loop_t *loop, int id)
{
    for (timer_entry_t **link = &loop->timers; *link; link = &(*link)->next) {
        timer_entry_t *timer = *link;
        if (timer->id != id)
            continue;
        zloop_timer_end (loop->zloop, id);
        *link = timer->next;
        free (timer);
        return;
    }
}

/* -- sockets, for channel.c ------------------------------------------------------------------ */

int loop_socket_watch (loop_t *loop, zsock_t *socket, zloop_reader_fn *handler, void *context)
{
    int outcome = zloop_reader (loop->zloop, socket, handler, context);
    zloop_reader_set_tolerant (loop->zloop, socket);
    return outcome;
}

void loop_socket_unwatch (loop_t *loop, zsock_t *socket)
{
    zloop_reader_end (loop->zloop, socket);
}

int loop_verdict (const loop_t *loop)
{
    return verdict (loop);
}
