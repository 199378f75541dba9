/* The writer: groups of changes, what follows from them, and the upkeep of the caches. */
#include "writer.h"

#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "embedding.h"
#include "error.h"
#include "log.h"
#include "metrics.h"
#include "progress.h"

#define MAX_GROUP         64      /* works in one commit */
#define MAX_BEHIND        512     /* works that may wait before it counts as behind */
#define RETRY_MS          1000    /* after a commit that failed: the disk may have space again */
#define TEXTS_INTERVAL_MS 300     /* between two commits of the full-text index */
#define TEXTS_BUDGET_MS   200     /* of one of them */
#define SAVE_INTERVAL_MS  120000  /* between two saves of the vector index */
#define MEND_INTERVAL_MS  2000    /* after which the vector index is made good, when a change of it failed */
#define MAX_REASON_BYTES  256

typedef enum { WORK_REQUEST, WORK_PAGE, WORK_VECTORS, WORK_NO_VECTOR } work_kind_t;

typedef struct work {
    struct work *next;
    work_kind_t kind;
    origin_t *origin;
    uint8_t *buffer;            /* the message's own bytes */
    message_t message;
    answer_t answer;            /* of a request */
    page_outcome_t outcome;     /* of a page */
    uint32_t file;              /* that a page touched, or 0 */
    size_t chunk_count;
    uint32_t *chunks;
    float *vectors;             /* NULL: they get none */
    chunk_row_t *settled;       /* [chunk_count]; id 0: there was nothing to do */
    char reason [MAX_REASON_BYTES];
} work_t;

typedef struct {
    work_t *first, **last;
    size_t length;
} work_queue_t;

static struct {
    library_t *library;
    pool_t *pool;               /* one thread */
    work_queue_t waiting;
    work_t *group;              /* being written */
    bool busy, group_failed, texts_failed, new_chunks;
    bool careful;               /* after a failure: one work at a time */
    bool texts_left;            /* the full-text index is behind the store */
    bool texts_slow;            /* it could not catch up when it last had its turn */
    bool vectors_differ;        /* the vector index lacks or holds what the store does not; set beside the loop … */
    uint64_t mend_ms;           /* … and when it is made good; 0: no need */
    error_t failure;
    standing_t *standings;      /* of the files that the group touched */
    uint64_t retry_ms, texts_ms, save_ms;
} writer;

/* -- works ---------------------------------------------------------------------------------- */

static void work_free (work_t *work)
{
    origin_destroy (&work->origin);
    answer_clear (&work->answer);
    free (work->buffer);
    free (work->chunks);
    free (work->vectors);
    free (work->settled);
    free (work);
}

static void queue_add (work_queue_t *queue, work_t *work)
{
    if (queue->first == NULL)
        queue->last = &queue->first;
    *queue->last = work;
    queue->last = &work->next;
    queue->length++;
}

/* Puts a list back before all else, its last one first. */
static void queue_put_back (work_queue_t *queue, work_t *list)
{
    while (list != NULL) {
        work_t *next = list->next;
        list->next = queue->first;
        if (queue->first == NULL)
            queue->last = &list->next;
        queue->first = list;
        queue->length++;
        list = next;
    }
}

/* Takes up to `most` works; there is at least one. */
static work_t *queue_take (work_queue_t *queue, size_t most)
{
    work_t *list = queue->first, *last = list;
    size_t taken = 1;
    for (; taken < most && last->next != NULL; taken++)
        last = last->next;
    queue->first = last->next;
    queue->length -= taken;
    last->next = NULL;
    return list;
}

/* Takes the first request out, or NULL. */
static work_t *queue_take_request (work_queue_t *queue)
{
    for (work_t **at = &queue->first; *at != NULL; at = &(*at)->next) {
        work_t *work = *at;
        if (work->kind != WORK_REQUEST)
            continue;
        *at = work->next;
        if (queue->last == &work->next)
            queue->last = at;
        queue->length--;
        work->next = NULL;
        return work;
    }
    return NULL;
}

/* A work with its own copy of a message. */
static work_t *work_new (work_kind_t kind, const message_t *message, origin_t *origin)
{
    work_t *work = calloc (1, sizeof *work);
    if (work == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    work->kind = kind;
    if (message != NULL && (work->buffer = message_copy (&work->message, message)) == NULL) {
        work_free (work);
        return NULL;
    }
    work->origin = origin;
    return work;
}

/* -- on the writer's thread ----------------------------------------------------------------- */

/* A page that is malformed ends in the ledger as failed. */
static int write_malformed_page (work_t *work)
{
    const page_message_t *page = &work->message.page;
    log_error ("page_refused", "file=%s page=%u text=\"%s\"", page->file_id, page->page, error_text ());
    metric_add (METRIC_MESSAGES_REFUSED, 1);
    if (page->page == 0)
        return 0;
    page_message_t failed = {.file_id = page->file_id, .page = page->page, .status = PAGE_FAILED,
                             .text = "", .head = "", .reason = error_default (ERROR_BAD_MESSAGE)};
    return store_add_page (library_store (writer.library), &failed, &work->outcome, &work->file);
}

static int write_page (work_t *work)
{
    if (store_add_page (library_store (writer.library), &work->message.page, &work->outcome, &work->file) == 0)
        return 0;
    return error_get () == ERROR_BAD_MESSAGE ? write_malformed_page (work) : -1;
}

static int write_vectors (work_t *work)
{
    store_t *store = library_store (writer.library);
    for (size_t i = 0; i < work->chunk_count; i++) {
        chunk_row_t *row = &work->settled [i];
        const float *vector = work->vectors == NULL ? NULL : work->vectors + i * EMBEDDING_WIDTH;
        if (store_settle_chunk (store, work->chunks [i], vector, work->reason, row) == 0)
            continue;
        if (error_get () != ERROR_NOT_FOUND)
            return -1;
        *row = (chunk_row_t) {0};   /* id 0: its file was deleted */
    }
    return 0;
}

/* Does one work inside the group. A request that fails is taken back alone. */
static int write_work (work_t *work)
{
    store_t *store = library_store (writer.library);
    if (work->kind == WORK_PAGE)
        return write_page (work);
    if (work->kind != WORK_REQUEST)
        return write_vectors (work);
    if (store_part_begin (store) != 0)
        return -1;
    if (catalogue_answer (store, &work->message, &work->answer) == 0)
        return store_part_keep (store);
    error_t error = error_get ();
    if (error == ERROR_DISK_FULL || error == ERROR_STORE_FAILED || error == ERROR_STORE_DAMAGED || !store_in_group (store))
        return -1;
    store_part_drop (store);
    return 0;
}

static int write_group (void)
{
    store_t *store = library_store (writer.library);
    if (store_begin (store) != 0)
        return -1;
    for (work_t *work = writer.group; work != NULL; work = work->next)
        if (write_work (work) != 0)
            return -1;
    return store_commit (store);
}

/* -- what follows from a commit, still on its thread ---------------------------------------- */

static void index_vectors (const work_t *work)
{
    for (size_t i = 0; i < work->chunk_count; i++) {
        const chunk_row_t *row = &work->settled [i];
        if (row->id != 0 && row->state != CHUNK_HAS_VECTOR && work->vectors != NULL
            && index_add (library_index (writer.library), row->id, row->page, row->file,
                          work->vectors + i * EMBEDDING_WIDTH) != 0) {
            log_error ("vector_not_indexed", "chunk=%u text=\"%s\"", row->id, error_text ());
            writer.vectors_differ = true;
        }
    }
}

static void drop_file (uint32_t file)
{
    if (index_remove_file (library_index (writer.library), file) == 0)
        return;
    log_error ("file_not_dropped", "file_number=%u text=\"%s\"", file, error_text ());
    writer.vectors_differ = true;
}

static void stand (standing_t *standing)
{
    if (standing == NULL)
        return;
    standing->next = writer.standings;
    writer.standings = standing;
}

typedef struct {
    uint32_t numbers [MAX_GROUP * 256];
    size_t count;
} touched_t;

static void touch (touched_t *touched, uint32_t file)
{
    for (size_t i = touched->count; i-- > 0;)
        if (touched->numbers [i] == file)
            return;
    if (file != 0 && touched->count < COUNT_OF (touched->numbers))
        touched->numbers [touched->count++] = file;
}

static void follow_work (const work_t *work, touched_t *touched)
{
    if (work->kind == WORK_VECTORS)
        index_vectors (work);
    for (size_t i = 0; i < work->chunk_count; i++)
        touch (touched, work->settled [i].file);
    touch (touched, work->file);
    touch (touched, work->answer.touched);
    if (work->answer.deleted != 0) {
        drop_file (work->answer.deleted);
        stand (standing_deleted (work->answer.id));
    }
}

static void follow_group (void)
{
    static touched_t touched;   /* large, and only this thread is here */
    touched.count = 0;
    for (const work_t *work = writer.group; work != NULL; work = work->next)
        follow_work (work, &touched);
    for (size_t i = 0; i < touched.count; i++) {
        file_row_t file;
        if (store_get_file_by_number (library_store (writer.library), touched.numbers [i], &file) == 0)
            stand (standing_new (&file));
    }
}

static void do_group (void *argument UNUSED)
{
    writer.group_failed = write_group () != 0;
    writer.failure = writer.group_failed ? error_get () : ERROR_NONE;
    if (writer.group_failed) {
        log_error ("commit_failed", "error=%s text=\"%s\"", error_name (writer.failure), error_text ());
        store_rollback (library_store (writer.library));
    } else {
        follow_group ();
    }
}

/* -- answers, on the loop's thread ---------------------------------------------------------- */

static void count_page (page_outcome_t outcome)
{
    static const metric_t metrics [] = {
        [PAGE_STORED] = METRIC_PAGES_COMMITTED, [PAGE_DUPLICATE] = METRIC_DUPLICATES_IGNORED,
        [PAGE_ORPHAN] = METRIC_ORPHANS_DROPPED,
    };
    metric_add (metrics [outcome], 1);
}

static void answer_page (work_t *work)
{
    const page_message_t *page = &work->message.page;
    count_page (work->outcome);
    writer.new_chunks |= work->outcome == PAGE_STORED;
    writer.texts_left |= work->outcome == PAGE_STORED;
    origin_answer (&work->origin, &(message_t) {.id = MESSAGE_PAGE_COMMITTED, .page_committed = {
        .file_id = page->file_id, .page = page->page, .outcome = (uint32_t) work->outcome}});
}

static void answer_vectors (const work_t *work)
{
    for (size_t i = 0; i < work->chunk_count; i++)
        if (work->settled [i].id == 0)
            metric_add (METRIC_ORPHANS_DROPPED, 1);
}

static void answer_work (work_t *work)
{
    switch (work->kind) {
    case WORK_REQUEST:
        writer.texts_left = true;
        origin_answer (&work->origin, &work->answer.message);
        break;
    case WORK_PAGE:
        answer_page (work);
        break;
    default:
        answer_vectors (work);
    }
    work_free (work);
}

static void fail_request (work_t *work)
{
    error_set (writer.failure, NULL);
    answer_fail (&work->answer, request_number (&work->message), NULL);
    origin_answer (&work->origin, &work->answer.message);
    work_free (work);
}

/* Pages and vectors wait until they can be written; those who ask are told. What fails alone goes
 * behind the others, so that it holds nobody up. */
static void answer_failed_group (work_t *group)
{
    work_t *kept = NULL;   /* the last one first */
    bool alone = group->next == NULL;
    while (group != NULL) {
        work_t *work = group;
        group = work->next;
        if (work->kind == WORK_REQUEST) {
            fail_request (work);
        } else {
            work->next = kept;
            kept = work;
        }
    }
    writer.careful = true;
    if (kept == NULL)
        return;
    if (alone)
        queue_add (&writer.waiting, kept);
    else
        queue_put_back (&writer.waiting, kept);
    writer.retry_ms = loop_now_ms () + RETRY_MS;
}

static void write_next (void);

/* Not at once: there was no memory just now. */
static void plan_mending (void)
{
    if (writer.vectors_differ && writer.mend_ms == 0)
        writer.mend_ms = loop_now_ms () + MEND_INTERVAL_MS;
}

static void group_done (void *argument UNUSED)
{
    work_t *group = writer.group;
    writer.group = NULL;
    writer.busy = false;
    writer.new_chunks = false;
    plan_mending ();
    if (writer.group_failed)
        answer_failed_group (group);
    else
        writer.careful = false;
    while (!writer.group_failed && group != NULL) {
        work_t *work = group;
        group = work->next;
        answer_work (work);
    }
    progress_note (&writer.standings);
    if (writer.new_chunks)
        embedding_more ();
    write_next ();
}

/* -- upkeep --------------------------------------------------------------------------------- */

static void tell_counts (void)
{
    store_counts_t counts;
    if (store_count (library_store (writer.library), &counts) != 0)
        return;
    metric_set (METRIC_FILES, (int64_t) counts.files);
    metric_set (METRIC_CHUNKS, (int64_t) counts.chunks);
    metric_set (METRIC_VECTORS, (int64_t) index_count (library_index (writer.library)));
}

static void do_texts (void *argument UNUSED)
{
    int result = library_index_texts (writer.library, TEXTS_BUDGET_MS);
    writer.texts_failed = result < 0;
    writer.texts_left = result > 0;
    tell_counts ();
}

static void texts_done (void *argument UNUSED)
{
    writer.busy = false;
    writer.texts_left |= writer.texts_failed;
    writer.texts_slow = writer.texts_left;
    writer.texts_ms = loop_now_ms () + (writer.texts_failed ? RETRY_MS : TEXTS_INTERVAL_MS);
    write_next ();
}

static void do_save (void *argument UNUSED)
{
    if (library_save_index (writer.library) != 0)
        log_warning ("index_not_saved", "text=\"%s\"", error_text ());
}

static void save_done (void *argument UNUSED)
{
    writer.busy = false;
    writer.save_ms = loop_now_ms () + SAVE_INTERVAL_MS;
    write_next ();
}

static void do_mend (void *argument UNUSED)
{
    writer.vectors_differ = library_mend_index (writer.library) != 0;
    if (writer.vectors_differ)
        log_error ("index_not_mended", "text=\"%s\"", error_text ());
}

static void mend_done (void *argument UNUSED)
{
    writer.busy = false;
    writer.mend_ms = 0;
    plan_mending ();
    write_next ();
}

/* -- what is done next ---------------------------------------------------------------------- */

static void begin (pool_call_t *work, pool_call_t *done)
{
    writer.busy = pool_submit (writer.pool, false, work, done, NULL) == 0;
}

/* What to write now, or NULL. After a failure pages and vectors wait for a while, but a request is
 * tried at once: somebody waits for it, and deleting may be what makes space again. */
static work_t *next_group (uint64_t now)
{
    work_t *request = writer.careful ? queue_take_request (&writer.waiting) : NULL;
    if (request != NULL || writer.waiting.first == NULL || now < writer.retry_ms)
        return request;
    return queue_take (&writer.waiting, writer.careful ? 1 : MAX_GROUP);
}

static void begin_group (void)
{
    begin (do_group, group_done);
    if (writer.busy)
        return;
    writer.failure = ERROR_NO_MEMORY;
    answer_failed_group (writer.group);
    writer.group = NULL;
}

static bool group_has_vectors (void)
{
    size_t count = 0;
    for (const work_t *work = writer.waiting.first; work != NULL && count < MAX_GROUP; work = work->next, count++)
        if (work->kind == WORK_VECTORS)
            return true;
    return false;
}

/* The full-text index has its turn between groups, so that it never falls behind for long; and before
 * vectors, which may complete a file: what is completed can be found by its words too. */
static bool texts_are_due (uint64_t now)
{
    return writer.texts_left && (now >= writer.texts_ms || (!writer.texts_slow && group_has_vectors ()));
}

static void write_next (void)
{
    uint64_t now = loop_now_ms ();
    if (writer.busy)
        return;
    if (texts_are_due (now))
        begin (do_texts, texts_done);
    else if (writer.mend_ms != 0 && now >= writer.mend_ms)
        begin (do_mend, mend_done);
    else if ((writer.group = next_group (now)) != NULL)
        begin_group ();
    else if (writer.waiting.first == NULL && now >= writer.save_ms)
        begin (do_save, save_done);
}

void writer_tick (void)
{
    write_next ();
}

bool writer_is_behind (void)
{
    return writer.waiting.length > MAX_BEHIND || loop_now_ms () < writer.retry_ms;
}

bool writer_is_busy (void)
{
    return writer.group != NULL || (writer.waiting.first != NULL && loop_now_ms () >= writer.retry_ms);
}

/* -- taking in ------------------------------------------------------------------------------ */

static void put (work_t *work)
{
    queue_add (&writer.waiting, work);
    write_next ();
}

void writer_put_request (const message_t *request, origin_t *origin)
{
    work_t *work = work_new (WORK_REQUEST, request, origin);
    if (work != NULL) {
        put (work);
        return;
    }
    answer_t answer = {0};
    answer_fail (&answer, request_number (request), NULL);
    origin_answer (&origin, &answer.message);
    answer_clear (&answer);
}

void writer_put_page (const message_t *page, origin_t *origin)
{
    work_t *work = work_new (WORK_PAGE, page, origin);
    if (work != NULL) {
        put (work);
        return;
    }
    log_error ("page_not_taken", "file=%s page=%u error=%s", page->page.file_id, page->page.page,
               error_name (error_get ()));
    origin_destroy (&origin);   /* unanswered, so it comes again */
}

static void *copy (const void *bytes, size_t size)
{
    void *result = malloc (size + 1);
    if (result != NULL)
        memcpy (result, bytes, size);
    return result;
}

static void chunks_missed (size_t count)
{
    log_error ("vectors_not_taken", "count=%zu error=%s", count, error_name (ERROR_NO_MEMORY));
    embedding_missed ();
}

/* Without memory the chunks stay without a vector for a while. */
static void put_chunks (work_kind_t kind, const uint32_t *chunks, size_t count, const void *vectors,
                        const char *reason)
{
    work_t *work = work_new (kind, NULL, NULL);
    if (work == NULL) {
        chunks_missed (count);
        return;
    }
    work->chunk_count = count;
    work->chunks = copy (chunks, count * sizeof *chunks);
    work->vectors = vectors == NULL ? NULL : copy (vectors, count * VECTOR_BYTES);
    work->settled = calloc (count, sizeof *work->settled);
    strncpy (work->reason, reason, sizeof work->reason - 1);
    if (work->chunks == NULL || work->settled == NULL || (vectors != NULL && work->vectors == NULL)) {
        chunks_missed (count);
        work_free (work);
        return;
    }
    put (work);
}

void writer_put_vectors (const uint32_t *chunks, size_t count, const void *vectors)
{
    put_chunks (WORK_VECTORS, chunks, count, vectors, "");
}

void writer_put_no_vector (uint32_t chunk, const char *reason)
{
    put_chunks (WORK_NO_VECTOR, &chunk, 1, NULL, reason);
}

/* -- life ----------------------------------------------------------------------------------- */

int writer_start (loop_t *loop, library_t *library)
{
    memset (&writer, 0, sizeof writer);
    writer.library = library;
    writer.texts_left = true;   /* what the last run left over */
    writer.save_ms = loop_now_ms () + SAVE_INTERVAL_MS;
    tell_counts ();
    writer.pool = pool_new (loop, 1);
    return writer.pool == NULL ? -1 : 0;
}

static void free_list (work_t *list)
{
    while (list != NULL) {
        work_t *next = list->next;
        work_free (list);
        list = next;
    }
}

void writer_stop (void)
{
    pool_destroy (&writer.pool);
    free_list (writer.group);
    free_list (writer.waiting.first);
    writer.group = NULL;
    writer.waiting = (work_queue_t) {0};
    standings_free (&writer.standings);
}
