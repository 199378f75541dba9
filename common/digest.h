/* Digests: SHA-256, of what comes in pieces or at once. Uploads are named by theirs. */
#ifndef QUIRE_DIGEST_H
#define QUIRE_DIGEST_H

#include "macros.h"

#define DIGEST_BYTES 32
#define DIGEST_HEX   (2 * DIGEST_BYTES + 1)   /* hex digits and the NUL */

typedef struct digest digest_t;

MUST_CHECK digest_t *digest_new (void);   /* NULL with NO_MEMORY */
void digest_destroy (digest_t **digest);
MUST_CHECK int digest_add (digest_t *digest, const void *data, size_t size);   /* 0, or -1 with NO_MEMORY */
void digest_end (digest_t *digest, uint8_t out [DIGEST_BYTES]);                /* once, at the end */
void digest_end_hex (digest_t *digest, char out [DIGEST_HEX]);                 /* the same, as text */

/* The digest of bytes that are there. Returns 0, or -1 with NO_MEMORY. */
MUST_CHECK int digest_of (const void *data, size_t size, uint8_t out [DIGEST_BYTES]);

/* Compares in a time that does not depend on what is compared. */
bool digest_equal (const uint8_t a [DIGEST_BYTES], const uint8_t b [DIGEST_BYTES]);

/* Is it 64 hex digits in lower case? */
bool digest_is_hex (const char *text);

#endif
