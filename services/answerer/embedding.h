/* Embedding: gives texts to the embedders by credit and takes their vectors. The list of chunks to
 * embed is a query of the store; only what the credits allow is in memory. All calls are made on the
 * loop's thread. */
#ifndef QUIRE_EMBEDDING_H
#define QUIRE_EMBEDDING_H

#include "channel.h"
#include "library.h"

/* readers: the pool whose threads have readers. channel: set before the first peer comes. */
void embedding_start (library_t *library, pool_t *readers, channel_t **channel);
void embedding_stop (void);
void embedding_tick (void);
void embedding_drain (void);  /* the service is to stop: no more chunks are given out, and who waits for an
                               * embedder to come waits no longer */
void embedding_more (void);   /* there are new chunks */
void embedding_missed (void); /* chunks were lost sight of, for want of memory: they are looked for a little later */

extern const channel_handlers_t embedding_handlers;

/* Are embedders there, or were they just now, so that waiting for a vector makes sense? */
bool embedding_is_near (void);

/* Told the vectors (f32 [count] [384]) and numbers of pieces (u32 [count]) once, or NULL and
 * error_get () says why. They are lent for the call. */
typedef void (embedding_done_t) (void *context, const void *vectors, const void *pieces, size_t count);

typedef enum {
    LANE_CHUNKS,      /* what the store holds: with all credit that is left */
    LANE_TEXTS,       /* what a client wants embedded: before chunks, with half of the credit */
    LANE_QUESTIONS,   /* of a search: urgent, the embedder takes them before all else */
} lane_t;

/* What the texts are, and what is to become of those that the model does not take as a whole: as in
 * the message embed_texts. */
typedef struct {
    bool ids, whole;
} form_t;

/* Embeds texts that somebody waits for, in a lane that is not LANE_CHUNKS; at most MAX_ASKED_BYTES
 * wait. 0, or -1 with TOO_MANY_REQUESTS or NO_MEMORY (then done is not called). */
MUST_CHECK int embedding_ask (lane_t lane, strings_t texts, form_t form, int patience_ms,
                              embedding_done_t *done, void *context);

#endif
