/* Children: see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "metrics.h"
#include "settings.h"
#include "frame.h"
#include "reader_descriptors.h"

#define READER_NAME      "quire-reader"   /* stands beside the extractor's own program */
#define MAX_PATH_BYTES   4096
#define MAX_VARIABLES    16
#define YIELDING_NICE    5
#define LOADER_FAILED    127   /* exit status of a program whose libraries could not be loaded, as without memory */
#define PROCESSOR_MARGIN 3   /* seconds by which our clock strikes before the limit of processor time */

struct child {
    loop_t *loop;
    child_handlers_t handlers;
    void *context;
    pid_t pid;
    int process;             /* pidfd: readable when it has ended */
    int socket;              /* -1 when it has been closed */
    frame_t incoming;
    uint8_t *outgoing;       /* what the socket did not take yet */
    size_t outgoing_size, outgoing_sent;
    uint64_t deadline_ms;    /* 0: none */
    bool killed;
    error_t why;             /* it was killed */
};

/* -- starting ------------------------------------------------------------------------------------- */

static int reader_path (char path [MAX_PATH_BYTES])
{
    ssize_t size = readlink ("/proc/self/exe", path, MAX_PATH_BYTES - sizeof READER_NAME);
    path [size > 0 ? size : 0] = '\0';
    char *slash = strrchr (path, '/');
    if (!slash)
        return error_set (ERROR_INTERNAL, "The extractor does not find its own program.");
    memcpy (slash + 1, READER_NAME, sizeof READER_NAME);
    return 0;
}

int child_check_program (void)
{
    char path [MAX_PATH_BYTES];
    if (reader_path (path) != 0)
        return -1;
    if (access (path, X_OK) != 0)
        return error_set (ERROR_INTERNAL, "%s, which reads the files, can't be run: %s", path, strerror (errno));
    return 0;
}

/* "NAME=value"; NULL when there is no memory. */
static char *make_variable (setting_t setting, const char *value)
{
    const char *name = settings_variable (setting);
    size_t size = strlen (name) + strlen (value) + 2;
    char *variable = malloc (size);
    if (variable)
        snprintf (variable, size, "%s=%s", name, value);
    return variable;
}

/* The child's whole environment: the settings that it needs, and one thread for OCR. */
static int make_environment (char *variables [MAX_VARIABLES])
{
    static const setting_t texts [] = {
        SETTING_MODEL_DIR, SETTING_EXTRACTOR_OCR, SETTING_EXTRACTOR_OCR_LANGUAGE,
    };
    static const setting_t numbers [] = {
        SETTING_EXTRACTOR_PAGE_MS, SETTING_EXTRACTOR_OCR_MS, SETTING_EXTRACTOR_PAGE_MB,
    };
    size_t count = 0;
    variables [count++] = strdup ("OMP_THREAD_LIMIT=1");
    for (size_t i = 0; i < COUNT_OF (texts); i++)
        variables [count++] = make_variable (texts [i], settings_text (texts [i]));
    for (size_t i = 0; i < COUNT_OF (numbers); i++) {
        char value [24];
        snprintf (value, sizeof value, "%ld", settings_number (numbers [i]));
        variables [count++] = make_variable (numbers [i], value);
    }
    for (size_t i = 0; i < count; i++) {
        if (!variables [i])
            return error_set (ERROR_NO_MEMORY, NULL);
    }
    return 0;
}

static void free_environment (char *variables [MAX_VARIABLES])
{
    for (size_t i = 0; i < MAX_VARIABLES; i++)
        free (variables [i]);
}

/* Runs the program with the socket and the file, and nothing else of ours but standard error. The
 * two are moved out of the way first, as either may have the other's number. */
static int spawn (const char *path, char *variables [], int socket, int file, pid_t *pid)
{
    int high_socket = fcntl (socket, F_DUPFD_CLOEXEC, READER_FILE + 1);
    int high_file = fcntl (file, F_DUPFD_CLOEXEC, READER_FILE + 1);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init (&actions);
    posix_spawnattr_init (&attributes);
    posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen (&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2 (&actions, high_socket, READER_SOCKET);
    posix_spawn_file_actions_adddup2 (&actions, high_file, READER_FILE);
    posix_spawn_file_actions_addclosefrom_np (&actions, READER_FILE + 1);
    sigset_t none, all;
    sigemptyset (&none);
    sigfillset (&all);
    posix_spawnattr_setsigmask (&attributes, &none);
    posix_spawnattr_setsigdefault (&attributes, &all);
    posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char *arguments [] = {(char []) {READER_NAME}, (char []) {"--child"}, NULL};
    int failed = high_socket < 0 || high_file < 0 ? errno
               : posix_spawn (pid, path, &actions, &attributes, arguments, variables);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    close (high_socket);
    close (high_file);
    return failed ? error_set (ERROR_INTERNAL, "%s can't be run: %s", path, strerror (failed)) : 0;
}

static int run (child_t *child, int file)
{
    char path [MAX_PATH_BYTES], *variables [MAX_VARIABLES] = {NULL};
    int ends [2] = {-1, -1};
    if (reader_path (path) != 0)
        return -1;
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set (ERROR_INTERNAL, "No socket for a child: %s", strerror (errno));
    fcntl (ends [0], F_SETFL, O_NONBLOCK);
    int result = make_environment (variables);
    if (result == 0)
        result = spawn (path, variables, ends [1], file, &child->pid);
    free_environment (variables);
    close (ends [1]);
    child->socket = ends [0];
    return result;
}

static void close_socket (child_t *child)
{
    if (child->socket < 0)
        return;
    loop_unwatch (child->loop, child->socket);
    close (child->socket);
    child->socket = -1;
}

static void release (child_t *child)
{
    close_socket (child);
    if (child->process >= 0) {
        loop_unwatch (child->loop, child->process);
        close (child->process);
    }
    free (child->incoming.data);
    free (child->outgoing);
    free (child);
}

static void on_socket (void *context, int fd);
static void on_ended (void *context, int fd);

child_t *child_start (loop_t *loop, int fd, const child_handlers_t *handlers, void *context)
{
    child_t *child = calloc (1, sizeof *child);
    if (!child) {
        error_set (ERROR_INTERNAL, "No memory for a child.");
        return NULL;
    }
    *child = (child_t) {.loop = loop, .handlers = *handlers, .context = context, .process = -1, .socket = -1};
    if (run (child, fd) != 0) {
        release (child);
        return NULL;
    }
    child->process = pidfd_open (child->pid, 0);
    if (child->process < 0 || loop_watch (loop, child->process, false, on_ended, child) != 0
        || loop_watch (loop, child->socket, false, on_socket, child) != 0) {
        child_destroy (&child);
        error_set (ERROR_INTERNAL, "A child can't be watched.");
        return NULL;
    }
    metric_add (METRIC_CHILDREN_STARTED, 1);
    return child;
}

void child_yield (const child_t *child)
{
    if (setpriority (PRIO_PROCESS, (id_t) child->pid, YIELDING_NICE) != 0)
        log_debug ("no_priority", "pid=%d", (int) child->pid);
}

/* -- ending --------------------------------------------------------------------------------------- */

void child_kill (child_t *child, error_t why)
{
    if (child->killed)
        return;
    child->killed = true;
    child->why = why;
    child->deadline_ms = 0;
    close_socket (child);
    kill (child->pid, SIGKILL);
}

void child_destroy (child_t **child)
{
    if (!*child)
        return;
    kill ((*child)->pid, SIGKILL);
    while (waitpid ((*child)->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    release (*child);
    *child = NULL;
}

/* It ended before it looked at the document, which no reader can bring about later. */
static bool never_began (int exit_status)
{
    if (exit_status == READER_NOT_FILTERED)
        log_error ("reader_not_started", "why=\"The kernel refuses the filter of system calls (seccomp).\"");
    return exit_status == READER_NOT_STARTED || exit_status == READER_NOT_FILTERED || exit_status == LOADER_FAILED;
}

/* What a child died of that was not killed by us. */
static error_t cause_of_death (int status)
{
    int signal = WIFSIGNALED (status) ? WTERMSIG (status) : 0;
    if (signal == SIGXCPU)
        return ERROR_PAGE_TIMED_OUT;
    if (signal == SIGKILL)
        return ERROR_READER_KILLED;
    if (signal == SIGSYS)
        return ERROR_READER_FORBIDDEN;   /* its filter of system calls */
    if (WIFEXITED (status) && never_began (WEXITSTATUS (status)))
        return ERROR_INTERNAL;
    return ERROR_READER_DIED;
}

static void receive (child_t *child);

static void on_ended (void *context, int fd UNUSED)
{
    child_t *child = context;
    if (child->socket >= 0)
        receive (child);   /* what it sent before its end */
    int status = 0;
    while (waitpid (child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    error_t why = child->killed ? child->why : cause_of_death (status);
    if (why != ERROR_NONE)
        log_warning ("reader_ended", "pid=%d why=%s status=0x%x", (int) child->pid, error_name (why), (unsigned) status);
    child_handlers_t handlers = child->handlers;
    void *owner = child->context;
    release (child);
    handlers.ended (owner, why);
}

void child_allow (child_t *child, long milliseconds)
{
    child->deadline_ms = milliseconds ? loop_now_ms () + (uint64_t) milliseconds : 0;
}

void child_check (child_t *child, uint64_t now_ms)
{
    if (child->deadline_ms == 0 || now_ms < child->deadline_ms)
        return;
    metric_add (METRIC_CHILDREN_KILLED, 1);
    child_kill (child, ERROR_PAGE_TIMED_OUT);
}

/* -- talking -------------------------------------------------------------------------------------- */

/* Hands on what has come, as long as whole messages are there. */
static void receive (child_t *child)
{
    while (child->socket >= 0) {
        frame_state_t state = frame_read (&child->incoming, child->socket);
        if (state == FRAME_PARTIAL)
            return;
        if (state != FRAME_WHOLE) {
            /* A closed socket says that it has ended or soon will: the pidfd tells how. */
            if (state == FRAME_BROKEN)
                child_kill (child, ERROR_READER_BAD_REPLY);
            else
                close_socket (child);
            return;
        }
        frame_t frame = child->incoming;
        child->incoming = (frame_t) {0};
        message_t message;
        if (message_decode (&message, frame.data, frame.size) == 0)
            child->handlers.reply (child->context, &message, &frame.data, frame.size);
        else
            child_kill (child, ERROR_READER_BAD_REPLY);
        free (frame.data);
    }
}

/* Sends what the socket takes. Returns 0 when all is sent, 1 when some is left, -1 when it failed. */
static int flush (child_t *child)
{
    while (child->outgoing_sent < child->outgoing_size) {
        ssize_t sent = send (child->socket, child->outgoing + child->outgoing_sent,
                             child->outgoing_size - child->outgoing_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0)
            child->outgoing_sent += (size_t) sent;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return 1;
        else if (errno != EINTR)
            return -1;
    }
    free (child->outgoing);
    child->outgoing = NULL;
    child->outgoing_size = child->outgoing_sent = 0;
    return 0;
}

static void watch (child_t *child, bool writable_too)
{
    loop_unwatch (child->loop, child->socket);
    if (loop_watch (child->loop, child->socket, writable_too, on_socket, child) != 0)
        child_kill (child, ERROR_READER_DIED);
}

static void on_socket (void *context, int fd UNUSED)
{
    child_t *child = context;
    if (child->outgoing && flush (child) == 0)
        watch (child, false);
    receive (child);
}

/* Bounds the processor time of what is asked now, for the case that our clock should fail. The child
 * has no way to change it. */
static void limit_processor (const child_t *child)
{
    long longest = settings_number (SETTING_EXTRACTOR_OCR_MS), page = settings_number (SETTING_EXTRACTOR_PAGE_MS);
    clockid_t clock;
    struct timespec used;
    struct rlimit limit;
    longest = page > longest ? page : longest;
    if (clock_getcpuclockid (child->pid, &clock) != 0 || clock_gettime (clock, &used) != 0
        || syscall (SYS_prlimit64, child->pid, RLIMIT_CPU, NULL, &limit) != 0)
        return;   /* it is gone */
    limit.rlim_cur = (rlim_t) (used.tv_sec + longest / 1000 + PROCESSOR_MARGIN);
    if (limit.rlim_cur <= limit.rlim_max)
        syscall (SYS_prlimit64, child->pid, RLIMIT_CPU, &limit, NULL);
}

int child_ask (child_t *child, const message_t *request, long milliseconds)
{
    child_allow (child, milliseconds);
    limit_processor (child);
    if (child->socket < 0 || child->outgoing)
        return 0;   /* it is ending, or does not listen: the pidfd or its time will tell */
    child->outgoing = frame_make (request, &child->outgoing_size);
    if (!child->outgoing)
        return -1;
    if (flush (child) > 0)
        watch (child, true);
    return 0;
}
