/* Pages in, vectors out: the writer, the embedding of its chunks and the readers on a real loop,
 * with embedders that fail, end and come back at the other end of a real link. */
#include "library_fixture.h"

#include "ask.h"
#include "embedding.h"
#include "error.h"
#include "progress.h"
#include "settings.h"
#include "writer.h"

#define CREDIT 2
#define TOO_LONG_MS 600000

/* -- allocations that fail: as many of one size as a test says (ld --wrap) ------------------ */

static struct {
    size_t size;
    unsigned left, failed;
} lack;

static bool is_lacking (size_t size)
{
    if (lack.left == 0 || size != lack.size)
        return false;
    lack.left--;
    lack.failed++;
    return true;
}

void *__real_malloc (size_t size);
void *__real_realloc (void *block, size_t size);
void *__wrap_malloc (size_t size);
void *__wrap_realloc (void *block, size_t size);

void *__wrap_malloc (size_t size)
{
    return is_lacking (size) ? NULL : __real_malloc (size);
}

void *__wrap_realloc (void *block, size_t size)
{
    return is_lacking (size) ? NULL : __real_realloc (block, size);
}

/* -------------------------------------------------------------------------------------------- */

static char *folder;
static loop_t *loop;
static library_t *library;
static pool_t *readers;
static channel_t *bound;          /* the answerer's end */
static channel_t *embedder;       /* the other end */
static channel_t *ask_bound, *gateway;
static struct {
    size_t tasks, texts, most_at_once, held;
    bool silent;                  /* takes tasks and does nothing */
    bool answers_urgent;          /* but for those of questions */
    bool cured;                   /* nothing fails */
    bool (*done) (void);          /* the test's condition */
    uint64_t give_up_ms;
} seen;

/* -- an embedder ---------------------------------------------------------------------------- */

static void answer_task (peer_t *peer, const embed_texts_message_t *task)
{
    static float vectors [MAX_STRINGS] [EMBEDDING_WIDTH];
    static uint32_t pieces [MAX_STRINGS];
    size_t cursor = 0, count = 0;
    for (const char *text; (text = strings_next (task->texts, &cursor)) != NULL; count++) {
        if (!seen.cured && strstr (text, "poison") != NULL) {
            message_t failed = {.id = MESSAGE_TASK_FAILED, .task_failed = {task->task, ERROR_INTERNAL, "poisoned"}};
            assert_int_equal (channel_send (embedder, peer, &failed), 0);
            return;
        }
        vector_along (vectors [count], (unsigned) text [0]);
        if (!seen.cured && strstr (text, "nonsense") != NULL)
            vectors [count] [7] = NAN;
        pieces [count] = 3;
    }
    seen.texts += count;
    message_t answer = {.id = MESSAGE_TEXTS_EMBEDDED, .texts_embedded = {
        task->task, {vectors, count * VECTOR_BYTES}, {pieces, count * sizeof (uint32_t)}}};
    assert_int_equal (channel_send (embedder, peer, &answer), 0);
}

static void on_task (void *context UNUSED, peer_t *peer, const message_t *message)
{
    if (message->id != MESSAGE_EMBED_TEXTS)
        return;
    seen.tasks++;
    if (seen.silent && !(seen.answers_urgent && message->embed_texts.urgent)) {
        seen.held++;
        seen.most_at_once = seen.held > seen.most_at_once ? seen.held : seen.most_at_once;
    } else {
        answer_task (peer, &message->embed_texts);
    }
}

static uint64_t instance = 100;

/* Its next hello is that of a new process; what the old one had is gone with it. */
static void embedder_is_killed (void)
{
    seen.held = 0;
    channel_identify ("embedder", ++instance);
}

static void embedder_come (bool silent)
{
    static const channel_handlers_t handlers = {.message = on_task};
    char address [4096];
    snprintf (address, sizeof address, "ipc://%s/embed", folder);
    seen.silent = silent;
    seen.held = 0;
    if (gateway == NULL)   /* which is of this process too: it would count as restarted */
        channel_identify ("embedder", ++instance);
    embedder = channel_connect (loop, "embed", address, (channel_offer_t) {CREDIT, CREDIT}, &handlers, NULL);
    assert_non_null (embedder);
}

/* -- a gateway ------------------------------------------------------------------------------ */

static struct {
    bool searched, dense, embedded, failed;
    size_t vectors, in_order;
} answered;

static void on_answer (void *context UNUSED, peer_t *peer UNUSED, const message_t *message)
{
    if (message->id == MESSAGE_RESULT) {
        answered.searched = true;
        answered.dense = strstr (message->result.json, "\"dense\":true") != NULL;
    } else if (message->id == MESSAGE_EMBEDDED) {
        const embedded_message_t *embedded = &message->embedded;
        answered.embedded = true;
        answered.vectors = embedded->vectors.size / VECTOR_BYTES;
        for (size_t i = 0; i < answered.vectors; i++) {
            float vector [EMBEDDING_WIDTH], wanted [EMBEDDING_WIDTH];
            memcpy (vector, (const char *) embedded->vectors.data + i * VECTOR_BYTES, VECTOR_BYTES);
            vector_along (wanted, 'a' + (unsigned) i % 26);
            answered.in_order += memcmp (vector, wanted, VECTOR_BYTES) == 0;
        }
    } else {
        answered.failed = true;
    }
}

static void gateway_come (void)
{
    static const channel_handlers_t handlers = {.message = on_answer};
    char address [4096];
    snprintf (address, sizeof address, "ipc://%s/ask", folder);
    memset (&answered, 0, sizeof answered);
    channel_identify ("gateway", 1);
    gateway = channel_connect (loop, "ask", address, (channel_offer_t) {0, 0}, &handlers, NULL);
    assert_non_null (gateway);
}

static void gateway_ask (message_t message)
{
    assert_int_equal (channel_send (gateway, channel_first_peer (gateway), &message), 0);
}

static void gateway_embeds (uint64_t request, size_t count)
{
    strings_builder_t texts = {0};
    for (size_t i = 0; i < count; i++) {
        char text [2] = {(char) ('a' + i % 26), 0};
        assert_int_equal (strings_add (&texts, text, 1), 0);
    }
    gateway_ask ((message_t) {.id = MESSAGE_EMBED, .embed = {.request = request, .texts = strings_built (&texts)}});
    strings_free (&texts);
}

static void gateway_searches (uint64_t request)
{
    strings_builder_t builder = {0};
    strings_t queries = strings_from (&builder, (const char *const []) {"a question", NULL});
    gateway_ask ((message_t) {.id = MESSAGE_SEARCH, .search = {
        .request = request, .store_id = DEFAULT_STORE, .queries = queries, .limit = 10, .filters = "",
        .ranker = "fused"}});
    strings_free (&builder);
}

/* -- the answerer --------------------------------------------------------------------------- */

static int start (void **state UNUSED)
{
    char address [4096];
    memset (&seen, 0, sizeof seen);
    folder = folder_make ();
    memset (&lack, 0, sizeof lack);
    settings_override (SETTING_ANSWERER_EMBED_TEXTS, "4");
    loop = loop_new ();
    library = library_open (folder, 2);   /* one for the pool, one for the test */
    readers = pool_new (loop, 1);
    snprintf (address, sizeof address, "ipc://%s/embed", folder);
    bound = channel_bind (loop, "embed", address, (channel_offer_t) {0, 0}, &embedding_handlers, NULL);
    snprintf (address, sizeof address, "ipc://%s/ask", folder);
    ask_bound = channel_bind (loop, "ask", address, (channel_offer_t) {0, 0}, &ask_handlers, NULL);
    if (library == NULL || readers == NULL || bound == NULL || ask_bound == NULL || writer_start (loop, library) != 0)
        return -1;
    embedding_start (library, readers, &bound);
    ask_start (library, readers, &ask_bound);
    return 0;
}

static int end (void **state UNUSED)
{
    pool_destroy (&readers);
    ask_stop ();
    embedding_stop ();
    writer_stop ();
    progress_stop ();
    channel_destroy (&embedder);
    channel_destroy (&bound);
    channel_destroy (&gateway);
    channel_destroy (&ask_bound);
    library_close (&library);
    loop_destroy (&loop);
    remove_all (folder);
    free (folder);
    return 0;
}

static void on_clock (void *context UNUSED)
{
    writer_tick ();
    embedding_tick ();
    if (seen.done () || loop_now_ms () > seen.give_up_ms)
        loop_stop (loop);
}

static void run_until (bool (*done) (void))
{
    seen.done = done;
    seen.give_up_ms = loop_now_ms () + TOO_LONG_MS;
    int timer = loop_timer (loop, 10, on_clock, NULL);
    loop_run (loop);
    loop_timer_end (loop, timer);
    loop_restart (loop);
    assert_true (done ());
}

static store_counts_t counts (void)
{
    store_counts_t result;
    reader_t *reader = library_take_reader (library);
    assert_int_equal (store_count (reader->store, &result), 0);
    library_give_reader (library, reader);
    return result;
}

static void put_request (message_t request)
{
    writer_put_request (&request, NULL);
}

static void put_page (const char *text, uint32_t page)
{
    size_t size;
    chunk_t chunk = {0, (uint32_t) strlen (text), 3};
    void *chunks = chunks_pack (&chunk, 1, &size);
    message_t message = {.id = MESSAGE_PAGE, .page = {
        .file_id = "file-a", .page = page, .status = PAGE_TEXT, .reason = "", .width = 10, .height = 10,
        .text = text, .words = {"", 0}, .chunks = {chunks, size}, .head = ""}};
    writer_put_page (&message, NULL);
    free (chunks);
}

static void put_file (const char *const *texts, uint32_t pages)
{
    put_request ((message_t) {.id = MESSAGE_ADD_FILE, .add_file = {
        .file_id = "file-a", .sha256 = "aa", .name = "a.pdf", .purpose = "", .password = ""}});
    put_request ((message_t) {.id = MESSAGE_SET_INSPECTED, .set_inspected = {
        .file_id = "file-a", .pages = pages, .title = ""}});
    for (uint32_t i = 0; i < pages; i++)
        put_page (texts [i], i + 1);
}


/* The index gets its vectors right after the commit, on the writer's thread. */
static bool file_is_completed (void)
{
    store_counts_t now = counts ();
    return now.files_in_state [FILE_COMPLETED] == 1 && index_count (library_index (library)) == now.vectors;
}

static bool all_is_read (void) { return counts ().files_in_state [FILE_INDEXING] == 1; }
static bool nothing_failed (void) { return counts ().vectors_failed == 0; }
static bool tasks_are_held (void) { return seen.held >= CREDIT; }
static bool a_task_is_held (void) { return seen.held > 0; }
static bool embedder_is_there (void) { return channel_peer_count (bound) == 1; }
static bool no_gateway_is_there (void) { return channel_peer_count (ask_bound) == 0; }
static bool gateway_is_there (void) { return gateway != NULL && channel_first_peer (gateway) != NULL; }
static bool is_searched (void) { return answered.searched; }
static bool is_embedded (void) { return answered.embedded; }
static bool nobody_is_there (void) { return channel_peer_count (bound) == 0; }

/* -- tests ---------------------------------------------------------------------------------- */

static const char *const plain [] = {"ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay",
                                     "kite", "lark", "mole", "newt", "owl", "pig", "quail", "rat", "seal", "toad"};

static void test_all_chunks_get_vectors (void **state UNUSED)
{
    embedder_come (false);
    put_file (plain, 20);
    run_until (file_is_completed);
    assert_int_equal (index_count (library_index (library)), 20);
    assert_int_equal (seen.texts, 20);
}

static void test_pages_are_read_while_no_embedder_is_there (void **state UNUSED)
{
    put_file (plain, 20);
    run_until (all_is_read);
    assert_false (embedder_is_there ());
    embedder_come (false);
    run_until (file_is_completed);
    assert_int_equal (seen.texts, 20);
}

static void test_texts_that_fail_hold_nobody_up (void **state UNUSED)
{
    static const char *const texts [] = {"ant", "poison", "cat", "dog", "nonsense", "fox", "poison too", "hen"};
    embedder_come (false);
    put_file (texts, 8);
    run_until (file_is_completed);
    assert_int_equal (index_count (library_index (library)), 5);
    assert_int_equal (counts ().vectors, 5);
    assert_int_equal (counts ().vectors_failed, 3);
}

static void test_credit_is_kept_and_lost_tasks_go_to_others (void **state UNUSED)
{
    embedder_come (true);
    put_file (plain, 20);
    run_until (all_is_read);
    run_until (tasks_are_held);
    assert_int_equal (seen.most_at_once, CREDIT);
    channel_destroy (&embedder);
    run_until (nobody_is_there);
    assert_true (embedding_is_near ());
    embedder_come (false);
    run_until (file_is_completed);
    assert_int_equal (index_count (library_index (library)), 20);
}

static void begin_anew (void)
{
    channel_destroy (&embedder);
    run_until (nobody_is_there);
    embedding_stop ();
    embedding_start (library, readers, &bound);
}

/* What an embedder could not do, perhaps because it was a bad one, is tried again after a start. */
static void test_failed_texts_are_tried_again_at_the_start (void **state UNUSED)
{
    static const char *const texts [] = {"ant", "poison", "cat", "dog", "nonsense", "fox", "poison too", "hen"};
    embedder_come (false);
    put_file (texts, 8);
    run_until (file_is_completed);
    begin_anew ();
    seen.cured = true;
    embedder_come (false);
    run_until (nothing_failed);
    assert_int_equal (counts ().vectors, 8);
    assert_int_equal (index_count (library_index (library)), 8);
    assert_true (file_is_completed ());
}

/* A text that ends every embedder that has it is given up at last. */
static void test_embedders_that_end_again_and_again (void **state UNUSED)
{
    put_file (plain, 1);
    embedder_come (true);
    for (int i = 0; i < 6; i++) {
        run_until (a_task_is_held);
        embedder_is_killed ();
    }
    run_until (file_is_completed);
    assert_int_equal (index_count (library_index (library)), 0);
}

/* Who says goodbye did not die of the text. */
static void test_embedders_that_stop_again_and_again (void **state UNUSED)
{
    put_file (plain, 1);
    for (int i = 0; i < 8; i++) {
        embedder_come (true);
        run_until (a_task_is_held);
        channel_destroy (&embedder);
        run_until (nobody_is_there);
    }
    embedder_come (false);
    run_until (file_is_completed);
    assert_int_equal (index_count (library_index (library)), 1);
}

static struct {
    bool told, with_vectors;
    size_t count;
} asked;

static void on_embedded (void *context UNUSED, const void *vectors, const void *pieces UNUSED, size_t count)
{
    assert_false (asked.told);
    asked.told = true;
    asked.with_vectors = vectors != NULL;
    asked.count = count;
}

static bool is_told (void) { return asked.told; }

static void ask_for (const char *text, int patience_ms)
{
    strings_builder_t builder = {0};
    memset (&asked, 0, sizeof asked);
    strings_t texts = strings_from (&builder, (const char *const []) {text, NULL});
    assert_int_equal (embedding_ask (LANE_QUESTIONS, texts, (form_t) {0}, patience_ms, on_embedded, NULL), 0);
    strings_free (&builder);
    run_until (is_told);
}

static void test_questions (void **state UNUSED)
{
    ask_for ("a question", 50);
    assert_false (asked.with_vectors);
    embedder_come (false);
    ask_for ("a question", 60000);   /* waits for the embedder to come */
    assert_true (asked.with_vectors);
    assert_int_equal (asked.count, 1);
    ask_for ("poison", 60000);
    assert_false (asked.with_vectors);
    channel_destroy (&embedder);
    run_until (nobody_is_there);
    embedder_come (true);
    ask_for ("a question", 300);     /* nobody answers */
    assert_false (asked.with_vectors);
}

/* However many texts a client wants embedded, searches have their vectors at once, and files go on. */
static void test_many_texts_hold_no_question_up (void **state UNUSED)
{
    gateway_come ();
    run_until (gateway_is_there);
    seen.answers_urgent = true;
    embedder_come (true);
    gateway_embeds (1, 500);
    put_file (plain, 20);
    run_until (tasks_are_held);   /* one of texts, one of chunks: what its credit lets it have */
    gateway_searches (2);
    run_until (is_searched);
    assert_true (answered.dense);
    assert_false (answered.embedded);
    assert_int_equal (seen.most_at_once, CREDIT);
    channel_destroy (&embedder);
    run_until (nobody_is_there);
    embedder_come (false);
    run_until (is_embedded);
    assert_int_equal (answered.vectors, 500);
    assert_int_equal (answered.in_order, 500);
    assert_false (answered.failed);
    run_until (file_is_completed);
}

/* Nothing is embedded for a client that is gone. */
static void test_texts_of_a_gateway_that_is_gone (void **state UNUSED)
{
    gateway_come ();
    run_until (gateway_is_there);
    embedder_come (true);
    gateway_embeds (1, 500);
    run_until (a_task_is_held);
    channel_destroy (&gateway);
    run_until (no_gateway_is_there);
    channel_destroy (&embedder);
    run_until (nobody_is_there);
    embedder_come (false);
    put_file (plain, 20);
    run_until (file_is_completed);
    assert_in_range (seen.texts, 20, 20 + 64);   /* the parts that had been asked for, no more */
}

static void test_pages_of_a_deleted_file (void **state UNUSED)
{
    embedder_come (true);
    put_file (plain, 8);
    run_until (tasks_are_held);
    put_request ((message_t) {.id = MESSAGE_DELETE_FILE, .delete_file = {.request = 1, .file_id = "file-a"}});
    put_page ("late", 9);
    channel_destroy (&embedder);
    run_until (nobody_is_there);
    embedder_come (false);
    ask_for ("a question", 60000);
    assert_int_equal (counts ().files, 0);
    assert_int_equal (index_count (library_index (library)), 0);
}

/* What can't be done for want of memory is done a little later, without a restart. */
static void lacks (size_t size, unsigned times)
{
    lack.size = size;
    lack.left = times;
}

static void test_vectors_that_there_is_no_memory_for (void **state UNUSED)
{
    embedder_come (false);
    lacks (4 * VECTOR_BYTES + 1, 2);   /* the copies of two tasks' vectors */
    put_file (plain, 20);
    run_until (file_is_completed);
    assert_int_equal (lack.failed, 2);
    assert_int_equal (index_count (library_index (library)), 20);
    assert_int_equal (seen.texts, 20 + 2 * 4);
}

static void test_lost_tasks_that_there_is_no_memory_for (void **state UNUSED)
{
    embedder_come (true);
    put_file (plain, 20);
    run_until (tasks_are_held);
    lacks (256 * 8, 8);   /* the list of chunks that are given once more */
    channel_destroy (&embedder);
    run_until (nobody_is_there);
    embedder_come (false);
    run_until (file_is_completed);
    assert_int_equal (lack.failed, 8);
    assert_int_equal (index_count (library_index (library)), 20);
    assert_int_equal (seen.texts, 20);
}

static void test_an_index_that_there_is_no_memory_for (void **state UNUSED)
{
    embedder_come (false);
    lacks (1024 * 3 * sizeof (uint32_t), 3);   /* the names of the index */
    put_file (plain, 20);
    run_until (file_is_completed);
    assert_int_equal (lack.failed, 3);
    assert_int_equal (index_count (library_index (library)), 20);
    assert_int_equal (seen.texts, 20);
}

int main (void)
{
#define WITH_ANSWERER(test) cmocka_unit_test_setup_teardown (test, start, end)
    const struct CMUnitTest tests [] = {
        WITH_ANSWERER (test_all_chunks_get_vectors),
        WITH_ANSWERER (test_pages_are_read_while_no_embedder_is_there),
        WITH_ANSWERER (test_texts_that_fail_hold_nobody_up),
        WITH_ANSWERER (test_failed_texts_are_tried_again_at_the_start),
        WITH_ANSWERER (test_credit_is_kept_and_lost_tasks_go_to_others),
        WITH_ANSWERER (test_embedders_that_end_again_and_again),
        WITH_ANSWERER (test_embedders_that_stop_again_and_again), WITH_ANSWERER (test_questions),
        WITH_ANSWERER (test_many_texts_hold_no_question_up),
        WITH_ANSWERER (test_texts_of_a_gateway_that_is_gone),
        WITH_ANSWERER (test_pages_of_a_deleted_file),
        WITH_ANSWERER (test_vectors_that_there_is_no_memory_for),
        WITH_ANSWERER (test_lost_tasks_that_there_is_no_memory_for),
        WITH_ANSWERER (test_an_index_that_there_is_no_memory_for),
    };
    if (settings_load () != 0)
        return 1;
    return cmocka_run_group_tests (tests, NULL, NULL);
}
