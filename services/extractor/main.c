/* extractor: turns pages of PDFs into text, word boxes and chunks, and draws them.
 *
 * Takes files, page ranges and pictures from gateways, reads each file in a child process of its own
 * (quire-reader), hands the pages to the answerer, and reports a range done only when the answerer
 * has committed all of it. It keeps nothing: whatever it forgets, the gateway asks for again. */
#include "processors.h"
#include "service.h"
#include "readers.h"
#include "tasks.h"

#define TASKS_A_READER 2   /* one being read, one ready when that is done */
#define DRAW_TASKS     8

static channel_t *extract_link, *pages_link;

static void on_extract_message (void *context UNUSED, peer_t *gateway, const message_t *message)
{
    if (message->id == MESSAGE_INSPECT_FILE)
        tasks_inspect (gateway, &message->inspect_file);
    else if (message->id == MESSAGE_EXTRACT_PAGES)
        tasks_extract (gateway, &message->extract_pages);
    else if (message->id == MESSAGE_DRAW_PAGE)
        tasks_draw (gateway, &message->draw_page);
    else if (message->id == MESSAGE_FORGET_FILE)
        tasks_forget (message->forget_file.file_id);
}

static void on_gateway_lost (void *context UNUSED, peer_t *gateway)
{
    tasks_lose_gateway (gateway);
}

static void on_pages_message (void *context UNUSED, peer_t *answerer UNUSED, const message_t *message)
{
    if (message->id == MESSAGE_PAGE_COMMITTED)
        tasks_committed (&message->page_committed);
}

static void on_answerer_ready (void *context UNUSED, peer_t *answerer UNUSED)
{
    tasks_work ();
}

static void on_answerer_lost (void *context UNUSED, peer_t *answerer UNUSED)
{
    tasks_lose_answerer ();
}

static const channel_handlers_t extract_handlers = {
    .lost = on_gateway_lost, .message = on_extract_message,
};
static const channel_handlers_t pages_handlers = {
    .ready = on_answerer_ready, .lost = on_answerer_lost, .message = on_pages_message,
};

static const service_link_t links [] = {
    {"extract", SETTING_EXTRACTOR_EXTRACT_CONNECT, false, &extract_handlers, &extract_link, {0, 0}},
    {"pages", SETTING_EXTRACTOR_PAGES_CONNECT, false, &pages_handlers, &pages_link, {0, 0}},
};

/* How many files are read side by side: as many as set, or one for each processor we may use. */
static size_t reader_count (void)
{
    long wanted = settings_number (SETTING_EXTRACTOR_CHILDREN);
    if (wanted > 0)
        return (size_t) wanted;
    return processors_usable ();
}

static int extractor_start (loop_t *loop)
{
    return tasks_open (loop, reader_count ());
}

static void extractor_linked (void)
{
    channel_set_offer (extract_link, (channel_offer_t) {
        .credit = (uint32_t) (reader_count () * TASKS_A_READER), .express = DRAW_TASKS});
    tasks_link (extract_link, pages_link);
}

static void extractor_tick (void)
{
    readers_tick ();
    tasks_tick ();
}

int main (int argc, char *argv [])
{
    return service_run (&(service_t) {
        .name = "extractor", .letter = 'X', .what = "reads and draws the pages of PDFs",
        .links = links, .link_count = COUNT_OF (links),
        .start = extractor_start, .linked = extractor_linked, .tick = extractor_tick, .stop = tasks_close,
    }, argc, argv);
}
