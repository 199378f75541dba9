/* The store's pages, their chunks, and the vectors of these. */
#include "store_parts.h"

#include <stdlib.h>
#include <string.h>

#include "terms.h"
#include "utf8.h"

/* -- rows ----------------------------------------------------------------------------------- */

static page_row_t page_facts_from (rows_t *s)
{
    return (page_row_t) {
        .number = column_u32 (s, 0), .file = column_u32 (s, 1), .page = column_u32 (s, 2),
        .status = (page_status_t) column_u32 (s, 3),
        .width = (float) column_real (s, 4), .height = (float) column_real (s, 5),
        .number_share = (float) column_real (s, 6), .words = column_u32 (s, 7),
        .chunks = column_u32 (s, 8), .reason = column_text (s, 9),
        .has_terms = column_u32 (s, 10) != 0, .is_headed = column_u32 (s, 11) != 0,
        .head = "", .text = "",
    };
}

static page_row_t page_from (rows_t *s)
{
    page_row_t row = page_facts_from (s);
    row.head = column_text (s, 12);
    row.head_size = column_size (s, 12);
    row.text = column_text (s, 13);
    row.text_size = column_size (s, 13);
    row.packed_words = (bytes_t) {column_blob (s, 14), column_size (s, 14)};
    return row;
}

static int keep_page (store_t *store, page_row_t *row)
{
    const char *words = row->packed_words.data;
    if (!row_keep_string (store, &row->reason) || !row_keep_text (store, &row->head, row->head_size)
        || !row_keep_text (store, &row->text, row->text_size)
        || !row_keep_text (store, &words, row->packed_words.size))
        return -1;
    row->packed_words.data = words;
    return 0;
}

static chunk_row_t chunk_from (rows_t *s)
{
    return (chunk_row_t) {
        .id = column_u32 (s, 0), .file = column_u32 (s, 1), .page = column_u32 (s, 2),
        .start = column_u32 (s, 3), .end = column_u32 (s, 4),
        .state = (chunk_state_t) column_u32 (s, 5), .text = "",
    };
}

static chunk_row_t chunk_with_text_from (rows_t *s)
{
    chunk_row_t row = chunk_from (s);
    const char *page = column_text (s, 6);
    size_t size = column_size (s, 6);
    size_t start = utf8_offset (page, size, row.start), end = utf8_offset (page, size, row.end);
    row.text = page + start;
    row.text_size = end - start;
    return row;
}

/* -- pages ---------------------------------------------------------------------------------- */

static bool status_failed (page_status_t status)
{
    return status >= PAGE_FAILED;
}

static int add_chunks (store_t *store, uint32_t file, uint32_t page, const chunk_t *chunks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (statement_run (store, STATEMENT_CHUNK_ADD, "iiiii", (int64_t) file, (int64_t) page,
                           (int64_t) chunks [i].start, (int64_t) chunks [i].end, (int64_t) chunks [i].pieces) != 0)
            return -1;
    return 0;
}

/* Puts a page's row in. 1: new, 0: was there, -1: failed. */
static int insert_page (store_t *store, uint32_t file, const page_message_t *page, size_t word_count,
                        size_t chunk_count)
{
    float number_share, ignored;
    size_t size = strlen (page->text), head_size = strlen (page->head);
    size_t terms = terms_count (page->text, size, &number_share);
    bool headed = terms_count (page->head, head_size, &ignored) > 0;
    if (statement_run (store, STATEMENT_PAGE_ADD, "iiiddidiiitTTb", (int64_t) file, (int64_t) page->page,
                       (int64_t) page->status, (double) page->width, (double) page->height, (int64_t) terms,
                       (double) number_share, (int64_t) headed, (int64_t) word_count, (int64_t) chunk_count,
                       page->reason, page->head, head_size, page->text, size, page->words.data,
                       page->words.size) != 0)
        return -1;
    return statement_changes (store);
}

static int count_page (store_t *store, file_row_t *file, const page_message_t *page, size_t chunk_count)
{
    file->pages_done++;
    file->pages_failed += status_failed ((page_status_t) page->status);
    file->chunks += (uint32_t) chunk_count;
    if (page->page <= CARD_PAGES && add_change (store, CHANGE_CARD, file->number) != 0)
        return -1;
    return number_settle (store, file);
}

static int insert_page_and_chunks (store_t *store, file_row_t *file, const page_message_t *page,
                                   size_t word_count, const chunk_t *chunks, size_t chunk_count,
                                   page_outcome_t *outcome)
{
    int added = insert_page (store, file->number, page, word_count, chunk_count);
    *outcome = added == 1 ? PAGE_STORED : PAGE_DUPLICATE;
    if (added != 1)
        return added;
    int64_t number = statement_last_number (store);
    if (number > UINT32_MAX)
        return error_set (ERROR_STORE_FAILED, "store: page numbers are used up");
    if (add_change (store, CHANGE_PAGE, (uint32_t) number) != 0
        || add_chunks (store, file->number, (uint32_t) number, chunks, chunk_count) != 0)
        return -1;
    return count_page (store, file, page, chunk_count);
}

int store_add_page (store_t *store, const page_message_t *page, page_outcome_t *outcome,
                    uint32_t *file_number)
{
    file_row_t file;
    *outcome = PAGE_ORPHAN;
    if (store_get_file (store, page->file_id, &file) != 0)
        return error_get () == ERROR_FILE_NOT_FOUND ? 0 : -1;
    *file_number = file.number;
    if (page->page == 0 || (file.pages != 0 && page->page > file.pages)
        || page->status == 0 || page->status >= PAGE_STATUS_END
        || strlen (page->text) > MAX_PAGE_TEXT_BYTES || strlen (page->head) > MAX_HEAD_BYTES)
        return error_set (ERROR_BAD_MESSAGE, "page %u of %s is not as pages are", page->page, page->file_id);
    uint32_t length = utf8_length (page->text, strlen (page->text));
    size_t word_count = 0, chunk_count = 0;
    word_t *words = words_unpack (page->words, page->width, page->height, length, &word_count);
    chunk_t *chunks = words == NULL ? NULL : chunks_unpack (page->chunks, length, &chunk_count);
    int result = chunks == NULL ? -1 : insert_page_and_chunks (store, &file, page, word_count, chunks,
                                                               chunk_count, outcome);
    free (words);
    free (chunks);
    return result;
}

int store_fail_pages (store_t *store, const char *id, uint32_t first, uint32_t last, const char *reason)
{
    file_row_t file;
    if (store_get_file (store, id, &file) != 0)
        return -1;
    if (file.pages == 0)
        return error_set (ERROR_BAD_MESSAGE, "pages of %s fail before it is known how many it has", id);
    if (last > file.pages)
        last = file.pages;
    for (uint32_t page = first == 0 ? 1 : first; page <= last; page++) {
        page_outcome_t ignored;
        page_message_t failed = {.file_id = id, .page = page, .status = PAGE_FAILED, .text = "",
                                 .head = "", .reason = reason};
        if (insert_page_and_chunks (store, &file, &failed, 0, NULL, 0, &ignored) != 0)
            return -1;
    }
    return 0;
}

static int each_page (store_t *store, rows_t *s, bool texts, page_row_handler_t *handler,
                      void *context)
{
    int result;
    while (statement_next (store, s, &result)) {
        page_row_t row = texts ? page_from (s) : page_facts_from (s);
        handler (context, &row);
    }
    return result;
}

int store_list_pages (store_t *store, uint32_t file, uint32_t after, uint32_t limit,
                      page_row_handler_t *handler, void *context)
{
    return each_page (store, statement_start (store, STATEMENT_PAGES_LIST, "iii", (int64_t) file, (int64_t) after,
                                              (int64_t) limit), false, handler, context);
}

int store_list_texts (store_t *store, uint32_t file, uint32_t after, uint32_t limit,
                      page_row_handler_t *handler, void *context)
{
    return each_page (store, statement_start (store, STATEMENT_PAGES_TEXTS, "iii", (int64_t) file, (int64_t) after,
                                              (int64_t) limit), true, handler, context);
}

static int get_page (store_t *store, rows_t *s, bool texts, page_row_t *row)
{
    rows_forget (store);
    int result = statement_step (store, s);
    if (result == 1) {
        *row = texts ? page_from (s) : page_facts_from (s);
        result = keep_page (store, row) == 0 ? 1 : -1;
    }
    return statement_found (s, result, ERROR_PAGE_NOT_READ, NULL, NULL);
}

int store_get_page (store_t *store, uint32_t file, uint32_t page, page_row_t *row)
{
    return get_page (store, statement_start (store, STATEMENT_PAGE_GET, "ii", (int64_t) file, (int64_t) page),
                     true, row);
}

int store_get_page_by_number (store_t *store, uint32_t number, page_row_t *row)
{
    return get_page (store, statement_start (store, STATEMENT_PAGE_NUMBERED, "i", (int64_t) number), true, row);
}

int store_get_page_facts (store_t *store, uint32_t number, page_row_t *row)
{
    return get_page (store, statement_start (store, STATEMENT_PAGE_FACTS_OF, "i", (int64_t) number), false, row);
}

int store_missing_pages (store_t *store, const file_row_t *file, range_handler_t *handler, void *context)
{
    rows_t *s = statement_start (store, STATEMENT_PAGES_PRESENT, "i", (int64_t) file->number);
    uint32_t next = 1;
    int result;
    while (statement_next (store, s, &result)) {
        uint32_t page = column_u32 (s, 0);
        if (page > next && next <= file->pages)
            handler (context, next, page - 1);
        next = page + 1;
    }
    if (result == 0 && next <= file->pages)
        handler (context, next, file->pages);
    return result;
}

/* -- chunks and vectors --------------------------------------------------------------------- */

static int each_chunk (store_t *store, rows_t *s, bool texts, chunk_row_handler_t *handler,
                       void *context)
{
    int result;
    while (statement_next (store, s, &result)) {
        chunk_row_t row = texts ? chunk_with_text_from (s) : chunk_from (s);
        handler (context, &row);
    }
    return result;
}

int store_list_chunks (store_t *store, uint32_t page, chunk_row_handler_t *handler, void *context)
{
    return each_chunk (store, statement_start (store, STATEMENT_CHUNKS_OF_PAGE, "i", (int64_t) page), false,
                       handler, context);
}

int store_list_waiting (store_t *store, chunk_state_t state, uint32_t after, uint32_t limit,
                        chunk_row_handler_t *handler, void *context)
{
    statement_t id = state == CHUNK_HAS_NONE ? STATEMENT_CHUNKS_FAILED : STATEMENT_CHUNKS_WAITING;
    rows_t *s = statement_start (store, id, "ii", (int64_t) after, (int64_t) limit);
    return each_chunk (store, s, true, handler, context);
}

int store_list_with_vector (store_t *store, chunk_row_handler_t *handler, void *context)
{
    return each_chunk (store, statement_start (store, STATEMENT_CHUNKS_SETTLED, ""), false, handler, context);
}

static int get_chunk (store_t *store, rows_t *s, bool text, chunk_row_t *row)
{
    int result = statement_step (store, s);
    if (result == 1) {
        *row = text ? chunk_with_text_from (s) : chunk_from (s);
        result = row_keep_text (store, &row->text, row->text_size) ? 1 : -1;
    }
    return statement_found (s, result, ERROR_NOT_FOUND, "no such chunk", NULL);
}

int store_get_waiting (store_t *store, uint32_t id, chunk_row_t *row)
{
    rows_forget (store);
    return get_chunk (store, statement_start (store, STATEMENT_CHUNK_WAITING, "i", (int64_t) id), true, row);
}

static int count_vector (store_t *store, uint32_t number, chunk_state_t before, bool has_vector)
{
    file_row_t file;
    if (get_file (store, statement_start (store, STATEMENT_FILE_NUMBERED, "i", (int64_t) number), "", &file) != 0)
        return -1;
    file.vectors += has_vector;
    file.vectors_failed += !has_vector;
    file.vectors_failed -= before == CHUNK_HAS_NONE;
    return number_settle (store, &file);
}

int store_settle_chunk (store_t *store, uint32_t id, const float *vector, const char *reason,
                        chunk_row_t *row)
{
    rows_forget (store);
    if (get_chunk (store, statement_start (store, STATEMENT_CHUNK_GET, "i", (int64_t) id), false, row) != 0)
        return -1;
    if (row->state == CHUNK_HAS_VECTOR || (row->state == CHUNK_HAS_NONE && vector == NULL))
        return 0;
    if (vector != NULL
        && statement_run (store, STATEMENT_VECTOR_ADD, "ib", (int64_t) id, (const void *) vector,
                          (size_t) VECTOR_BYTES) != 0)
        return -1;
    chunk_state_t state = vector != NULL ? CHUNK_HAS_VECTOR : CHUNK_HAS_NONE;
    if (statement_run (store, STATEMENT_CHUNK_SETTLE, "iit", (int64_t) id, (int64_t) state, reason) != 0)
        return -1;
    return count_vector (store, row->file, row->state, vector != NULL);
}

int store_get_vector (store_t *store, uint32_t id, float vector [EMBEDDING_WIDTH])
{
    rows_t *s = statement_start (store, STATEMENT_VECTOR_GET, "i", (int64_t) id);
    int result = statement_step (store, s);
    bool whole = result == 1 && column_size (s, 0) == VECTOR_BYTES;
    if (whole)
        memcpy (vector, column_blob (s, 0), VECTOR_BYTES);
    statement_finish (s);
    if (result < 0)
        return -1;
    return whole ? 0 : error_set (ERROR_NOT_FOUND, "chunk %u has no vector", id);
}
