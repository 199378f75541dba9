/* The store looked at as a whole: SQLite's own check, and what its rows may not say. */
#include "store_parts.h"

typedef struct {
    statement_t statement;
    const char *what;
} check_t;

static const check_t whole = {STATEMENT_CHECK_WHOLE, "the database is damaged"};
static const check_t whole_quick = {STATEMENT_CHECK_WHOLE_QUICK, "the database is damaged"};

static const check_t checks [] = {
    {STATEMENT_CHECK_REFERENCES,   "orphan: a row belongs to nothing"},
    {STATEMENT_CHECK_CHUNK_FILE,   "a chunk is of another file than its page"},
    {STATEMENT_CHECK_CHUNK_TWICE,  "a chunk is there twice"},
    {STATEMENT_CHECK_CHUNK_RANGE,  "a chunk reaches past its page's text"},
    {STATEMENT_CHECK_CHUNK_COUNT,  "a page has another number of chunks than it says"},
    {STATEMENT_CHECK_VECTOR,       "a chunk's vector is missing, of another size, or not wanted"},
    {STATEMENT_CHECK_PAGE_RANGE,   "a page is none of its file"},
    {STATEMENT_CHECK_FILE_COUNTS,  "a file has other numbers of pages, chunks or vectors than it says"},
    {STATEMENT_CHECK_FILE_STATE,   "a file is in another state than its pages and vectors are"},
    {STATEMENT_CHECK_FILE_DELETED, "a file that was deleted is there"},
};

int store_hold (store_t *store) { return statement_run (store, STATEMENT_HOLD, ""); }

void store_release (store_t *store)
{
    store_rollback (store);
}

static int run_check (store_t *store, const check_t *check, store_finding_handler_t *handler, void *context)
{
    rows_t *s = statement_start (store, check->statement, "");
    int result;
    while (statement_next (store, s, &result))
        handler (context, check->what, column_text (s, 0));
    return result;
}

int store_check_pages (store_t *store, store_finding_handler_t *handler, void *context)
{
    return run_check (store, &whole_quick, handler, context);
}

void store_give_up_when (store_t *store, const atomic_bool *over)
{
    connection_give_up_when (store, over);
}

int store_check (store_t *store, bool quick, store_finding_handler_t *handler, void *context)
{
    int result = run_check (store, quick ? &whole_quick : &whole, handler, context);
    for (size_t i = 0; i < COUNT_OF (checks) && result == 0; i++)
        result = run_check (store, &checks [i], handler, context);
    return result;
}

int store_list_documents (store_t *store, store_documents_of_t of, store_document_handler_t *handler, void *context)
{
    static const statement_t statements [] = {
        [STORE_PAGES_WITH_TERMS] = STATEMENT_DOCUMENTS_PAGES, [STORE_PAGES_WITH_HEAD] = STATEMENT_DOCUMENTS_HEADS,
        [STORE_CHUNKS] = STATEMENT_DOCUMENTS_CHUNKS, [STORE_FILES] = STATEMENT_DOCUMENTS_FILES,
    };
    rows_t *s = statement_start (store, statements [of], "");
    int result;
    while (statement_next (store, s, &result))
        handler (context, &(store_document_t) {column_u32 (s, 0), column_u32 (s, 1), column_u32 (s, 2)});
    return result;
}

int store_list_all_files (store_t *store, file_row_handler_t *handler, void *context)
{
    rows_t *s = statement_start (store, STATEMENT_FILES_ALL, "");
    int result;
    while (statement_next (store, s, &result)) {
        file_row_t row = file_from (s);
        handler (context, &row);
    }
    return result;
}
