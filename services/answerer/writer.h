/* The writer: the one thread that changes the library. While it writes one group, the next one
 * collects; a group is one commit, and nobody is answered before it. All calls are made on the
 * loop's thread. */
#ifndef QUIRE_WRITER_H
#define QUIRE_WRITER_H

#include "library.h"
#include "loop.h"
#include "origin.h"

MUST_CHECK int writer_start (loop_t *loop, library_t *library);
void writer_stop (void);    /* finishes the group that is being written, drops what waits unanswered */
void writer_tick (void);

/* Each takes the origin (or NULL: nobody waits) and copies the rest. A failure to take it in is
 * answered, where there is an answer for it. */
void writer_put_request (const message_t *request, origin_t *origin);
void writer_put_page (const message_t *page, origin_t *origin);

/* The vectors of these chunks: f32 [count] [EMBEDDING_WIDTH], aligned or not. */
void writer_put_vectors (const uint32_t *chunks, size_t count, const void *vectors);

/* A chunk that never gets a vector, and why. */
void writer_put_no_vector (uint32_t chunk, const char *reason);

/* Is it behind, or the disk full? Then nobody should make more work for it. */
bool writer_is_busy (void);     /* something is being written, or can be */
bool writer_is_behind (void);

#endif
