/* The vector index: the unit vector of every chunk, searched exactly by inner product (cosine).
 * A cache of the store: kept in memory, saved to a file now and then, made good against the store
 * at start. Any thread may search; one thread changes it. */
#ifndef QUIRE_INDEX_H
#define QUIRE_INDEX_H

#include "number_set.h"

#define INDEX_WIDTH 384

typedef struct index index_t;

typedef struct {
    uint32_t chunk, page, file;   /* short names */
    float cosine;
} index_hit_t;

MUST_CHECK index_t *index_new (void);
void index_destroy (index_t **index);

/* Reads what index_save wrote; the index must be new. Returns 1, 0 when the file is missing, torn,
 * damaged, of another version or of another store (then the index is empty), -1 with NO_MEMORY. */
MUST_CHECK int index_load (index_t *index, const char *path, const char *identity);

/* Writes it beside path and renames, so that path is always whole. */
MUST_CHECK int index_save (index_t *index, const char *path, const char *identity);
bool index_changed (const index_t *index);   /* since it was loaded or saved; for the changing thread */

/* vector [INDEX_WIDTH], unit length. The chunk must not be there already. */
MUST_CHECK int index_add (index_t *index, uint32_t chunk, uint32_t page, uint32_t file,
                          const float *vector);
MUST_CHECK int index_remove_file (index_t *index, uint32_t file);

/* Removes all chunks that are not in ids [count] (ascending); ids_missing gets, in place, those of
 * ids that the index lacks. Returns how many these are, or -1. */
MUST_CHECK int64_t index_keep_only (index_t *index, uint32_t *ids, size_t count);

size_t index_count (const index_t *index);

/* Tells every chunk; the vector [INDEX_WIDTH] is lent. For checking: nobody may change it meanwhile. */
typedef struct {
    uint32_t chunk, page, file;
    const float *vector;
} index_entry_t;
typedef void (index_entry_handler_t) (void *context, const index_entry_t *entry);
void index_list (const index_t *index, index_entry_handler_t *handler, void *context);

/* -- searching ------------------------------------------------------------------------------ */

/* About the cosines of all allowed chunks to a question; what is told of them is exact. Between
 * index_scan and index_scan_end the index can't change, so end it soon. */
typedef struct {
    index_t *index;
    const float *question;   /* lent */
    float *about;            /* [index_count]; below -1 where not allowed */
    float off;               /* none is off by more */
} index_scan_t;

/* question [INDEX_WIDTH], unit length; it must stay until the end. */
MUST_CHECK int index_scan (index_t *index, const float *question, const number_set_t *allowed,
                           index_scan_t *scan);
void index_scan_end (index_scan_t *scan);

/* The best chunks, best first; at most capacity. Returns how many. */
size_t index_scan_best (const index_scan_t *scan, index_hit_t *hits, size_t capacity);

/* Tells every allowed chunk of the pages. */
typedef void (index_hit_handler_t) (void *context, const index_hit_t *hit);
void index_scan_pages (const index_scan_t *scan, const number_set_t *pages,
                       index_hit_handler_t *handler, void *context);

#endif
