/* The job board against a real Redis: states go forward only, attempts count, watchers are told,
 * a board that is gone fails at once and is known as lost when it is back. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "error.h"
#include "job_board.h"
#include "settings.h"

static char folder [] = "/tmp/quire-board-XXXXXX";
static char url [64];
static pid_t redis;

static void redis_start (void)
{
    char socket [64];
    snprintf (socket, sizeof socket, "%s/redis.sock", folder);
    redis = fork ();
    if (redis == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);   /* it ends with the test, however that ends */
        execlp ("redis-server", "redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder,
                "--save", "", "--loglevel", "warning", (char *) NULL);
        _exit (127);
    }
}

static void redis_end (void)
{
    kill (redis, SIGKILL);
    waitpid (redis, NULL, 0);
}

static void wait_for_board (job_board_t *board)
{
    for (int i = 0; i < 2000 && !job_board_answers (board); i++)
        poll (NULL, 0, 10);
    assert_true (job_board_answers (board));
}

static int set_up (void **state)
{
    signal (SIGPIPE, SIG_IGN);   /* as the loop does */
    if (!mkdtemp (folder) || settings_load () != 0)
        return -1;
    snprintf (url, sizeof url, "unix://%s/redis.sock", folder);
    redis_start ();
    *state = job_board_new (url);
    return *state ? 0 : -1;
}

static int tear_down (void **state)
{
    job_board_destroy ((job_board_t **) state);
    redis_end ();
    char command [96];
    snprintf (command, sizeof command, "rm -rf %s", folder);
    return system (command);
}

static const char *next_event (job_board_t *board, int fd)
{
    bool closed = false;
    const char *event = job_board_next (board, &closed);
    for (int i = 0; i < 1000 && !event && !closed; i++) {
        struct pollfd item = {fd, POLLIN, 0};
        poll (&item, 1, 10);
        event = job_board_next (board, &closed);
    }
    return event;
}

static void test_progress_is_told (void **state)
{
    job_board_t *board = *state;
    wait_for_board (board);
    assert_true (job_board_was_lost (board));    /* a new board has to be filled */
    assert_false (job_board_was_lost (board));
    int fd = job_board_watch (board);
    assert_true (fd >= 0);
    job_progress_t progress = JOB_PROGRESS_NONE;
    progress.state = JOB_READING;
    progress.pages = 12;
    progress.name = "a \"b\".pdf";
    assert_int_equal (job_board_update (board, "file-1", progress), 0);
    assert_string_equal (next_event (board, fd), "{\"file_id\":\"file-1\",\"filename\":\"a \\\"b\\\".pdf\","
        "\"state\":\"reading\",\"pages\":12,\"pages_done\":0,\"chunks\":0,\"vectors\":0,\"reason\":null}");
    progress = JOB_PROGRESS_NONE;
    progress.pages_done = 5;
    progress.state = JOB_QUEUED;                 /* a step back is not taken */
    assert_int_equal (job_board_update (board, "file-1", progress), 0);
    assert_non_null (strstr (next_event (board, fd), "\"state\":\"reading\",\"pages\":12,\"pages_done\":5"));
    assert_int_equal (job_board_remove (board, "file-1"), 0);
}

/* The gateway tells that a file failed, and why; what the answerer had to tell of it before may come later. */
static void test_a_late_change_takes_no_reason_away (void **state)
{
    job_board_t *board = *state;
    wait_for_board (board);
    int fd = job_board_watch (board);
    assert_true (fd >= 0);
    job_progress_t progress = JOB_PROGRESS_NONE;
    progress.state = JOB_FAILED;
    progress.reason = "no PDF";
    assert_int_equal (job_board_update (board, "file-1", progress), 0);
    assert_non_null (strstr (next_event (board, fd), "\"state\":\"failed\""));
    progress.state = JOB_QUEUED;
    progress.reason = "";
    assert_int_equal (job_board_update (board, "file-1", progress), 0);
    const char *event = next_event (board, fd);
    assert_non_null (strstr (event, "\"state\":\"failed\""));
    assert_non_null (strstr (event, "\"reason\":\"no PDF\""));
    assert_int_equal (job_board_remove (board, "file-1"), 0);
}

static void count_trace (void *context, const char *file_id)
{
    if (strcmp (file_id, "file-2") == 0)
        ++*(int *) context;
}

static int traces_of_file_2 (job_board_t *board)
{
    int count = 0;
    assert_int_equal (job_board_traces (board, count_trace, &count), 0);
    return count;
}

/* A range may be begun once more when its file is finished already: that leaves nothing on the board. */
static void test_attempts_of_no_job (void **state)
{
    job_board_t *board = *state;
    wait_for_board (board);
    assert_int_equal (job_board_attempt (board, "file-2", 1, 16), 1);
    assert_int_equal (traces_of_file_2 (board), 0);
}

static void test_attempts_count (void **state)
{
    job_board_t *board = *state;
    job_progress_t progress = JOB_PROGRESS_NONE;
    progress.state = JOB_READING;
    wait_for_board (board);
    assert_int_equal (job_board_update (board, "file-2", progress), 0);
    assert_int_equal (job_board_attempt (board, "file-2", 1, 16), 1);
    assert_int_equal (job_board_attempt (board, "file-2", 1, 16), 2);
    assert_int_equal (job_board_attempt (board, "file-2", 17, 32), 1);
    assert_int_equal (traces_of_file_2 (board), 3);   /* the list of jobs, the job, its tries */
    assert_int_equal (job_board_remove (board, "file-2"), 0);
    assert_int_equal (traces_of_file_2 (board), 0);
    assert_int_equal (job_board_attempt (board, "file-2", 1, 16), 1);
}

/* What somebody else has written there and can't be told on counts as not known. */
static void test_what_is_no_text_is_not_told (void **state)
{
    job_board_t *board = *state;
    char command [128];
    job_progress_t progress = JOB_PROGRESS_NONE;
    wait_for_board (board);
    snprintf (command, sizeof command, "printf 'HSET quire:job:file-5 filename \"\\\\xff\" state away\\n'"
              " | redis-cli -s %s/redis.sock >/dev/null", folder);
    assert_int_equal (system (command), 0);
    int fd = job_board_watch (board);
    progress.state = JOB_READING;
    assert_int_equal (job_board_update (board, "file-5", progress), 0);
    assert_non_null (strstr (next_event (board, fd), "\"filename\":null,\"state\":\"reading\""));
    assert_int_equal (job_board_remove (board, "file-5"), 0);
}

/* As when its disk is busy: longer than a connection is waited for. */
static void test_slow_is_not_gone (void **state)
{
    job_board_t *board = *state;
    char command [128];
    wait_for_board (board);
    (void) job_board_was_lost (board);
    snprintf (command, sizeof command, "redis-cli -s %s/redis.sock client pause %d write >/dev/null", folder,
              2 * BOARD_CONNECT_MS);
    assert_int_equal (system (command), 0);
    assert_int_equal (job_board_attempt (board, "file-4", 1, 1), 1);
    assert_false (job_board_was_lost (board));
    assert_int_equal (job_board_remove (board, "file-4"), 0);
}

static void test_gone_and_back (void **state)
{
    job_board_t *board = *state;
    wait_for_board (board);
    (void) job_board_was_lost (board);
    int fd = job_board_watch (board);
    redis_end ();
    assert_int_equal (job_board_attempt (board, "file-3", 1, 1), -1);
    assert_int_equal (error_get (), ERROR_BOARD_AWAY);
    bool closed = false;
    for (int i = 0; i < 1000 && !closed; i++) {
        assert_null (job_board_next (board, &closed));
        poll (NULL, 0, 10);
    }
    assert_true (closed);
    redis_start ();
    wait_for_board (board);
    assert_true (job_board_was_lost (board));
    fd = job_board_watch (board);
    assert_true (fd >= 0);
}

/* What was first asked for in vain may have changed jobs of an earlier process, which the board still has. */
static void test_away_when_it_is_first_asked (void **state)
{
    job_board_t *board = *state;
    redis_end ();
    job_board_t *later = job_board_new (url);
    assert_non_null (later);
    assert_int_equal (job_board_attempt (later, "file-3", 1, 1), -1);
    redis_start ();
    wait_for_board (board);   /* leaves the mark */
    wait_for_board (later);
    assert_true (job_board_was_lost (later));
    assert_false (job_board_was_lost (later));
    job_board_destroy (&later);
}

static void test_states (void **state UNUSED)
{
    assert_true (job_state_allowed (JOB_QUEUED, JOB_READING));
    assert_true (job_state_allowed (JOB_INDEXING, JOB_COMPLETED));
    assert_false (job_state_allowed (JOB_INDEXING, JOB_READING));
    assert_false (job_state_allowed (JOB_COMPLETED, JOB_FAILED));
    assert_true (job_state_allowed (JOB_COMPLETED, JOB_DELETED));
    assert_false (job_state_allowed (JOB_DELETED, JOB_QUEUED));
}

static void test_addresses (void **state UNUSED)
{
    static const char *const wrong [] = {"", "localhost", "http://a", "redis://", "redis://a:0", "redis://a:99999"};
    static const char *const right [] = {"redis://a", "redis://:pa%40ss@a:1/2", "redis://u:p@[::1]:6380", "unix:///x"};
    for (size_t i = 0; i < COUNT_OF (wrong); i++)
        assert_null (job_board_new (wrong [i]));
    for (size_t i = 0; i < COUNT_OF (right); i++) {
        job_board_t *board = job_board_new (right [i]);
        assert_non_null (board);
        job_board_destroy (&board);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_progress_is_told), cmocka_unit_test (test_a_late_change_takes_no_reason_away),
        cmocka_unit_test (test_attempts_count),
        cmocka_unit_test (test_attempts_of_no_job),
        cmocka_unit_test (test_what_is_no_text_is_not_told), cmocka_unit_test (test_slow_is_not_gone),
        cmocka_unit_test (test_gone_and_back),
        cmocka_unit_test (test_away_when_it_is_first_asked), cmocka_unit_test (test_states), cmocka_unit_test (test_addresses),
    };
    return cmocka_run_group_tests_name ("job_board", tests, set_up, tear_down);
}
