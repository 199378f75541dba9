/* The guard: who may ask what, and how often. Reads its settings once; then every request passes it
 * before its body is read. */
#ifndef QUIRE_GATEWAY_GUARD_H
#define QUIRE_GATEWAY_GUARD_H

#include "http.h"

MUST_CHECK int guard_start (void);   /* -1 with BAD_FIELD: a setting can't be used */
void guard_stop (void);

/* Returns 0, or -1 with HOST_NOT_KNOWN, INVALID_API_KEY or RATE_LIMIT_EXCEEDED and the headers that belong to it.
 * route NULL: there is none, and no file of the page. */
MUST_CHECK int guard_admit (request_t *request, const route_t *route);

/* The same for a question in what a route that is no question takes. Returns 0, or -1 with
 * RATE_LIMIT_EXCEEDED; no header is added. */
MUST_CHECK int guard_count_question (request_t *request);

bool guard_wants_key (const route_t *route);
bool guard_is_question (const route_t *route);      /* counts against the questions a minute */
const networks_t *guard_proxies (void);             /* whose X-Forwarded-For is believed */

#endif
