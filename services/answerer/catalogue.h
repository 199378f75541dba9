/* The catalogue: what the gateway asks of files, pages and vector stores, answered from the store in
 * the HTTP API's shapes. Those that write run in the writer's group, the others on any reader. */
#ifndef QUIRE_CATALOGUE_H
#define QUIRE_CATALOGUE_H

#include "message.h"
#include "store.h"

/* An answer to be sent; its strings lie in what it owns. */
typedef struct {
    message_t message;
    void *owned [4];
    char id [MAX_ID_BYTES + 1], sha256 [MAX_ID_BYTES + 1];
    uint32_t touched;      /* number of the file that was changed, or 0 */
    uint32_t deleted;      /* number of the file that was deleted, or 0 */
} answer_t;

bool catalogue_knows (message_id_t id);    /* is it a question for the catalogue? */
bool catalogue_writes (const message_t *request);   /* does it change the store? */

/* Answers a request; a failure becomes a request_failed. Returns 0, or -1 when it failed: then what
 * it wrote must be taken back, and error_get says why. */
int catalogue_answer (store_t *store, const message_t *request, answer_t *answer);

/* Makes the answer a request_failed with this thread's error. param may be NULL. */
void answer_fail (answer_t *answer, uint64_t request, const char *param);
void answer_result (answer_t *answer, uint64_t request, char *json);   /* takes json */
void answer_clear (answer_t *answer);

uint64_t request_number (const message_t *request);

/* How many embedders are there just now, for get_status. Any thread. */
void catalogue_tell_embedders (uint32_t count);

#endif
