/* files: the list of the files, or one of them with the pages that could not be read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amount.h"
#include "columns.h"
#include "commands.h"
#include "output.h"
#include "plain.h"
#include "shelf.h"
#include "terminal.h"

/* -- those of a store ------------------------------------------------------------------------ */

typedef struct {
    char **ids;   /* sorted */
    size_t count, capacity;
} ids_t;

static int id_take (void *context, yyjson_val *file)
{
    ids_t *ids = context;
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity * 2 + 64;
        char **grown = realloc (ids->ids, capacity * sizeof *grown);
        if (grown == NULL)
            return -1;
        ids->ids = grown;
        ids->capacity = capacity;
    }
    ids->ids [ids->count] = strdup (shelf_id (file));
    return ids->ids [ids->count] == NULL ? -1 : (ids->count++, 0);
}

static int compare_ids (const void *one, const void *other)
{
    return strcmp (*(char *const *) one, *(char *const *) other);
}

static int ids_load (session_t *session, ids_t *ids, failure_t *failure)
{
    char store [MAX_ID], path [4 * MAX_ID];
    if (shelf_store (session, false, store, failure) != 0)
        return -1;
    char *encoded = http_encode (store);
    snprintf (path, sizeof path, "/v1/vector_stores/%s/files?limit=100", encoded != NULL ? encoded : "");
    free (encoded);
    int outcome = shelf_walk (session, path, NULL, id_take, ids, failure);
    if (ids->count > 0)
        qsort (ids->ids, ids->count, sizeof *ids->ids, compare_ids);
    return outcome;
}

static void ids_free (ids_t *ids)
{
    while (ids->count > 0)
        free (ids->ids [--ids->count]);
    free (ids->ids);
}

/* Is the file one of those that are asked for? */
static bool is_wanted (const session_t *session, const ids_t *ids, yyjson_val *file)
{
    const char *id = shelf_id (file);
    if (!session->arguments->given [OPTION_STORE])
        return true;
    return ids->count > 0 && bsearch (&id, ids->ids, ids->count, sizeof *ids->ids, compare_ids) != NULL;
}

/* -- the list -------------------------------------------------------------------------------- */

static int add_row (columns_t *columns, yyjson_val *file)
{
    bool is_shown = terminal_is_shown ();
    char pages [MAX_AMOUNT], bytes [MAX_AMOUNT], time [MAX_AMOUNT];
    uint64_t size = yyjson_get_uint (yyjson_obj_get (file, "bytes"));
    int64_t created = yyjson_get_sint (yyjson_obj_get (file, "created_at"));
    snprintf (pages, sizeof pages, "%" PRIu64, yyjson_get_uint (yyjson_obj_get (file, "pages")));
    if (is_shown) {
        amount_bytes (size, bytes);
        amount_time (created, time);
    } else {
        snprintf (bytes, sizeof bytes, "%" PRIu64, size);
        snprintf (time, sizeof time, "%" PRId64, created);
    }
    const char *const cells [] = {shelf_id (file), shelf_text (file, "state"), pages, bytes, time,
                                  shelf_text (file, "filename")};
    return columns_add (columns, cells);
}

static int print_table (const session_t *session, const shelf_t *shelf, const ids_t *ids)
{
    static const char *const heads [] = {"id", "state", "pages", "size", "added", "name"};
    columns_t *columns = columns_new (COUNT_OF (heads), 1u << 2 | 1u << 3);
    int outcome = columns == NULL ? -1 : terminal_is_shown () && shelf->count > 0 ? columns_add (columns, heads) : 0;
    for (size_t i = 0; outcome == 0 && i < shelf->count; i++)
        if (is_wanted (session, ids, shelf->files [i]))
            outcome = add_row (columns, shelf->files [i]);
    if (outcome == 0)
        columns_write (stdout, columns, terminal_is_shown ());
    columns_destroy (&columns);
    return outcome;
}

static outcome_t list (session_t *session, const shelf_t *shelf)
{
    ids_t ids = {0};
    failure_t failure;
    int outcome = 0;
    if (session->arguments->given [OPTION_STORE])
        outcome = ids_load (session, &ids, &failure);
    if (outcome == 0 && session->json) {
        for (size_t i = 0; i < shelf->count; i++)
            if (is_wanted (session, &ids, shelf->files [i]))
                output_json (shelf->files [i]);
    } else if (outcome == 0 && print_table (session, shelf, &ids) != 0)
        outcome = failure_set (&failure, OUTCOME_LOCAL, "There is not enough memory.");
    ids_free (&ids);
    return outcome == 0 ? OUTCOME_OK : output_failure (&failure, session->json);
}

/* -- one file -------------------------------------------------------------------------------- */

static void print_file (yyjson_val *file)
{
    char pages [MAX_AMOUNT], bytes [MAX_AMOUNT], time [MAX_AMOUNT];
    const char *title = shelf_text (file, "title"), *why = shelf_text (file, "status_details");
    printf ("name   ");
    plain_write (stdout, shelf_text (file, "filename"), PLAIN_LINE);
    printf ("%s", *title != 0 ? "\ntitle  " : "");
    plain_write (stdout, title, PLAIN_LINE);
    printf ("\nid     %s\nstate  ", shelf_id (file));
    plain_write (stdout, shelf_text (file, "state"), PLAIN_LINE);
    fputc ('\n', stdout);
    if (*why != 0) {
        printf ("why    ");
        plain_write (stdout, why, PLAIN_LINE);
        fputc ('\n', stdout);
    }
    printf ("size   %s, %s\nadded  %s\n", amount_count (yyjson_get_uint (yyjson_obj_get (file, "pages")), "page", pages),
            amount_bytes (yyjson_get_uint (yyjson_obj_get (file, "bytes")), bytes),
            amount_time (yyjson_get_sint (yyjson_obj_get (file, "created_at")), time));
}

static bool is_unread (yyjson_val *page)
{
    const char *status = shelf_text (page, "status");
    return strcmp (status, "failed") == 0 || strcmp (status, "timed_out") == 0;
}

static void print_unread (yyjson_val *page)
{
    if (!is_unread (page))
        return;
    printf ("page %" PRIu64 " could not be read: ", yyjson_get_uint (yyjson_obj_get (page, "page")));
    plain_write (stdout, shelf_text (page, "reason"), PLAIN_LINE);
    fputc ('\n', stdout);
}

typedef struct {
    yyjson_mut_doc *document;   /* the file, with a list of its unread pages; NULL: they are printed */
    yyjson_mut_val *unread;
} ledger_t;

static void ledger_take (ledger_t *ledger, yyjson_val *page)
{
    if (ledger->document == NULL)
        print_unread (page);
    else if (is_unread (page))
        yyjson_mut_arr_add_val (ledger->unread, yyjson_val_mut_copy (ledger->document, page));
}

/* The ledger goes on behind a page's number. */
static int ledger_walk (session_t *session, const char *id, ledger_t *ledger, failure_t *failure)
{
    uint64_t after = 0;
    for (bool has_more = true; has_more;) {
        char path [MAX_ID + 64];
        size_t i, count;
        snprintf (path, sizeof path, "/v1/files/%s/pages?limit=1000&after=%" PRIu64, id, after);
        yyjson_doc *pages = session_call (session, "GET", path, NULL, failure);
        if (pages == NULL)
            return -1;
        yyjson_val *page, *root = yyjson_doc_get_root (pages);
        yyjson_arr_foreach (yyjson_obj_get (root, "data"), i, count, page) {
            after = yyjson_get_uint (yyjson_obj_get (page, "page"));
            ledger_take (ledger, page);
        }
        has_more = yyjson_get_bool (yyjson_obj_get (root, "has_more"));
        yyjson_doc_free (pages);
    }
    return 0;
}

static int describe (session_t *session, yyjson_val *file, failure_t *failure)
{
    ledger_t ledger = {0};
    if (session->json) {
        ledger.document = yyjson_mut_doc_new (NULL);
        if (ledger.document == NULL)
            return failure_set (failure, OUTCOME_LOCAL, "There is not enough memory.");
        yyjson_mut_doc_set_root (ledger.document, yyjson_val_mut_copy (ledger.document, file));
        ledger.unread = yyjson_mut_obj_add_arr (ledger.document, yyjson_mut_doc_get_root (ledger.document),
                                                "unread_pages");
    } else
        print_file (file);
    int outcome = ledger_walk (session, shelf_id (file), &ledger, failure);
    if (ledger.document != NULL && outcome == 0)
        output_mut_json (yyjson_mut_doc_get_root (ledger.document));
    yyjson_mut_doc_free (ledger.document);
    return outcome;
}

outcome_t command_files (session_t *session)
{
    const arguments_t *arguments = session->arguments;
    shelf_t shelf;
    failure_t failure;
    outcome_t outcome = OUTCOME_OK;
    if (shelf_load (session, &shelf, &failure) != 0)
        outcome = output_failure (&failure, session->json);
    else if (arguments->operand_count == 0)
        outcome = list (session, &shelf);
    else {
        yyjson_val *file = shelf_find (&shelf, arguments->operands [0], &failure);
        if (file == NULL || describe (session, file, &failure) != 0)
            outcome = output_failure (&failure, session->json);
    }
    shelf_free (&shelf);
    return outcome;
}
