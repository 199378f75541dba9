/* http: libmicrohttpd on the event loop.
 *
 * The daemon polls with its own epoll descriptor, which the loop watches; MHD_run then does what is
 * due. Its handler is called with the headers, with each piece of the body, at the body's end, and
 * once more when a sleeping connection is woken to be answered. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "body.h"
#include "ceiling.h"
#include "log.h"
#include "metrics.h"
#include "visitors.h"

#define UPLOAD_STOPPED   "The service is stopping, and the file was not taken. Upload it again in a moment."

#define LISTEN_BACKLOG   511
#define CLOCK_MS         500     /* idle and gone clients are looked for this often */
#define MAX_RUNS         16      /* of the daemon before other descriptors have their turn */
#define STREAM_BLOCK     4096
#define REQUEST_ID_BYTES 12
#define CONNECTION_BYTES (64u << 10)   /* for its headers and what is being read: more is the daemon's error */
#define DESCRIPTOR_RESERVE 128         /* for what is not a connection */
#define MAX_PAUSE_RUNS   50      /* to hand out the last answers when the service stops */
#define SLOWEST_BODY     1024    /* bytes a second, in the mean, behind the time that a request has */
#define LINGER_MS        2000    /* for a client to read why it was cut off */
#define RETRY_AFTER_S    "2"     /* of 429 and 503, unless something better is known */
#define MAX_SURPLUS      32      /* connections over their address's number that are told so */
#define SMALL_ANSWER     16384   /* bytes; what is no larger does not count against the ceiling */
#define LACKING_MS       60000   /* between two lines of the log about want of memory */
#define QUIET_MS         250     /* without a request, after which a connection is closed as the service stops */
#define MAX_FORWARDED    4096    /* bytes of X-Forwarded-For, of all its headers together */

typedef enum {
    PHASE_HEADERS,     /* nothing done yet */
    PHASE_BODY,        /* taking the body in */
    PHASE_REFUSED,     /* the answer is an error; the rest of the body is thrown away */
    PHASE_CUT,         /* the error is already sent, past the daemon; the connection only ends */
    PHASE_HANDLED,     /* with the handler; asleep unless it has answered */
    PHASE_ANSWERED,    /* the daemon has the answer */
} phase_t;

typedef struct {
    int status;                /* 0: no answer yet */
    const char *type;
    char *data;                /* owned, or NULL */
    const void *lent;
    size_t size;
    int fd;                    /* or -1 */
    uint64_t file_size;
    stream_read_t *read;
    void *read_context;
    char *headers [MAX_ANSWER_HEADERS] [2];
    size_t header_count;
} answer_t;

/* A connection, to find those whose client has gone. */
typedef struct connection {
    struct connection *next, **link;
    int fd;
    address_t peer;
    bool is_counted;           /* among its address's connections */
    bool is_surplus;           /* over its address's number: it has been told so and only ends */
    bool is_gone;
    uint64_t since_ms;         /* when it was opened or its last request ended */
    request_t *request;        /* that it is at, or NULL */
} connection_t;

struct request {
    http_t *http;
    connection_t *on;
    struct MHD_Connection *connection;
    request_t *next, **link;   /* of all that are open */
    char id [2 * REQUEST_ID_BYTES + 1];
    phase_t phase;
    uint64_t begun_ms, cut_ms;
    bool ends_with_client;     /* not answered when the client has closed its side */
    bool must_close;           /* nobody knows where the next request would begin */
    const char *method;
    target_t target;
    error_t target_error;      /* found when the target was parsed */
    char target_text [MAX_ERROR_TEXT];
    const route_t *route;
    value_t values [MAX_ROUTE_FIELDS];
    body_t body;
    size_t taken, discarded;   /* bytes of the body */
    void *context;
    void (*drop) (void *context);
    bool asleep;
    answer_t answer;
};

struct http {
    loop_t *loop;
    http_options_t options;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    int timer;
    bool running, run_posted;
    bool draining;             /* no new connection is taken, and each has its last request */
    bool stopping;
    request_t *requests;
    connection_t *connections;
    visitors_t *visitors;
    size_t surplus;
    bool has_knocked;          /* a connection was let in, and the daemon has not taken it yet */
    size_t lacking;            /* requests and connections that there was no memory for, not told yet */
    uint64_t lacking_ms;       /* when the log was last told; 0: never */
};

/* -- want of memory -------------------------------------------------------------------------- */

static void tell_lacking (http_t *http, uint64_t now)
{
    log_warning ("memory_short", "refused_or_cut=%zu text=\"there is no memory for what clients ask: give the gateway"
                 " more, or lower QUIRE_GATEWAY_MAX_CONNECTIONS and QUIRE_GATEWAY_HELD_MB\"", http->lacking);
    http->lacking = 0;
    http->lacking_ms = now;
}

/* The first is told at once, what follows once a minute. */
static void lack_memory (http_t *http)
{
    uint64_t now = loop_now_ms ();
    metric_add (METRIC_HTTP_NO_MEMORY, 1);
    http->lacking++;
    if (http->lacking_ms == 0 || now - http->lacking_ms >= LACKING_MS)
        tell_lacking (http, now);
}

static void lack_end (http_t *http)
{
    uint64_t now = loop_now_ms ();
    if (http->lacking > 0 && now - http->lacking_ms >= LACKING_MS)
        tell_lacking (http, now);
}

/* What there is no memory to make an answer for hears a fixed one, past the daemon, which then closes. */
static void cut_lacking (http_t *http, struct MHD_Connection *connection)
{
    static const char body [] = "{\"error\":{\"message\":\"The server is out of memory. Try again later.\","
                                "\"type\":\"server_error\",\"param\":null,\"code\":\"no_memory\"}}";
    char answer [512];
    int size = snprintf (answer, sizeof answer, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\nRetry-After: " RETRY_AFTER_S "\r\nConnection: close\r\n\r\n%s",
                         sizeof body - 1, body);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info (connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    lack_memory (http);
    if (info != NULL && send (info->connect_fd, answer, (size_t) size, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        shutdown (info->connect_fd, SHUT_WR);
}

/* -- answers --------------------------------------------------------------------------------- */

static void wake (request_t *request)
{
    if (!request->asleep)
        return;
    request->asleep = false;
    MHD_resume_connection (request->connection);
}

void request_add_header (request_t *request, const char *name, const char *value)
{
    answer_t *answer = &request->answer;
    if (answer->header_count == MAX_ANSWER_HEADERS)
        return;
    char *name_copy = strdup (name), *value_copy = strdup (value);
    if (name_copy == NULL || value_copy == NULL) {
        free (name_copy);
        free (value_copy);
        return;
    }
    answer->headers [answer->header_count] [0] = name_copy;
    answer->headers [answer->header_count++] [1] = value_copy;
}

static bool has_header (const answer_t *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcasecmp (answer->headers [i] [0], name) == 0)
            return true;
    return false;
}

/* Who is to come back is told when, if nobody has said so yet. */
static void answer_set (request_t *request, int status, const char *type)
{
    if ((status == 503 || status == 429) && !has_header (&request->answer, MHD_HTTP_HEADER_RETRY_AFTER))
        request_add_header (request, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
    request->answer.status = status;
    request->answer.type = type;
    if (request->phase == PHASE_HANDLED)
        wake (request);
}

/* Is there room for an answer? One that is small always fits, so that an error can be told. */
static bool has_room (size_t size)
{
    return size <= SMALL_ANSWER || ceiling_take (size);
}

static void give_room (size_t size)
{
    if (size > SMALL_ANSWER)
        ceiling_give (size);
}

void request_answer_taken (request_t *request, int status, const char *type, char **data, size_t size)
{
    if (!has_room (size)) {
        free (*data);
        *data = NULL;
        request_fail_last (request);
        return;
    }
    request->answer.data = *data;
    request->answer.size = size;
    *data = NULL;
    answer_set (request, status, type);
}

void request_answer_json (request_t *request, const char *json)
{
    char *copy = strdup (json);
    if (copy == NULL)
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
    else
        request_answer_taken (request, 200, "application/json", &copy, strlen (json));
}

void request_answer_static (request_t *request, const char *type, const void *data, size_t size)
{
    request->answer.lent = data;
    request->answer.size = size;
    answer_set (request, 200, type);
}

void request_answer_empty (request_t *request, int status)
{
    answer_set (request, status, NULL);
}

void request_answer_file (request_t *request, const char *type, int fd, uint64_t size)
{
    request->answer.fd = fd;
    request->answer.file_size = size;
    answer_set (request, 200, type);
}

void request_answer_stream (request_t *request, const char *type, stream_read_t *read, void *context)
{
    request->answer.read = read;
    request->answer.read_context = context;
    answer_set (request, 200, type);
}

void stream_wake (request_t *request)
{
    wake (request);
}

static char *error_json (error_t error, const char *text, const char *param)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_val *body = yyjson_mut_obj_add_obj (document, root, "error");
    yyjson_mut_obj_add_str (document, body, "message", text);
    yyjson_mut_obj_add_str (document, body, "type", error_type (error));
    if (param != NULL && *param != 0)
        yyjson_mut_obj_add_str (document, body, "param", param);
    else
        yyjson_mut_obj_add_null (document, body, "param");
    yyjson_mut_obj_add_str (document, body, "code", error_name (error));
    char *json = yyjson_mut_write (document, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    yyjson_mut_doc_free (document);
    return json;
}

void request_fail (request_t *request, error_t error, const char *text, const char *param)
{
    char *json = error_json (error, text == NULL || *text == 0 ? error_default (error) : text, param);
    int status = error_http_status (error);
    if (error == ERROR_NO_MEMORY || json == NULL)
        lack_memory (request->http);
    if (json == NULL)
        request_answer_empty (request, status);
    else
        request_answer_taken (request, status, "application/json", &json, strlen (json));
}

void request_fail_last (request_t *request)
{
    request_fail (request, error_get (), error_text (), NULL);
}

/* -- what came ------------------------------------------------------------------------------- */

const char *request_id (const request_t *request)
{
    return request->id;
}

const route_t *request_route (const request_t *request)
{
    return request->route;
}

const char *request_header (const request_t *request, const char *name)
{
    return MHD_lookup_connection_value (request->connection, MHD_HEADER_KIND, name);
}

typedef struct {
    char text [MAX_FORWARDED];
    size_t size;
} forwarded_t;

/* Of what is too long the end is kept, which the nearest proxies wrote. */
static enum MHD_Result on_forwarded (void *context, enum MHD_ValueKind kind UNUSED, const char *name,
                                     const char *value)
{
    forwarded_t *all = context;
    if (value == NULL || strcasecmp (name, "X-Forwarded-For") != 0)
        return MHD_YES;
    size_t size = strlen (value), most = sizeof all->text - 2;
    if (size > most) {
        value += size - most;
        size = most;
    }
    size_t over = all->size + size > most ? all->size + size - most : 0;
    memmove (all->text, all->text + over, all->size - over);
    all->size -= over;
    memcpy (all->text + all->size, value, size);
    all->size += size;
    all->text [all->size++] = ',';
    all->text [all->size] = 0;
    return MHD_YES;
}

bool request_is_from_proxy (const request_t *request)
{
    const networks_t *proxies = request->http->options.proxies;
    return request->on != NULL && proxies != NULL && networks_hold (proxies, &request->on->peer);
}

address_t request_address (const request_t *request)
{
    const networks_t *proxies = request->http->options.proxies;
    forwarded_t all = {.size = 0};
    if (request->on == NULL)
        return (address_t) {{0}};
    if (!request_is_from_proxy (request))
        return request->on->peer;
    MHD_get_connection_values (request->connection, MHD_HEADER_KIND, on_forwarded, &all);
    return address_behind (&request->on->peer, all.text, proxies);
}

bool request_method_is (const request_t *request, const char *method)
{
    return strcmp (request->method, method) == 0;
}

const value_t *request_value (const request_t *request, const char *name)
{
    static const value_t none;
    for (size_t i = 0; i < request->route->field_count; i++)
        if (strcmp (request->route->fields [i].name, name) == 0)
            return &request->values [i];
    return &none;
}

const char *request_text (const request_t *request, const char *name)
{
    const char *text = request_value (request, name)->text;
    return text == NULL ? "" : text;
}

int64_t request_integer (const request_t *request, const char *name)
{
    return request_value (request, name)->integer;
}

yyjson_val *request_body (const request_t *request)
{
    return yyjson_doc_get_root (request->body.document);
}

char *request_data (request_t *request, size_t *size)
{
    *size = request->body.size;
    return request->body.text;
}

void request_end_with_client (request_t *request)
{
    request->ends_with_client = true;
}

void request_keep (request_t *request, void *context, void (*drop) (void *context))
{
    request->context = context;
    request->drop = drop;
}

void *request_kept (const request_t *request)
{
    return request->context;
}

/* -- checks before the body is read ---------------------------------------------------------- */

static void refuse (request_t *request)
{
    request->phase = PHASE_REFUSED;
    body_free (&request->body);   /* what has come of it is of no use */
    request_fail_last (request);
}

static void refuse_field (request_t *request, const char *param)
{
    request->phase = PHASE_REFUSED;
    request_fail (request, error_get (), error_text (), param);
}

static bool body_length (const request_t *request, uint64_t *length)
{
    const char *text = request_header (request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    *length = text == NULL ? 0 : strtoull (text, NULL, 10);
    return text != NULL;
}

static bool takes_json (const route_t *route)
{
    return route->body == BODY_JSON || route->body == BODY_KNOWN_JSON || route->body == BODY_RPC;
}

static uint64_t body_limit (const request_t *request)
{
    switch (request->route->body) {
    case BODY_UPLOAD:
        return request->http->options.max_upload_bytes;
    case BODY_JSON:
    case BODY_KNOWN_JSON:
    case BODY_RPC:
        return MAX_JSON_BODY_BYTES;
    default:
        return MAX_DISCARD_BYTES;
    }
}

static int too_large (const request_t *request)
{
    return error_set (ERROR_BODY_TOO_LARGE, "The body is larger than %llu bytes, the most that this "
                      "path takes.", (unsigned long long) body_limit (request));
}

/* No type is taken for JSON, as some clients send none. */
static int check_json_type (const request_t *request)
{
    static const char wanted [] = "application/json";
    const char *type = request_header (request, MHD_HTTP_HEADER_CONTENT_TYPE);
    uint64_t length;
    if (type == NULL || strncasecmp (type, wanted, strlen (wanted)) == 0
        || (body_length (request, &length) && length == 0))
        return 0;
    return error_set (ERROR_UNSUPPORTED_MEDIA, "Send JSON with Content-Type: application/json.");
}

static int check_fields (request_t *request, bool of_body)
{
    const route_t *route = request->route;
    for (size_t i = 0; i < route->field_count; i++) {
        const field_t *field = &route->fields [i];
        int outcome = 0;
        if (of_body && field->place == IN_BODY)
            outcome = field_check_json (field, yyjson_doc_get_root (request->body.document), &request->values [i]);
        else if (!of_body && field->place == IN_QUERY)
            outcome = field_check_text (field, target_query (&request->target, field->name), &request->values [i]);
        else if (!of_body && field->place == IN_PATH)
            outcome = field_check_text (field, route_segment (route, &request->target, field->name),
                                        &request->values [i]);
        if (outcome == 0)
            continue;
        if (field->place == IN_PATH)   /* a path with something else than a number leads nowhere */
            error_set (field->type == FIELD_INTEGER ? ERROR_PAGE_NOT_FOUND : ERROR_NOT_FOUND, NULL);
        refuse_field (request, field->name);
        return -1;
    }
    return 0;
}

/* A strict route takes no field that it does not know. */
static int check_known (request_t *request)
{
    const route_t *route = request->route;
    const char *name = NULL;
    if (route->body != BODY_KNOWN_JSON
        || field_check_known (route->fields, route->field_count, yyjson_doc_get_root (request->body.document), &name) == 0)
        return 0;
    refuse_field (request, name);
    return -1;
}

static void refuse_route (request_t *request, const char *allowed)
{
    if (error_get () == ERROR_METHOD_NOT_ALLOWED)
        request_add_header (request, "Allow", allowed);
    if (error_get () == ERROR_METHOD_NOT_ALLOWED && request_method_is (request, "OPTIONS")) {
        request->phase = PHASE_REFUSED;
        request_answer_empty (request, 204);
        return;
    }
    if (error_get () == ERROR_NOT_FOUND)
        error_set (ERROR_NOT_FOUND, "There is no such path here. GET /openapi.json lists those that exist.");
    refuse (request);
}

static bool fall_back (request_t *request)
{
    const http_options_t *options = &request->http->options;
    bool wanted = request_method_is (request, "GET") || request_method_is (request, "HEAD");
    if (!wanted || options->fallback == NULL || request->target.segment_count != 1)
        return false;
    request->phase = PHASE_REFUSED;   /* answered here; a body would be thrown away */
    return options->fallback (request, request->target.segments [0]);
}

/* May who asks have this? Asked before anything is said of what there is. */
static bool is_admitted (request_t *request)
{
    const http_options_t *options = &request->http->options;
    if (options->admit == NULL || options->admit (request, request->route) == 0)
        return true;
    refuse (request);
    return false;
}

static void begin_body (request_t *request)
{
    const route_t *route = request->route;
    uint64_t length;
    if (body_length (request, &length) && length > body_limit (request)) {
        too_large (request);
        refuse (request);
    } else if (takes_json (route) && check_json_type (request) != 0)
        refuse (request);
    else if (route->body == BODY_UPLOAD && request->http->draining) {
        error_set (ERROR_ROLE_AWAY, UPLOAD_STOPPED);
        refuse (request);
    }
    else if (route->body == BODY_UPLOAD
             && route->reader->begin (request, request_header (request, MHD_HTTP_HEADER_CONTENT_TYPE)) != 0)
        refuse (request);
}

typedef struct {
    size_t bytes, lengths;
    bool coded;
} framing_t;

static enum MHD_Result on_header (void *context, enum MHD_ValueKind kind UNUSED, const char *name,
                                  const char *value)
{
    framing_t *framing = context;
    framing->bytes += strlen (name) + (value == NULL ? 0 : strlen (value));
    framing->lengths += strcasecmp (name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    framing->coded |= strcasecmp (name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/* Where a body ends must be said once: a proxy before this server may believe the other word, and
 * take a part of the body for the next request. The daemon would pick one. */
static int check_framing (request_t *request)
{
    framing_t framing = {0};
    MHD_get_connection_values (request->connection, MHD_HEADER_KIND, on_header, &framing);
    if (framing.bytes > MAX_HEADER_BYTES)
        return error_set (ERROR_HEADERS_TOO_LARGE, NULL);
    if (framing.lengths > 1)
        return error_set (ERROR_BAD_REQUEST, "The request has more than one Content-Length.");
    if (framing.lengths > 0 && framing.coded)
        return error_set (ERROR_BAD_REQUEST, "The request has both Content-Length and Transfer-Encoding.");
    return 0;
}

static void begin (request_t *request)
{
    const http_options_t *options = &request->http->options;
    char allowed [64];
    request->phase = PHASE_BODY;
    if (check_framing (request) != 0) {
        refuse (request);
        request->must_close = true;
        request_add_header (request, MHD_HTTP_HEADER_CONNECTION, "close");
        return;
    }
    if (request->target_error != ERROR_NONE) {
        error_set (request->target_error, "%s", request->target_text);
        refuse (request);
        return;
    }
    request->route = route_find (options->routes, options->route_count, request->method, &request->target,
                                 allowed, sizeof allowed);
    if (request->route == NULL) {
        error_t why = error_get ();
        if ((why == ERROR_NOT_FOUND && fall_back (request)) || !is_admitted (request))
            return;
        error_set (why, NULL);
        refuse_route (request, allowed);
        return;
    }
    if (!is_admitted (request))
        return;
    if (check_fields (request, false) == 0)
        begin_body (request);
}

/* -- the body -------------------------------------------------------------------------------- */

static void body_take (request_t *request, const char *data, size_t size)
{
    body_kind_t kind = request->route->body;
    if (request->taken + size > body_limit (request))
        too_large (request);
    else if (kind == BODY_NONE
             || (takes_json (request->route) ? body_add (&request->body, data, size)
                                   : request->route->reader->data (request, data, size)) == 0) {
        request->taken += size;
        return;
    }
    refuse (request);
}

/* Writes an answer past the daemon: its head, then its body. What the socket does not take at once is
 * not sent; it takes far more. */
static void send_past (int fd, const request_t *request, const answer_t *answer)
{
    char head [1024];
    int size = snprintf (head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\nConnection: close\r\nx-request-id: %s\r\n",
                         answer->status, MHD_get_reason_phrase_for ((unsigned) answer->status),
                         answer->size, request->id);
    for (size_t i = 0; i < answer->header_count && size < (int) sizeof head; i++)
        size += snprintf (head + size, sizeof head - (size_t) size, "%s: %s\r\n", answer->headers [i] [0],
                          answer->headers [i] [1]);
    if (size < (int) sizeof head)
        size += snprintf (head + size, sizeof head - (size_t) size, "\r\n");
    if (size < (int) sizeof head
        && send (fd, head, (size_t) size, MSG_NOSIGNAL | MSG_MORE | MSG_DONTWAIT) == size
        && send (fd, answer->data, answer->size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug ("answer_not_sent", "id=%s why=\"%s\"", request->id, strerror (errno));
    shutdown (fd, SHUT_WR);
}

/* Has the connection's end be a reset: a client that goes on sending would hear nothing of a quiet end
 * when what it sent has filled the socket, and wait. */
static void end_hard (int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt (fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* The daemon takes no answer in the middle of a head or body. So that a client that goes on sending
 * hears of its error now and not after gigabytes or never, the answer goes out past the daemon, which
 * then closes. */
static void cut (request_t *request)
{
    const union MHD_ConnectionInfo *info
        = MHD_get_connection_info (request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    request->phase = PHASE_CUT;
    request->cut_ms = loop_now_ms ();
    if (info == NULL || request->answer.data == NULL)
        return;
    send_past (info->connect_fd, request, &request->answer);
    metric_add (METRIC_HTTP_REQUESTS, 1);
    metric_add (METRIC_HTTP_ERRORS, 1);
}

static void body_end (request_t *request)
{
    if (takes_json (request->route) && request->route->body != BODY_RPC) {
        if (body_parse (&request->body) != 0) {
            refuse (request);
            return;
        }
        if (check_known (request) != 0 || check_fields (request, true) != 0)
            return;
    }
    request->phase = PHASE_HANDLED;
    request->route->handle (request);
}

/* -- handing answers to the daemon ----------------------------------------------------------- */

static ssize_t on_stream_read (void *context, uint64_t position UNUSED, char *out, size_t size)
{
    request_t *request = context;
    if (request->http->stopping || (request->on != NULL && request->on->is_gone))
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t got = request->answer.read (request->answer.read_context, out, size);
    if (got == STREAM_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (got == 0) {
        request->asleep = true;
        MHD_suspend_connection (request->connection);
    }
    return (ssize_t) got;
}

/* Data that the daemon has until it is sent. */
typedef struct {
    char *data;
    size_t size;
} sent_t;

static void on_sent (void *context)
{
    sent_t *sent = context;
    give_room (sent->size);
    free (sent->data);
    free (sent);
}

static struct MHD_Response *response_of_data (answer_t *answer)
{
    sent_t *sent = malloc (sizeof *sent);
    if (sent == NULL)
        return NULL;
    *sent = (sent_t) {answer->data, answer->size};
    struct MHD_Response *response
        = MHD_create_response_from_buffer_with_free_callback_cls (sent->size, sent->data, on_sent, sent);
    if (response == NULL)
        free (sent);
    else
        answer->data = NULL;
    return response;
}

static struct MHD_Response *response_body (request_t *request)
{
    answer_t *answer = &request->answer;
    if (answer->read != NULL)
        return MHD_create_response_from_callback (MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_stream_read, request, NULL);
    if (answer->fd >= 0) {
        int fd = answer->fd;
        answer->fd = -1;
        return MHD_create_response_from_fd64 (answer->file_size, fd);
    }
    if (answer->data != NULL)
        return response_of_data (answer);
    return MHD_create_response_from_buffer_static (answer->size, answer->lent == NULL ? "" : answer->lent);
}

static struct MHD_Response *response_new (request_t *request)
{
    const answer_t *answer = &request->answer;
    struct MHD_Response *response = response_body (request);
    if (response == NULL)
        return NULL;
    if (answer->type != NULL)
        MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    MHD_add_response_header (response, "x-request-id", request->id);
    MHD_add_response_header (response, "X-Content-Type-Options", "nosniff");
    if (request->http->draining)
        MHD_add_response_header (response, MHD_HTTP_HEADER_CONNECTION, "close");
    for (size_t i = 0; i < answer->header_count; i++)
        MHD_add_response_header (response, answer->headers [i] [0], answer->headers [i] [1]);
    return response;
}

static enum MHD_Result answer_queue (request_t *request)
{
    int status = request->answer.status;
    struct MHD_Response *response = response_new (request);
    if (response == NULL) {
        cut_lacking (request->http, request->connection);
        return MHD_NO;
    }
    metric_add (METRIC_HTTP_REQUESTS, 1);
    if (status >= 400)
        metric_add (METRIC_HTTP_ERRORS, 1);
    log_debug ("http_request", "id=%s method=%s route=%s status=%d", request->id, request->method,
               request->route == NULL ? "-" : request->route->name, status);
    request->phase = PHASE_ANSWERED;
    if (request->answer.read == NULL)   /* a stream may still read what was asked */
        body_free (&request->body);
    enum MHD_Result queued = MHD_queue_response (request->connection, (unsigned) status, response);
    MHD_destroy_response (response);
    return queued;
}

/* -- the daemon's handler -------------------------------------------------------------------- */

/* A refused request whose body is small is answered when the body has been read, which leaves the
 * connection fit for the next request; one that waits for leave to send its body, or that has a
 * large one, is answered now. */
static bool refuse_at_once (const request_t *request)
{
    uint64_t length;
    return request->must_close || request_header (request, MHD_HTTP_HEADER_EXPECT) != NULL
           || (body_length (request, &length) && length > MAX_DISCARD_BYTES);
}

static enum MHD_Result on_headers (request_t *request)
{
    begin (request);
    if (request->phase == PHASE_REFUSED && refuse_at_once (request))
        return answer_queue (request);
    return MHD_YES;
}

static enum MHD_Result on_piece (request_t *request, const char *data, size_t size)
{
    if (request->phase == PHASE_BODY)
        body_take (request, data, size);
    else
        request->discarded += size;
    if (request->phase == PHASE_REFUSED && request->discarded > MAX_DISCARD_BYTES)
        cut (request);
    if (request->phase != PHASE_CUT || request->discarded <= 32 * MAX_DISCARD_BYTES)
        return MHD_YES;
    if (request->on != NULL)
        end_hard (request->on->fd);
    return MHD_NO;
}

static enum MHD_Result on_end (request_t *request)
{
    if (request->phase == PHASE_CUT)
        return MHD_NO;
    if (request->phase == PHASE_BODY)
        body_end (request);
    if (request->answer.status != 0)
        return answer_queue (request);
    request->asleep = true;
    MHD_suspend_connection (request->connection);
    return MHD_YES;
}

static enum MHD_Result on_request (void *context, struct MHD_Connection *connection,
                                   const char *url UNUSED, const char *method,
                                   const char *version UNUSED, const char *data, size_t *size,
                                   void **request_p)
{
    request_t *request = *request_p;
    if (request == NULL)
        cut_lacking (context, connection);
    if (request == NULL || (request->on != NULL && request->on->is_surplus))
        return MHD_NO;   /* its connection has had its answer */
    if (request->phase == PHASE_HEADERS) {
        request->connection = connection;
        request->method = method;
        return on_headers (request);
    }
    if (*size > 0) {
        size_t all = *size;
        *size = 0;
        return on_piece (request, data, all);
    }
    return on_end (request);
}

/* -- requests come and go -------------------------------------------------------------------- */

static void request_name (request_t *request)
{
    uint8_t random [REQUEST_ID_BYTES];
    if (getrandom (random, sizeof random, 0) != sizeof random)
        memset (random, 0, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf (request->id + 2 * i, 3, "%02x", random [i]);
}

/* The first that is heard of a request: its target as it was sent. */
static void *on_target (void *context, const char *raw, struct MHD_Connection *connection)
{
    http_t *http = context;
    request_t *request = calloc (1, sizeof *request);
    if (request == NULL)
        return NULL;
    request->http = http;
    request->connection = connection;
    request->begun_ms = loop_now_ms ();
    request->answer.fd = -1;
    request->next = http->requests;
    request->link = &http->requests;
    if (request->next != NULL)
        request->next->link = &request->next;
    http->requests = request;
    const union MHD_ConnectionInfo *info
        = MHD_get_connection_info (connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->on = info == NULL ? NULL : info->socket_context;
    if (request->on != NULL)
        request->on->request = request;
    request_name (request);
    if ((strlen (raw) > MAX_TARGET_BYTES && error_set (ERROR_URL_TOO_LONG, NULL) != 0)
        || target_parse (raw, &request->target) != 0) {
        request->target_error = error_get ();
        snprintf (request->target_text, sizeof request->target_text, "%s", error_text ());
    }
    return request;
}

static void answer_free (answer_t *answer)
{
    for (size_t i = 0; i < answer->header_count; i++) {
        free (answer->headers [i] [0]);
        free (answer->headers [i] [1]);
    }
    if (answer->fd >= 0)
        close (answer->fd);
    if (answer->data != NULL)
        give_room (answer->size);
    free (answer->data);
}

static void request_free (request_t *request)
{
    if (request->drop != NULL)
        request->drop (request->context);
    if (request->on != NULL) {
        request->on->request = NULL;
        request->on->since_ms = loop_now_ms ();
    }
    *request->link = request->next;
    if (request->next != NULL)
        request->next->link = request->link;
    answer_free (&request->answer);
    body_free (&request->body);
    target_free (&request->target);
    free (request);
}

static void on_completed (void *context UNUSED, struct MHD_Connection *connection UNUSED,
                          void **request_p, enum MHD_RequestTerminationCode why UNUSED)
{
    if (*request_p != NULL)
        request_free (*request_p);
    *request_p = NULL;
}

/* The address in a socket's, IPv4 as part of IPv6; all zero when it is of another kind. */
static address_t address_of (const struct sockaddr *from)
{
    char text [INET6_ADDRSTRLEN] = "";
    address_t address = {{0}};
    if (from != NULL && from->sa_family == AF_INET)
        inet_ntop (AF_INET, &((const struct sockaddr_in *) (const void *) from)->sin_addr, text, sizeof text);
    else if (from != NULL && from->sa_family == AF_INET6)
        inet_ntop (AF_INET6, &((const struct sockaddr_in6 *) (const void *) from)->sin6_addr, text, sizeof text);
    if (!address_parse (text, strlen (text), &address))
        address = (address_t) {{0}};
    return address;
}

static bool is_limited (const http_t *http, const address_t *peer)
{
    return http->options.proxies == NULL || !networks_hold (http->options.proxies, peer);
}

/* A connection that was let in and that the daemon has not taken was closed for want of memory. */
static void see_knocked (http_t *http)
{
    if (http->has_knocked)
        lack_memory (http);
    http->has_knocked = false;
}

/* Before a connection is taken: whose address has too many is told so on some of them (surplus), and
 * the rest is closed without a word. */
static enum MHD_Result on_knock (void *context, const struct sockaddr *from, socklen_t size UNUSED)
{
    http_t *http = context;
    address_t peer = address_of (from), house = address_of_house (&peer);
    see_knocked (http);
    http->has_knocked = !is_limited (http, &peer) || http->surplus < MAX_SURPLUS
                        || !visitors_full (http->visitors, &house);
    if (http->has_knocked)
        return MHD_YES;
    metric_add (METRIC_HTTP_CONNECTIONS_REFUSED, 1);
    return MHD_NO;
}

static void turn_away (http_t *http, connection_t *connection)
{
    request_t nobody = {.http = http, .on = connection, .answer = {.fd = -1}};
    request_name (&nobody);
    metric_add (METRIC_HTTP_CONNECTIONS_REFUSED, 1);
    connection->is_surplus = true;
    http->surplus++;
    request_fail (&nobody, ERROR_TOO_MANY_REQUESTS, "Too many connections from this address. Close some, or use "
                  "one for several requests.", NULL);
    if (nobody.answer.data != NULL)
        send_past (connection->fd, &nobody, &nobody.answer);
    answer_free (&nobody.answer);
}

static void connection_count (http_t *http, connection_t *connection)
{
    address_t house = address_of_house (&connection->peer);
    if (!is_limited (http, &connection->peer))
        return;
    connection->is_counted = visitors_enter (http->visitors, &house);
    if (!connection->is_counted)
        turn_away (http, connection);
}

static void *connection_new (http_t *http, struct MHD_Connection *daemon_connection)
{
    const union MHD_ConnectionInfo *info
        = MHD_get_connection_info (daemon_connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    connection_t *connection = calloc (1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->fd = info->connect_fd;
    connection->since_ms = loop_now_ms ();
    info = MHD_get_connection_info (daemon_connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    connection->peer = address_of (info == NULL ? NULL : info->client_addr);
    connection->next = http->connections;
    connection->link = &http->connections;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    http->connections = connection;
    connection_count (http, connection);
    return connection;
}

static void connection_free (http_t *http, connection_t *connection)
{
    if (connection == NULL)
        return;
    address_t house = address_of_house (&connection->peer);
    if (connection->is_counted)
        visitors_leave (http->visitors, &house);
    http->surplus -= connection->is_surplus;
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    free (connection);
}

static void on_connection (void *context, struct MHD_Connection *connection, void **kept,
                           enum MHD_ConnectionNotificationCode what)
{
    http_t *http = context;
    bool begins = what == MHD_CONNECTION_NOTIFY_STARTED;
    if (begins)
        http->has_knocked = false;
    metric_add (METRIC_HTTP_CONNECTIONS, begins ? 1 : -1);
    if (begins)
        *kept = connection_new (http, connection);
    if (begins && *kept == NULL)
        lack_memory (http);
    if (!begins)
        connection_free (http, *kept);
}

/* -- clients that are gone, or too slow ------------------------------------------------------ */

/* Is the connection's client worth looking at? Not while it waits for an answer that will be given
 * to it anyway, for it may have closed its side only. */
static bool may_be_gone (const connection_t *connection)
{
    const request_t *request = connection->request;
    if (connection->is_gone)
        return false;
    return request == NULL || (request->phase != PHASE_HANDLED && request->phase != PHASE_ANSWERED)
           || (request->ends_with_client && request->phase == PHASE_HANDLED)
           || (request->answer.read != NULL && request->asleep);
}

/* The daemon ends a connection that can't be written to, but only once it has something to write. */
static void connection_end (connection_t *connection)
{
    request_t *request = connection->request;
    connection->is_gone = true;
    if (connection->request != NULL && connection->request->phase == PHASE_CUT)
        end_hard (connection->fd);
    shutdown (connection->fd, SHUT_RDWR);
    if (request == NULL)
        return;
    if (request->phase == PHASE_HANDLED && request->answer.status == 0)
        request_answer_empty (request, 503);
    else
        wake (request);
}

/* A client that sent its last bytes and its goodbye together is not heard by the daemon, which is
 * told of changes only and had read all there was: it would keep the connection, and what an upload
 * had written, until the idle time is over; and it does not listen to the client of a stream that
 * sleeps. Nothing that is unfinished can come to its end any more. */
static void end_gone (http_t *http)
{
    char byte;
    for (connection_t *connection = http->connections; connection != NULL; connection = connection->next)
        if (may_be_gone (connection) && recv (connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            connection_end (connection);
}

/* Has a request been coming for longer than it may? Its head has one time; its body has that time and
 * what the slowest line needs for what has come. */
static bool is_too_slow (const request_t *request, uint64_t now)
{
    uint64_t allowed_ms = (uint64_t) request->http->options.request_s * 1000;
    if (request->phase == PHASE_BODY || request->phase == PHASE_REFUSED)
        allowed_ms += (uint64_t) (request->taken + request->discarded) * 1000 / SLOWEST_BODY;
    else if (request->phase != PHASE_HEADERS)
        return false;
    return now - request->begun_ms > allowed_ms;
}

/* What is wrong with it is told already, or it has said nothing that could be answered. Who sends a
 * request's first line byte by byte has as long as who is silent. */
static bool is_over (const http_t *http, const connection_t *connection, uint64_t now)
{
    const request_t *request = connection->request;
    if (connection->is_surplus)
        return now - connection->since_ms > LINGER_MS;
    if (request == NULL)
        return now - connection->since_ms > (uint64_t) http->options.idle_s * 1000;
    return request->phase == PHASE_CUT && now - request->cut_ms > LINGER_MS;
}

static void give_up (request_t *request)
{
    metric_add (METRIC_HTTP_TOO_SLOW, 1);
    if (request->answer.status == 0)
        request_fail (request, ERROR_REQUEST_TOO_SLOW, NULL, NULL);
    cut (request);
}

static void end_slow (http_t *http)
{
    uint64_t now = loop_now_ms ();
    for (connection_t *connection = http->connections; connection != NULL; connection = connection->next) {
        if (connection->is_gone)
            continue;
        if (connection->request != NULL && is_too_slow (connection->request, now))
            give_up (connection->request);
        else if (is_over (http, connection, now))
            connection_end (connection);
    }
}

/* -- the loop -------------------------------------------------------------------------------- */

static void on_run_posted (void *context);

static void run (http_t *http)
{
    uint64_t due = 1;
    for (int i = 0; i < MAX_RUNS; i++) {
        MHD_run (http->daemon);
        see_knocked (http);
        if (MHD_get_timeout64 (http->daemon, &due) != MHD_YES || due > 0)
            return;
    }
    if (!http->run_posted) {
        http->run_posted = true;
        loop_post (http->loop, on_run_posted, http);
    }
}

static void on_run_posted (void *context)
{
    http_t *http = context;
    http->run_posted = false;
    run (http);
}

static void on_epoll (void *context, int fd UNUSED)
{
    run (context);
}

static void on_clock (void *context)
{
    http_t *http = context;
    uint64_t due;
    end_gone (http);
    end_slow (http);
    lack_end (http);
    if (MHD_get_timeout64 (http->daemon, &due) == MHD_YES && due == 0)
        run (http);
}

/* -- lifetime -------------------------------------------------------------------------------- */

static int listen_on (const struct addrinfo *where)
{
    int yes = 1;
    int fd = socket (where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind (fd, where->ai_addr, where->ai_addrlen) == 0 && listen (fd, LISTEN_BACKLOG) == 0)
        return fd;
    int why = errno;
    close (fd);
    errno = why;
    return -1;
}

static int listener_new (const http_options_t *options)
{
    char port [12];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    snprintf (port, sizeof port, "%d", options->port);
    int outcome = getaddrinfo (options->address, port, &hints, &found);
    if (outcome != 0)
        return error_set (ERROR_BAD_FIELD, "The address '%s' can't be listened on: %s. Give an IP address.",
                          options->address, gai_strerror (outcome));
    int fd = listen_on (found);
    if (fd < 0)
        error_set (ERROR_BAD_FIELD, "Port %d of %s can't be listened on: %s.%s", options->port,
                   options->address, strerror (errno),
                   errno == EADDRINUSE ? " Choose another with PORT." : "");
    freeaddrinfo (found);
    return fd;
}

static void on_daemon_log (void *context UNUSED, const char *format, va_list arguments)
{
    char text [256];
    vsnprintf (text, sizeof text, format, arguments);
    text [strcspn (text, "\r\n")] = 0;
    log_debug ("http_daemon", "text=\"%s\"", text);
}

static struct MHD_Daemon *daemon_new (http_t *http, int listener)
{
    return MHD_start_daemon (
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, on_knock, http, on_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, on_daemon_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CONNECTION_LIMIT, http->options.max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, http->options.idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_END);
}

static int start (http_t *http)
{
    int listener = listener_new (&http->options);
    if (listener < 0)
        return -1;
    http->daemon = daemon_new (http, listener);
    if (http->daemon == NULL) {
        close (listener);
        return error_set (ERROR_NO_MEMORY, "The HTTP service could not be started.");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info (http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    http->epoll_fd = info->epoll_fd;
    http->timer = loop_timer (http->loop, CLOCK_MS, on_clock, http);
    return loop_watch (http->loop, http->epoll_fd, false, on_epoll, http);
}

/* As many as there are descriptors for, without those that files, links and the board need. */
static unsigned connections_fitting (unsigned wanted)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY
        || limit.rlim_cur >= (rlim_t) wanted + DESCRIPTOR_RESERVE)
        return wanted;
    unsigned fitting = limit.rlim_cur > 2 * DESCRIPTOR_RESERVE ? (unsigned) limit.rlim_cur - DESCRIPTOR_RESERVE
                                                               : (unsigned) limit.rlim_cur / 2;
    log_warning ("connections_capped", "connections=%u wanted=%u descriptors=%llu", fitting, wanted,
                 (unsigned long long) limit.rlim_cur);
    return fitting;
}

http_t *http_new (loop_t *loop, const http_options_t *options)
{
    http_t *http = calloc (1, sizeof *http);
    if (http == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    http->loop = loop;
    http->options = *options;
    http->options.max_connections = connections_fitting (options->max_connections);
    http->timer = http->epoll_fd = -1;
    http->visitors = visitors_new (options->address_connections);
    if (http->visitors == NULL || start (http) != 0)
        http_destroy (&http);
    return http;
}

/* -- the end --------------------------------------------------------------------------------- */

static bool is_coming (const request_t *request)
{
    return request->phase == PHASE_BODY;
}

static void turn_back (request_t *request, const char *text)
{
    request_fail (request, ERROR_ROLE_AWAY, text, NULL);
    cut (request);
}

/* Who has knocked already is let in, and nobody else. */
static void listener_close (http_t *http)
{
    run (http);
    http->draining = true;
    int listener = MHD_quiesce_daemon (http->daemon);
    if (listener >= 0)
        close (listener);
    for (request_t *request = http->requests; request != NULL; request = request->next)
        if (is_coming (request) && request->route->body == BODY_UPLOAD)
            turn_back (request, UPLOAD_STOPPED);
}

/* A client that has just had an answer, or has just come, may be about to send: what it sends is answered. */
static void end_quiet (http_t *http)
{
    char byte;
    uint64_t now = loop_now_ms ();
    for (connection_t *connection = http->connections; connection != NULL; connection = connection->next)
        if (!connection->is_gone && connection->request == NULL && now - connection->since_ms > QUIET_MS
            && recv (connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
            connection_end (connection);
}

bool http_drain (http_t *http)
{
    if (!http->draining)
        listener_close (http);
    end_quiet (http);
    return http->connections == NULL;
}

/* The daemon may not be stopped while connections sleep. */
static void wake_all (http_t *http)
{
    for (request_t *request = http->requests, *next; request != NULL; request = next) {
        next = request->next;
        if (request->phase == PHASE_HANDLED && request->answer.status == 0)
            request_fail (request, ERROR_ROLE_AWAY, "The service is stopping.", NULL);
        else if (is_coming (request))
            turn_back (request, "The service is stopping.");
        else
            wake (request);
    }
}

unsigned http_connections (const http_t *http)
{
    return http->options.max_connections;
}

void http_destroy (http_t **http_p)
{
    http_t *http = *http_p;
    if (http == NULL)
        return;
    http->stopping = true;
    if (http->epoll_fd >= 0)
        loop_unwatch (http->loop, http->epoll_fd);
    if (http->timer >= 0)
        loop_timer_end (http->loop, http->timer);
    if (http->daemon != NULL) {
        wake_all (http);
        for (int i = 0; i < MAX_PAUSE_RUNS && http->requests != NULL; i++)
            MHD_run (http->daemon);
        wake_all (http);
        MHD_stop_daemon (http->daemon);
    }
    visitors_destroy (&http->visitors);
    free (http);
    *http_p = NULL;
}
