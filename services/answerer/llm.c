/* The language model's server over libcurl: see llm.h. Streams are known by their numbers on the loop's
 * thread, transfers on the thread that has libcurl; the two share a queue of commands. */
#include "llm.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "error.h"
#include "llm_reply.h"
#include "log.h"
#include "metrics.h"
#include "settings.h"
#include "sse.h"
#include "text.h"

#define OPENROUTER_URL    "https://openrouter.ai/api/v1"
#define OPENROUTER_MODEL  "openai/gpt-4o-mini"
#define CONNECT_MS        10000
#define MAX_EVENT_BYTES   (1u << 20)
#define MAX_ERROR_BYTES   65536u     /* of the body of an answer with an error */
#define IDLE_MS           1000       /* the thread looks at its clock at least so often */
#define LINGER_MS         2000       /* a stream that has said all may so long take to end */
#define MAX_URL           2048u
#define MAX_KEY           4096u

struct llm_stream {
    llm_stream_t *next;
    uint64_t number;
    llm_handler_t handler;
    void *context;
};

typedef struct transfer {
    struct transfer *next;
    uint64_t number;
    char *body;
    CURL *easy;                  /* NULL: it waits */
    sse_t *sse;
    char *whole;                 /* of an answer that is no stream, and of errors */
    size_t whole_size, whole_capacity;
    bool is_whole, has_begun;    /* what the first byte said */
    size_t bytes;                /* on the wire */
    unsigned attempts;
    uint64_t begun_ms, due_ms;   /* due: when it may be sent (again) */
    uint64_t heard_ms;           /* last byte */
    uint64_t ended_ms;           /* it was told that it has ended; 0: not yet */
    bool has_text, finished;
    llm_trouble_t trouble;
    llm_end_t end;
} transfer_t;

typedef struct command {
    struct command *next;
    transfer_t *begin;           /* or NULL: cancel the one of this number */
    uint64_t number;
} command_t;

typedef struct {
    uint64_t number;
    char *text;                  /* NULL: it has ended */
    llm_end_t end;
} event_t;

static struct {
    loop_t *loop;
    bool is_set, is_running;
    char url [MAX_URL + 32], model [256];
    struct curl_slist *headers;
    uint64_t first_ms, silence_ms, answer_ms;
    size_t most_streams;
    llm_stream_t *streams;       /* on the loop's thread */
    uint64_t last_number;
    pthread_t thread;
    CURLM *multi;
    pthread_mutex_t lock;        /* guards the two below */
    command_t *commands, **last_command;
    bool stopping;
    transfer_t *transfers;       /* on the thread's side, as all that follows */
    size_t open;
} llm;

static uint64_t now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* -- events, from the thread to the loop ----------------------------------------------------- */

static void event_free (void *argument)
{
    event_t *event = argument;
    free (event->text);
    free (event);
}

static llm_stream_t **stream_numbered (uint64_t number)
{
    llm_stream_t **at = &llm.streams;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void on_event (void *argument)
{
    event_t *event = argument;
    llm_stream_t **at = stream_numbered (event->number), *stream = *at;
    if (stream != NULL && event->text != NULL) {
        stream->handler.text (stream->context, event->text);
    } else if (stream != NULL) {
        *at = stream->next;
        stream->handler.ended (stream->context, &event->end);
        free (stream);
    }
    event_free (event);
}

/* Takes the text. Without memory the answer ends short, which is told when there is some. */
static void post (const transfer_t *transfer, char *text)
{
    event_t *event = NULL;
    while ((event = calloc (1, sizeof *event)) == NULL)
        nanosleep (&(struct timespec) {.tv_nsec = 1000000}, NULL);
    *event = (event_t) {.number = transfer->number, .text = text, .end = transfer->end};
    loop_post_owned (llm.loop, on_event, event_free, event);
}

/* -- what the server says -------------------------------------------------------------------- */

static void take_reply (transfer_t *transfer, llm_reply_t *reply)
{
    if (reply->text != NULL) {
        transfer->has_text = true;
        post (transfer, reply->text);
        reply->text = NULL;
    }
    transfer->end.refused |= reply->refused;
    transfer->end.cut_short |= reply->cut_short;
    transfer->finished |= reply->finished || reply->done;
    if (reply->has_usage) {
        transfer->end.has_usage = true;
        transfer->end.input_tokens = reply->input_tokens;
        transfer->end.output_tokens = reply->output_tokens;
    }
    if (reply->trouble != LLM_FINE)
        transfer->trouble = reply->trouble;
}

static void end_transfer (transfer_t *transfer, llm_trouble_t trouble)
{
    if (transfer->ended_ms != 0)
        return;
    transfer->ended_ms = now_ms ();
    transfer->end.trouble = trouble;
    log_info ("llm_ended", "trouble=%s attempts=%u ms=%llu bytes=%zu",
              trouble == LLM_FINE ? "none" : llm_trouble_name (trouble), transfer->attempts,
              (unsigned long long) (transfer->ended_ms - transfer->begun_ms), transfer->bytes);
    post (transfer, NULL);
}

/* Once all is said the end is told at once; the connection may take its time to become free again. */
static int on_sse (void *context, const char *name UNUSED, const char *data, size_t size)
{
    transfer_t *transfer = context;
    llm_reply_t reply;
    if (transfer->ended_ms != 0)
        return 0;
    llm_reply_read (data, size, &reply);
    take_reply (transfer, &reply);
    if (reply.done && transfer->trouble == LLM_FINE && transfer->has_text)
        end_transfer (transfer, LLM_FINE);
    llm_reply_clear (&reply);
    return transfer->trouble == LLM_FINE ? 0 : error_set (ERROR_INTERNAL, NULL);
}

static bool keep_whole (transfer_t *transfer, const char *bytes, size_t size, size_t most)
{
    if (transfer->whole_size + size > most)
        size = most - transfer->whole_size;
    if (text_append (&transfer->whole, &transfer->whole_size, &transfer->whole_capacity, bytes, size) == 0)
        return true;
    transfer->trouble = LLM_OUT_OF_MEMORY;
    return false;
}

static long status_of (const transfer_t *transfer)
{
    long status = 0;
    curl_easy_getinfo (transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* A server may answer with one JSON object though it was asked for a stream. */
static bool take_bytes (transfer_t *transfer, const char *bytes, size_t size)
{
    size_t at = 0;
    while (!transfer->has_begun && at < size && strchr (" \t\r\n", bytes [at]) != NULL && bytes [at] != '\0')
        at++;
    if (!transfer->has_begun && at < size) {
        transfer->has_begun = true;
        transfer->is_whole = bytes [at] == '{';
    }
    if (transfer->is_whole)
        return keep_whole (transfer, bytes, size, MAX_LLM_STREAM_BYTES);
    if (sse_feed (transfer->sse, bytes, size) == 0)
        return true;
    if (transfer->trouble == LLM_FINE)
        transfer->trouble = error_get () == ERROR_NO_MEMORY ? LLM_OUT_OF_MEMORY : LLM_ENDLESS;
    return false;
}

static size_t on_bytes (char *bytes, size_t unit, size_t count, void *context)
{
    transfer_t *transfer = context;
    size_t size = unit * count;
    transfer->heard_ms = now_ms ();
    transfer->bytes += size;
    if (transfer->bytes > MAX_LLM_STREAM_BYTES) {
        transfer->trouble = LLM_ENDLESS;
        return 0;
    }
    bool taken = status_of (transfer) == 200 ? take_bytes (transfer, bytes, size)
                                             : keep_whole (transfer, bytes, size, MAX_ERROR_BYTES);
    return taken ? size : 0;
}

/* -- transfers ------------------------------------------------------------------------------- */

/* Its connection, and what it was told on it. */
static void hang_up (transfer_t *transfer)
{
    if (transfer->easy != NULL) {
        curl_multi_remove_handle (llm.multi, transfer->easy);
        curl_easy_cleanup (transfer->easy);
        transfer->easy = NULL;
        llm.open--;
        metric_set (METRIC_LLM_STREAMS_OPEN, (int64_t) llm.open);
    }
    sse_destroy (&transfer->sse);
    free (transfer->whole);
    transfer->whole = NULL;
    transfer->whole_size = transfer->whole_capacity = 0;
    transfer->is_whole = transfer->has_begun = transfer->finished = false;
}

static void transfer_free (transfer_t *transfer)
{
    hang_up (transfer);
    free (transfer->body);
    free (transfer);
}

static void transfer_drop (transfer_t *transfer)
{
    for (transfer_t **at = &llm.transfers; *at != NULL; at = &(*at)->next)
        if (*at == transfer) {
            *at = transfer->next;
            break;
        }
    transfer_free (transfer);
}

static bool set_options (transfer_t *transfer)
{
    CURL *easy = transfer->easy;
    return curl_easy_setopt (easy, CURLOPT_URL, llm.url) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_HTTPHEADER, llm.headers) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) strlen (transfer->body)) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_POSTFIELDS, transfer->body) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_PRIVATE, transfer) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_MS) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK
        && curl_easy_setopt (easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK   /* its end waits for no name server */
        && curl_multi_add_handle (llm.multi, easy) == CURLM_OK;
}

static void send_transfer (transfer_t *transfer)
{
    transfer->easy = curl_easy_init ();
    transfer->sse = sse_new (MAX_EVENT_BYTES, on_sse, transfer);
    transfer->trouble = LLM_FINE;
    transfer->end = (llm_end_t) {0};   /* what an attempt before said of itself */
    transfer->attempts++;
    transfer->heard_ms = now_ms ();
    if (transfer->easy != NULL) {
        llm.open++;
        metric_set (METRIC_LLM_STREAMS_OPEN, (int64_t) llm.open);
    }
    metric_add (METRIC_LLM_REQUESTS, 1);
    if (transfer->easy == NULL || transfer->sse == NULL || !set_options (transfer)) {
        end_transfer (transfer, LLM_OUT_OF_MEMORY);
        transfer_drop (transfer);
    }
}

/* It failed: again later, or not. */
static void fail_transfer (transfer_t *transfer, llm_trouble_t trouble, uint64_t retry_after_ms)
{
    uint32_t chance = 0;
    (void) !getrandom (&chance, sizeof chance, 0);
    int64_t wait = transfer->has_text ? -1 : llm_retry_ms (trouble, transfer->attempts, retry_after_ms, chance);
    hang_up (transfer);
    if (wait < 0 || now_ms () + (uint64_t) wait >= transfer->begun_ms + llm.first_ms) {
        end_transfer (transfer, trouble);
        transfer_drop (transfer);
        return;
    }
    log_info ("llm_retried", "trouble=%s attempts=%u wait_ms=%lld", llm_trouble_name (trouble), transfer->attempts,
              (long long) wait);
    metric_add (METRIC_LLM_RETRIES, 1);
    transfer->due_ms = now_ms () + (uint64_t) wait;
}

static llm_trouble_t trouble_of_code (CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_RESOLVE_PROXY: case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: case CURLE_SSL_CONNECT_ERROR: case CURLE_SEND_ERROR:
        return LLM_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION: case CURLE_SSL_CACERT_BADFILE: case CURLE_SSL_CERTPROBLEM:
        return LLM_CERTIFICATE;
    case CURLE_OUT_OF_MEMORY:
        return LLM_OUT_OF_MEMORY;
    case CURLE_UNSUPPORTED_PROTOCOL: case CURLE_WEIRD_SERVER_REPLY:
        return LLM_BAD_REPLY;
    default:
        return LLM_CUT;
    }
}

/* A server says in words what its 400 is about. */
static llm_trouble_t trouble_of_answer (const transfer_t *transfer, long status)
{
    llm_reply_t reply = {0};
    llm_trouble_t trouble = llm_trouble_of_status (status);
    if (trouble == LLM_REJECTED && transfer->whole != NULL) {
        llm_reply_read (transfer->whole, transfer->whole_size, &reply);
        trouble = reply.trouble == LLM_TOO_LONG ? LLM_TOO_LONG : trouble;
        llm_reply_clear (&reply);
    }
    return trouble;
}

/* The server has closed a 200: was it an answer? */
static llm_trouble_t trouble_of_end (transfer_t *transfer)
{
    if (transfer->is_whole) {
        llm_reply_t reply;
        llm_reply_read (transfer->whole, transfer->whole_size, &reply);
        take_reply (transfer, &reply);
        llm_reply_clear (&reply);
    } else if (sse_finish (transfer->sse) != 0 && transfer->trouble == LLM_FINE) {
        transfer->trouble = LLM_ENDLESS;
    }
    if (transfer->trouble != LLM_FINE)
        return transfer->trouble;
    if (transfer->finished)
        return transfer->has_text ? LLM_FINE : LLM_EMPTY;
    return transfer->has_text ? LLM_CUT : transfer->has_begun ? LLM_BAD_REPLY : LLM_CUT;
}

static void on_done (transfer_t *transfer, CURLcode code)
{
    long status = status_of (transfer);
    curl_off_t retry_after = 0;
    curl_easy_getinfo (transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    llm_trouble_t trouble = transfer->trouble;
    if (transfer->ended_ms == 0 && trouble == LLM_FINE)
        trouble = code == CURLE_OK && status == 200 ? trouble_of_end (transfer)
                : status != 0 && status != 200 ? trouble_of_answer (transfer, status)
                : code == CURLE_OK ? LLM_BAD_REPLY : transfer->finished && transfer->has_text ? LLM_FINE : trouble_of_code (code);
    if (transfer->ended_ms == 0 && trouble != LLM_FINE) {
        log_warning ("llm_failed", "trouble=%s status=%ld curl=\"%s\"", llm_trouble_name (trouble), status,
                     curl_easy_strerror (code));
        fail_transfer (transfer, trouble, retry_after > 0 ? (uint64_t) retry_after * 1000 : 0);
        return;
    }
    end_transfer (transfer, LLM_FINE);
    transfer_drop (transfer);
}

/* -- the thread ------------------------------------------------------------------------------ */

static void take_commands (void)
{
    pthread_mutex_lock (&llm.lock);
    command_t *commands = llm.commands;
    llm.commands = NULL;
    llm.last_command = &llm.commands;
    pthread_mutex_unlock (&llm.lock);
    while (commands != NULL) {
        command_t *command = commands;
        commands = command->next;
        if (command->begin != NULL) {
            command->begin->next = llm.transfers;
            llm.transfers = command->begin;
        } else {
            transfer_t *transfer = llm.transfers;
            while (transfer != NULL && transfer->number != command->number)
                transfer = transfer->next;
            if (transfer != NULL)
                transfer_drop (transfer);
        }
        free (command);
    }
}

/* What a transfer's clock says: which trouble it is in at this time. */
static llm_trouble_t overdue (const transfer_t *transfer, uint64_t now)
{
    if (now - transfer->begun_ms >= llm.answer_ms)
        return LLM_TOO_SLOW;
    if (!transfer->has_text)
        return now - transfer->begun_ms >= llm.first_ms ? LLM_LATE : LLM_FINE;
    return now - transfer->heard_ms >= llm.silence_ms ? LLM_STALLED : LLM_FINE;
}

static void watch_clocks (void)
{
    uint64_t now = now_ms ();
    for (transfer_t *transfer = llm.transfers, *next; transfer != NULL; transfer = next) {
        next = transfer->next;
        llm_trouble_t trouble = transfer->ended_ms != 0 ? LLM_FINE : overdue (transfer, now);
        if (trouble != LLM_FINE)
            end_transfer (transfer, trouble);
        if (trouble != LLM_FINE || (transfer->ended_ms != 0 && now - transfer->ended_ms >= LINGER_MS))
            transfer_drop (transfer);
    }
}

/* The one that has waited longest and may be sent; NULL: none. */
static transfer_t *next_waiting (uint64_t now)
{
    transfer_t *first = NULL;
    for (transfer_t *transfer = llm.transfers; transfer != NULL; transfer = transfer->next)
        if (transfer->easy == NULL && transfer->due_ms <= now && (first == NULL || transfer->number < first->number))
            first = transfer;
    return first;
}

static void send_waiting (void)
{
    for (transfer_t *transfer; llm.open < llm.most_streams && (transfer = next_waiting (now_ms ())) != NULL;)
        send_transfer (transfer);
}

static void take_ends (void)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read (llm.multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo (message->easy_handle, CURLINFO_PRIVATE, &transfer);
        on_done ((transfer_t *) (void *) transfer, code);
    }
}

/* Until when nothing is due, in ms, at most IDLE_MS. */
static int time_to_wait (void)
{
    uint64_t now = now_ms (), wait = IDLE_MS;
    for (const transfer_t *transfer = llm.transfers; transfer != NULL; transfer = transfer->next) {
        uint64_t due = transfer->begun_ms + (transfer->has_text ? llm.answer_ms : llm.first_ms);
        if (transfer->has_text && transfer->heard_ms + llm.silence_ms < due)
            due = transfer->heard_ms + llm.silence_ms;
        if (transfer->easy == NULL && llm.open < llm.most_streams && transfer->due_ms < due)
            due = transfer->due_ms;
        if (transfer->ended_ms != 0)
            due = transfer->ended_ms + LINGER_MS;
        uint64_t left = due > now ? due - now : 0;
        wait = left < wait ? left : wait;
    }
    return (int) wait;
}

static bool is_stopping (void)
{
    pthread_mutex_lock (&llm.lock);
    bool stopping = llm.stopping;
    pthread_mutex_unlock (&llm.lock);
    return stopping;
}

static void *thread_run (void *argument UNUSED)
{
    int running;
    while (!is_stopping ()) {
        take_commands ();
        send_waiting ();
        curl_multi_perform (llm.multi, &running);
        take_ends ();
        watch_clocks ();
        send_waiting ();
        curl_multi_poll (llm.multi, NULL, 0, time_to_wait (), NULL);
    }
    take_commands ();
    while (llm.transfers != NULL)
        transfer_drop (llm.transfers);
    return NULL;
}

/* -- asking, on the loop's thread ------------------------------------------------------------ */

static void put_command (command_t *command)
{
    pthread_mutex_lock (&llm.lock);
    *llm.last_command = command;
    llm.last_command = &command->next;
    pthread_mutex_unlock (&llm.lock);
    curl_multi_wakeup (llm.multi);
}

llm_stream_t *llm_begin (const char *body, const llm_handler_t *handler, void *context)
{
    llm_stream_t *stream = calloc (1, sizeof *stream);
    transfer_t *transfer = calloc (1, sizeof *transfer);
    command_t *command = calloc (1, sizeof *command);
    char *copy = strdup (body);
    if (stream == NULL || transfer == NULL || command == NULL || copy == NULL) {
        free (stream);
        free (transfer);
        free (command);
        free (copy);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    *stream = (llm_stream_t) {.next = llm.streams, .number = ++llm.last_number, .handler = *handler, .context = context};
    llm.streams = stream;
    transfer->number = stream->number;
    transfer->body = copy;
    transfer->begun_ms = now_ms ();
    command->begin = transfer;
    put_command (command);
    return stream;
}

/* Without memory the stream goes on unheard, up to its limits. */
void llm_cancel (llm_stream_t **stream_p)
{
    llm_stream_t *stream = *stream_p;
    if (stream == NULL)
        return;
    command_t *command = calloc (1, sizeof *command);
    llm_stream_t **at = stream_numbered (stream->number);
    *at = stream->next;
    if (command != NULL) {
        command->number = stream->number;
        put_command (command);
    }
    free (stream);
    *stream_p = NULL;
}

bool llm_is_set (void) { return llm.is_set; }
const char *llm_model (void) { return llm.model; }

/* -- settings -------------------------------------------------------------------------------- */

static int add_header (const char *header)
{
    struct curl_slist *headers = curl_slist_append (llm.headers, header);
    if (headers == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    llm.headers = headers;
    return 0;
}

/* A key goes into a header as it is. */
static int add_key (setting_t setting)
{
    const char *key = settings_text (setting);
    char header [MAX_KEY + 32];
    if (key [0] == '\0')
        return 0;
    for (const char *at = key; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            return error_set (ERROR_BAD_FIELD, "%s holds a character that no key has, such as a blank",
                              settings_variable (setting));
    if (strlen (key) > MAX_KEY)
        return error_set (ERROR_BAD_FIELD, "%s is longer than %u bytes", settings_variable (setting), MAX_KEY);
    snprintf (header, sizeof header, "Authorization: Bearer %s", key);
    return add_header (header);
}

static bool begins_with (const char *text, const char *beginning)
{
    return strncmp (text, beginning, strlen (beginning)) == 0;
}

/* OpenRouter's key is sent to OpenRouter alone. */
static int read_settings (void)
{
    const char *base = settings_text (SETTING_LLM_BASE_URL), *model = settings_text (SETTING_LLM_MODEL);
    bool own_key = settings_text (SETTING_LLM_API_KEY) [0] != '\0';
    llm.is_set = base [0] != '\0' || settings_text (SETTING_OPENROUTER_API_KEY) [0] != '\0';
    if (!llm.is_set)
        return 0;
    base = base [0] != '\0' ? base : OPENROUTER_URL;
    bool openrouter = begins_with (base, "https://openrouter.ai/");
    size_t size = strlen (base);
    while (size > 0 && base [size - 1] == '/')
        size--;
    if ((!begins_with (base, "http://") && !begins_with (base, "https://")) || size > MAX_URL)
        return error_set (ERROR_BAD_FIELD, "LLM_BASE_URL must begin with http:// or https:// and have at most %u bytes",
                          MAX_URL);
    if (model [0] == '\0' && !openrouter)
        return error_set (ERROR_BAD_FIELD, "LLM_MODEL must name a model of the server at LLM_BASE_URL");
    model = model [0] != '\0' ? model : OPENROUTER_MODEL;
    if (strlen (model) >= sizeof llm.model)
        return error_set (ERROR_BAD_FIELD, "LLM_MODEL is longer than %zu bytes", sizeof llm.model - 1);
    strcpy (llm.model, model);
    snprintf (llm.url, sizeof llm.url, "%.*s/chat/completions", (int) size, base);
    if (add_header ("Content-Type: application/json") != 0 || add_header ("Accept: text/event-stream") != 0
        || add_header ("Expect:") != 0)
        return -1;
    return own_key ? add_key (SETTING_LLM_API_KEY) : openrouter ? add_key (SETTING_OPENROUTER_API_KEY) : 0;
}

/* -- life ------------------------------------------------------------------------------------ */

static int start_thread (void)
{
    if (curl_global_init (CURL_GLOBAL_DEFAULT) != CURLE_OK || (llm.multi = curl_multi_init ()) == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    curl_multi_setopt (llm.multi, CURLMOPT_MAXCONNECTS, (long) llm.most_streams);
    pthread_mutex_init (&llm.lock, NULL);
    llm.last_command = &llm.commands;
    if (pthread_create (&llm.thread, NULL, thread_run, NULL) != 0)
        return error_set (ERROR_NO_MEMORY, "no more threads can be made");
    llm.is_running = true;
    return 0;
}

int llm_start (loop_t *loop)
{
    memset (&llm, 0, sizeof llm);
    llm.loop = loop;
    llm.first_ms = (uint64_t) settings_number (SETTING_LLM_FIRST_MS);
    llm.silence_ms = (uint64_t) settings_number (SETTING_LLM_SILENCE_MS);
    llm.answer_ms = (uint64_t) settings_number (SETTING_LLM_ANSWER_MS);
    llm.most_streams = (size_t) settings_number (SETTING_LLM_STREAMS);
    if (read_settings () != 0)
        return -1;
    return llm.is_set ? start_thread () : 0;
}

void llm_stop (void)
{
    if (llm.is_running) {
        pthread_mutex_lock (&llm.lock);
        llm.stopping = true;
        pthread_mutex_unlock (&llm.lock);
        curl_multi_wakeup (llm.multi);
        pthread_join (llm.thread, NULL);
        pthread_mutex_destroy (&llm.lock);
    }
    while (llm.streams != NULL) {
        llm_stream_t *next = llm.streams->next;
        free (llm.streams);
        llm.streams = next;
    }
    curl_multi_cleanup (llm.multi);
    curl_slist_free_all (llm.headers);
    memset (&llm, 0, sizeof llm);
}
