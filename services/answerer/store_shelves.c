/* The store's vector stores, the files in them, and batches of files. */
#include "store_parts.h"

#include <string.h>

/* -- rows ----------------------------------------------------------------------------------- */

static store_row_t store_from (rows_t *s)
{
    return (store_row_t) {
        .number = column_u32 (s, 0), .id = column_text (s, 1), .name = column_text (s, 2),
        .metadata = column_text (s, 3), .created = column_u64 (s, 4), .active = column_u64 (s, 5),
        .bytes = column_u64 (s, 6), .in_progress = column_u32 (s, 7), .completed = column_u32 (s, 8),
        .failed = column_u32 (s, 9), .cancelled = column_u32 (s, 10),
    };
}

static store_file_row_t store_file_from (rows_t *s)
{
    return (store_file_row_t) {
        .file = file_from (s), .store_id = column_text (s, FILE_COLUMN_COUNT),
        .attributes = column_text (s, FILE_COLUMN_COUNT + 1),
        .attached = column_u64 (s, FILE_COLUMN_COUNT + 2),
        .cancelled = column_u32 (s, FILE_COLUMN_COUNT + 3) != 0,
    };
}

/* -- vector stores -------------------------------------------------------------------------- */

int store_find_store (store_t *store, const char *id, uint32_t *number)
{
    int64_t found [2] = {0, 0};
    int result = statement_numbers (store, found, STATEMENT_STORE_FIND, "t", id);
    *number = (uint32_t) found [0];
    if (result == 0)
        return error_set (ERROR_STORE_NOT_FOUND, "No such vector store: %.64s", id);
    return result < 0 ? -1 : 0;
}

int store_add_store (store_t *store, const create_store_message_t *message)
{
    uint32_t number;
    if (statement_run (store, STATEMENT_STORE_ADD, "ttti", message->store_id, message->name, message->metadata,
                       (int64_t) message->created) != 0
        || store_find_store (store, message->store_id, &number) != 0)
        return -1;
    size_t cursor = 0;
    for (const char *id; (id = strings_next (message->file_ids, &cursor)) != NULL;)
        if (store_attach_file (store, number, id, "", message->created) != 0)
            return -1;
    return 0;
}

int store_get_store (store_t *store, const char *id, store_row_t *row)
{
    rows_forget (store);
    rows_t *s = statement_start (store, STATEMENT_STORE_GET, "t", id);
    int result = statement_step (store, s);
    if (result == 1) {
        *row = store_from (s);
        bool kept = row_keep_string (store, &row->id) && row_keep_string (store, &row->name)
            && row_keep_string (store, &row->metadata);
        result = kept ? 1 : -1;
    }
    return statement_found (s, result, ERROR_STORE_NOT_FOUND, "No such vector store", id);
}

int store_name_store (store_t *store, const char *name, const char **id)
{
    rows_forget (store);
    rows_t *s = statement_start (store, STATEMENT_STORE_NAMED, "t", name);
    int result = statement_step (store, s);
    if (result == 1) {
        *id = column_text (s, 0);
        result = row_keep_string (store, id) ? 1 : -1;
    }
    return statement_found (s, result, ERROR_STORE_NOT_FOUND, "No such vector store", name);
}

int store_list_stores (store_t *store, const paging_t *paging, store_row_handler_t *handler, void *context)
{
    span_t span;
    if (find_span (store, paging, STATEMENT_STORE_PLACE, NULL, &span) != 0)
        return -1;
    rows_t *s = statement_start (store, span.up ? STATEMENT_STORES_UP : STATEMENT_STORES_DOWN, "iiiii",
                             span.low [0], span.low [1], span.high [0], span.high [1], span.limit);
    int result;
    while (statement_next (store, s, &result)) {
        store_row_t row = store_from (s);
        handler (context, &row);
    }
    return result;
}

int store_set_store (store_t *store, const modify_store_message_t *message)
{
    uint32_t number;
    if (store_find_store (store, message->store_id, &number) != 0)
        return -1;
    if (message->set_name != 0
        && statement_run (store, STATEMENT_STORE_NAME, "tt", message->store_id, message->name) != 0)
        return -1;
    return message->metadata [0] == '\0'
        ? 0 : statement_run (store, STATEMENT_STORE_METADATA, "tt", message->store_id, message->metadata);
}

int store_delete_store (store_t *store, const char *id)
{
    uint32_t number;
    if (strcmp (id, DEFAULT_STORE) == 0)
        return error_set (ERROR_BAD_REQUEST, "The vector store 'default' can't be deleted.");
    if (store_find_store (store, id, &number) != 0)
        return -1;
    return statement_run (store, STATEMENT_STORE_DELETE, "t", id);
}

int store_attach_file (store_t *store, uint32_t store_number, const char *file_id,
                       const char *attributes, uint64_t created)
{
    file_row_t file;
    if (store_get_file (store, file_id, &file) != 0)
        return -1;
    if (statement_run (store, STATEMENT_ATTACH, "iiti", (int64_t) store_number, (int64_t) file.number,
                       attributes, (int64_t) created) != 0)
        return -1;
    return statement_run (store, STATEMENT_STORE_ACTIVE, "ii", (int64_t) store_number, (int64_t) created);
}

static int get_store_file (store_t *store, rows_t *s, const char *named, store_file_row_t *row)
{
    int result = statement_step (store, s);
    if (result == 1) {
        *row = store_file_from (s);
        bool kept = keep_file (store, &row->file) == 0 && row_keep_string (store, &row->store_id)
            && row_keep_string (store, &row->attributes);
        result = kept ? 1 : -1;
    }
    return statement_found (s, result, ERROR_FILE_NOT_FOUND, "No such file in this vector store", named);
}

int store_get_store_file (store_t *store, const char *store_id, const char *file_id,
                          store_file_row_t *row)
{
    uint32_t number;
    if (store_find_store (store, store_id, &number) != 0)
        return -1;
    rows_forget (store);
    return get_store_file (store, statement_start (store, STATEMENT_STORE_FILE_GET, "tt", store_id, file_id),
                           file_id, row);
}

int store_get_store_file_by_number (store_t *store, uint32_t store_number, uint32_t file,
                                    store_file_row_t *row)
{
    rows_forget (store);
    return get_store_file (store, statement_start (store, STATEMENT_STORE_FILE_NUMBERED, "ii",
                                                   (int64_t) store_number, (int64_t) file), "", row);
}

static int each_store_file (store_t *store, rows_t *s, store_file_row_handler_t *handler,
                            void *context)
{
    int result;
    while (statement_next (store, s, &result)) {
        store_file_row_t row = store_file_from (s);
        handler (context, &row);
    }
    return result;
}

int store_list_store_files (store_t *store, const paging_t *paging, const store_files_filter_t *filter,
                            store_file_row_handler_t *handler, void *context)
{
    span_t span;
    uint32_t number;
    if (store_find_store (store, filter->store_id, &number) != 0
        || find_span (store, paging, STATEMENT_STORE_FILE_PLACE, filter->store_id, &span) != 0)
        return -1;
    batch_row_t batch;
    if (filter->batch_id [0] != '\0'
        && store_get_batch (store, filter->store_id, filter->batch_id, &batch) != 0)
        return -1;
    rows_t *s = statement_start (store, span.up ? STATEMENT_STORE_FILES_UP : STATEMENT_STORE_FILES_DOWN,
                             "iiiiiitt", span.low [0], span.low [1], span.high [0], span.high [1],
                             span.limit, (int64_t) number, filter->status, filter->batch_id);
    return each_store_file (store, s, handler, context);
}

static int each_in_scope (store_t *store, rows_t *s, scope_row_handler_t *handler, void *context)
{
    int result;
    while (statement_next (store, s, &result)) {
        scope_row_t row = {
            .number = column_u32 (s, 0), .id = column_text (s, 1), .name = column_text (s, 2),
            .chunks = column_u32 (s, 3), .vectors = column_u32 (s, 4),
            .vectors_failed = column_u32 (s, 5), .attributes = column_text (s, 6),
        };
        handler (context, &row);
    }
    return result;
}

int store_list_scope (store_t *store, uint32_t store_number, scope_row_handler_t *handler, void *context)
{
    return each_in_scope (store, statement_start (store, STATEMENT_STORE_SCOPE, "i", (int64_t) store_number), handler,
                          context);
}

int store_list_reading (store_t *store, uint32_t store_number, scope_row_handler_t *handler, void *context)
{
    return each_in_scope (store, statement_start (store, STATEMENT_STORE_READING, "i", (int64_t) store_number), handler,
                          context);
}

int store_count_files (store_t *store, size_t *count)
{
    int64_t files [2] = {0, 0};
    if (statement_numbers (store, files, STATEMENT_COUNT_FILES, "") < 0)
        return -1;
    *count = (size_t) files [0];
    return 0;
}

int store_set_attributes (store_t *store, const char *store_id, const char *file_id,
                          const char *attributes)
{
    store_file_row_t row;
    if (store_get_store_file (store, store_id, file_id, &row) != 0)
        return -1;
    return statement_run (store, STATEMENT_SET_ATTRIBUTES, "ttt", store_id, file_id, attributes);
}

int store_detach_file (store_t *store, const char *store_id, const char *file_id)
{
    store_file_row_t row;
    if (store_get_store_file (store, store_id, file_id, &row) != 0)
        return -1;
    return statement_run (store, STATEMENT_DETACH, "tt", store_id, file_id);
}

/* -- batches -------------------------------------------------------------------------------- */

int store_add_batch (store_t *store, uint32_t store_number, const char *batch_id, uint64_t created,
                     strings_t file_ids)
{
    int64_t batch [2] = {0, 0};
    if (statement_run (store, STATEMENT_BATCH_ADD, "tii", batch_id, (int64_t) store_number, (int64_t) created) != 0
        || statement_numbers (store, batch, STATEMENT_BATCH_FIND, "t", batch_id) < 0)
        return -1;
    size_t cursor = 0;
    for (const char *id; (id = strings_next (file_ids, &cursor)) != NULL;)
        if (statement_run (store, STATEMENT_BATCH_FILE_ADD, "it", batch [0], id) != 0)
            return -1;
    return 0;
}

int store_get_batch (store_t *store, const char *store_id, const char *batch_id, batch_row_t *row)
{
    uint32_t number;
    if (store_find_store (store, store_id, &number) != 0)
        return -1;
    rows_forget (store);
    rows_t *s = statement_start (store, STATEMENT_BATCH_GET, "tt", batch_id, store_id);
    int result = statement_step (store, s);
    if (result == 1) {
        *row = (batch_row_t) {
            .id = column_text (s, 0), .store_id = column_text (s, 1), .created = column_u64 (s, 2),
            .was_cancelled = column_u32 (s, 3) != 0, .in_progress = column_u32 (s, 4),
            .completed = column_u32 (s, 5), .failed = column_u32 (s, 6), .cancelled = column_u32 (s, 7),
        };
        result = row_keep_string (store, &row->id) && row_keep_string (store, &row->store_id) ? 1 : -1;
    }
    return statement_found (s, result, ERROR_BATCH_NOT_FOUND, NULL, NULL);
}

int store_cancel_batch (store_t *store, const char *store_id, const char *batch_id)
{
    batch_row_t batch;
    if (store_get_batch (store, store_id, batch_id, &batch) != 0)
        return -1;
    if (batch.in_progress == 0)
        return 0;
    if (statement_run (store, STATEMENT_BATCH_CANCEL_FILES, "t", batch_id) != 0)
        return -1;
    return statement_run (store, STATEMENT_BATCH_CANCEL, "t", batch_id);
}
