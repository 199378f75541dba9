/* Interrupt: a handler that sets a flag and writes to a pipe. */
#define _GNU_SOURCE   /* pipe2 */
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t came;   /* the signal's number */
static int pipe_ends [2] = {-1, -1};

static void on_signal (int number)
{
    int kept = errno;
    came = number;
    if (write (pipe_ends [1], "", 1) < 0)
        _exit (128 + number);   /* nobody would wake */
    errno = kept;
}

/* What the process was started to ignore stays ignored, as in the background of a script. */
static void signal_take (int number)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND}, before;
    if (sigaction (number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction (number, &action, NULL);
}

int interrupt_start (void)
{
    if (pipe2 (pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    signal_take (SIGINT);
    signal_take (SIGTERM);
    return 0;
}

bool interrupt_came (void)
{
    return came != 0;
}

int interrupt_fd (void)
{
    return pipe_ends [0];
}

bool interrupt_wait (long milliseconds)
{
    struct pollfd waited = {.fd = pipe_ends [0], .events = POLLIN};
    if (!interrupt_came ())
        poll (&waited, 1, (int) milliseconds);
    return interrupt_came ();
}

void interrupt_obey (void)
{
    signal (came, SIG_DFL);
    raise (came);
}
