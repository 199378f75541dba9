/* Paths: the files that `quire add` is to send, found below the folders that it was given. */
#ifndef QUIRE_CLIENT_PATHS_H
#define QUIRE_CLIENT_PATHS_H

#include "outcome.h"

#define MAX_PATHS 100000u

typedef struct {
    char *path;
    uint64_t bytes;
    failure_t *failure;   /* why it can't be sent; or NULL */
} path_t;

typedef struct {
    path_t *items;
    size_t count, capacity;
} paths_t;

/* A folder stands for the *.pdf below it, in the order of their names; what begins with a dot is left
 * out there, and symbolic links to folders are not followed. Whatever can't be read is an item with a
 * failure. Returns 0, or -1 with LOCAL or, for more than MAX_PATHS, USAGE. paths_free frees in both cases. */
MUST_CHECK int paths_find (char *const operands [], size_t count, paths_t *paths, failure_t *failure);
void paths_free (paths_t *paths);

#endif
