/* A task: texts of one embed_texts message, and what becomes of them.
 *
 * Each text is worked on by itself, by whichever thread is free, so a question that comes in between
 * waits for one text and not for a task. Threads write to their own text's places only. */
#ifndef QUIRE_TASK_H
#define QUIRE_TASK_H

#include "channel.h"
#include "error.h"
#include "model.h"

typedef struct task task_t;

typedef struct {
    task_t *task;
    const char *text;       /* NUL-terminated, in the task */
    uint32_t *pieces;       /* its place in the task's pieces */
    float *vector;          /* [EMBEDDING_WIDTH] its place in the task's vectors */
    error_t error;          /* ERROR_NONE when it went well */
} task_text_t;

struct task {
    task_t *next, **link;   /* in the list of tasks under way */
    peer_t *peer;           /* who waits for it; NULL once that peer is gone */
    uint64_t number;        /* the peer's name for it */
    bool urgent;            /* a question: it goes before all that is not */
    bool ids;               /* its texts are ids of word pieces, as decimal numbers */
    bool whole;             /* a text that would be cut is left alone, its vector zeros */
    size_t count;           /* of texts */
    size_t unfinished;      /* texts that are still to come back */
    error_t error;          /* of the first text that failed */
    uint8_t *bytes;         /* the texts as they came */
    task_text_t *texts;     /* [count] */
    uint32_t *pieces;       /* [count] */
    float *vectors;         /* [count][EMBEDDING_WIDTH] */
};

/* Copies the texts out of the message. NULL with NO_MEMORY. */
MUST_CHECK task_t *task_new (peer_t *peer, const embed_texts_message_t *message);
void task_destroy (task_t **task);

/* The answer to it: texts_embedded, or task_failed when a text failed. It points into the task. */
message_t task_answer (const task_t *task);

#endif
