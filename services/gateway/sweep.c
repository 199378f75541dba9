/* sweep: gathers the blobs of all files, page by page. */
#include "sweep.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "ask.h"
#include "blobs.h"
#include "log.h"
#include "settings.h"

#define FILES_A_PAGE 1000

static struct {
    loop_t *loop;
    int timer;
    bool under_way;
    char (*known) [SHA256_HEX];
    size_t count, capacity;
    char after [64];
} sweep = {.timer = -1};

static void sweep_end (void)
{
    free (sweep.known);
    sweep.known = NULL;
    sweep.count = sweep.capacity = 0;
    sweep.under_way = false;
}

/* Returns false when the file can't be taken in: then the list is worth nothing. */
static bool known_add (yyjson_val *file)
{
    const char *sha256 = yyjson_get_str (yyjson_obj_get (file, "sha256"));
    if (sha256 == NULL || strlen (sha256) != SHA256_HEX - 1)
        return false;
    if (sweep.count == sweep.capacity) {
        size_t capacity = sweep.capacity == 0 ? FILES_A_PAGE : 2 * sweep.capacity;
        char (*grown) [SHA256_HEX] = realloc (sweep.known, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        sweep.known = grown;
        sweep.capacity = capacity;
    }
    memcpy (sweep.known [sweep.count++], sha256, SHA256_HEX);
    return true;
}

typedef enum { PAGE_BAD, PAGE_MORE, PAGE_LAST } page_kind_t;

static page_kind_t page_read (yyjson_val *root)
{
    yyjson_val *data = yyjson_obj_get (root, "data"), *more = yyjson_obj_get (root, "has_more"), *file;
    size_t index, count;
    if (!yyjson_is_arr (data) || !yyjson_is_bool (more))
        return PAGE_BAD;
    yyjson_arr_foreach (data, index, count, file)
        if (!known_add (file))
            return PAGE_BAD;
    if (!yyjson_is_true (more))
        return PAGE_LAST;
    const char *last = yyjson_get_str (yyjson_obj_get (yyjson_arr_get_last (data), "id"));
    if (last == NULL || strlen (last) >= sizeof sweep.after)
        return PAGE_BAD;
    strcpy (sweep.after, last);
    return PAGE_MORE;
}

static void ask_page (void);

static void on_page (void *context UNUSED, const ask_answer_t *answer)
{
    bool told = answer->message != NULL && answer->message->id == MESSAGE_RESULT;
    const char *json = told ? answer->message->result.json : "";
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    page_kind_t kind = page_read (yyjson_doc_get_root (document));
    yyjson_doc_free (document);
    if (kind == PAGE_MORE) {
        ask_page ();
        return;
    }
    if (kind == PAGE_LAST)
        blobs_sweep (&sweep.known, sweep.count, settings_number (SETTING_GATEWAY_ORPHAN_S));
    else
        log_info ("sweep_given_up", "files=%zu why=\"%s\"", sweep.count, told ? "the list has a gap" : answer->text);
    sweep_end ();
}

/* Oldest first, so that a file that comes meanwhile is the last. */
static void ask_page (void)
{
    message_t message = {.id = MESSAGE_LIST_FILES,
                         .list_files = {.after = sweep.after, .limit = FILES_A_PAGE, .ascending = 1}};
    ask_patiently (&message, on_page, NULL);
}

void sweep_begin (void)
{
    if (sweep.under_way)
        return;
    sweep.under_way = true;
    sweep.after [0] = 0;
    ask_page ();
}

static void on_clock (void *context UNUSED)
{
    sweep_begin ();
}

void sweep_start (loop_t *loop)
{
    sweep.loop = loop;
    sweep.timer = loop_timer (loop, (int) settings_number (SETTING_GATEWAY_ORPHAN_S) * 1000, on_clock, NULL);
}

void sweep_stop (void)
{
    if (sweep.timer >= 0)
        loop_timer_end (sweep.loop, sweep.timer);
    sweep.timer = -1;
}
