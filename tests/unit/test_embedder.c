/* The embedder as a process: this test is the answerer that it connects to. QUIRE_EMBEDDER names
 * the program. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel.h"
#include "error.h"
#include "golden.h"
#include "settings.h"
#include "loop_fixture.h"

#define TOO_LONG_MS 600000
#define MAX_ANSWERS 64
#define LEAST_COSINE 0.97
#define MANY_TEXTS 64

typedef struct {
    uint64_t task;
    size_t count;                           /* of texts */
    uint32_t pieces [GOLDEN_TEXTS];
    float vectors [GOLDEN_TEXTS] [GOLDEN_WIDTH];
} answer_t;

static struct {
    loop_t *loop;
    channel_t *channel;
    peer_t *embedder;
    pid_t process;
    char address [64];
    answer_t answers [MAX_ANSWERS];
    size_t answer_count, wanted;
} f;

static void on_ready (void *context UNUSED, peer_t *peer)
{
    f.embedder = peer;
}

static void on_lost (void *context UNUSED, peer_t *peer UNUSED)
{
    f.embedder = NULL;
}

static void on_message (void *context UNUSED, peer_t *peer UNUSED, const message_t *message)
{
    assert_int_equal (message->id, MESSAGE_TEXTS_EMBEDDED);
    assert_true (f.answer_count < MAX_ANSWERS);
    const texts_embedded_message_t *embedded = &message->texts_embedded;
    answer_t *answer = &f.answers [f.answer_count++];
    answer->task = embedded->task;
    answer->count = embedded->pieces.size / sizeof (uint32_t);
    assert_true (answer->count <= GOLDEN_TEXTS);
    assert_int_equal (embedded->vectors.size, answer->count * GOLDEN_WIDTH * sizeof (float));
    if (answer->count == 0)
        return;
    memcpy (answer->pieces, embedded->pieces.data, embedded->pieces.size);
    memcpy (answer->vectors, embedded->vectors.data, embedded->vectors.size);
}

static const channel_handlers_t handlers = {on_ready, on_lost, on_message};

static bool embedder_is_there (void)
{
    return f.embedder != NULL;
}

static bool answers_are_there (void)
{
    return f.answer_count >= f.wanted;
}

static void wait_until (bool (*enough) (void))
{
    loop_wait (f.loop, enough, 10, TOO_LONG_MS);
}

static void wait_for_answers (size_t count)
{
    f.wanted = count;
    wait_until (answers_are_there);
}

static void answerer_start (void)
{
    f.channel = channel_bind (f.loop, "embed", f.address, (channel_offer_t) {0}, &handlers, NULL);
    assert_non_null (f.channel);
    wait_until (embedder_is_there);
}

/* One thread, so that the order of answers tells the order of work. */
static void embedder_start (void)
{
    setenv ("QUIRE_EMBEDDER_EMBED_CONNECT", f.address, 1);
    setenv ("QUIRE_EMBEDDER_THREADS", "1", 1);
    golden_model_path ("");     /* says so when QUIRE_MODEL_DIR is missing */
    f.process = fork ();
    if (f.process == 0) {
        execl (QUIRE_EMBEDDER, "quire-embedder", (char *) NULL);
        _exit (127);
    }
    assert_true (f.process > 0);
}

static int set_up (void **state UNUSED)
{
    if (settings_load () != 0)
        return -1;
    memset (&f, 0, sizeof f);
    f.loop = loop_new ();
    snprintf (f.address, sizeof f.address, "ipc:///tmp/quire-test-embed-%ld", (long) getpid ());
    channel_identify ("answerer", 42);
    embedder_start ();
    answerer_start ();
    return 0;
}

/* Every test ends with a clean stop. */
static int tear_down (void **state UNUSED)
{
    int status;
    kill (f.process, SIGTERM);
    assert_int_equal (waitpid (f.process, &status, 0), f.process);
    assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    channel_destroy (&f.channel);
    loop_destroy (&f.loop);
    unlink (f.address + strlen ("ipc://"));
    return 0;
}

/* Gives it a task of golden texts, each `step` after the one before. */
static void give (uint64_t task, bool urgent, size_t first, size_t count, size_t step)
{
    strings_builder_t builder = {0};
    for (size_t i = 0; i < count; i++) {
        const golden_t *golden = &golden_load () [(first + i * step) % GOLDEN_TEXTS];
        if (strlen (golden->text) == golden->size)      /* a message's string holds no NUL */
            assert_int_equal (strings_add (&builder, golden->text, golden->size), 0);
    }
    assert_int_equal (builder.count, count);
    assert_int_equal (channel_send (f.channel, f.embedder, &(message_t) {
        .id = MESSAGE_EMBED_TEXTS,
        .embed_texts = {.task = task, .urgent = urgent, .texts = strings_built (&builder)},
    }), 0);
    strings_free (&builder);
}

static double cosine (const float *a, const float *b)   /* of unit vectors */
{
    double product = 0;
    for (size_t i = 0; i < GOLDEN_WIDTH; i++)
        product += (double) a [i] * b [i];
    return product;
}

static void test_texts_come_back_as_vectors (void **state UNUSED)
{
    const golden_t *golden = golden_load ();
    give (7, false, 0, GOLDEN_TEXTS, 1);
    wait_for_answers (1);
    assert_int_equal (f.answers [0].task, 7);
    assert_int_equal (f.answers [0].count, GOLDEN_TEXTS);
    for (size_t i = 0; i < GOLDEN_TEXTS; i++) {
        assert_int_equal (f.answers [0].pieces [i], golden [i].pieces);
        assert_true (cosine (f.answers [0].vectors [i], golden [i].vector) > LEAST_COSINE);
    }
}

static void test_no_texts_are_a_task_too (void **state UNUSED)
{
    give (1, false, 0, 0, 1);
    wait_for_answers (1);
    assert_int_equal (f.answers [0].task, 1);
    assert_int_equal (f.answers [0].count, 0);
}

/* Two tasks of many texts are under way when the question comes: it is answered before they end, and
 * its vector is the same bits as theirs. */
static void test_a_question_goes_first (void **state UNUSED)
{
    give (1, false, 0, MANY_TEXTS, 3);
    give (2, false, 0, MANY_TEXTS, 3);
    give (3, true, 0, 1, 1);
    wait_for_answers (3);
    assert_int_equal (f.answers [0].task, 3);
    assert_int_equal (f.answers [1].task, 1);
    assert_int_equal (f.answers [2].task, 2);
    assert_memory_equal (f.answers [0].vectors [0], f.answers [1].vectors [0],
                         sizeof f.answers [0].vectors [0]);
    assert_memory_equal (f.answers [1].vectors, f.answers [2].vectors,
                         MANY_TEXTS * sizeof f.answers [0].vectors [0]);
}

/* An answerer that goes and comes back gets no answer to what its forerunner asked. */
static void test_a_new_answerer_gets_its_own_answers_only (void **state UNUSED)
{
    give (1, false, 0, GOLDEN_TEXTS, 1);
    channel_destroy (&f.channel);
    f.embedder = NULL;
    channel_identify ("answerer", 43);
    answerer_start ();
    give (2, false, 5, 1, 1);
    wait_for_answers (1);
    assert_int_equal (f.answers [0].task, 2);
    assert_int_equal (f.answers [0].count, 1);
}

static void test_texts_of_any_length_are_taken (void **state UNUSED)
{
    size_t size = 1u << 20;
    char *text = malloc (size);
    assert_non_null (text);
    for (size_t i = 0; i < size; i++)
        text [i] = i % 2 ? ' ' : 'x';
    strings_builder_t builder = {0};
    assert_int_equal (strings_add (&builder, text, size), 0);
    free (text);
    assert_int_equal (channel_send (f.channel, f.embedder, &(message_t) {
        .id = MESSAGE_EMBED_TEXTS, .embed_texts = {.task = 9, .texts = strings_built (&builder)},
    }), 0);
    strings_free (&builder);
    wait_for_answers (1);
    assert_int_equal (f.answers [0].pieces [0], size / 2 + 2);
}

/* Sends a task of one text. */
static void give_one (embed_texts_message_t task, const char *text)
{
    strings_builder_t builder = {0};
    assert_int_equal (strings_add (&builder, text, strlen (text)), 0);
    task.texts = strings_built (&builder);
    assert_int_equal (channel_send (f.channel, f.embedder, &(message_t) {
        .id = MESSAGE_EMBED_TEXTS, .embed_texts = task}), 0);
    strings_free (&builder);
}

static void test_ids_give_what_their_text_gives (void **state UNUSED)
{
    const golden_t *golden = golden_load ();
    char ids [GOLDEN_MOST_IDS * 7], *out = ids;
    for (size_t i = 0; i < golden->id_count; i++)
        out += sprintf (out, "%s%d", i > 0 ? " " : "", golden->ids [i]);
    give (1, false, 0, 1, 1);
    give_one ((embed_texts_message_t) {.task = 2, .ids = 1}, ids);
    wait_for_answers (2);
    assert_int_equal (f.answers [1].pieces [0], golden->id_count);
    assert_memory_equal (f.answers [1].vectors, f.answers [0].vectors, sizeof f.answers [0].vectors [0]);
}

/* Cut, it is the sequence of its first 255 pieces and [SEP]; as a whole it is left alone. */
static void test_a_text_that_is_too_long (void **state UNUSED)
{
    static const float none [GOLDEN_WIDTH];
    char fits [8 * GOLDEN_MOST_IDS] = "101", longer [8 * GOLDEN_MOST_IDS];
    for (size_t i = 0; i < GOLDEN_MOST_IDS - 2; i++)
        strcat (fits, " 7592");
    sprintf (longer, "%s 2088 102", fits);
    strcat (fits, " 102");
    give_one ((embed_texts_message_t) {.task = 1, .ids = 1, .whole = 1}, fits);
    give_one ((embed_texts_message_t) {.task = 2, .ids = 1}, longer);
    give_one ((embed_texts_message_t) {.task = 3, .ids = 1, .whole = 1}, longer);
    wait_for_answers (3);
    assert_int_equal (f.answers [0].pieces [0], GOLDEN_MOST_IDS);
    assert_int_equal (f.answers [1].pieces [0], GOLDEN_MOST_IDS + 1);
    assert_int_equal (f.answers [2].pieces [0], GOLDEN_MOST_IDS + 1);
    assert_memory_equal (f.answers [1].vectors, f.answers [0].vectors, sizeof none);
    assert_memory_equal (f.answers [2].vectors, none, sizeof none);
    assert_memory_not_equal (f.answers [0].vectors, none, sizeof none);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_texts_come_back_as_vectors, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_no_texts_are_a_task_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_a_question_goes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_a_new_answerer_gets_its_own_answers_only, set_up,
                                         tear_down),
        cmocka_unit_test_setup_teardown (test_texts_of_any_length_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_ids_give_what_their_text_gives, set_up, tear_down),
        cmocka_unit_test_setup_teardown (test_a_text_that_is_too_long, set_up, tear_down),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
