/* Replies: an answer of the answerer on its way to an HTTP client, whole or as a stream of events, in
 * the form of the API that was asked. A client that goes away takes its answer with it. */
#ifndef QUIRE_GATEWAY_REPLY_H
#define QUIRE_GATEWAY_REPLY_H

#include "ask.h"
#include "draft.h"
#include "event_writer.h"

typedef struct reply reply_t;

/* How an API tells it. Each is called with the draft brought up to date; found, text and cited only
 * when it streams. */
typedef struct {
    const char *input;   /* the field that holds the question */
    void (*found) (reply_t *reply);
    void (*text) (reply_t *reply, const char *text);
    void (*cited) (reply_t *reply, yyjson_mut_val *citation);
    void (*ended) (reply_t *reply);   /* answers the request, or ends the stream */
    /* answers the request: there will be no answer; NULL: it is told as errors of HTTP are */
    void (*refused) (reply_t *reply, error_t error, const char *text);
    void (*drop) (void *own);         /* the request is over */
} reply_form_t;

struct reply {
    reply_t *next, **link;
    request_t *request;
    const reply_form_t *form;
    void *own;                /* the form's */
    bool streams;
    uint64_t asked;           /* 0: nothing is under way */
    struct errand *errand;    /* what is asked beside it; NULL: nothing */
    draft_t draft;
    event_writer_t events;    /* open once something was found, when it streams */
};

void reply_start (loop_t *loop);
void reply_stop (void);

/* Keeps a reply with the request. Takes `own` in any case. NULL: the request has been answered with
 * an error. */
reply_t *reply_new (request_t *request, const reply_form_t *form, bool streams, void *own);

/* Asks the answerer for something else, before the answer or behind it, one at a time. `done` is called
 * with NULL when the client has gone meanwhile. Returns 0, or -1 with NO_MEMORY: it is not called. */
typedef void (reply_consulted_t) (reply_t *reply, const ask_answer_t *answer);
MUST_CHECK int reply_consult (reply_t *reply, const message_t *message, reply_consulted_t *done);

/* Asks for the answer. */
void reply_ask (reply_t *reply, const answer_message_t *answer);

/* Frees the reply, in its form's ended or refused: the answer was taken from it. Its own stays, and the
 * request keeps nothing any more. */
void reply_release (reply_t *reply);

/* Ends what is under way, as status ("cancelled", "failed") says; form->ended is called. */
void reply_end (reply_t *reply, const char *status, error_t why, const char *message);

/* Adds an event to the stream; the document is freed. A client that is too slow ends the reply. */
void reply_tell (reply_t *reply, const char *name, yyjson_mut_doc **document);

#endif
