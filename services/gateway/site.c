/* site: see site.h. */
#include "site.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "address.h"

static bool is_host (const char *host)
{
    static const char letters [] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    size_t size = host == NULL ? 0 : strlen (host);
    return size > 0 && size <= MAX_HOST_BYTES && strspn (host, letters) == size;
}

void site_base (const char *host, const char *scheme, char out [MAX_SITE])
{
    bool is_secure = scheme != NULL && strcasecmp (scheme, "https") == 0;
    *out = 0;
    if (is_host (host))
        snprintf (out, MAX_SITE, "%s://%s", is_secure ? "https" : "http", host);
}

/* No answer of a DNS server says what is behind these. */
static bool is_fixed (const char *host)
{
    address_t address;
    size_t bracket = *host == '[' ? 1 : 0, size = strcspn (host + bracket, bracket ? "]" : ":");
    const char *after = host + bracket + size;
    if (bracket && (after [0] != ']' || (after [1] != 0 && after [1] != ':')))
        return false;
    return address_parse (host + bracket, size, &address)
           || (size == strlen ("localhost") && strncasecmp (host, "localhost", size) == 0);
}

bool site_may_ask (const char *origin, const char *host, bool wants_key)
{
    if (origin == NULL)
        return true;
    if (!is_host (host))
        return false;
    const char *from = strncmp (origin, "http://", 7) == 0 ? origin + 7
                     : strncmp (origin, "https://", 8) == 0 ? origin + 8 : "";
    return strcasecmp (from, host) == 0 && (wants_key || is_fixed (host));
}
