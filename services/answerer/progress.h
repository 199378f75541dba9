/* Progress: tells the job board where files stand, a few times a second at most. Best effort: the
 * store is the truth, and a board that is away stops nothing. */
#ifndef QUIRE_PROGRESS_H
#define QUIRE_PROGRESS_H

#include "loop.h"
#include "store.h"

/* Where a file stands; a list of them. */
typedef struct standing {
    struct standing *next;
    char id [MAX_ID_BYTES + 1];
    char *name, *reason;
    file_state_t state;
    bool deleted;
    uint32_t pages, pages_done, chunks, vectors;
} standing_t;

MUST_CHECK standing_t *standing_new (const file_row_t *file);   /* any thread; NULL with NO_MEMORY */
MUST_CHECK standing_t *standing_deleted (const char *file_id);
void standings_free (standing_t **list);

MUST_CHECK int progress_start (loop_t *loop, const char *redis_url);
void progress_stop (void);
void progress_note (standing_t **list);   /* takes the list */
void progress_tick (void);

#endif
