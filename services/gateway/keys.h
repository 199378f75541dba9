/* API keys: those that the settings name, and whether a request carries one of them. Only digests are
 * compared, each with each and to the end, so that the time tells neither how much of a key was right,
 * nor which, nor how long it is. Pure. */
#ifndef QUIRE_GATEWAY_KEYS_H
#define QUIRE_GATEWAY_KEYS_H

#include "macros.h"

#define MAX_KEYS      1000
#define MAX_KEY_BYTES 512

typedef struct keys keys_t;

/* Takes keys parted by commas, blanks or line ends. NULL with BAD_FIELD (none, too many, one that is
 * too long or holds something else than visible ASCII; it says which by its number, never the key) or
 * NO_MEMORY. */
MUST_CHECK keys_t *keys_new (const char *text);
void keys_destroy (keys_t **keys);
size_t keys_count (const keys_t *keys);

/* Which key the header Authorization carries ("Bearer KEY"): its number from 0, or -1. NULL is a
 * header that was not sent. */
int keys_find (const keys_t *keys, const char *authorization);

#endif
