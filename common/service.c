/* The skeleton of a role's process: from the command line to the clean stop. */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "version.h"

#define TICK_MS      100
#define HEARTBEAT_MS 1000
#define DRAIN_TICK_MS 20
#define END_S        2      /* for what is left when a role has stopped */

#define EXIT_NO_START 1
#define EXIT_USAGE    2

static void usage_print (const service_t *service)
{
    printf ("quire-%s: %s\n\nUsage: quire-%s [--help | --version | --settings]\n\n"
            "Settings are environment variables:\n\n", service->name, service->what, service->name);
    settings_print (stdout, service->letter, false);
}

/* Returns the exit status when the command line asks for something else than running, or -1. */
static int command_line (const service_t *service, int argc, char *argv [])
{
    if (argc < 2)
        return -1;
    if (strcmp (argv [1], "--help") == 0)
        usage_print (service);
    else if (strcmp (argv [1], "--version") == 0)
        printf ("quire-%s %s\n", service->name, QUIRE_VERSION);
    else if (strcmp (argv [1], "--settings") == 0)
        settings_print (stdout, 0, true);
    else {
        fprintf (stderr, "quire-%s: '%s' is not understood; --help says what is\n", service->name, argv [1]);
        return EXIT_USAGE;
    }
    return 0;
}

/* Logs as much as the settings say. Returns 0, or -1 with BAD_FIELD. */
static int log_open_as_set (const char *role)
{
    static const char *const names [] = {"error", "warning", "info", "debug"};
    const char *level = settings_text (SETTING_LOG_LEVEL);
    for (size_t i = 0; i < COUNT_OF (names); i++)
        if (strcmp (level, names [i]) == 0) {
            log_open (role, (log_level_t) i);
            return 0;
        }
    return error_set (ERROR_BAD_FIELD, "%s is '%.100s', but must be error, warning, info or debug",
                      settings_variable (SETTING_LOG_LEVEL), level);
}

static int links_open (const service_t *service, loop_t *loop)
{
    for (size_t i = 0; i < service->link_count; i++) {
        const service_link_t *link = service->links + i;
        const char *address = settings_text (link->address);
        *link->channel = link->bind
            ? channel_bind (loop, link->name, address, link->offer, link->handlers, NULL)
            : channel_connect (loop, link->name, address, link->offer, link->handlers, NULL);
        if (!*link->channel)
            return -1;
    }
    for (size_t i = 0; i < service->link_count; i++)
        if (!service->links [i].bind) {   /* told once, on the first link that connects */
            channel_send_metrics (*service->links [i].channel);
            break;
        }
    return 0;
}

static void links_close (const service_t *service)
{
    for (size_t i = 0; i < service->link_count; i++)
        channel_destroy (service->links [i].channel);
}

static void on_tick (void *context)
{
    const service_t *service = context;
    service->tick ();
}

/* A health check tells by the file's age whether the loop still turns. */
static void on_heartbeat (void *context UNUSED)
{
    const char *path = settings_text (SETTING_HEARTBEAT);
    int file = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || futimens (file, NULL) != 0)
        log_warning ("heartbeat_failed", "path=%s why=\"%s\"", path, strerror (errno));
    if (file >= 0)
        close (file);
}

/* The first beat says that the role has started. */
static int heartbeat_start (loop_t *loop)
{
    if (!*settings_text (SETTING_HEARTBEAT))
        return 0;
    on_heartbeat (NULL);
    return loop_timer (loop, HEARTBEAT_MS, on_heartbeat, NULL) < 0 ? -1 : 0;
}

/* As many descriptors as the system lets a process have: a connection, a file, a child cost one. */
static void descriptors_raise (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
        log_warning ("descriptors_not_raised", "why=\"%s\"", strerror (errno));
}

/* -- told to end ----------------------------------------------------------------------------- */

typedef struct {
    const service_t *service;
    loop_t *loop;
    uint64_t told_ms;   /* 0: not yet */
} ending_t;

static void on_drain_tick (void *context)
{
    const ending_t *ending = context;
    uint64_t since_ms = loop_now_ms () - ending->told_ms;
    bool done = ending->service->drain (since_ms);
    if (!done && since_ms < ending->service->drain_ms)
        return;
    log_info ("drained", "ms=%llu all=%d", (unsigned long long) since_ms, done);
    loop_stop (ending->loop);
}

/* What is under way is brought to its end first, as far as there is time for it. */
static void on_told_to_end (void *context)
{
    ending_t *ending = context;
    if (ending->told_ms != 0) {
        log_info ("told_again", "it ends at once");
        loop_stop (ending->loop);
        return;
    }
    ending->told_ms = loop_now_ms ();
    bool done = ending->service->drain (0);
    if (done || loop_timer (ending->loop, DRAIN_TICK_MS, on_drain_tick, ending) < 0)
        loop_stop (ending->loop);
}

static int begin (const service_t *service, loop_t *loop)
{
    if (service->start && service->start (loop) != 0)
        return -1;
    if (links_open (service, loop) != 0)
        return -1;
    if (service->linked)
        service->linked ();
    if (service->tick && loop_timer (loop, TICK_MS, on_tick, (void *) service) < 0)
        return -1;
    return heartbeat_start (loop);
}

static int run (const service_t *service, loop_t *loop)
{
    int status = EXIT_NO_START;
    ending_t ending = {.service = service, .loop = loop};
    if (service->drain)
        loop_on_signal (loop, on_told_to_end, &ending);
    if (begin (service, loop) == 0) {
        log_info ("started", "version=%s pid=%ld", QUIRE_VERSION, (long) getpid ());
        loop_run (loop);
        status = 0;
    } else {
        log_error ("not_started", "why=\"%s\"", error_text ());
    }
    if (service->stop)
        service->stop ();
    links_close (service);
    if (status == 0)
        log_info ("stopped", "pid=%ld", (long) getpid ());
    return status;
}

/* -- the end --------------------------------------------------------------------------------- */

static volatile sig_atomic_t end_status;

static void on_end (int signal UNUSED)
{
    _exit (end_status);
}

/* All is done and saved. What is left are the goodbyes and the end of ZeroMQ's thread, which waits for a
 * name server when a peer's name is being looked up, however long that takes: the process does not. */
static int end_with (int status)
{
    end_status = status;
    signal (SIGALRM, on_end);
    alarm (END_S);
    return status;
}

int service_run (const service_t *service, int argc, char *argv [])
{
    int status = command_line (service, argc, argv);
    if (status >= 0)
        return status;
    log_open (service->name, LEVEL_INFO);
    if (settings_load () != 0 || log_open_as_set (service->name) != 0) {
        log_error ("not_started", "why=\"%s\"", error_text ());
        return EXIT_NO_START;
    }
    descriptors_raise ();
    uint64_t instance = 0;
    while (instance == 0 && getrandom (&instance, sizeof instance, 0) != sizeof instance)
        ;
    channel_identify (service->name, instance);
    loop_t *loop = loop_new ();
    if (!loop) {
        log_error ("not_started", "why=\"%s\"", error_text ());
        return EXIT_NO_START;
    }
    status = run (service, loop);
    loop_destroy (&loop);
    return end_with (status);
}
