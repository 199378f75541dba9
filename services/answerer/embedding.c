/* Embedding: tasks for embedders, in three lanes: questions, texts that a client sent, chunks. */
#include "embedding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "error.h"
#include "log.h"
#include "metrics.h"
#include "settings.h"
#include "writer.h"

#define MAX_TASK_TEXTS     256
#define MAX_FETCHED_TASKS  64           /* of one look into the store */
#define MAX_ASKED_BYTES    (96u << 20)  /* of questions and texts that wait for an embedder */
#define MAX_TEXT_FAILURES  2            /* then the text stays without a vector until the next start */
#define MAX_TEXT_LOSSES    6            /* embedders that were lost with it: it may be what kills them */
#define ALONE_AFTER_LOSSES 2
#define NEAR_MS            10000        /* an embedder that was there so lately may come back */
#define LOOK_AGAIN_MS      1000         /* when a look into the store failed */
#define MISSED_MS          2000         /* after which chunks that were lost sight of are looked for */

/* A chunk that waits for its vector, and what happened to it so far. */
typedef struct {
    uint32_t chunk;
    uint8_t failures, losses;
} item_t;

typedef struct task {
    struct task *next;
    uint64_t id;
    peer_t *peer;               /* who has it; NULL: nobody */
    lane_t lane;
    strings_builder_t texts;    /* of chunks until it is sent */
    form_t form;
    size_t count;
    item_t items [MAX_TASK_TEXTS];   /* of chunks */
    embedding_done_t *done;     /* of the other lanes; NULL: nobody waits any more */
    void *context;
    uint64_t deadline_ms;
} task_t;

/* A look into the store for chunks to embed; runs on a reader's thread. */
typedef struct {
    item_t *again;              /* to be read once more */
    size_t again_count;
    chunk_state_t state;        /* then those of this state … */
    uint32_t after;             /* … above this id */
    size_t most_tasks, texts_a_task;
    task_t *tasks;              /* result, in reverse */
    size_t task_count;
    uint32_t last;
    bool at_end;
    error_t failure;            /* of this look; errors are known to their thread alone */
} look_t;

static struct {
    library_t *library;
    pool_t *readers;
    channel_t **channel;
    task_t *tasks;              /* with embedders, and those asked for that wait for one */
    uint64_t next_id;
    item_t *again;              /* chunks to be given once more */
    size_t again_count, again_capacity;
    uint32_t after;             /* chunks up to here have been given */
    bool at_end;                /* there were none above it */
    uint32_t retried;           /* of those that failed in an earlier run, up to here were given */
    bool all_retried;
    bool news;                  /* there are new ones since the last look began */
    bool looking;
    look_t look;
    uint64_t missed_ms;         /* when to look for chunks that were lost sight of; 0: there are none */
    uint64_t look_ms, started_ms, seen_ms;
    bool draining;              /* no chunk is given any more, and nobody waits for an embedder to come */
    size_t asked_bytes;
} embedding;

/* -- tasks ---------------------------------------------------------------------------------- */

static void task_free (task_t *task)
{
    if (task->lane != LANE_CHUNKS)
        embedding.asked_bytes -= task->texts.size;
    strings_free (&task->texts);
    free (task);
}

static void task_keep (task_t *task)
{
    task_t **end = &embedding.tasks;
    while (*end != NULL)
        end = &(*end)->next;
    task->next = NULL;
    *end = task;
}

static void task_unlink (task_t *task)
{
    for (task_t **at = &embedding.tasks; *at != NULL; at = &(*at)->next)
        if (*at == task) {
            *at = task->next;
            return;
        }
}

static task_t *task_of (const peer_t *peer, uint64_t id)
{
    for (task_t *task = embedding.tasks; task != NULL; task = task->next)
        if (task->id == id && task->peer == peer)
            return task;
    return NULL;
}

static uint32_t *held_of (peer_t *peer, lane_t lane)
{
    return lane == LANE_QUESTIONS ? &peer->express_tasks : &peer->tasks;
}

/* The peer has the task no more. */
static void task_leave (task_t *task)
{
    uint32_t *held = held_of (task->peer, task->lane);
    if (*held > 0)
        --*held;
    task->peer = NULL;
}

static int task_send (task_t *task, peer_t *peer)
{
    message_t message = {.id = MESSAGE_EMBED_TEXTS, .embed_texts = {
        .task = task->id, .urgent = task->lane == LANE_QUESTIONS, .texts = strings_built (&task->texts),
        .ids = task->form.ids, .whole = task->form.whole}};
    if (channel_send (*embedding.channel, peer, &message) != 0)
        return -1;
    task->peer = peer;
    ++*held_of (peer, task->lane);
    metric_add (METRIC_TASKS_SENT, 1);
    return 0;
}

static uint32_t less (uint32_t from, uint32_t what)
{
    return from > what ? from - what : 0;
}

static uint32_t texts_with (const peer_t *peer)
{
    uint32_t count = 0;
    for (const task_t *task = embedding.tasks; task != NULL; task = task->next)
        count += task->lane == LANE_TEXTS && task->peer == peer;
    return count;
}

/* Texts of clients take half of what an embedder holds at most, so that files become searchable
 * meanwhile. */
static uint32_t room_of (const peer_t *peer, lane_t lane)
{
    if (lane == LANE_QUESTIONS)
        return less (peer->express, peer->express_tasks);
    uint32_t room = less (peer->credit, peer->tasks);
    if (lane == LANE_CHUNKS || room == 0)
        return room;
    uint32_t share = less ((peer->credit + 1) / 2, texts_with (peer));
    return share < room ? share : room;
}

/* The peer with the most room, or NULL. */
static peer_t *peer_with_room (lane_t lane)
{
    peer_t *best = NULL;
    uint32_t most = 0;
    for (size_t i = 0; i < channel_peer_count (*embedding.channel); i++) {
        peer_t *peer = channel_peer (*embedding.channel, i);
        uint32_t room = room_of (peer, lane);
        if (room > most) {
            most = room;
            best = peer;
        }
    }
    return best;
}

/* -- chunks that come once more ------------------------------------------------------------- */

void embedding_missed (void)
{
    if (embedding.missed_ms == 0)
        embedding.missed_ms = loop_now_ms () + MISSED_MS;
}

/* Without memory the chunk is lost sight of for a while. */
static void give_again (item_t item)
{
    if (embedding.again_count == embedding.again_capacity) {
        size_t capacity = embedding.again_capacity * 2 + MAX_TASK_TEXTS;
        item_t *again = realloc (embedding.again, capacity * sizeof *again);
        if (again == NULL) {
            log_error ("chunk_put_off", "chunk=%u", item.chunk);
            embedding_missed ();
            return;
        }
        embedding.again = again;
        embedding.again_capacity = capacity;
    }
    embedding.again [embedding.again_count++] = item;
}

static void give_all_again (const task_t *task)
{
    for (size_t i = 0; i < task->count; i++)
        give_again (task->items [i]);
}

static void give_up (item_t item, const char *reason)
{
    log_warning ("text_without_vector", "chunk=%u failures=%u losses=%u why=\"%s\"", item.chunk,
                 item.failures, item.losses, reason);
    writer_put_no_vector (item.chunk, reason);
}

/* -- looking into the store ----------------------------------------------------------------- */

/* The task that the next text goes to: a new one when the last is full, or when it must be alone. */
static task_t *task_for (look_t *look, bool alone)
{
    task_t *task = look->tasks;
    if (!alone && task != NULL && task->count < look->texts_a_task && task->items [0].failures == 0
        && task->items [0].losses < ALONE_AFTER_LOSSES)
        return task;
    task = calloc (1, sizeof *task);
    if (task == NULL) {
        look->failure = ERROR_NO_MEMORY;
        return NULL;
    }
    task->next = look->tasks;
    look->tasks = task;
    look->task_count++;
    return task;
}

static void look_at (look_t *look, item_t item, const chunk_row_t *row)
{
    bool alone = item.failures > 0 || item.losses >= ALONE_AFTER_LOSSES;
    task_t *task = task_for (look, alone);
    if (task == NULL)
        return;
    if (strings_add (&task->texts, row->text, row->text_size) != 0) {
        look->failure = error_get ();
        return;
    }
    task->items [task->count++] = item;
}

/* One that failed in an earlier run is tried alone, once. */
static void look_at_new (void *context, const chunk_row_t *row)
{
    look_t *look = context;
    if (look->failure != ERROR_NONE)
        return;
    item_t item = {.chunk = row->id};
    if (row->state == CHUNK_HAS_NONE)
        item = (item_t) {row->id, MAX_TEXT_FAILURES - 1, MAX_TEXT_LOSSES - 1};
    look_at (look, item, row);
    look->last = row->id;
}

static void look_again (look_t *look, store_t *store)
{
    for (size_t i = 0; i < look->again_count && look->failure == ERROR_NONE; i++) {
        chunk_row_t row;
        if (store_get_waiting (store, look->again [i].chunk, &row) == 0)
            look_at (look, look->again [i], &row);
        else if (error_get () != ERROR_NOT_FOUND)
            look->failure = error_get ();
    }
}

static void do_look (void *argument UNUSED)
{
    look_t *look = &embedding.look;
    reader_t *reader = library_take_reader (embedding.library);
    look_again (look, reader->store);
    look->last = look->after;
    uint32_t before = look->last;
    size_t room = look->most_tasks > look->task_count ? look->most_tasks - look->task_count : 0;
    size_t limit = look->state == CHUNK_WAITING ? room * look->texts_a_task : room;
    if (look->failure == ERROR_NONE && limit > 0
        && store_list_waiting (reader->store, look->state, look->after, (uint32_t) limit, look_at_new, look) != 0)
        look->failure = error_get ();
    look->at_end = look->failure == ERROR_NONE && limit > 0 && look->last == before;
    library_give_reader (embedding.library, reader);
}

/* What was read can't be given: back to the list. */
static void put_off (task_t *task)
{
    give_all_again (task);
    task_free (task);
}

static void hand_out (task_t *tasks)
{
    while (tasks != NULL) {
        task_t *task = tasks;
        tasks = task->next;
        peer_t *peer = peer_with_room (LANE_CHUNKS);
        task->id = ++embedding.next_id;
        if (peer == NULL || task->count == 0 || task_send (task, peer) != 0) {
            put_off (task);
            continue;
        }
        strings_free (&task->texts);
        task_keep (task);
    }
}

static task_t *reversed (task_t *list)
{
    task_t *result = NULL;
    while (list != NULL) {
        task_t *next = list->next;
        list->next = result;
        result = list;
        list = next;
    }
    return result;
}

static void look_failed (look_t *look)
{
    log_error ("chunks_not_read", "error=%s", error_name (look->failure));
    for (size_t i = 0; i < look->again_count; i++)
        give_again (look->again [i]);
    while (look->tasks != NULL) {
        task_t *next = look->tasks->next;
        task_free (look->tasks);
        look->tasks = next;
    }
    embedding.look_ms = loop_now_ms () + LOOK_AGAIN_MS;
}

static void look_ended (const look_t *look)
{
    if (look->state == CHUNK_WAITING) {
        embedding.after = look->last;
        embedding.at_end = look->at_end && !embedding.news;
    } else {
        embedding.retried = look->last;
        embedding.all_retried = look->at_end;
    }
}

static void feed (void);

static void look_done (void *argument UNUSED)
{
    look_t look = embedding.look;
    embedding.looking = false;
    embedding.look = (look_t) {0};
    if (look.failure != ERROR_NONE) {
        look_failed (&look);
    } else {
        look_ended (&look);
        hand_out (reversed (look.tasks));
    }
    free (look.again);
    feed ();
}

static size_t free_credit (void)
{
    size_t room = 0;
    for (size_t i = 0; i < channel_peer_count (*embedding.channel); i++)
        room += room_of (channel_peer (*embedding.channel, i), LANE_CHUNKS);
    return room > MAX_FETCHED_TASKS ? MAX_FETCHED_TASKS : room;
}

/* Takes from the list what one look may read again: at most one chunk a task, in case each must be
 * alone. */
static bool take_again (look_t *look)
{
    size_t count = embedding.again_count < look->most_tasks ? embedding.again_count : look->most_tasks;
    if (count == 0)
        return true;
    look->again = malloc (count * sizeof *look->again);
    if (look->again == NULL)
        return false;
    memcpy (look->again, embedding.again, count * sizeof *look->again);
    look->again_count = count;
    embedding.again_count -= count;
    memmove (embedding.again, embedding.again + count, embedding.again_count * sizeof *embedding.again);
    return true;
}

static bool has_chunks_under_way (void)
{
    for (const task_t *task = embedding.tasks; task != NULL; task = task->next)
        if (task->lane == LANE_CHUNKS)
            return true;
    return false;
}

/* Begins with the first chunk again when some were lost sight of: once all that is known of is done, so
 * that none is given twice. */
static void look_for_missed (void)
{
    if (embedding.missed_ms == 0 || loop_now_ms () < embedding.missed_ms || !embedding.at_end || embedding.looking
        || embedding.again_count > 0 || has_chunks_under_way () || writer_is_busy ())
        return;
    embedding.missed_ms = 0;
    embedding.after = 0;
    embedding.at_end = false;
}

/* Looks for chunks when embedders have room for them; when no other is left for those that failed in
 * an earlier run. */
static void feed (void)
{
    look_for_missed ();
    size_t room = free_credit ();
    bool retry = embedding.at_end && embedding.again_count == 0;
    if (embedding.looking || embedding.draining || room == 0 || (retry && embedding.all_retried)
        || writer_is_behind () || loop_now_ms () < embedding.look_ms)
        return;
    embedding.look = (look_t) {.state = retry ? CHUNK_HAS_NONE : CHUNK_WAITING,
                               .after = retry ? embedding.retried : embedding.after, .most_tasks = room,
                               .texts_a_task = (size_t) settings_number (SETTING_ANSWERER_EMBED_TEXTS)};
    if (!take_again (&embedding.look))
        return;
    embedding.news = false;
    embedding.looking = pool_submit (embedding.readers, false, do_look, look_done, NULL) == 0;
    if (!embedding.looking) {
        embedding.look.failure = error_get ();
        look_failed (&embedding.look);
        free (embedding.look.again);
        embedding.look = (look_t) {0};
    }
}

void embedding_more (void)
{
    embedding.at_end = false;
    embedding.news = true;
    feed ();
}

/* -- questions and texts that somebody waits for -------------------------------------------- */

static void give_lane (lane_t lane)
{
    peer_t *peer = peer_with_room (lane);
    for (task_t *task = embedding.tasks; task != NULL && peer != NULL; task = task->next) {
        if (task->lane != lane || task->peer != NULL || task->done == NULL)
            continue;
        if (task_send (task, peer) != 0)
            return;
        peer = peer_with_room (lane);
    }
}

static void give_asked (void)
{
    give_lane (LANE_QUESTIONS);
    give_lane (LANE_TEXTS);
}

int embedding_ask (lane_t lane, strings_t texts, form_t form, int patience_ms, embedding_done_t *done,
                   void *context)
{
    if (embedding.asked_bytes + texts.size > MAX_ASKED_BYTES)
        return error_set (ERROR_TOO_MANY_REQUESTS, NULL);
    task_t *task = calloc (1, sizeof *task);
    if (task == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    size_t cursor = 0;
    task->lane = lane;
    task->form = form;
    for (const char *text; (text = strings_next (texts, &cursor)) != NULL;)
        if (strings_add (&task->texts, text, strlen (text)) != 0) {
            strings_free (&task->texts);
            free (task);
            return -1;
        }
    task->id = ++embedding.next_id;
    task->count = texts.count;
    task->done = done;
    task->context = context;
    task->deadline_ms = loop_now_ms () + (uint64_t) patience_ms;
    embedding.asked_bytes += task->texts.size;
    task_keep (task);
    give_asked ();
    return 0;
}

/* Tells the one who waits, once. */
static void tell (task_t *task, const void *vectors, const void *pieces)
{
    embedding_done_t *done = task->done;
    task->done = NULL;
    if (done != NULL)
        done (task->context, vectors, pieces, task->count);
}

static void end_overdue (void)
{
    uint64_t now = loop_now_ms ();
    for (task_t *task = embedding.tasks, *next; task != NULL; task = next) {
        next = task->next;
        bool is_hopeless = embedding.draining && channel_peer_count (*embedding.channel) == 0;
        if (task->lane == LANE_CHUNKS || (now < task->deadline_ms && !is_hopeless))
            continue;
        if (task->done != NULL) {
            error_set (channel_peer_count (*embedding.channel) == 0 ? ERROR_ROLE_AWAY : ERROR_TIMED_OUT, NULL);
            tell (task, NULL, NULL);
        }
        if (task->peer == NULL) {
            task_unlink (task);
            task_free (task);
        }
    }
}

/* -- what embedders say --------------------------------------------------------------------- */

static bool all_finite (const void *vectors, size_t count)
{
    for (size_t i = 0; i < count * EMBEDDING_WIDTH; i++) {
        float value;
        memcpy (&value, (const char *) vectors + i * sizeof value, sizeof value);
        if (!isfinite (value))
            return false;
    }
    return true;
}

/* The embedder could not embed these texts. One that failed among others is tried alone first. */
static void fail_items (task_t *task, const char *reason)
{
    for (size_t i = 0; i < task->count; i++) {
        item_t item = task->items [i];
        item.failures++;
        if (item.failures >= MAX_TEXT_FAILURES)
            give_up (item, reason);
        else
            give_again (item);
    }
}

static void on_failed (task_t *task, error_t error, const char *reason)
{
    bool embedder_is_unwell = error == ERROR_NO_MEMORY || error == ERROR_MODEL_MISSING || error == ERROR_ROLE_AWAY;
    metric_add (METRIC_TASKS_FAILED, 1);
    log_warning ("embedding_failed", "texts=%zu error=%s text=\"%s\"", task->count, error_name (error), reason);
    if (task->lane != LANE_CHUNKS) {
        error_set (error, "%s", reason);
        tell (task, NULL, NULL);
    } else if (embedder_is_unwell) {
        give_all_again (task);
        embedding.look_ms = loop_now_ms () + LOOK_AGAIN_MS;
    } else {
        fail_items (task, reason);
    }
}

static void on_embedded (task_t *task, const texts_embedded_message_t *message)
{
    if (message->vectors.size != task->count * VECTOR_BYTES
        || message->pieces.size != task->count * sizeof (uint32_t)
        || !all_finite (message->vectors.data, task->count)) {
        on_failed (task, ERROR_BAD_MESSAGE, "The embedder sent vectors that can't be used.");
        return;
    }
    if (task->lane != LANE_CHUNKS) {
        tell (task, message->vectors.data, message->pieces.data);
        return;
    }
    uint32_t chunks [MAX_TASK_TEXTS];
    for (size_t i = 0; i < task->count; i++)
        chunks [i] = task->items [i].chunk;
    writer_put_vectors (chunks, task->count, message->vectors.data);
}

static void on_message (void *context UNUSED, peer_t *peer, const message_t *message)
{
    bool embedded = message->id == MESSAGE_TEXTS_EMBEDDED;
    if (!embedded && message->id != MESSAGE_TASK_FAILED)
        return;
    task_t *task = task_of (peer, embedded ? message->texts_embedded.task : message->task_failed.task);
    if (task == NULL) {
        metric_add (METRIC_RESULTS_LATE, 1);
        return;   /* given to another meanwhile */
    }
    task_leave (task);
    task_unlink (task);
    if (embedded)
        on_embedded (task, &message->texts_embedded);
    else
        on_failed (task, error_from_number (message->task_failed.error), message->task_failed.message);
    task_free (task);
    give_asked ();
    feed ();
}

/* -- embedders that come and go ------------------------------------------------------------- */

static void tell_number (void)
{
    catalogue_tell_embedders ((uint32_t) channel_peer_count (*embedding.channel));
}

static void on_ready (void *context UNUSED, peer_t *peer UNUSED)
{
    tell_number ();
    give_asked ();
    feed ();
}

static void lose_items (const task_t *task)
{
    for (size_t i = 0; i < task->count; i++) {
        item_t item = task->items [i];
        item.losses++;
        if (item.losses >= MAX_TEXT_LOSSES)
            give_up (item, "Embedders ended while they had this text.");
        else
            give_again (item);
    }
}

/* Its tasks go to others: chunks are read anew, what was asked for is sent again as it is. */
static void on_lost (void *context UNUSED, peer_t *peer)
{
    for (task_t *task = embedding.tasks, *next; task != NULL; task = next) {
        next = task->next;
        if (task->peer != peer)
            continue;
        metric_add (METRIC_TASKS_REDISPATCHED, 1);
        task_leave (task);
        if (task->lane != LANE_CHUNKS && task->done != NULL)
            continue;
        task_unlink (task);
        if (task->lane == LANE_CHUNKS && peer->unharmed)
            give_all_again (task);
        else if (task->lane == LANE_CHUNKS)
            lose_items (task);
        task_free (task);
    }
    embedding.seen_ms = loop_now_ms ();
    tell_number ();
    give_asked ();
    feed ();
}

const channel_handlers_t embedding_handlers = {.ready = on_ready, .lost = on_lost, .message = on_message};

bool embedding_is_near (void)
{
    uint64_t now = loop_now_ms ();
    if (channel_peer_count (*embedding.channel) > 0 || embedding.draining)
        return channel_peer_count (*embedding.channel) > 0;
    return now - embedding.started_ms < NEAR_MS || (embedding.seen_ms != 0 && now - embedding.seen_ms < NEAR_MS);
}

/* -- life ----------------------------------------------------------------------------------- */

void embedding_tick (void)
{
    tell_number ();
    end_overdue ();
    give_asked ();
    feed ();
}

void embedding_drain (void)
{
    embedding.draining = true;
}

void embedding_start (library_t *library, pool_t *readers, channel_t **channel)
{
    memset (&embedding, 0, sizeof embedding);
    embedding.library = library;
    embedding.readers = readers;
    embedding.channel = channel;
    embedding.started_ms = loop_now_ms ();
}

static void free_tasks (task_t **list)
{
    while (*list != NULL) {
        task_t *next = (*list)->next;
        task_free (*list);
        *list = next;
    }
}

void embedding_stop (void)
{
    free_tasks (&embedding.tasks);
    free_tasks (&embedding.look.tasks);
    free (embedding.look.again);
    free (embedding.again);
    memset (&embedding, 0, sizeof embedding);
}
