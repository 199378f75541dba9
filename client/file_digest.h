/* The digest of a file, by which the service knows its bytes. */
#ifndef QUIRE_CLIENT_FILE_DIGEST_H
#define QUIRE_CLIENT_FILE_DIGEST_H

#include "digest.h"

/* Returns 0, or -1 with errno: the file can't be read, or EINTR, since Ctrl-C came. */
MUST_CHECK int file_digest (const char *path, char out [DIGEST_HEX]);

#endif
