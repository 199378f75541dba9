/* Items: their states, and how they are shown. */
#include "item.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "bar.h"
#include "output.h"
#include "plain.h"
#include "terminal.h"

bool item_has_ended (const item_t *item)
{
    return item->state >= ITEM_ADDED;
}

/* -- telling the end ------------------------------------------------------------------------- */

static const char *end_name (const item_t *item)
{
    return item->state == ITEM_ADDED ? "added" : item->state == ITEM_THERE ? "there" : "failed";
}

/* {"path","outcome","file","error"} */
static void tell_json (const item_t *item)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    if (document == NULL)
        return;
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, root, "path", item->name);
    yyjson_mut_obj_add_str (document, root, "outcome", end_name (item));
    yyjson_val *file = yyjson_doc_get_root (item->file);
    yyjson_mut_obj_add_val (document, root, "file",
                            file != NULL ? yyjson_val_mut_copy (document, file) : yyjson_mut_null (document));
    if (item->failure != NULL) {
        yyjson_mut_val *error = yyjson_mut_obj_add_obj (document, root, "error");
        yyjson_mut_obj_add_str (document, error, "message", item->failure->message);
        yyjson_mut_obj_add_str (document, error, "code", item->failure->code);
    } else
        yyjson_mut_obj_add_null (document, root, "error");
    output_mut_json (root);
    yyjson_mut_doc_free (document);
}

/* For a person: a sign, the name, the pages. For a program: id, end, pages, path, parted by tabs. */
static void tell_line (const item_t *item)
{
    char pages [MAX_AMOUNT];
    if (terminal_is_shown ())
        printf ("%s%-5s%s  %s  %s%s%s%s%s\n", terminal_style (STYLE_GREEN), end_name (item), terminal_style (STYLE_NONE),
                item->name, terminal_style (STYLE_DIM), item->pages > 0 ? amount_count (item->pages, "page", pages) : "",
                item->pages > 0 ? "  " : "", item->id, terminal_style (STYLE_NONE));
    else
        printf ("%s\t%s\t%" PRIu64 "\t%s\n", item->id, end_name (item), item->pages, item->name);
}

static void tell_unread_pages (const item_t *item)
{
    uint64_t failed = yyjson_get_uint (yyjson_obj_get (yyjson_doc_get_root (item->file), "pages_failed"));
    char text [MAX_AMOUNT];
    if (failed > 0)
        output_say ("%s: %s of %" PRIu64 " could not be read. 'quire files %s' says which and why.", item->name,
                    amount_count (failed, "page", text), item->pages, item->id);
}

static void tell_end (const item_t *item, bool json)
{
    terminal_block ("");
    if (item->failure != NULL)
        output_say ("%s: %s", item->name, item->failure->message);
    if (json)
        tell_json (item);
    else if (item->failure == NULL)
        tell_line (item);
    tell_unread_pages (item);
    output_flush ();
}

/* -- states ---------------------------------------------------------------------------------- */

void item_enter (item_t *item, item_state_t state, bool json)
{
    if (item_has_ended (item) || state < item->state)
        return;   /* an end is final, and nothing goes back */
    item->state = state;
    item->is_busy = false;
    item->next_ms = 0;
    item->retry = (retry_t) {0};
    if (item_has_ended (item)) {
        tell_end (item, json);
        yyjson_doc_free (item->file);
        item->file = NULL;
    }
}

void item_fail (item_t *item, const failure_t *failure, bool json)
{
    if (item_has_ended (item))
        return;
    item->failure = malloc (sizeof *item->failure);
    if (item->failure != NULL)
        *item->failure = *failure;
    item_enter (item, ITEM_FAILED, json);
}

void item_hear (item_t *item, yyjson_val *news)
{
    snprintf (item->stage, sizeof item->stage, "%s", shelf_text (news, "state"));
    item->pages = yyjson_get_uint (yyjson_obj_get (news, "pages"));
    item->pages_done = yyjson_get_uint (yyjson_obj_get (news, "pages_done"));
    item->chunks = yyjson_get_uint (yyjson_obj_get (news, "chunks"));
    item->vectors = yyjson_get_uint (yyjson_obj_get (news, "vectors"));
}

void item_free (item_t *item)
{
    free (item->name);
    free (item->failure);
    yyjson_doc_free (item->file);
}

/* -- drawing --------------------------------------------------------------------------------- */

static void draw_reading (bar_t *bar, const item_t *item, char *amount, size_t capacity)
{
    bool is_indexed = strcmp (item->stage, "indexing") == 0;
    bar->state = *item->stage != 0 ? item->stage : "queued";
    bar->done = is_indexed ? item->vectors : item->pages_done;
    bar->total = is_indexed ? item->chunks : item->pages;
    if (bar->total > 0)
        snprintf (amount, capacity, "%" PRIu64 " of %" PRIu64 " %s", bar->done, bar->total,
                  is_indexed ? "passages" : "pages");
}

void item_draw (FILE *out, const item_t *item, size_t width)
{
    char amount [2 * MAX_AMOUNT] = "", size [MAX_AMOUNT];
    bar_t bar = {.name = item->name, .state = "sending", .amount = amount};
    if (item->state == ITEM_READING)
        draw_reading (&bar, item, amount, sizeof amount);
    else if (item->state == ITEM_SENDING && !item->is_busy)
        bar.state = "waiting";   /* for a service that is busy */
    else {
        bar.done = item->state == ITEM_ATTACHING ? 1 : item->sent;
        bar.total = item->state == ITEM_ATTACHING ? 1 : item->sent_total > 0 ? item->sent_total : item->path->bytes;
        snprintf (amount, sizeof amount, "%s", amount_bytes (item->path->bytes, size));
    }
    bar_write (out, &bar, width, terminal_has_blocks ());
    fputc ('\n', out);
}
