/* Session: the service, and calls that wait for their answer. */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "output.h"
#include "retry.h"

/* Reads a small file such as a key's; a final line end is not part of it. Returns 0, or -1. */
static int key_from_file (const char *path, char key [MAX_KEY_BYTES + 2], failure_t *failure)
{
    FILE *file = fopen (path, "re");
    size_t size = file == NULL ? 0 : fread (key, 1, MAX_KEY_BYTES + 1, file);
    bool is_read = file != NULL && ferror (file) == 0;
    if (file != NULL)
        fclose (file);
    if (!is_read)
        return failure_set (failure, OUTCOME_USAGE, "QUIRE_API_KEY_FILE names %s, which can't be read: %s.", path,
                            strerror (errno));
    key [size] = 0;
    key [strcspn (key, "\r\n")] = 0;
    return 0;
}

int session_open (session_t *session, const arguments_t *arguments, failure_t *failure)
{
    char key [MAX_KEY_BYTES + 2] = "";
    const char *url = arguments->texts [OPTION_URL], *path = variable_text (VARIABLE_API_KEY_FILE);
    *session = (session_t) {.arguments = arguments, .json = arguments->given [OPTION_JSON],
                            .patience_s = arguments->numbers [OPTION_PATIENCE]};
    if (*path != 0 && key_from_file (path, key, failure) != 0)
        return -1;
    session->http = http_new (url != NULL ? url : variable_text (VARIABLE_URL),
                              *path != 0 ? key : variable_text (VARIABLE_API_KEY), interrupt_fd (), failure);
    return session->http == NULL ? -1 : 0;
}

void session_close (session_t *session)
{
    http_destroy (&session->http);
}

int session_failure (const session_t *session, const answer_t *answer, failure_t *failure)
{
    switch (answer->trouble) {
    case TROUBLE_NONE:
        if (answer->status >= 200 && answer->status < 300)
            return 0;
        return failure_set_by_answer (failure, answer->status, answer->body, answer->size);
    case TROUBLE_UNREACHED:
        return failure_set (failure, OUTCOME_AWAY, "There is no Quire at %.300s: %s. Start it (scripts/run), or say "
                            "where it is (QUIRE_URL or --url).", http_url (session->http), answer->why);
    case TROUBLE_BROKEN:
        return failure_set (failure, OUTCOME_AWAY, "The connection to %.300s broke: %s.", http_url (session->http),
                            answer->why);
    case TROUBLE_FILE:
        return failure_set (failure, OUTCOME_SOME_FAILED, "The file could not be read: %s.", answer->why);
    case TROUBLE_TAKER:
        return failure_set (failure, OUTCOME_REFUSED, "The answer of the service makes no sense.");
    case TROUBLE_TOO_LONG:
        break;
    }
    return failure_set (failure, OUTCOME_REFUSED, "The answer is longer than %u bytes, or than the memory takes.",
                        MAX_KEPT_BYTES);
}

/* -- calls ----------------------------------------------------------------------------------- */

typedef struct {
    session_t *session;
    int (*take) (void *context, const char *data, size_t size);
    void *context;
    bool is_done, has_begun;
    retry_t retry;
    long wait_ms;           /* until it is to be asked again, or -1 */
    int outcome;
    failure_t *failure;
    yyjson_doc *document;
} call_t;

static int on_data (void *context, const char *data, size_t size)
{
    call_t *call = context;
    call->has_begun = true;
    return call->take (call->context, data, size);
}

static void on_done (void *context, const answer_t *answer)
{
    call_t *call = context;
    session_t *session = call->session;
    call->is_done = true;
    call->wait_ms = call->has_begun ? -1
        : retry_wait_ms (&call->retry, answer, session->has_answered, session->patience_s);
    session->has_answered = session->has_answered || answer->status != 0;
    call->outcome = session_failure (session, answer, call->failure);
    if (call->outcome != 0 || call->take != NULL)
        return;
    call->document = yyjson_read (answer->body, answer->size, 0);
    if (call->document == NULL)
        call->outcome = failure_set (call->failure, OUTCOME_REFUSED, "%.300s answers, but not with JSON. Is it Quire?",
                                     http_url (session->http));
}

static int interrupted (call_t *call)
{
    http_cancel (call->session->http, call);
    return failure_set (call->failure, OUTCOME_INTERRUPTED, "Interrupted.");
}

/* Asks until there is an answer that counts. Returns 0 or -1. */
static int call_make (call_t *call, request_t *request)
{
    request->done = on_done;
    request->context = call;
    do {
        call->is_done = false;
        if (http_start (call->session->http, request) != 0)
            return failure_set (call->failure, OUTCOME_LOCAL, "There is not enough memory, or a name is too long.");
        while (!call->is_done && !interrupt_came ())
            http_turn (call->session->http, -1);
        if (!call->is_done)
            return interrupted (call);
        if (call->wait_ms >= 0)
            output_say ("%s Trying again in %ld s.", call->failure->message, (call->wait_ms + 999) / 1000);
        if (call->wait_ms >= 0 && interrupt_wait (call->wait_ms))
            return interrupted (call);
    } while (call->wait_ms >= 0);
    return call->outcome;
}

yyjson_doc *session_call (session_t *session, const char *method, const char *path, const char *json,
                          failure_t *failure)
{
    call_t call = {.session = session, .failure = failure};
    request_t request = {.method = method, .path = path, .json = json, .silence_s = ANSWER_SILENCE_S};
    return call_make (&call, &request) == 0 ? call.document : NULL;
}

int session_stream (session_t *session, const char *path, const char *json, long silence_s,
                    int (*take) (void *context, const char *data, size_t size), void *context, failure_t *failure)
{
    call_t call = {.session = session, .failure = failure, .take = take, .context = context};
    request_t request = {.method = "POST", .path = path, .json = json, .silence_s = silence_s, .data = on_data};
    return call_make (&call, &request);
}
