/* lookup: the addresses of a host by its name, waited for no longer than the caller says.
 *
 * The system's own call may take twenty seconds when the name server is silent, and can't be ended. So
 * it runs on a thread of its own, at most one for each lookup_t, that is left to itself when it takes too
 * long. What it still finds is used the next time. */
#ifndef QUIRE_LOOKUP_H
#define QUIRE_LOOKUP_H

#include "error.h"

#define LOOKUP_MAX_HOST      256
#define LOOKUP_MAX_ADDRESSES 8    /* the first ones; more are not tried */
#define LOOKUP_ADDRESS_BYTES 64   /* an IPv6 address with the name of an interface */

typedef struct lookup lookup_t;
typedef char lookup_address_t [LOOKUP_ADDRESS_BYTES];

MUST_CHECK lookup_t *lookup_new (const char *host);   /* NULL with NO_MEMORY */
void lookup_destroy (lookup_t **lookup);              /* waits for nothing */

/* Looks the name up. Returns how many addresses there are, in the order in which they are to be tried;
 * 0 when none was found or the time is over, with the reason in *why (a constant text). */
int lookup_addresses (lookup_t *lookup, int limit_ms, lookup_address_t addresses [LOOKUP_MAX_ADDRESSES],
                      const char **why);

#endif
