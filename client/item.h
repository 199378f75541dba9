/* Items: the files that `quire add` adds, each with the state that it is in. */
#ifndef QUIRE_CLIENT_ITEM_H
#define QUIRE_CLIENT_ITEM_H

#include "file_digest.h"
#include "paths.h"
#include "retry.h"
#include "shelf.h"

typedef enum {
    ITEM_WAITING,     /* nothing has been done for it */
    ITEM_SENDING,     /* to be sent, or being sent */
    ITEM_ATTACHING,   /* the service has it; to be put into the store */
    ITEM_READING,     /* the service reads it */
    ITEM_ADDED,       /* the end: it can be asked about */
    ITEM_THERE,       /* the end: so could it be before */
    ITEM_FAILED,      /* the end: it has a failure */
} item_state_t;

typedef struct {
    const path_t *path;
    char *name;               /* the path, fit for a terminal */
    item_state_t state;
    char digest [DIGEST_HEX];
    char id [MAX_ID];         /* from ITEM_ATTACHING on */
    bool was_there;
    bool may_be_there;        /* the connection broke after it had been sent */
    bool is_busy;             /* a request of its is under way */
    int64_t next_ms;          /* when the next request is due */
    retry_t retry;
    yyjson_doc *file;         /* its object, as the service told it last; or NULL */
    failure_t *failure;
    /* How far it is, for the bars. */
    uint64_t sent, sent_total;
    char stage [16];          /* queued, reading, indexing */
    uint64_t pages, pages_done, chunks, vectors;
    void *owner;
} item_t;

bool item_has_ended (const item_t *item);

/* The one way to another state. What ends is told on standard output: a line, or with json a document. */
void item_enter (item_t *item, item_state_t state, bool json);

/* Enters ITEM_FAILED, for this reason, which is told on standard error. */
void item_fail (item_t *item, const failure_t *failure, bool json);

/* Takes what the service says of the file, in an event or as its object. */
void item_hear (item_t *item, yyjson_val *news);

/* Writes the line that shows how far it is, with its line end. */
void item_draw (FILE *out, const item_t *item, size_t width);

void item_free (item_t *item);

#endif
