/* The board: whatever a Redis answers, the calls end, with an answer or with an error, and events are
 * text. The Redis is a thread that sends the input to whoever connects, and then no more. */
#include "fuzz.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "job_board.h"
#include "settings.h"
#include "utf8.h"

#define SOCKET     "redis.socket"   /* in the working folder */
#define MAX_ANSWER 4096

static int listener;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t answer [MAX_ANSWER];   /* under the lock, as a connection may be late */
static size_t answer_size;

static void send_answer (int fd)
{
    uint8_t bytes [MAX_ANSWER];
    pthread_mutex_lock (&lock);
    size_t size = answer_size;
    memcpy (bytes, answer, size);
    pthread_mutex_unlock (&lock);
    if (size > 0 && send (fd, bytes, size, MSG_NOSIGNAL) < 0)
        return;   /* it is gone already */
    shutdown (fd, SHUT_WR);
}

/* Reads what the board asks until it closes, so that it never waits for us. */
static void *serve (void *context UNUSED)
{
    for (;;) {
        char asked [4096];
        int fd = accept (listener, NULL, NULL);
        MUST (fd >= 0);
        send_answer (fd);
        while (read (fd, asked, sizeof asked) > 0)
            ;
        close (fd);
    }
    return NULL;
}

static void set_answer (const input_t *input)
{
    pthread_mutex_lock (&lock);
    answer_size = input->size < sizeof answer ? input->size : sizeof answer;
    if (answer_size > 0)
        memcpy (answer, input->data, answer_size);
    pthread_mutex_unlock (&lock);
}

void fuzz_start (void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET};
    pthread_t thread;
    MUST (settings_load () == 0);
    unlink (SOCKET);
    listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST (bind (listener, (struct sockaddr *) &address, sizeof address) == 0 && listen (listener, 64) == 0);
    MUST (pthread_create (&thread, NULL, serve, NULL) == 0);
}

static void on_job (void *context, const char *file_id)
{
    *(size_t *) context += strlen (file_id) + 1;
}

static void watch (job_board_t *board)
{
    bool closed = false;
    const char *event;
    if (job_board_watch (board) < 0)
        return;
    while (!closed) {
        while ((event = job_board_next (board, &closed)))
            MUST (strlen (event) <= MAX_ANSWER);
    }
}

static void call (job_board_t *board, uint8_t what)
{
    size_t told = 0;
    job_progress_t progress = JOB_PROGRESS_NONE;
    int outcome = 0;
    switch (what % 6) {
    case 0:
        progress.state = JOB_READING;
        progress.pages = 10;
        outcome = job_board_update (board, "file-1", progress);
        break;
    case 1: outcome = job_board_remove (board, "file-1"); break;
    case 2: outcome = job_board_list (board, on_job, &told); break;
    case 3: outcome = job_board_attempt (board, "file-1", 1, 16); break;
    case 4: watch (board); break;
    case 5: (void) job_board_answers (board); break;
    }
    MUST (outcome >= 0 || error_get () == ERROR_BOARD_AWAY);
    MUST (told <= MAX_ANSWER + 64);
    (void) job_board_was_lost (board);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    uint8_t what = take_u8 (&input);
    set_answer (&input);
    job_board_t *board = job_board_new ("unix://" SOCKET);
    MUST (board);
    call (board, what);
    job_board_destroy (&board);
    return 0;
}

void fuzz_seeds (void)
{
    static const char state [] = "$-1\r\n*7\r\n$7\r\nreading\r\n$5\r\na.pdf\r\n$2\r\n10\r\n$1\r\n3\r\n$-1\r\n:7\r\n$0\r\n\r\n"
                                 ":1\r\n:1\r\n:1\r\n:1\r\n";
    char update [sizeof state] = {0};
    memcpy (update + 1, state, sizeof state - 1);
    seed (update, sizeof update);
    seed_text ("\1+OK\r\n:1\r\n:2\r\n");
    seed_text ("\2$-1\r\n*3\r\n$6\r\nfile-1\r\n$6\r\nfile-2\r\n*1\r\n:5\r\n");
    seed_text ("\3$-1\r\n:3\r\n:1\r\n");
    seed_text ("\4*3\r\n$9\r\nsubscribe\r\n$12\r\nquire:events\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$12\r\nquire:events\r\n$2\r\n{}\r\n");
    seed_text ("\2$-1\r\n*2222222223\r\n");
    seed_text ("\5-ERR no\r\n");
}
