/* The digest of a file, piece by piece. */
#include "file_digest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "interrupt.h"

#define PIECE_BYTES (1u << 18)

static int add_all (digest_t *digest, FILE *file, char *piece)
{
    for (size_t size; (size = fread (piece, 1, PIECE_BYTES, file)) > 0;) {
        if (interrupt_came ()) {
            errno = EINTR;
            return -1;
        }
        if (digest_add (digest, piece, size) != 0) {
            errno = ENOMEM;
            return -1;
        }
    }
    return ferror (file) ? -1 : 0;
}

int file_digest (const char *path, char out [DIGEST_HEX])
{
    FILE *file = fopen (path, "re");
    if (file == NULL)
        return -1;
    digest_t *digest = digest_new ();
    char *piece = malloc (PIECE_BYTES);
    int outcome = -1;
    errno = ENOMEM;
    if (digest != NULL && piece != NULL)
        outcome = add_all (digest, file, piece);
    if (outcome == 0)
        digest_end_hex (digest, out);
    int why = errno;
    free (piece);
    digest_destroy (&digest);
    fclose (file);
    errno = why;
    return outcome;
}
