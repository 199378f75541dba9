/* Packed weights: the model as the products want it, in one piece of memory that a file keeps.
 *
 * Packing is done once for a machine: whoever finds no right file packs and leaves one, and all
 * embedders of the machine map the same pages of it. A file is right when it is whole (its SHA-256 is
 * in it) and was made of this model, for this processor, by this code and this oneDNN; any other is
 * replaced. Where no file can be kept, the weights stay in the process's own memory.
 *
 * What lies in the memory is taken piece by piece, in the same order when it is filled and when it is
 * read; so the file holds no lengths or places that could be wrong. */
#ifndef QUIRE_PACKED_H
#define QUIRE_PACKED_H

#include <sys/stat.h>

#include "digest.h"
#include "macros.h"

#define PACKED_FOLDERS   2
#define PACKED_ALIGNMENT 64
#define MAX_PACKED_BYTES (128u << 20)

typedef struct packed packed_t;

/* Where the file may lie, the better folder first; NULL: no folder. */
typedef struct {
    const char *paths [PACKED_FOLDERS];
} packed_folders_t;

/* What the weights are made from. */
typedef struct {
    packed_folders_t folders;
    const char *name;                       /* of the file in them */
    const char *purpose;                    /* text: what they are packed for, and by what */
    struct stat status;                     /* of the model's file */
    bytes_t model;                          /* its bytes */
    uint8_t digest [DIGEST_BYTES];          /* of them, once somebody had to know */
    bool digested;
} packed_source_t;

/* Maps a right file. NULL without an error when there is none; a wrong one is named in the log. */
packed_t *packed_open (packed_source_t *source);

/* Empty memory, to be filled. NULL with NO_MEMORY. */
MUST_CHECK packed_t *packed_new (void);
void packed_destroy (packed_t **packed);

bool packed_is_mapped (const packed_t *packed);    /* else what is taken is to be filled */

/* The next piece, aligned to PACKED_ALIGNMENT; of a mapped one it is read-only. NULL with INTERNAL
 * when there is not so much. */
MUST_CHECK void *packed_take (packed_t *packed, size_t bytes);

/* Has all of a mapped one been taken, and no more? */
bool packed_is_used_up (const packed_t *packed);

/* Leaves what was filled as a file in the first folder that takes it. Returns 0; or -1, with a line in
 * the log that says why not, unless there is no folder. */
MUST_CHECK int packed_keep (const packed_t *packed, packed_source_t *source);

#endif
