/* The catalogue: a table of questions, each with the function that answers it. */
#include "catalogue.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "damage.h"
#include "error.h"
#include "filter.h"
#include "highlight.h"
#include "settings.h"
#include "stored_object.h"
#include "word_pieces.h"

#define MAX_TEXT_ANSWER_BYTES (24u << 20)   /* of a file's text in one answer; the rest comes with the next */

static _Atomic uint32_t embedders_there;

void catalogue_tell_embedders (uint32_t count)
{
    atomic_store (&embedders_there, count);
}

/* A question while it is being answered. */
typedef struct {
    store_t *store;
    const message_t *request;
    answer_t *answer;
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;
    const char *param;      /* what is wrong, when it fails */
    bool replied;           /* the answer is no JSON and stands already */
} call_t;

/* -- answers -------------------------------------------------------------------------------- */

uint64_t request_number (const message_t *request)
{
    return request->get_status.request;   /* every question begins with it */
}

static void own (answer_t *answer, void *memory)
{
    for (size_t i = 0; i < COUNT_OF (answer->owned); i++)
        if (answer->owned [i] == NULL) {
            answer->owned [i] = memory;
            return;
        }
}

void answer_clear (answer_t *answer)
{
    for (size_t i = 0; i < COUNT_OF (answer->owned); i++)
        free (answer->owned [i]);
    *answer = (answer_t) {0};
}

void answer_fail (answer_t *answer, uint64_t request, const char *param)
{
    answer_clear (answer);
    char *text = strdup (error_text ());
    own (answer, text);
    answer->message.id = MESSAGE_REQUEST_FAILED;
    answer->message.request_failed = (request_failed_message_t) {
        .request = request, .error = (uint32_t) error_get (),
        .message = text == NULL ? "" : text, .param = param == NULL ? "" : param,
    };
}

void answer_result (answer_t *answer, uint64_t request, char *json)
{
    own (answer, json);
    answer->message.id = MESSAGE_RESULT;
    answer->message.result = (result_message_t) {.request = request, .json = json};
}

/* -- shapes --------------------------------------------------------------------------------- */

static yyjson_mut_val *add_object (call_t *call, yyjson_mut_val *to, const char *name)
{
    return yyjson_mut_obj_add_obj (call->doc, to, name);
}

static void add_text (call_t *call, yyjson_mut_val *to, const char *name, const char *text)
{
    yyjson_mut_obj_add_strcpy (call->doc, to, name, text);
}

static void add_word (call_t *call, yyjson_mut_val *to, const char *name, const char *constant)
{
    yyjson_mut_obj_add_str (call->doc, to, name, constant);
}

static void add_number (call_t *call, yyjson_mut_val *to, const char *name, uint64_t number)
{
    yyjson_mut_obj_add_uint (call->doc, to, name, number);
}

static const char *openai_status (file_state_t state)
{
    return state == FILE_COMPLETED ? "processed" : state == FILE_FAILED ? "error" : "uploaded";
}

static void shape_file (call_t *call, yyjson_mut_val *to, const file_row_t *file)
{
    add_text (call, to, "id", file->id);
    add_word (call, to, "object", "file");
    add_number (call, to, "bytes", file->bytes);
    add_number (call, to, "created_at", file->created);
    add_text (call, to, "filename", file->name);
    add_text (call, to, "purpose", file->purpose);
    add_word (call, to, "status", openai_status (file->state));
    if (file->state == FILE_FAILED) {
        add_text (call, to, "status_details", file->reason);
        add_word (call, to, "error_code", error_name (file->error));
    } else {
        yyjson_mut_obj_add_null (call->doc, to, "status_details");
        yyjson_mut_obj_add_null (call->doc, to, "error_code");
    }
    add_word (call, to, "state", file_state_name (file->state));
    add_number (call, to, "pages", file->pages);
    add_number (call, to, "pages_done", file->pages_done);
    add_number (call, to, "pages_failed", file->pages_failed);
    add_number (call, to, "chunks", file->chunks);
    add_number (call, to, "vectors", file->vectors);
    add_number (call, to, "vectors_failed", file->vectors_failed);
    add_text (call, to, "title", file->title);
    add_text (call, to, "sha256", file->sha256);
}

static const char *store_file_status (const store_file_row_t *row)
{
    if (row->cancelled)
        return "cancelled";
    return row->file.state == FILE_COMPLETED ? "completed"
         : row->file.state == FILE_FAILED ? "failed" : "in_progress";
}

/* OpenAI's three codes for what was wrong with a file. */
static const char *openai_error (error_t error)
{
    if (error == ERROR_FILE_NOT_PDF)
        return "unsupported_file";
    return error_http_status (error) == 422 ? "invalid_file" : "server_error";
}

static void shape_last_error (call_t *call, yyjson_mut_val *to, const file_row_t *file)
{
    if (file->state != FILE_FAILED) {
        yyjson_mut_obj_add_null (call->doc, to, "last_error");
        return;
    }
    yyjson_mut_val *last = add_object (call, to, "last_error");
    add_word (call, last, "code", openai_error (file->error));
    add_text (call, last, "message", file->reason);
}

static void shape_chunking (call_t *call, yyjson_mut_val *to)
{
    yyjson_mut_val *strategy = add_object (call, to, "chunking_strategy");
    add_word (call, strategy, "type", "static");
    yyjson_mut_val *sizes = add_object (call, strategy, "static");
    add_number (call, sizes, "max_chunk_size_tokens", MAX_PIECES);
    add_number (call, sizes, "chunk_overlap_tokens", CHUNK_OVERLAP);
}

static void shape_store_file (call_t *call, yyjson_mut_val *to, const store_file_row_t *row)
{
    add_text (call, to, "id", row->file.id);
    add_word (call, to, "object", "vector_store.file");
    add_number (call, to, "created_at", row->attached);
    add_text (call, to, "vector_store_id", row->store_id);
    add_word (call, to, "status", store_file_status (row));
    shape_last_error (call, to, &row->file);
    add_number (call, to, "usage_bytes", row->file.state == FILE_COMPLETED ? row->file.bytes : 0);
    add_stored_object (call->doc, to, "attributes", row->attributes);
    shape_chunking (call, to);
}

static void shape_counts (call_t *call, yyjson_mut_val *to, uint32_t in_progress, uint32_t completed,
                          uint32_t failed, uint32_t cancelled)
{
    yyjson_mut_val *counts = add_object (call, to, "file_counts");
    add_number (call, counts, "in_progress", in_progress);
    add_number (call, counts, "completed", completed);
    add_number (call, counts, "failed", failed);
    add_number (call, counts, "cancelled", cancelled);
    add_number (call, counts, "total", (uint64_t) in_progress + completed + failed + cancelled);
}

static void shape_store (call_t *call, yyjson_mut_val *to, const store_row_t *row)
{
    add_text (call, to, "id", row->id);
    add_word (call, to, "object", "vector_store");
    add_number (call, to, "created_at", row->created);
    add_text (call, to, "name", row->name);
    add_number (call, to, "usage_bytes", row->bytes);
    shape_counts (call, to, row->in_progress, row->completed, row->failed, row->cancelled);
    add_word (call, to, "status", row->in_progress > 0 ? "in_progress" : "completed");
    yyjson_mut_obj_add_null (call->doc, to, "expires_after");
    yyjson_mut_obj_add_null (call->doc, to, "expires_at");
    add_number (call, to, "last_active_at", row->active);
    add_stored_object (call->doc, to, "metadata", row->metadata);
}

static void shape_batch (call_t *call, yyjson_mut_val *to, const batch_row_t *row)
{
    add_text (call, to, "id", row->id);
    add_word (call, to, "object", "vector_store.files_batch");
    add_number (call, to, "created_at", row->created);
    add_text (call, to, "vector_store_id", row->store_id);
    add_word (call, to, "status", row->in_progress > 0 ? "in_progress"
              : row->was_cancelled ? "cancelled" : "completed");
    shape_counts (call, to, row->in_progress, row->completed, row->failed, row->cancelled);
}

static void shape_deleted (call_t *call, const char *id, const char *object)
{
    add_text (call, call->root, "id", id);
    add_word (call, call->root, "object", object);
    yyjson_mut_obj_add_bool (call->doc, call->root, "deleted", true);
}

/* -- lists ---------------------------------------------------------------------------------- */

/* A page of a list as it is being filled; one row too many says that there are more. */
typedef struct {
    call_t *call;
    const paging_t *paging;
    yyjson_mut_val *data;
    uint32_t rows;
} list_t;

static list_t list_begin (call_t *call, const paging_t *paging)
{
    add_word (call, call->root, "object", "list");
    return (list_t) {call, paging, yyjson_mut_obj_add_arr (call->doc, call->root, "data"), 0};
}

/* The object for the next row, or NULL for the one too many. */
static yyjson_mut_val *list_row (list_t *list)
{
    if (++list->rows > list->paging->limit)
        return NULL;
    yyjson_mut_val *row = yyjson_mut_obj (list->call->doc);
    if (paging_backwards (list->paging))
        yyjson_mut_arr_prepend (list->data, row);
    else
        yyjson_mut_arr_append (list->data, row);
    return row;
}

static void add_id_of (call_t *call, const char *name, yyjson_mut_val *row)
{
    const char *id = yyjson_mut_get_str (yyjson_mut_obj_get (row, "id"));
    if (id == NULL)
        yyjson_mut_obj_add_null (call->doc, call->root, name);
    else
        yyjson_mut_obj_add_str (call->doc, call->root, name, id);
}

static void list_end (list_t *list)
{
    add_id_of (list->call, "first_id", yyjson_mut_arr_get_first (list->data));
    add_id_of (list->call, "last_id", yyjson_mut_arr_get_last (list->data));
    yyjson_mut_obj_add_bool (list->call->doc, list->call->root, "has_more",
                             list->rows > list->paging->limit);
}

static int list_result (list_t *list, int result)
{
    if (result == 0)
        list_end (list);
    else if (error_get () == ERROR_BAD_FIELD)
        list->call->param = list->paging->after [0] != '\0' ? "after" : "before";
    return result;
}

static void list_file (void *context, const file_row_t *file)
{
    list_t *list = context;
    yyjson_mut_val *row = list_row (list);
    if (row != NULL)
        shape_file (list->call, row, file);
}

static void list_store_file (void *context, const store_file_row_t *file)
{
    list_t *list = context;
    yyjson_mut_val *row = list_row (list);
    if (row != NULL)
        shape_store_file (list->call, row, file);
}

static void list_store (void *context, const store_row_t *store)
{
    list_t *list = context;
    yyjson_mut_val *row = list_row (list);
    if (row != NULL)
        shape_store (list->call, row, store);
}

static uint32_t bounded (uint32_t limit, uint32_t most)
{
    return limit == 0 ? 1 : limit > most ? most : limit;
}

/* -- files ---------------------------------------------------------------------------------- */

static int tell_file (call_t *call, const char *id)
{
    file_row_t file;
    if (store_get_file (call->store, id, &file) != 0)
        return -1;
    shape_file (call, call->root, &file);
    return 0;
}

/* The same, for a file that was just changed. */
static int tell_changed_file (call_t *call, const char *id)
{
    file_row_t file;
    if (store_get_file (call->store, id, &file) != 0)
        return -1;
    call->answer->touched = file.number;
    shape_file (call, call->root, &file);
    return 0;
}

static int add_file (call_t *call)
{
    const add_file_message_t *message = &call->request->add_file;
    if (message->file_id [0] == '\0' || strlen (message->file_id) > MAX_ID_BYTES
        || strlen (message->sha256) > MAX_ID_BYTES)
        return error_set (ERROR_BAD_MESSAGE, "add_file: an id is empty or too long");
    return store_add_file (call->store, message) != 0 ? -1 : tell_changed_file (call, message->file_id);
}

static int set_inspected (call_t *call)
{
    const set_inspected_message_t *message = &call->request->set_inspected;
    if (store_set_inspected (call->store, message->file_id, message->pages, message->title) != 0)
        return -1;
    return tell_changed_file (call, message->file_id);
}

static int fail_file (call_t *call)
{
    const fail_file_message_t *message = &call->request->fail_file;
    if (store_fail_file (call->store, message->file_id, error_from_number (message->error),
                         message->message) != 0)
        return -1;
    return tell_changed_file (call, message->file_id);
}

static int fail_pages (call_t *call)
{
    const fail_pages_message_t *message = &call->request->fail_pages;
    if (store_fail_pages (call->store, message->file_id, message->first, message->last,
                          message->reason) != 0)
        return -1;
    return tell_changed_file (call, message->file_id);
}

static void list_file_of_store (void *context, const store_file_row_t *row)
{
    list_file (context, &row->file);
}

static int list_files (call_t *call)
{
    const list_files_message_t *message = &call->request->list_files;
    paging_t paging = {message->after, message->before, bounded (message->limit, 10000),
                       message->ascending != 0};
    store_files_filter_t filter = {message->store_id, message->batch_id, message->status};
    list_t list = list_begin (call, &paging);
    return list_result (&list, message->store_id [0] == '\0'
        ? store_list_files (call->store, &paging, message->purpose, list_file, &list)
        : store_list_store_files (call->store, &paging, &filter, message->whole != 0 ? list_file_of_store : list_store_file,
                                  &list));
}

static int get_file (call_t *call)
{
    const get_file_message_t *message = &call->request->get_file;
    if (message->store_id [0] == '\0')
        return tell_file (call, message->file_id);
    store_file_row_t row;
    if (store_get_store_file (call->store, message->store_id, message->file_id, &row) != 0)
        return -1;
    shape_store_file (call, call->root, &row);
    return 0;
}

typedef struct {
    call_t *call;
    yyjson_mut_val *data;
    size_t bytes;
    uint32_t last;   /* page that was told */
    bool full;
} text_list_t;

static void list_text (void *context, const page_row_t *page)
{
    text_list_t *list = context;
    list->bytes += page->text_size;
    list->full |= list->bytes > MAX_TEXT_ANSWER_BYTES;
    if (list->full || page->text_size == 0)
        return;
    yyjson_mut_val *part = yyjson_mut_arr_add_obj (list->call->doc, list->data);
    add_word (list->call, part, "type", "text");
    yyjson_mut_obj_add_strncpy (list->call->doc, part, "text", page->text, page->text_size);
    add_number (list->call, part, "page", page->page);
    list->last = page->page;
}

static void add_next_page (const text_list_t *list)
{
    char page [16];
    yyjson_mut_doc *doc = list->call->doc;
    snprintf (page, sizeof page, "%u", list->last);
    yyjson_mut_obj_add_bool (doc, list->call->root, "has_more", list->full);
    if (list->full)
        yyjson_mut_obj_add_strcpy (doc, list->call->root, "next_page", page);
    else
        yyjson_mut_obj_add_null (doc, list->call->root, "next_page");
}

static int get_file_text (call_t *call)
{
    const get_file_text_message_t *message = &call->request->get_file_text;
    store_file_row_t row;
    if (store_get_store_file (call->store, message->store_id, message->file_id, &row) != 0)
        return -1;
    add_word (call, call->root, "object", "vector_store.file_content.page");
    add_text (call, call->root, "file_id", row.file.id);
    add_text (call, call->root, "filename", row.file.name);
    add_stored_object (call->doc, call->root, "attributes", row.attributes);
    text_list_t list = {call, yyjson_mut_obj_add_arr (call->doc, call->root, "data"), 0, 0, false};
    if (store_list_texts (call->store, row.file.number, message->after, UINT32_MAX, list_text, &list) != 0)
        return -1;
    add_next_page (&list);
    return 0;
}

static int delete_file (call_t *call)
{
    const delete_file_message_t *message = &call->request->delete_file;
    answer_t *answer = call->answer;
    if (strlen (message->file_id) > MAX_ID_BYTES)
        return error_set (ERROR_FILE_NOT_FOUND, "No such file.");
    if (store_delete_file (call->store, message->file_id, message->request, answer->sha256,
                           &answer->deleted) != 0)
        return -1;
    memcpy (answer->id, message->file_id, strlen (message->file_id) + 1);
    answer->message.id = MESSAGE_FILE_DELETED;
    answer->message.file_deleted = (file_deleted_message_t) {
        .request = message->request, .file_id = answer->id, .sha256 = answer->sha256,
    };
    call->replied = true;
    return 0;
}

/* -- unfinished files ----------------------------------------------------------------------- */

typedef struct {
    call_t *call;
    yyjson_mut_val *data, *missing;
    uint32_t rows, limit;
    int result;
} unfinished_t;

static void list_range (void *context, uint32_t first, uint32_t last)
{
    unfinished_t *list = context;
    yyjson_mut_val *range = yyjson_mut_arr_add_arr (list->call->doc, list->missing);
    yyjson_mut_arr_add_uint (list->call->doc, range, first);
    yyjson_mut_arr_add_uint (list->call->doc, range, last);
}

static void list_unfinished_file (void *context, const file_row_t *file)
{
    unfinished_t *list = context;
    if (list->result != 0 || ++list->rows > list->limit)
        return;
    yyjson_mut_val *row = yyjson_mut_arr_add_obj (list->call->doc, list->data);
    add_text (list->call, row, "id", file->id);
    add_text (list->call, row, "filename", file->name);
    add_text (list->call, row, "sha256", file->sha256);
    add_text (list->call, row, "password", file->password);
    add_word (list->call, row, "state", file_state_name (file->state));
    add_number (list->call, row, "pages", file->pages);
    add_number (list->call, row, "pages_done", file->pages_done);
    add_number (list->call, row, "chunks", file->chunks);
    add_number (list->call, row, "vectors", file->vectors);
    list->missing = yyjson_mut_obj_add_arr (list->call->doc, row, "missing");
    list->result = store_missing_pages (list->call->store, file, list_range, list);
}

static int list_unfinished (call_t *call)
{
    const list_unfinished_message_t *message = &call->request->list_unfinished;
    unfinished_t list = {.call = call, .limit = bounded (message->limit, 1000)};
    list.data = yyjson_mut_obj_add_arr (call->doc, call->root, "data");
    if (store_list_unfinished (call->store, message->after, list.limit + 1, list_unfinished_file, &list) != 0)
        return -1;
    yyjson_mut_obj_add_bool (call->doc, call->root, "has_more", list.rows > list.limit);
    return list.result;
}

/* -- pages ---------------------------------------------------------------------------------- */

typedef struct {
    call_t *call;
    yyjson_mut_val *data;
    uint32_t next, last;   /* page to tell next; last one of this answer */
} ledger_t;

static void ledger_row (ledger_t *ledger, uint32_t page, const char *status, const page_row_t *known)
{
    yyjson_mut_val *row = yyjson_mut_arr_add_obj (ledger->call->doc, ledger->data);
    add_number (ledger->call, row, "page", page);
    add_word (ledger->call, row, "status", status);
    add_text (ledger->call, row, "reason", known == NULL ? "" : known->reason);
    add_number (ledger->call, row, "words", known == NULL ? 0 : known->words);
    add_number (ledger->call, row, "chunks", known == NULL ? 0 : known->chunks);
}

static void ledger_wait_until (ledger_t *ledger, uint32_t page)
{
    while (ledger->next < page && ledger->next <= ledger->last)
        ledger_row (ledger, ledger->next++, "waiting", NULL);
}

static void list_page (void *context, const page_row_t *page)
{
    ledger_t *ledger = context;
    ledger_wait_until (ledger, page->page);
    if (page->page > ledger->last)
        return;
    ledger_row (ledger, page->page, page_status_name (page->status), page);
    ledger->next = page->page + 1;
}

static int list_pages (call_t *call)
{
    const list_pages_message_t *message = &call->request->list_pages;
    uint32_t limit = bounded (message->limit, 10000);
    file_row_t file;
    if (store_get_file (call->store, message->file_id, &file) != 0)
        return -1;
    add_word (call, call->root, "object", "list");
    ledger_t ledger = {.call = call, .data = yyjson_mut_obj_add_arr (call->doc, call->root, "data")};
    uint32_t after = message->after < file.pages ? message->after : file.pages;
    ledger.next = after + 1;
    ledger.last = file.pages - after > limit ? after + limit : file.pages;
    if (store_list_pages (call->store, file.number, after, limit, list_page, &ledger) != 0)
        return -1;
    ledger_wait_until (&ledger, ledger.last + 1);
    yyjson_mut_obj_add_bool (call->doc, call->root, "has_more", ledger.last < file.pages);
    return 0;
}

static int find_page (call_t *call, const char *file_id, uint32_t number, page_row_t *page)
{
    file_row_t file;
    if (store_get_file (call->store, file_id, &file) != 0)
        return -1;
    if (number == 0 || (file.pages > 0 && number > file.pages))
        return error_set (ERROR_PAGE_NOT_FOUND, NULL);
    return store_get_page (call->store, file.number, number, page);
}

static double rounded (float value)
{
    return round ((double) value * 100) / 100;
}

static float extreme (const float quad [8], int axis, bool most)
{
    float value = quad [axis];
    for (int i = axis; i < 8; i += 2)
        value = most ? fmaxf (value, quad [i]) : fminf (value, quad [i]);
    return value;
}

static void shape_word (call_t *call, yyjson_mut_val *list, const word_t *word)
{
    yyjson_mut_val *row = yyjson_mut_arr_add_obj (call->doc, list);
    add_number (call, row, "start", word->start);
    add_number (call, row, "end", word->end);
    yyjson_mut_val *box = yyjson_mut_obj_add_arr (call->doc, row, "box");
    for (int i = 0; i < 4; i++)
        yyjson_mut_arr_add_real (call->doc, box, rounded (extreme (word->quad, i % 2, i >= 2)));
    yyjson_mut_val *quad = yyjson_mut_obj_add_arr (call->doc, row, "quad");
    for (int i = 0; i < 8; i++)
        yyjson_mut_arr_add_real (call->doc, quad, rounded (word->quad [i]));
}

static word_t *unpack_words (const page_row_t *page, size_t *count)
{
    return words_unpack (page->packed_words, page->width, page->height, UINT32_MAX, count);
}

static void list_chunk (void *context, const chunk_row_t *chunk)
{
    ledger_t *list = context;
    yyjson_mut_val *row = yyjson_mut_arr_add_obj (list->call->doc, list->data);
    add_number (list->call, row, "start", chunk->start);
    add_number (list->call, row, "end", chunk->end);
}

static int get_page (call_t *call)
{
    const get_page_message_t *message = &call->request->get_page;
    page_row_t page;
    if (find_page (call, message->file_id, message->page, &page) != 0)
        return -1;
    size_t count;
    word_t *words = unpack_words (&page, &count);
    if (words == NULL)
        return -1;
    add_number (call, call->root, "page", page.page);
    add_word (call, call->root, "status", page_status_name (page.status));
    add_text (call, call->root, "reason", page.reason);
    yyjson_mut_obj_add_real (call->doc, call->root, "width", rounded (page.width));
    yyjson_mut_obj_add_real (call->doc, call->root, "height", rounded (page.height));
    yyjson_mut_obj_add_strncpy (call->doc, call->root, "text", page.text, page.text_size);
    yyjson_mut_val *list = yyjson_mut_obj_add_arr (call->doc, call->root, "words");
    for (size_t i = 0; i < count; i++)
        shape_word (call, list, &words [i]);
    free (words);
    ledger_t chunks = {.call = call, .data = yyjson_mut_obj_add_arr (call->doc, call->root, "chunks")};
    return store_list_chunks (call->store, page.number, list_chunk, &chunks);
}

/* -- places --------------------------------------------------------------------------------- */

static uint32_t little_endian (const uint8_t *bytes)
{
    return bytes [0] | (uint32_t) bytes [1] << 8 | (uint32_t) bytes [2] << 16 | (uint32_t) bytes [3] << 24;
}

static void put_floats (uint8_t *out, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy (&bits, &values [i], sizeof bits);
        for (int k = 0; k < 4; k++)
            *out++ = (uint8_t) (bits >> 8 * k);
    }
}

static size_t read_ranges (bytes_t packed, range_t ranges [MAX_RANGES])
{
    size_t count = packed.size / 8;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *pair = (const uint8_t *) packed.data + 8 * i;
        ranges [i] = (range_t) {little_endian (pair), little_endian (pair + 4)};
    }
    return count;
}

/* The quads of the ranges, packed, owned by the answer. */
static int find_quads (call_t *call, const page_row_t *page, bytes_t packed, bytes_t *result)
{
    range_t ranges [MAX_RANGES];
    size_t range_count = read_ranges (packed, ranges), word_count, count;
    word_t *words = unpack_words (page, &word_count);
    if (words == NULL)
        return -1;
    mark_t *quads = malloc ((word_count + 1) * sizeof *quads);
    if (quads == NULL) {
        free (words);
        return error_set (ERROR_NO_MEMORY, NULL);
    }
    count = highlight_quads (words, word_count, ranges, range_count, quads);
    free (words);
    uint8_t *bytes = malloc (count * sizeof *quads + 1);
    if (bytes != NULL)
        for (size_t i = 0; i < count; i++)
            put_floats (bytes + i * sizeof *quads, quads [i].corners, 8);
    free (quads);
    if (bytes == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    own (call->answer, bytes);
    *result = (bytes_t) {bytes, count * sizeof *quads};
    return 0;
}

static int check_ranges (call_t *call, const locate_message_t *message, uint32_t pages)
{
    if (message->ranges.size % 8 != 0 || message->ranges.size / 8 > MAX_RANGES) {
        call->param = "highlight";
        return error_set (ERROR_BAD_FIELD, "'highlight' has more than %u ranges.", MAX_RANGES);
    }
    if (message->page > 0 && pages > 0 && message->page > pages)
        return error_set (ERROR_PAGE_NOT_FOUND, NULL);
    return 0;
}

static int locate (call_t *call)
{
    const locate_message_t *message = &call->request->locate;
    answer_t *answer = call->answer;
    file_row_t file;
    page_row_t page;
    bytes_t quads = {"", 0};
    if (store_get_file (call->store, message->file_id, &file) != 0
        || check_ranges (call, message, file.pages) != 0)
        return -1;
    char *name = strdup (file.name), *password = strdup (file.password);
    own (answer, name);
    own (answer, password);
    if (name == NULL || password == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    memcpy (answer->sha256, file.sha256, strlen (file.sha256) + 1);
    if (message->page > 0 && message->ranges.size > 0
        && (store_get_page (call->store, file.number, message->page, &page) != 0
            || find_quads (call, &page, message->ranges, &quads) != 0))
        return -1;
    answer->message.id = MESSAGE_LOCATED;
    answer->message.located = (located_message_t) {
        .request = message->request, .sha256 = answer->sha256, .name = name, .password = password,
        .bytes = file.bytes, .pages = file.pages, .quads = quads,
    };
    call->replied = true;
    return 0;
}

/* -- vector stores -------------------------------------------------------------------------- */

static int check_object (call_t *call, const char *name, const char *json)
{
    if (json [0] == '\0')
        return 0;
    yyjson_doc *doc = yyjson_read (json, strlen (json), 0);
    bool is_object = yyjson_is_obj (yyjson_doc_get_root (doc));
    yyjson_doc_free (doc);
    if (is_object)
        return 0;
    call->param = name;
    return error_set (ERROR_BAD_FIELD, "'%s' must be a JSON object.", name);
}

static int check_attributes (call_t *call, const char *json)
{
    if (attributes_check (json) == 0)
        return 0;
    call->param = "attributes";
    return -1;
}

static int tell_store (call_t *call, const char *id)
{
    store_row_t row;
    if (store_get_store (call->store, id, &row) != 0)
        return -1;
    shape_store (call, call->root, &row);
    return 0;
}

static int create_store (call_t *call)
{
    const create_store_message_t *message = &call->request->create_store;
    if (message->store_id [0] == '\0' || strlen (message->store_id) > MAX_ID_BYTES)
        return error_set (ERROR_BAD_MESSAGE, "create_store: the id is empty or too long");
    if (check_object (call, "metadata", message->metadata) != 0)
        return -1;
    if (store_add_store (call->store, message) != 0) {
        call->param = error_get () == ERROR_FILE_NOT_FOUND ? "file_ids" : NULL;
        return -1;
    }
    return tell_store (call, message->store_id);
}

static int modify_store (call_t *call)
{
    const modify_store_message_t *message = &call->request->modify_store;
    if (check_object (call, "metadata", message->metadata) != 0
        || store_set_store (call->store, message) != 0)
        return -1;
    return tell_store (call, message->store_id);
}

static int list_stores (call_t *call)
{
    const list_stores_message_t *message = &call->request->list_stores;
    paging_t paging = {message->after, message->before, bounded (message->limit, 100),
                       message->ascending != 0};
    list_t list = list_begin (call, &paging);
    return list_result (&list, store_list_stores (call->store, &paging, list_store, &list));
}

static int get_store (call_t *call)
{
    return tell_store (call, call->request->get_store.store_id);
}

static int find_store (call_t *call)
{
    const char *id;
    char copy [MAX_ID_BYTES + 1];
    if (store_name_store (call->store, call->request->find_store.name, &id) != 0)
        return -1;
    snprintf (copy, sizeof copy, "%s", id);   /* the next query forgets what this one kept */
    return tell_store (call, copy);
}

static int delete_store (call_t *call)
{
    const char *id = call->request->delete_store.store_id;
    if (store_delete_store (call->store, id) != 0)
        return -1;
    shape_deleted (call, id, "vector_store.deleted");
    return 0;
}

/* -- files of vector stores ----------------------------------------------------------------- */

static int tell_store_file (call_t *call, const char *store_id, const char *file_id)
{
    store_file_row_t row;
    if (store_get_store_file (call->store, store_id, file_id, &row) != 0)
        return -1;
    shape_store_file (call, call->root, &row);
    return 0;
}

static int tell_batch (call_t *call, const char *store_id, const char *batch_id)
{
    batch_row_t row;
    if (store_get_batch (call->store, store_id, batch_id, &row) != 0)
        return -1;
    shape_batch (call, call->root, &row);
    return 0;
}

static int attach_all (call_t *call, const attach_files_message_t *message, uint32_t store)
{
    size_t cursor = 0;
    for (const char *id; (id = strings_next (message->file_ids, &cursor)) != NULL;)
        if (store_attach_file (call->store, store, id, message->attributes, message->created) != 0) {
            call->param = message->batch_id [0] == '\0' ? "file_id" : "file_ids";
            return -1;
        }
    return 0;
}

static int attach_files (call_t *call)
{
    const attach_files_message_t *message = &call->request->attach_files;
    bool batch = message->batch_id [0] != '\0';
    uint32_t store;
    size_t cursor = 0;
    const char *first = strings_next (message->file_ids, &cursor);
    if (first == NULL || strlen (message->batch_id) > MAX_ID_BYTES)
        return error_set (ERROR_BAD_MESSAGE, "attach_files: no file, or a batch's id too long");
    if (check_attributes (call, message->attributes) != 0
        || store_find_store (call->store, message->store_id, &store) != 0
        || attach_all (call, message, store) != 0)
        return -1;
    if (!batch)
        return tell_store_file (call, message->store_id, first);
    if (store_add_batch (call->store, store, message->batch_id, message->created, message->file_ids) != 0)
        return -1;
    return tell_batch (call, message->store_id, message->batch_id);
}

static int set_attributes (call_t *call)
{
    const set_attributes_message_t *message = &call->request->set_attributes;
    if (check_attributes (call, message->attributes) != 0
        || store_set_attributes (call->store, message->store_id, message->file_id, message->attributes) != 0)
        return -1;
    return tell_store_file (call, message->store_id, message->file_id);
}

static int detach_file (call_t *call)
{
    const detach_file_message_t *message = &call->request->detach_file;
    if (store_detach_file (call->store, message->store_id, message->file_id) != 0)
        return -1;
    shape_deleted (call, message->file_id, "vector_store.file.deleted");
    return 0;
}

static int get_batch (call_t *call)
{
    const get_batch_message_t *message = &call->request->get_batch;
    if (message->cancel != 0
        && store_cancel_batch (call->store, message->store_id, message->batch_id) != 0)
        return -1;
    return tell_batch (call, message->store_id, message->batch_id);
}

/* -- responses ------------------------------------------------------------------------------ */

static int check_response (call_t *call, const put_response_message_t *message)
{
    if (message->response_id [0] == '\0' || strlen (message->response_id) > MAX_ID_BYTES
        || strlen (message->previous_id) > MAX_ID_BYTES)
        return error_set (ERROR_BAD_MESSAGE, "put_response: an id is empty or too long");
    return check_object (call, "response", message->response);
}

static int put_response (call_t *call)
{
    const put_response_message_t *message = &call->request->put_response;
    uint64_t most = (uint64_t) settings_number (SETTING_ANSWERER_RESPONSES_MB) << 20;
    if (check_response (call, message) != 0 || store_put_response (call->store, message, most) != 0)
        return -1;
    add_text (call, call->root, "id", message->response_id);
    return 0;
}

/* A chain of responses as it is being told. */
typedef struct {
    yyjson_mut_val *data;
    uint32_t told;
    size_t bytes;
} chain_t;

static int add_json (call_t *call, yyjson_mut_val *to, const char *name, const char *json, size_t size)
{
    yyjson_doc *doc = yyjson_read (json, size, 0);
    if (doc == NULL)
        return error_set (ERROR_STORE_FAILED, "A stored response is damaged.");
    yyjson_mut_obj_add_val (call->doc, to, name, yyjson_val_mut_copy (call->doc, yyjson_doc_get_root (doc)));
    yyjson_doc_free (doc);
    return 0;
}

/* Tells one of a chain, unless the list is full; previous gets the id of the one before, or "". */
static int tell_response (call_t *call, chain_t *chain, const char *id, char previous [MAX_ID_BYTES + 1])
{
    response_row_t row;
    if (store_get_response (call->store, id, &row) != 0)
        return -1;
    chain->bytes += row.response_size + row.input_size;
    previous [0] = '\0';
    if (chain->told > 0 && chain->bytes > MAX_CHAIN_BYTES)
        return 0;
    chain->told++;
    yyjson_mut_val *one = yyjson_mut_arr_add_obj (call->doc, chain->data);
    if (add_json (call, one, "response", row.response, row.response_size) != 0
        || add_json (call, one, "input", row.input, row.input_size) != 0)
        return -1;
    snprintf (previous, MAX_ID_BYTES + 1, "%s", row.previous);
    return 0;
}

/* The chain may have been cut where one was deleted or forgotten. */
static int get_response (call_t *call)
{
    const get_response_message_t *message = &call->request->get_response;
    uint32_t limit = bounded (message->limit, 100);
    chain_t chain = {.data = yyjson_mut_obj_add_arr (call->doc, call->root, "data")};
    char id [MAX_ID_BYTES + 1], previous [MAX_ID_BYTES + 1] = "";
    const char *wanted = message->response_id;
    int result = wanted [0] == '\0' ? error_set (ERROR_RESPONSE_NOT_FOUND, NULL) : 0;
    while (result == 0 && wanted [0] != '\0' && chain.told < limit) {
        result = tell_response (call, &chain, wanted, previous);
        memcpy (id, previous, sizeof id);
        wanted = id;
    }
    return chain.told > 0 && error_get () == ERROR_RESPONSE_NOT_FOUND ? 0 : result;
}

static int delete_response (call_t *call)
{
    const char *id = call->request->delete_response.response_id;
    if (store_delete_response (call->store, id) != 0)
        return -1;
    shape_deleted (call, id, "response");
    return 0;
}

/* -- status --------------------------------------------------------------------------------- */

static int get_status (call_t *call)
{
    store_counts_t counts;
    if (store_count (call->store, &counts) != 0)
        return -1;
    add_number (call, call->root, "files", counts.files);
    yyjson_mut_val *states = add_object (call, call->root, "files_by_state");
    for (int state = FILE_QUEUED; state <= FILE_FAILED; state++)
        add_number (call, states, file_state_name ((file_state_t) state), counts.files_in_state [state]);
    add_number (call, call->root, "files_unfinished", counts.files
                - counts.files_in_state [FILE_COMPLETED] - counts.files_in_state [FILE_FAILED]);
    add_number (call, call->root, "pages", counts.pages);
    add_number (call, call->root, "chunks", counts.chunks);
    add_number (call, call->root, "vectors", counts.vectors);
    add_number (call, call->root, "vectors_failed", counts.vectors_failed);
    add_number (call, call->root, "vector_stores", counts.stores);
    yyjson_mut_obj_add_bool (call->doc, call->root, "damaged", damage_is_known ());
    add_number (call, call->root, "embedders", atomic_load (&embedders_there));
    return 0;
}

/* -- the table ------------------------------------------------------------------------------ */

typedef struct {
    int (*answer) (call_t *call);
    bool writes;
} question_t;

static const question_t questions [MESSAGE_COUNT] = {
    [MESSAGE_ADD_FILE]        = {add_file, true},
    [MESSAGE_SET_INSPECTED]   = {set_inspected, true},
    [MESSAGE_FAIL_FILE]       = {fail_file, true},
    [MESSAGE_FAIL_PAGES]      = {fail_pages, true},
    [MESSAGE_LIST_FILES]      = {list_files, false},
    [MESSAGE_GET_FILE]        = {get_file, false},
    [MESSAGE_GET_FILE_TEXT]   = {get_file_text, false},
    [MESSAGE_DELETE_FILE]     = {delete_file, true},
    [MESSAGE_LIST_PAGES]      = {list_pages, false},
    [MESSAGE_GET_PAGE]        = {get_page, false},
    [MESSAGE_LOCATE]          = {locate, false},
    [MESSAGE_LIST_UNFINISHED] = {list_unfinished, false},
    [MESSAGE_CREATE_STORE]    = {create_store, true},
    [MESSAGE_MODIFY_STORE]    = {modify_store, true},
    [MESSAGE_LIST_STORES]     = {list_stores, false},
    [MESSAGE_GET_STORE]       = {get_store, false},
    [MESSAGE_FIND_STORE]      = {find_store, false},
    [MESSAGE_DELETE_STORE]    = {delete_store, true},
    [MESSAGE_ATTACH_FILES]    = {attach_files, true},
    [MESSAGE_SET_ATTRIBUTES]  = {set_attributes, true},
    [MESSAGE_DETACH_FILE]     = {detach_file, true},
    [MESSAGE_GET_BATCH]       = {get_batch, true},
    [MESSAGE_PUT_RESPONSE]    = {put_response, true},
    [MESSAGE_GET_RESPONSE]    = {get_response, false},
    [MESSAGE_DELETE_RESPONSE] = {delete_response, true},
    [MESSAGE_GET_STATUS]      = {get_status, false},
};

bool catalogue_knows (message_id_t id)
{
    return id < MESSAGE_COUNT && questions [id].answer != NULL;
}

bool catalogue_writes (const message_t *request)
{
    if (request->id == MESSAGE_GET_BATCH)
        return request->get_batch.cancel != 0;
    return questions [request->id].writes;
}

static int answer_call (call_t *call)
{
    if (questions [call->request->id].answer (call) != 0)
        return -1;
    if (call->replied)
        return 0;
    char *json = yyjson_mut_write (call->doc, 0, NULL);
    if (json == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    answer_result (call->answer, request_number (call->request), json);
    return 0;
}

int catalogue_answer (store_t *store, const message_t *request, answer_t *answer)
{
    *answer = (answer_t) {0};
    call_t call = {.store = store, .request = request, .answer = answer, .doc = yyjson_mut_doc_new (NULL)};
    call.root = yyjson_mut_obj (call.doc);
    int result = -1;
    if (call.root == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
    } else {
        yyjson_mut_doc_set_root (call.doc, call.root);
        result = answer_call (&call);
    }
    yyjson_mut_doc_free (call.doc);
    if (result != 0)
        answer_fail (answer, request_number (request), call.param);
    return result;
}
