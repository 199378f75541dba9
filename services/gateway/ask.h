/* Asking the answerer: requests that are under way, each with a time by which it must be answered.
 *
 * A request waits while no answerer is there or while it has as many as it takes, and is sent anew
 * when another answerer comes: every request of this link may run twice. */
#ifndef QUIRE_GATEWAY_ASK_H
#define QUIRE_GATEWAY_ASK_H

#include "channel.h"
#include "error.h"

#define MAX_ASKED        4096        /* requests of clients under way at once */
#define MAX_ASKED_BYTES  (64u << 20)
#define MAX_PART_WAIT_MS 600000      /* from one part of an answer to the next: an LLM may be slow */

/* What came of it: a message, or none and an error. Valid during the call. */
typedef struct {
    const message_t *message;
    error_t error;
    const char *text;
    const char *param;
    bool goes_on;   /* of ask_to_the_end: the time is over, but the answer is still waited for */
} ask_answer_t;

typedef void (ask_done_t) (void *context, const ask_answer_t *answer);

void ask_start (loop_t *loop, int patience_s);
void ask_stop (void);    /* every request that is open fails with ROLE_AWAY */

/* Sends a message of the link `ask`, whatever request number it holds. done is called exactly once,
 * later, never from inside. A failure to send is one too. */
void ask (const message_t *message, ask_done_t *done, void *context);

/* The same with more time than others have. */
void ask_longer (const message_t *message, uint64_t longer_ms, ask_done_t *done, void *context);

/* The same for what must be known in the end: when its time is over done is called with goes_on, and
 * once more when it is answered, however late. */
void ask_to_the_end (const message_t *message, ask_done_t *done, void *context);

/* The same for the gateway's own work: it waits as long as it takes. */
void ask_patiently (const message_t *message, ask_done_t *done, void *context);

/* The same for an answer that comes in parts (answer): `part` is told each but the last, which is done's.
 * An answer that has begun is not asked for anew when the answerer is lost: it fails with ROLE_AWAY.
 * Returns a number for ask_cancel; 0 with an error: then done is not called. */
typedef void (ask_part_t) (void *context, const message_t *part);
MUST_CHECK uint64_t ask_in_parts (const message_t *message, ask_part_t *part, ask_done_t *done, void *context);

/* Nobody waits any more: neither part nor done is called again, and the answerer is told. */
void ask_cancel (uint64_t request);

extern channel_t *ask_link;              /* set by service_run */
extern const channel_handlers_t ask_handlers;

/* Called when an answerer has come that was not there before. */
void ask_on_answerer (void (*come) (void));

#endif
