/* A task: see task.h. */
#include "task.h"

#include <stdlib.h>
#include <string.h>

static bool task_allocate (task_t *task, size_t bytes)
{
    size_t count = task->count ? task->count : 1;
    task->bytes = malloc (bytes ? bytes : 1);
    task->texts = calloc (count, sizeof *task->texts);
    task->pieces = calloc (count, sizeof *task->pieces);
    task->vectors = calloc (count, EMBEDDING_WIDTH * sizeof *task->vectors);
    return task->bytes && task->texts && task->pieces && task->vectors;
}

static void texts_copy (task_t *task, strings_t texts)
{
    size_t cursor = 0;
    if (texts.size)
        memcpy (task->bytes, texts.data, texts.size);
    texts.data = task->bytes;
    for (size_t i = 0; i < task->count; i++)
        task->texts [i] = (task_text_t) {
            .task = task, .text = strings_next (texts, &cursor), .pieces = task->pieces + i,
            .vector = task->vectors + i * EMBEDDING_WIDTH,
        };
}

task_t *task_new (peer_t *peer, const embed_texts_message_t *message)
{
    task_t *task = calloc (1, sizeof *task);
    if (!task) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    task->peer = peer;
    task->number = message->task;
    task->urgent = message->urgent;
    task->ids = message->ids;
    task->whole = message->whole;
    task->count = task->unfinished = message->texts.count;
    if (!task_allocate (task, message->texts.size)) {
        task_destroy (&task);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    texts_copy (task, message->texts);
    return task;
}

void task_destroy (task_t **task)
{
    if (!*task)
        return;
    free ((*task)->bytes);
    free ((*task)->texts);
    free ((*task)->pieces);
    free ((*task)->vectors);
    free (*task);
    *task = NULL;
}

message_t task_answer (const task_t *task)
{
    if (task->error != ERROR_NONE)
        return (message_t) {.id = MESSAGE_TASK_FAILED, .task_failed = {
            .task = task->number, .error = task->error, .message = error_default (task->error),
        }};
    return (message_t) {.id = MESSAGE_TEXTS_EMBEDDED, .texts_embedded = {
        .task = task->number,
        .vectors = {task->vectors, task->count * EMBEDDING_WIDTH * sizeof *task->vectors},
        .pieces = {task->pieces, task->count * sizeof *task->pieces},
    }};
}
