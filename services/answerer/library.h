/* The library: the store and its two caches, opened and made good together. One thread writes (the
 * writer's), searches and other reading take a reader for as long as they run. */
#ifndef QUIRE_LIBRARY_H
#define QUIRE_LIBRARY_H

#include "index.h"
#include "lexical.h"
#include "search.h"
#include "store.h"

typedef struct library library_t;

/* Opens what lies in the folder, or begins it there; readers: how many may read at once. */
MUST_CHECK library_t *library_open (const char *folder, int readers);

/* The writer must have ended. Saves the caches. */
void library_close (library_t **library);

/* -- the writer's side ---------------------------------------------------------------------- */

store_t *library_store (library_t *library);
index_t *library_index (library_t *library);   /* searches use it too */

/* Takes what the store's journal holds over into the full-text index, for about budget_ms, and
 * makes it visible. Returns 1 when more is left, 0 when it is up to date, -1 when it failed (it
 * tries to mend itself; call again a while later). */
MUST_CHECK int library_index_texts (library_t *library, int budget_ms);

/* Makes the vector index good against the store, when a change of it failed. */
MUST_CHECK int library_mend_index (library_t *library);

/* Saves the vector index when it has changed. */
MUST_CHECK int library_save_index (library_t *library);

const char *library_store_path (const library_t *library);

/* -- reading -------------------------------------------------------------------------------- */

/* Lends a reader; there is one for each thread that was asked for. */
reader_t *library_take_reader (library_t *library);
void library_give_reader (library_t *library, reader_t *reader);

/* Says that the full-text index was found damaged: the writer makes it anew. Any thread. */
void library_distrust_texts (library_t *library);

#endif
