/* gateway: the only door.
 *
 * Takes HTTP requests, receives files and keeps them durably, asks the answerer, gives pages to
 * extractors, and tells of progress. It holds no document state of its own: what is unfinished it
 * learns from the answerer whenever that, or the job board, has come back. */
#include "ask.h"
#include "blobs.h"
#include "board.h"
#include "ceiling.h"
#include "events.h"
#include "guard.h"
#include "http.h"
#include "jobs.h"
#include "reconcile.h"
#include "reply.h"
#include "routes.h"
#include "service.h"
#include "sweep.h"
#include "web.h"

#define MEGABYTE (UINT64_C (1) << 20)
#define DRAIN_MS 3000   /* for what is under way, when it is told to end; a supervisor waits 5 s */

static http_t *http;

static http_options_t http_settings (void)
{
    return (http_options_t) {
        .address = settings_text (SETTING_GATEWAY_ADDRESS), .port = (int) settings_number (SETTING_PORT),
        .max_connections = (unsigned) settings_number (SETTING_GATEWAY_MAX_CONNECTIONS),
        .address_connections = (unsigned) settings_number (SETTING_GATEWAY_ADDRESS_CONNECTIONS),
        .idle_s = (unsigned) settings_number (SETTING_GATEWAY_IDLE_S),
        .request_s = (unsigned) settings_number (SETTING_GATEWAY_REQUEST_S), .proxies = guard_proxies (),
        .max_upload_bytes = (uint64_t) settings_number (SETTING_GATEWAY_MAX_UPLOAD_MB) * MEGABYTE,
        .routes = routes, .route_count = route_count,
        .admit = guard_admit, .fallback = web_answer,
    };
}

/* The board or the answerer has come back, perhaps without what it had: the two are compared. */
static void on_back (void)
{
    jobs_recover ();
    reconcile_board ();
}

static void on_answerer (void)
{
    on_back ();
    sweep_begin ();
}

static int gateway_start (loop_t *loop)
{
    static const board_handlers_t board_handlers = {.lost = on_back, .event = events_take};
    http_options_t options = http_settings ();
    ceiling_set ((uint64_t) settings_number (SETTING_GATEWAY_HELD_MB) * MEGABYTE);
    ask_start (loop, (int) settings_number (SETTING_GATEWAY_ANSWER_S));
    ask_on_answerer (on_answerer);
    events_start (loop);
    reply_start (loop);
    reconcile_start (loop);
    sweep_start (loop);
    if (guard_start () != 0 || web_start () != 0 || blobs_start (loop, settings_text (SETTING_DATA_DIR)) != 0
        || jobs_start (loop) != 0
        || board_start (loop, settings_text (SETTING_REDIS_URL), &board_handlers) != 0)
        return -1;
    http = http_new (loop, &options);
    if (http == NULL)
        return -1;
    events_limit (http_connections (http) / 2);   /* so that who only watches keeps nobody out */
    return 0;
}

static bool gateway_drain (uint64_t since_ms)
{
    if (since_ms == 0)
        events_end_streams ();
    return http_drain (http);
}

/* In this order, so that each still finds what it takes back or answers through. */
static void gateway_stop (void)
{
    reconcile_stop ();
    sweep_stop ();
    jobs_stop ();
    ask_stop ();
    board_stop ();
    http_destroy (&http);
    reply_stop ();
    blobs_stop ();
    events_stop ();
    guard_stop ();
}

static const service_link_t links [] = {
    {.name = "extract", .address = SETTING_GATEWAY_EXTRACT_BIND, .bind = true, .handlers = &jobs_handlers,
     .channel = &extract_link},
    {.name = "ask", .address = SETTING_GATEWAY_ASK_CONNECT, .handlers = &ask_handlers, .channel = &ask_link},
};

int main (int argc, char *argv [])
{
    return service_run (&(service_t) {
        .name = "gateway", .letter = 'G', .what = "HTTP, uploads, and work for the other roles",
        .links = links, .link_count = COUNT_OF (links),
        .start = gateway_start, .tick = jobs_tick, .stop = gateway_stop,
        .drain = gateway_drain, .drain_ms = DRAIN_MS,
    }, argc, argv);
}
