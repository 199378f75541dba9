/* answerer: owns the library. Takes pages from extractors and has them embedded, answers searches
 * and every question about files, pages and vector stores, and writes answers.
 *
 * This thread passes messages only: one thread writes (writer.c), others read (ask.c,
 * embedding.c), one hears the language model (llm.c), one tells the job board (progress.c). */
#include "answers.h"
#include "ask.h"
#include "damage.h"
#include "embedding.h"
#include "library.h"
#include "llm.h"
#include "origin.h"
#include "processors.h"
#include "progress.h"
#include "service.h"
#include "writer.h"

#define DRAIN_MS 2000   /* for what is under way, when it is told to end; then the caches are saved */
#define TAKE_MS  200    /* of it, in which what was on its way still comes in */

static channel_t *pages_channel, *embed_channel, *ask_channel;
static library_t *library;
static pool_t *readers;
static bool is_closed;   /* nothing more is taken: who asks hears goodbye, and asks the next answerer */

static void on_page (void *context UNUSED, peer_t *peer, const message_t *message)
{
    if (message->id != MESSAGE_PAGE || is_closed)
        return;
    origin_t *origin = origin_new (pages_channel, peer);
    if (origin != NULL)
        writer_put_page (message, origin);
}

static void on_extractor_lost (void *context UNUSED, peer_t *peer)
{
    origin_forget_peer (peer);
}

static const channel_handlers_t pages_handlers = {.lost = on_extractor_lost, .message = on_page};

static int reader_threads (void)
{
    long wanted = settings_number (SETTING_ANSWERER_SEARCH_THREADS);
    if (wanted == 0)
        wanted = (long) processors_usable ();
    return wanted < 1 ? 1 : wanted > 64 ? 64 : (int) wanted;
}

static int answerer_start (loop_t *loop)
{
    if (llm_start (loop) != 0)
        return -1;
    library = library_open (settings_text (SETTING_DATA_DIR), reader_threads ());
    if (library == NULL)
        return -1;
    readers = pool_new (loop, reader_threads ());
    if (readers == NULL || progress_start (loop, settings_text (SETTING_REDIS_URL)) != 0
        || writer_start (loop, library) != 0 || damage_start (loop, library_store_path (library)) != 0)
        return -1;
    embedding_start (library, readers, &embed_channel);
    ask_start (library, readers, &ask_channel);
    return 0;
}

static void answerer_linked (void)
{
    uint32_t credit = (uint32_t) settings_number (SETTING_ANSWERER_PAGES_CREDIT);
    channel_set_offer (pages_channel, (channel_offer_t) {.credit = credit});
}

static void answerer_tick (void)
{
    writer_tick ();
    embedding_tick ();
    progress_tick ();
    answers_tick ();
}

/* What waits for an embedder, and pages that can't be written, are not waited for: both come again. */
static bool answerer_drain (uint64_t since_ms)
{
    embedding_drain ();
    if (since_ms >= TAKE_MS && !is_closed) {
        is_closed = true;
        ask_close ();
    }
    return is_closed && !ask_is_busy () && !writer_is_busy ();
}

static void answerer_stop (void)
{
    damage_stop ();
    pool_destroy (&readers);
    ask_stop ();
    llm_stop ();
    embedding_stop ();
    writer_stop ();
    progress_stop ();
    library_close (&library);
}

static const service_link_t links [] = {
    {"pages", SETTING_ANSWERER_PAGES_BIND, true, &pages_handlers, &pages_channel, {0, 0}},
    {"embed", SETTING_ANSWERER_EMBED_BIND, true, &embedding_handlers, &embed_channel, {0, 0}},
    {"ask", SETTING_ANSWERER_ASK_BIND, true, &ask_handlers, &ask_channel, {1024, 0}},
};

int main (int argc, char *argv [])
{
    return service_run (&(service_t) {
        .name = "answerer", .letter = 'A',
        .what = "owns the library: takes pages in, has them embedded, searches",
        .links = links, .link_count = COUNT_OF (links), .start = answerer_start,
        .linked = answerer_linked, .tick = answerer_tick, .stop = answerer_stop,
        .drain = answerer_drain, .drain_ms = DRAIN_MS,
    }, argc, argv);
}
