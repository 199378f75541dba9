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

/* -- names ----------------------------------------------------------------------------------- */

static bool ends_with (const char *name, size_t size, const char *end, size_t end_size)
{
    return size > end_size && strncasecmp (name + size - end_size, end, end_size) == 0;
}

/* Only who is on this machine or in this network says what is behind these. */
static bool is_private (const char *name, size_t size)
{
    static const char *const ends [] = {".localhost", ".local", ".internal", ".home.arpa", ".lan", ".home", ".corp", ".svc"};
    for (size_t i = 0; i < COUNT_OF (ends); i++)
        if (ends_with (name, size, ends [i], strlen (ends [i])))
            return true;
    return memchr (name, '.', size) == NULL;
}

static bool is_named (const char *name, size_t size, const char *names)
{
    for (size_t length; names += strspn (names, ", "), (length = strcspn (names, ", ")) > 0; names += length) {
        bool below = length > 1 && names [0] == '*';
        if (length == 1 && names [0] == '*')
            return true;
        if (below && (ends_with (name, size, names + 1, length - 1)
                      || (size == length - 2 && strncasecmp (name, names + 2, size) == 0)))
            return true;
        if (size == length && strncasecmp (name, names, size) == 0)
            return true;
    }
    return false;
}

bool site_is_own (const char *host, const char *names)
{
    if (host == NULL || *host == 0 || is_fixed (host))
        return true;
    size_t size = strcspn (host, ":");
    if (size > 0 && host [size - 1] == '.')   /* the root, which says nothing */
        size--;
    return is_host (host) && strpbrk (host, "[]") == NULL && (is_private (host, size) || is_named (host, size, names));
}
