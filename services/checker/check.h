/* The parts of a look at a data folder. Each reads its part of the library first and then the store,
 * which is the truth, at one moment; so what the store has dropped or taken in meanwhile is known
 * by its journal, or is gone at a second look. */
#ifndef QUIRE_CHECKER_CHECK_H
#define QUIRE_CHECKER_CHECK_H

#include "findings.h"
#include "job_board.h"
#include "store.h"

#define MAX_PATH 4096

typedef struct {
    const char *folder;
    bool quick;             /* without reading every byte */
    bool once;              /* without looking again at what was found */
    store_t *store;
    char identity [33];
    job_board_t *board;
    bool board_answers;     /* so a service may be at work */
    findings_t *findings;
    FILE *out;              /* a line a part: what there is */
} check_t;

/* The store by itself. */
void check_store (check_t *check);

/* The full-text index has a document for each page, head, chunk and file, and no other. */
void check_texts (check_t *check);

/* The vector index has the vector of each chunk that has one, and no other. */
void check_vectors (check_t *check);

/* The files folder has the bytes of each file, and no others. */
void check_bytes (check_t *check);

/* The board has each file that is not finished, and no other. */
void check_board (check_t *check);

/* Something could not be looked at: a fault, with the last error. */
void check_failed (check_t *check, const char *part);

#endif
