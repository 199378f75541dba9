/* Names of hosts, on a thread that nobody has to wait for. */
#include "lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef enum {
    LOOKUP_IDLE,      /* nothing is asked */
    LOOKUP_RUNNING,   /* the thread is there */
    LOOKUP_DONE,      /* found, or not, and not yet told */
} state_t;

struct lookup {
    pthread_mutex_t lock;   /* guards all that follows but the host */
    pthread_cond_t done;
    state_t state;
    bool is_dropped;        /* the thread frees it */
    int outcome;            /* of getaddrinfo */
    int count;
    lookup_address_t addresses [LOOKUP_MAX_ADDRESSES];
    char host [LOOKUP_MAX_HOST];
};

lookup_t *lookup_new (const char *host)
{
    lookup_t *lookup = calloc (1, sizeof *lookup);
    if (!lookup) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    snprintf (lookup->host, sizeof lookup->host, "%s", host);
    pthread_condattr_t clock;
    pthread_condattr_init (&clock);
    pthread_condattr_setclock (&clock, CLOCK_MONOTONIC);
    pthread_cond_init (&lookup->done, &clock);
    pthread_condattr_destroy (&clock);
    pthread_mutex_init (&lookup->lock, NULL);
    return lookup;
}

static void lookup_free (lookup_t *lookup)
{
    pthread_mutex_destroy (&lookup->lock);
    pthread_cond_destroy (&lookup->done);
    free (lookup);
}

void lookup_destroy (lookup_t **lookup_p)
{
    lookup_t *lookup = *lookup_p;
    if (!lookup)
        return;
    *lookup_p = NULL;
    pthread_mutex_lock (&lookup->lock);
    lookup->is_dropped = true;
    bool is_running = lookup->state == LOOKUP_RUNNING;
    pthread_mutex_unlock (&lookup->lock);
    if (!is_running)
        lookup_free (lookup);
}

/* -- on the thread --------------------------------------------------------------------------- */

static void take_addresses (lookup_t *lookup, const struct addrinfo *found)
{
    lookup->count = 0;
    for (; found && lookup->count < LOOKUP_MAX_ADDRESSES; found = found->ai_next)
        if (getnameinfo (found->ai_addr, found->ai_addrlen, lookup->addresses [lookup->count],
                         LOOKUP_ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST) == 0)
            lookup->count++;
}

static void *look_up (void *argument)
{
    lookup_t *lookup = argument;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int outcome = getaddrinfo (lookup->host, NULL, &hints, &found);
    pthread_mutex_lock (&lookup->lock);
    lookup->outcome = outcome;
    take_addresses (lookup, outcome == 0 ? found : NULL);
    lookup->state = LOOKUP_DONE;
    bool is_dropped = lookup->is_dropped;
    pthread_cond_signal (&lookup->done);
    pthread_mutex_unlock (&lookup->lock);
    if (outcome == 0)
        freeaddrinfo (found);
    if (is_dropped)
        lookup_free (lookup);
    return NULL;
}

/* -- for the caller -------------------------------------------------------------------------- */

static void begin (lookup_t *lookup)
{
    pthread_t thread;
    pthread_attr_t detached;
    pthread_attr_init (&detached);
    pthread_attr_setdetachstate (&detached, PTHREAD_CREATE_DETACHED);
    lookup->state = LOOKUP_RUNNING;
    if (pthread_create (&thread, &detached, look_up, lookup) != 0) {
        lookup->outcome = EAI_MEMORY;
        lookup->count = 0;
        lookup->state = LOOKUP_DONE;
    }
    pthread_attr_destroy (&detached);
}

static struct timespec time_in (int ms)
{
    struct timespec when;
    clock_gettime (CLOCK_MONOTONIC, &when);
    when.tv_sec += ms / 1000;
    when.tv_nsec += ms % 1000 * 1000000L;
    if (when.tv_nsec >= 1000000000L) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000L;
    }
    return when;
}

static int tell (lookup_t *lookup, lookup_address_t addresses [LOOKUP_MAX_ADDRESSES], const char **why)
{
    if (lookup->state == LOOKUP_RUNNING) {
        *why = "its name is not found in time";
        return 0;
    }
    lookup->state = LOOKUP_IDLE;
    *why = lookup->outcome == 0 ? "its name has no address" : gai_strerror (lookup->outcome);
    for (int i = 0; i < lookup->count; i++)
        snprintf (addresses [i], LOOKUP_ADDRESS_BYTES, "%s", lookup->addresses [i]);
    return lookup->count;
}

int lookup_addresses (lookup_t *lookup, int limit_ms, lookup_address_t addresses [LOOKUP_MAX_ADDRESSES],
                      const char **why)
{
    const struct timespec limit = time_in (limit_ms);
    pthread_mutex_lock (&lookup->lock);
    if (lookup->state == LOOKUP_IDLE)
        begin (lookup);
    while (lookup->state == LOOKUP_RUNNING
           && pthread_cond_timedwait (&lookup->done, &lookup->lock, &limit) == 0)
        ;
    int count = tell (lookup, addresses, why);
    pthread_mutex_unlock (&lookup->lock);
    return count;
}
