/* A name server that does not answer; preloaded into all roles. A name that ends in .silent is looked up
 * until the test ends the process. (The system itself would give up after 10 s or more, and be asked again
 * with the next try to connect.) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static int is_silent (const char *name)
{
    static const char end [] = ".silent";
    size_t size = name ? strlen (name) : 0;
    return size > sizeof end - 1 && strcmp (name + size - (sizeof end - 1), end) == 0;
}

int getaddrinfo (const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    int (*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
    while (is_silent (name))
        pause ();
    *(void **) &real = dlsym (RTLD_NEXT, "getaddrinfo");
    return real (name, service, hints, found);
}
