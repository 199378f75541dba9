/* Rates: how many questions each asker may put, as a bucket of tokens that fills steadily. The table
 * is of one size: of those that it has no room for, whoever has been quiet longest starts anew with a
 * full bucket. Pure; the clock comes in as an argument. */
#ifndef QUIRE_GATEWAY_RATES_H
#define QUIRE_GATEWAY_RATES_H

#include "macros.h"

#define ASKER_BYTES 17   /* a kind and sixteen bytes: an address, or the number of a key */
#define MAX_ASKERS  4096

typedef struct {
    uint8_t bytes [ASKER_BYTES];
} asker_t;

typedef struct rates rates_t;

MUST_CHECK rates_t *rates_new (unsigned per_minute);   /* at least 1; NULL with NO_MEMORY */
void rates_destroy (rates_t **rates);

/* Takes one token of the asker's: a minute's worth at once, then one each 60/per_minute seconds.
 * Returns 0, or in how many milliseconds there will be one. */
uint64_t rates_take (rates_t *rates, const asker_t *asker, uint64_t now_ms);

#endif
