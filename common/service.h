/* What every role's process shares: command line, settings, log, loop, links, clean stop. */
#ifndef QUIRE_SERVICE_H
#define QUIRE_SERVICE_H

#include "channel.h"
#include "settings.h"

typedef struct {
    const char *name;      /* of the link */
    setting_t address;
    bool bind;             /* else connect */
    const channel_handlers_t *handlers;
    channel_t **channel;   /* set before start is called */
    channel_offer_t offer; /* or channel_set_offer in linked, when it depends on settings */
} service_link_t;

typedef struct {
    const char *name;      /* "extractor" */
    char letter;           /* in settings.def */
    const char *what;      /* a line for --help */
    const service_link_t *links;
    size_t link_count;
    int (*start) (loop_t *loop);   /* before the links open; -1 ends the process with error_text */
    void (*linked) (void);         /* after the links are open; or NULL */
    void (*tick) (void);           /* every 100 ms; or NULL */
    bool (*drain) (uint64_t since_ms);   /* it was told to end, since_ms ago: takes nothing new, and is called
                                          * until it says that nothing is under way any more; or NULL */
    uint64_t drain_ms;             /* how long at most */
    void (*stop) (void);           /* after the loop, before the links close */
} service_t;

/* Runs the role until SIGTERM or SIGINT, at which it drains first; at the second it ends at once. Returns the exit status: 0 after a clean stop, 1 when it
 * could not start, 2 for a wrong command line. Understands --help, --version, --settings. */
int service_run (const service_t *service, int argc, char *argv []);

#endif
