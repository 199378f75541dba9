/* Retries: how long to wait before a request is made once more. Pure. */
#ifndef QUIRE_CLIENT_RETRY_H
#define QUIRE_CLIENT_RETRY_H

#include "http.h"

typedef struct {
    unsigned tries;      /* that failed so far */
    long waited_ms;      /* between them */
} retry_t;

/* The service was busy, is being restarted, or not yet ready: returns the wait in ms, as the service
 * asked for or growing from one second, and counts it. Or -1: it is no such trouble, or it would last
 * longer than the patience. has_answered: the service was there before, so that an absence may pass. */
long retry_wait_ms (retry_t *retry, const answer_t *answer, bool has_answered, long patience_s);

#endif
