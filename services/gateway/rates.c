/* rates: buckets in a table of sets. */
#include "rates.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

#define MINUTE_MS 60000
#define SET_SIZE  8      /* buckets that an asker's may be among */

/* A token is MINUTE_MS parts, and a bucket gains per_minute parts each millisecond. */
typedef struct {
    asker_t asker;
    bool used;
    uint64_t parts;
    uint64_t seen_ms;
} bucket_t;

struct rates {
    uint64_t per_minute;
    bucket_t buckets [MAX_ASKERS];
};

rates_t *rates_new (unsigned per_minute)
{
    rates_t *rates = calloc (1, sizeof *rates);
    if (rates == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    else
        rates->per_minute = per_minute;
    return rates;
}

void rates_destroy (rates_t **rates)
{
    free (*rates);
    *rates = NULL;
}

static bucket_t *set_of (rates_t *rates, const asker_t *asker)
{
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < sizeof asker->bytes; i++)
        value = (value ^ asker->bytes [i]) * 16777619u;
    return rates->buckets + value % (MAX_ASKERS / SET_SIZE) * SET_SIZE;
}

/* The asker's bucket; one that is new takes the place of the one that was quiet longest. */
static bucket_t *bucket_of (rates_t *rates, const asker_t *asker, uint64_t now_ms)
{
    bucket_t *set = set_of (rates, asker), *place = set;
    for (bucket_t *bucket = set; bucket < set + SET_SIZE; bucket++) {
        if (bucket->used && memcmp (&bucket->asker, asker, sizeof *asker) == 0)
            return bucket;
        if (place->used && (!bucket->used || bucket->seen_ms < place->seen_ms))
            place = bucket;
    }
    *place = (bucket_t) {.asker = *asker, .used = true, .parts = rates->per_minute * MINUTE_MS, .seen_ms = now_ms};
    return place;
}

uint64_t rates_take (rates_t *rates, const asker_t *asker, uint64_t now_ms)
{
    bucket_t *bucket = bucket_of (rates, asker, now_ms);
    uint64_t quiet_ms = now_ms - bucket->seen_ms;
    bucket->seen_ms = now_ms;
    bucket->parts += (quiet_ms < MINUTE_MS ? quiet_ms : MINUTE_MS) * rates->per_minute;
    if (bucket->parts > rates->per_minute * MINUTE_MS)
        bucket->parts = rates->per_minute * MINUTE_MS;
    if (bucket->parts >= MINUTE_MS) {
        bucket->parts -= MINUTE_MS;
        return 0;
    }
    return (MINUTE_MS - bucket->parts + rates->per_minute - 1) / rates->per_minute;
}
