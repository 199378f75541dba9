/* Readers: the children of this extractor, a few for reading and a few for drawing. Each knows one
 * file; one that has nothing to do stays a while for the next task of its file. */
#ifndef QUIRE_READERS_H
#define QUIRE_READERS_H

#include "child.h"

typedef enum {
    READERS_READ,
    READERS_DRAW,      /* apart, so that a picture never waits behind reading */
    READERS_KINDS
} readers_kind_t;

typedef struct reader reader_t;

/* Called for a reader that is in use, with its user; see child.h. After `ended` it is gone. */
typedef struct {
    void (*reply) (void *user, const message_t *message, uint8_t **data, size_t size);
    void (*ended) (void *user, error_t why);
} readers_handlers_t;

/* Once, at start. most [READERS_KINDS]: how many there may be of each kind. Returns 0, or -1 with
 * INTERNAL when the program that they run is not there. */
MUST_CHECK int readers_open (loop_t *loop, const size_t most [READERS_KINDS],
                             const readers_handlers_t *handlers);
void readers_close (void);

/* Is one free, or may one be started? */
bool readers_have_one (readers_kind_t kind);

/* Takes a reader of a file for a user, when readers_have_one. NULL with FILE_NOT_FOUND (its bytes
 * are not in the files folder) or INTERNAL. */
MUST_CHECK reader_t *readers_take (readers_kind_t kind, const char *sha256, const char *password, void *user);
void readers_give_back (reader_t *reader);   /* it has answered everything */
void readers_drop (reader_t *reader);        /* it has not, or is not to be used again */

child_t *reader_child (reader_t *reader);

void readers_tick (void);

#endif
