/* Threads beside the loop: work is taken urgent first, then in order; its end is posted back. */
#include <pthread.h>
#include <stdlib.h>

#include "error.h"
#include "loop.h"

typedef struct task {
    struct task *next;
    pool_t *pool;
    pool_call_t *work, *done;
    void *argument;
} task_t;

typedef struct {
    task_t *first, **last;
    size_t length;
} queue_t;

struct pool {
    loop_t *loop;
    pthread_mutex_t lock;   /* guards the queues and stopping */
    pthread_cond_t more;
    queue_t urgent, ordinary;
    bool stopping;
    int thread_count;
    pthread_t threads [];
};

static void queue_append (queue_t *queue, task_t *task)
{
    *queue->last = task;
    queue->last = &task->next;
    queue->length++;
}

static task_t *queue_take (queue_t *queue)
{
    task_t *task = queue->first;
    if (!task)
        return NULL;
    queue->first = task->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->length--;
    return task;
}

/* Waits for work; NULL when the pool stops. */
static task_t *pool_take (pool_t *pool)
{
    task_t *task = NULL;
    pthread_mutex_lock (&pool->lock);
    while (!pool->stopping) {
        task = queue_take (&pool->urgent);
        if (!task)
            task = queue_take (&pool->ordinary);
        if (task)
            break;
        pthread_cond_wait (&pool->more, &pool->lock);
    }
    pthread_mutex_unlock (&pool->lock);
    return task;
}

static void task_finish (void *argument)
{
    task_t *task = argument;
    if (task->done)
        task->done (task->argument);
    free (task);
}

static void task_run (task_t *task)
{
    task->work (task->argument);
    loop_post_owned (task->pool->loop, task_finish, free, task);
}

static void *thread_run (void *argument)
{
    for (task_t *task; (task = pool_take (argument));)
        task_run (task);
    return NULL;
}

/* NULL when none waits. */
static task_t *pool_take_urgent (pool_t *pool)
{
    pthread_mutex_lock (&pool->lock);
    task_t *task = pool->stopping ? NULL : queue_take (&pool->urgent);
    pthread_mutex_unlock (&pool->lock);
    return task;
}

void pool_run_urgent (pool_t *pool)
{
    for (task_t *task; (task = pool_take_urgent (pool));)
        task_run (task);
}

pool_t *pool_new (loop_t *loop, int threads)
{
    pool_t *pool = calloc (1, sizeof *pool + (size_t) threads * sizeof pool->threads [0]);
    if (!pool) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    pool->loop = loop;
    pool->urgent.last = &pool->urgent.first;
    pool->ordinary.last = &pool->ordinary.first;
    pthread_mutex_init (&pool->lock, NULL);
    pthread_cond_init (&pool->more, NULL);
    for (; pool->thread_count < threads; pool->thread_count++)
        if (pthread_create (&pool->threads [pool->thread_count], NULL, thread_run, pool) != 0) {
            pool_destroy (&pool);
            error_set (ERROR_NO_MEMORY, "no more threads can be made");
            break;
        }
    return pool;
}

static void queue_drop (queue_t *queue)
{
    for (task_t *task; (task = queue_take (queue));)
        free (task);
}

void pool_destroy (pool_t **pool_p)
{
    pool_t *pool = *pool_p;
    if (!pool)
        return;
    pthread_mutex_lock (&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast (&pool->more);
    pthread_mutex_unlock (&pool->lock);
    for (int i = 0; i < pool->thread_count; i++)
        pthread_join (pool->threads [i], NULL);
    queue_drop (&pool->urgent);
    queue_drop (&pool->ordinary);
    pthread_mutex_destroy (&pool->lock);
    pthread_cond_destroy (&pool->more);
    free (pool);
    *pool_p = NULL;
}

int pool_submit (pool_t *pool, bool urgent, pool_call_t *work, pool_call_t *done, void *argument)
{
    task_t *task = malloc (sizeof *task);
    if (!task)
        return error_set (ERROR_NO_MEMORY, NULL);
    *task = (task_t) {NULL, pool, work, done, argument};
    pthread_mutex_lock (&pool->lock);
    queue_append (urgent ? &pool->urgent : &pool->ordinary, task);
    pthread_cond_signal (&pool->more);
    pthread_mutex_unlock (&pool->lock);
    return 0;
}
