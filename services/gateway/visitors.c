/* visitors: a table of the addresses that have a connection; as large as there are connections. */
#include "visitors.h"

#include <stdlib.h>

#include "error.h"

#define BUCKETS 1024

typedef struct visitor {
    struct visitor *next;
    address_t address;
    unsigned count;
} visitor_t;

struct visitors {
    unsigned most;
    visitor_t *buckets [BUCKETS];
};

visitors_t *visitors_new (unsigned most)
{
    visitors_t *visitors = calloc (1, sizeof *visitors);
    if (visitors == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    else
        visitors->most = most;
    return visitors;
}

void visitors_destroy (visitors_t **visitors_p)
{
    for (size_t i = 0; *visitors_p != NULL && i < BUCKETS; i++)
        for (visitor_t *visitor = (*visitors_p)->buckets [i], *next; visitor != NULL; visitor = next) {
            next = visitor->next;
            free (visitor);
        }
    free (*visitors_p);
    *visitors_p = NULL;
}

static size_t bucket_of (const address_t *address)
{
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < sizeof address->bytes; i++)
        value = (value ^ address->bytes [i]) * 16777619u;
    return value % BUCKETS;
}

static visitor_t *visitor_lookup (const visitors_t *visitors, const address_t *address)
{
    visitor_t *visitor = visitors->buckets [bucket_of (address)];
    while (visitor != NULL && !address_equal (&visitor->address, address))
        visitor = visitor->next;
    return visitor;
}

bool visitors_full (const visitors_t *visitors, const address_t *address)
{
    const visitor_t *visitor = visitor_lookup (visitors, address);
    return visitors->most > 0 && visitor != NULL && visitor->count >= visitors->most;
}

bool visitors_enter (visitors_t *visitors, const address_t *address)
{
    visitor_t *visitor = visitor_lookup (visitors, address);
    if (visitors_full (visitors, address))
        return false;
    if (visitor == NULL) {
        visitor = calloc (1, sizeof *visitor);
        if (visitor == NULL)
            return false;
        visitor_t **bucket = &visitors->buckets [bucket_of (address)];
        *visitor = (visitor_t) {.next = *bucket, .address = *address};
        *bucket = visitor;
    }
    visitor->count++;
    return true;
}

void visitors_leave (visitors_t *visitors, const address_t *address)
{
    visitor_t **link = &visitors->buckets [bucket_of (address)];
    while (!address_equal (&(*link)->address, address))
        link = &(*link)->next;
    visitor_t *visitor = *link;
    if (--visitor->count > 0)
        return;
    *link = visitor->next;
    free (visitor);
}
