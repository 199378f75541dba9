/* The store's files: rows of files, the state of each, the pages of their lists. */
#include "store_parts.h"

#include <stdio.h>
#include <string.h>

#include "log.h"

const char *file_state_name (file_state_t state)
{
    static const char *const names [] = {
        [FILE_QUEUED] = "queued", [FILE_READING] = "reading", [FILE_INDEXING] = "indexing",
        [FILE_COMPLETED] = "completed", [FILE_FAILED] = "failed",
    };
    return names [state];
}

/* -- rows ----------------------------------------------------------------------------------- */

static error_t error_named (const char *name)
{
    for (unsigned code = 1; code < ERROR_COUNT; code++)
        if (strcmp (error_name ((error_t) code), name) == 0)
            return (error_t) code;
    return name [0] == '\0' ? ERROR_NONE : ERROR_INTERNAL;
}

file_row_t file_from (rows_t *s)
{
    return (file_row_t) {
        .number = column_u32 (s, 0), .id = column_text (s, 1), .sha256 = column_text (s, 2),
        .name = column_text (s, 3), .bytes = column_u64 (s, 4), .purpose = column_text (s, 5),
        .created = column_u64 (s, 6), .password = column_text (s, 7), .title = column_text (s, 8),
        .state = (file_state_t) column_u32 (s, 9), .error = error_named (column_text (s, 10)),
        .reason = column_text (s, 11), .pages = column_u32 (s, 12), .pages_done = column_u32 (s, 13),
        .pages_failed = column_u32 (s, 14), .chunks = column_u32 (s, 15), .vectors = column_u32 (s, 16),
        .vectors_failed = column_u32 (s, 17),
    };
}

int keep_file (store_t *store, file_row_t *row)
{
    return row_keep_string (store, &row->id) && row_keep_string (store, &row->sha256)
        && row_keep_string (store, &row->name) && row_keep_string (store, &row->purpose)
        && row_keep_string (store, &row->password) && row_keep_string (store, &row->title)
        && row_keep_string (store, &row->reason) ? 0 : -1;
}

/* -- lists ---------------------------------------------------------------------------------- */

bool paging_backwards (const paging_t *paging)
{
    return paging->before [0] != '\0' && paging->after [0] == '\0';
}

static int find_place (store_t *store, statement_t id, const char *param, const char *row,
                       const char *owner, int64_t place [2])
{
    int result = owner == NULL ? statement_numbers (store, place, id, "t", row)
                               : statement_numbers (store, place, id, "tt", row, owner);
    if (result == 0)
        return error_set (ERROR_BAD_FIELD, "'%s' names nothing in this list: %.64s", param, row);
    return result < 0 ? -1 : 0;
}

int find_span (store_t *store, const paging_t *paging, statement_t place, const char *owner,
               span_t *span)
{
    *span = (span_t) {.low = {-1, -1}, .high = {INT64_MAX, INT64_MAX},
                      .up = paging->ascending != paging_backwards (paging),
                      .limit = (int64_t) paging->limit + 1};
    int64_t *after = paging->ascending ? span->low : span->high;
    int64_t *before = paging->ascending ? span->high : span->low;
    if (paging->after [0] != '\0'
        && find_place (store, place, "after", paging->after, owner, after) != 0)
        return -1;
    return paging->before [0] == '\0'
        ? 0 : find_place (store, place, "before", paging->before, owner, before);
}

static int each_file (store_t *store, rows_t *s, file_row_handler_t *handler, void *context)
{
    int result;
    while (statement_next (store, s, &result)) {
        file_row_t row = file_from (s);
        handler (context, &row);
    }
    return result;
}

int store_list_files (store_t *store, const paging_t *paging, const char *purpose,
                      file_row_handler_t *handler, void *context)
{
    span_t span;
    if (find_span (store, paging, STATEMENT_FILE_PLACE, NULL, &span) != 0)
        return -1;
    rows_t *s = statement_start (store, span.up ? STATEMENT_FILES_UP : STATEMENT_FILES_DOWN, "iiiiit",
                             span.low [0], span.low [1], span.high [0], span.high [1], span.limit, purpose);
    return each_file (store, s, handler, context);
}

/* -- files ---------------------------------------------------------------------------------- */

int get_file (store_t *store, rows_t *s, const char *named, file_row_t *row)
{
    int result = statement_step (store, s);
    if (result == 1) {
        *row = file_from (s);
        result = keep_file (store, row) == 0 ? 1 : -1;
    }
    return statement_found (s, result, ERROR_FILE_NOT_FOUND, "No such file", named);
}

static int load_file (store_t *store, const char *id, file_row_t *row)
{
    return get_file (store, statement_start (store, STATEMENT_FILE_GET, "t", id), id, row);
}

int store_get_file (store_t *store, const char *id, file_row_t *row)
{
    rows_forget (store);
    return load_file (store, id, row);
}

int store_get_file_by_number (store_t *store, uint32_t number, file_row_t *row)
{
    rows_forget (store);
    return get_file (store, statement_start (store, STATEMENT_FILE_NUMBERED, "i", (int64_t) number), "", row);
}

/* The state that follows from what is there. */
static file_state_t state_of (const file_row_t *file)
{
    if (file->state == FILE_FAILED || file->error != ERROR_NONE)
        return FILE_FAILED;
    if (file->pages == 0)
        return FILE_QUEUED;
    if (file->pages_done < file->pages)
        return FILE_READING;
    if (file->pages_failed >= file->pages)
        return FILE_FAILED;
    return file->vectors + file->vectors_failed < file->chunks ? FILE_INDEXING : FILE_COMPLETED;
}

static int first_reason (store_t *store, file_row_t *file)
{
    rows_t *s = statement_start (store, STATEMENT_PAGES_REASON, "i", (int64_t) file->number);
    int result = statement_step (store, s);
    file->error = ERROR_PAGE_DAMAGED;
    file->reason = row_keep (store, column_text (s, 0), strlen (column_text (s, 0)));
    statement_finish (s);
    if (result < 0 || file->reason == NULL)
        return -1;
    if (file->reason [0] == '\0')
        file->reason = error_default (ERROR_PAGE_DAMAGED);
    return 0;
}

/* Writes a file's numbers and the state that follows from them: the one door to both. */
int number_settle (store_t *store, file_row_t *file)
{
    file_state_t before = file->state;
    file->state = state_of (file);
    if (file->state == FILE_FAILED && file->error == ERROR_NONE && first_reason (store, file) != 0)
        return -1;
    if (file->state != before)
        log_info ("file_state", "file=%s from=%s to=%s", file->id, file_state_name (before),
                  file_state_name (file->state));
    return statement_run (store, STATEMENT_FILE_SET, "itittiiiiii", (int64_t) file->number, file->title,
                          (int64_t) file->state, file->error == ERROR_NONE ? "" : error_name (file->error),
                          file->reason, (int64_t) file->pages, (int64_t) file->pages_done,
                          (int64_t) file->pages_failed, (int64_t) file->chunks, (int64_t) file->vectors,
                          (int64_t) file->vectors_failed);
}

int store_add_file (store_t *store, const add_file_message_t *file)
{
    if (statement_run (store, STATEMENT_FILE_ADD, "tttitit", file->file_id, file->sha256, file->name,
                       (int64_t) file->bytes, file->purpose, (int64_t) file->created, file->password) != 0)
        return -1;
    if (!statement_changes (store))
        return 0;
    return add_change (store, CHANGE_CARD, (uint32_t) statement_last_number (store));
}

int store_set_inspected (store_t *store, const char *id, uint32_t pages, const char *title)
{
    file_row_t file;
    if (pages == 0 || pages > MAX_FILE_PAGES)
        return error_set (ERROR_BAD_MESSAGE, "a file has 1 to %u pages, not %u", MAX_FILE_PAGES, pages);
    if (store_get_file (store, id, &file) != 0)
        return -1;
    if (file.pages != 0 || file.state == FILE_FAILED)
        return 0;
    file.pages = pages;
    file.title = title;
    if (number_settle (store, &file) != 0)
        return -1;
    return add_change (store, CHANGE_CARD, file.number);
}

int store_fail_file (store_t *store, const char *id, error_t error, const char *reason)
{
    file_row_t file;
    if (store_get_file (store, id, &file) != 0)
        return -1;
    if (file.state >= FILE_INDEXING)
        return 0;
    file.error = error == ERROR_NONE ? ERROR_INTERNAL : error;
    file.reason = reason [0] == '\0' ? error_default (file.error) : reason;
    return number_settle (store, &file);
}

/* Leaves sha256 as it is when nobody has these bytes any more, else makes it "". */
static int keep_if_last (store_t *store, char sha256 [MAX_ID_BYTES + 1])
{
    int64_t sharers [2] = {0, 0};
    if (statement_numbers (store, sharers, STATEMENT_FILE_SHARED, "t", sha256) < 0)
        return -1;
    if (sharers [0] > 0)
        sha256 [0] = '\0';
    return 0;
}

static int find_deleted (store_t *store, const char *id, uint64_t request, char sha256 [MAX_ID_BYTES + 1])
{
    rows_t *s = statement_start (store, STATEMENT_FILE_BURIED, "ti", id, (int64_t) request);
    int result = statement_step (store, s);
    if (result == 1)
        snprintf (sha256, MAX_ID_BYTES + 1, "%s", column_text (s, 0));
    statement_finish (s);
    if (result == 0)
        return error_set (ERROR_FILE_NOT_FOUND, "No such file: %.64s", id);
    return result < 0 ? -1 : keep_if_last (store, sha256);
}

int store_delete_file (store_t *store, const char *id, uint64_t request,
                       char sha256 [MAX_ID_BYTES + 1], uint32_t *number)
{
    file_row_t file;
    sha256 [0] = '\0';
    *number = 0;
    if (store_get_file (store, id, &file) != 0)
        return error_get () == ERROR_FILE_NOT_FOUND ? find_deleted (store, id, request, sha256) : -1;
    snprintf (sha256, MAX_ID_BYTES + 1, "%s", file.sha256);
    if (add_change (store, CHANGE_FILE_GONE, file.number) != 0
        || statement_run (store, STATEMENT_FILE_BURY, "itti", (int64_t) file.number, id, sha256, (int64_t) request) != 0
        || statement_run (store, STATEMENT_FILE_FORGET, "") != 0
        || statement_run (store, STATEMENT_FILE_DELETE, "i", (int64_t) file.number) != 0)
        return -1;
    *number = file.number;
    return keep_if_last (store, sha256);
}

int store_list_unfinished (store_t *store, const char *after, uint32_t limit,
                           file_row_handler_t *handler, void *context)
{
    return each_file (store, statement_start (store, STATEMENT_FILES_UNFINISHED, "ti", after, (int64_t) limit),
                      handler, context);
}
