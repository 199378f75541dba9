/* The store's counts, and the journal of what the full-text index still has to take over. */
#include "store_parts.h"

/* -- numbers -------------------------------------------------------------------------------- */

int store_count (store_t *store, store_counts_t *counts)
{
    *counts = (store_counts_t) {0};
    int64_t stores [2] = {0, 0};
    if (statement_numbers (store, stores, STATEMENT_COUNT_STORES, "") < 0)
        return -1;
    counts->stores = (uint64_t) stores [0];
    rows_t *s = statement_start (store, STATEMENT_COUNT, "");
    int result;
    while (statement_next (store, s, &result)) {
        int state = (int) column_u32 (s, 0);
        if (state >= FILE_QUEUED && state <= FILE_FAILED)
            counts->files_in_state [state] = column_u64 (s, 1);
        counts->files += column_u64 (s, 1);
        counts->pages += column_u64 (s, 2);
        counts->chunks += column_u64 (s, 3);
        counts->vectors += column_u64 (s, 4);
        counts->vectors_failed += column_u64 (s, 5);
    }
    return result;
}

int store_count_documents (store_t *store, store_documents_t *documents)
{
    rows_t *s = statement_start (store, STATEMENT_COUNT_DOCUMENTS, "");
    int result = statement_step (store, s);
    if (result == 1)
        *documents = (store_documents_t) {
            .pages = column_u32 (s, 0), .heads = column_u32 (s, 1), .chunks = column_u32 (s, 2),
            .files = column_u32 (s, 3),
        };
    statement_finish (s);
    return result == 1 ? 0 : -1;
}

/* -- the journal ---------------------------------------------------------------------------- */

int add_change (store_t *store, change_kind_t kind, uint32_t number)
{
    return statement_run (store, STATEMENT_CHANGE_ADD, "ii", (int64_t) kind, (int64_t) number);
}

int store_list_changes (store_t *store, uint64_t after, change_row_t *rows, size_t capacity)
{
    rows_t *s = statement_start (store, STATEMENT_CHANGES_AFTER, "ii", (int64_t) after, (int64_t) capacity);
    int result, count = 0;
    while (statement_next (store, s, &result))
        rows [count++] = (change_row_t) {column_u64 (s, 0), (change_kind_t) column_u32 (s, 1),
                                         column_u32 (s, 2)};
    return result < 0 ? -1 : count;
}

int store_journal (store_t *store, uint64_t *pruned, uint64_t *last)
{
    int64_t from [2] = {0, 0}, to [2] = {0, 0};
    if (statement_numbers (store, from, STATEMENT_META_GET, "t", "pruned") < 0
        || statement_numbers (store, to, STATEMENT_CHANGES_LAST, "") < 0)
        return -1;
    *pruned = (uint64_t) from [0];
    *last = (uint64_t) to [0];
    return 0;
}

int store_prune_journal (store_t *store, uint64_t up_to)
{
    if (statement_run (store, STATEMENT_CHANGES_PRUNE, "i", (int64_t) up_to) != 0)
        return -1;
    return statement_run (store, STATEMENT_META_SET, "ti", "pruned", (int64_t) up_to);
}

int store_refill_journal (store_t *store)
{
    uint64_t pruned, last;
    if (store_journal (store, &pruned, &last) != 0 || store_prune_journal (store, last) != 0
        || statement_run (store, STATEMENT_REFILL_PAGES, "") != 0)
        return -1;
    return statement_run (store, STATEMENT_REFILL_CARDS, "");
}
