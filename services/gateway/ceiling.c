/* ceiling: one number, and the most that it may be. */
#include "ceiling.h"

#include <malloc.h>
#include <stdlib.h>

#include "error.h"
#include "metrics.h"

#define OWN_MAPPING_BYTES (256 << 10)   /* of a block that is given back to the system when it is freed */

#define SMALL_BYTES       (32 << 10)    /* a question's body and answer take less at a time */
#define SMALL_SHARE       8             /* one of so many parts is for those */

static uint64_t held, most = UINT64_MAX;

void ceiling_set (uint64_t bytes)
{
    most = bytes;
    mallopt (M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);   /* else it grows, and large blocks leave holes in the heap */
}

/* Whoever fills it with large bodies leaves room for other people's questions. */
static uint64_t room_for (size_t bytes)
{
    uint64_t kept_free = bytes <= SMALL_BYTES ? 0 : most / SMALL_SHARE;
    return held + kept_free < most ? most - held - kept_free : 0;
}

bool ceiling_take (size_t bytes)
{
    if (bytes > room_for (bytes)) {
        metric_add (METRIC_HTTP_NO_ROOM, 1);
        error_set (ERROR_TOO_MANY_REQUESTS, "The requests under way hold all the memory that is set for them. "
                   "Try again in a moment.");
        return false;
    }
    held += bytes;
    metric_set (METRIC_HTTP_HELD_BYTES, (int64_t) held);
    return true;
}

void ceiling_give (size_t bytes)
{
    held -= bytes;
    metric_set (METRIC_HTTP_HELD_BYTES, (int64_t) held);
}

int ceiling_grow (char **block, size_t *capacity, size_t wanted, size_t first)
{
    size_t larger = *capacity == 0 ? first : *capacity;
    while (larger < wanted)
        larger *= 2;
    if (larger == *capacity)
        return 0;
    if (!ceiling_take (larger - *capacity))
        return -1;
    char *grown = realloc (*block, larger);
    if (grown == NULL) {
        ceiling_give (larger - *capacity);
        return error_set (ERROR_NO_MEMORY, NULL);
    }
    *block = grown;
    *capacity = larger;
    return 0;
}

uint64_t ceiling_held (void)
{
    return held;
}
