/* Sites: by which name a client knows this server, and which web pages may ask it. Pure. */
#ifndef QUIRE_GATEWAY_SITE_H
#define QUIRE_GATEWAY_SITE_H

#include "macros.h"

#define MAX_HOST_BYTES 255
#define MAX_SITE       (MAX_HOST_BYTES + 10)

/* "http://host:port" from what came as Host and, perhaps, as X-Forwarded-Proto; "" when the host is not
 * known or is no host. */
void site_base (const char *host, const char *scheme, char out [MAX_SITE]);

/* May a page of this Origin ask? NULL: no page asks, but a program; it may. A page must be of this host.
 * Where no key is wanted, the host must also be an address or 'localhost': by any other name a page of
 * somebody else's can come to be of this host, as its own DNS server says (DNS rebinding). */
bool site_may_ask (const char *origin, const char *host, bool wants_key);

/* Is the server meant by this Host, where no key is wanted? By an address, by a name that no public DNS
 * server tells of ('localhost', one without a dot, a reserved ending such as .local or .internal), or by one of
 * `names` (parted by commas; "*.example.com": also those below it; "*": any). NULL or "": no browser asks. */
bool site_is_own (const char *host, const char *names);

#endif
