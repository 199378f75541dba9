/* Ids that the gateway gives: a prefix and 24 random letters and digits. */
#ifndef QUIRE_GATEWAY_IDS_H
#define QUIRE_GATEWAY_IDS_H

#include "macros.h"

#define ID_RANDOM 24
#define MAX_ID    40

/* "file-", "vs_", "vsfb_". */
void id_new (const char *prefix, char out [MAX_ID]);

/* Makes letters from random bytes; bytes that would favour some letters are passed over. Returns how
 * many were made, at most `wanted`. Pure. */
size_t id_letters (const uint8_t *random, size_t size, char *out, size_t wanted);

#endif
