/* The vector index's file against the store. It is saved now and then, and made good when the answerer
 * starts: what is only behind is a note. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "index.h"

static const char part [] = "vector index";

typedef struct {
    index_entry_t *list;        /* in the order of the chunks */
    size_t count;
} entries_t;

typedef struct {
    check_t *check;
    const entries_t *entries;
    size_t at, to_add, to_drop;
    bool failed;
} comparison_t;

static void on_entry (void *context, const index_entry_t *entry)
{
    entries_t *entries = context;
    entries->list [entries->count++] = *entry;
}

static int compare_entries (const void *left, const void *right)
{
    const index_entry_t *a = left, *b = right;
    return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

static int gather (index_t *index, entries_t *entries)
{
    entries->list = malloc ((index_count (index) + 1) * sizeof *entries->list);
    if (entries->list == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    index_list (index, on_entry, entries);
    qsort (entries->list, entries->count, sizeof *entries->list, compare_entries);
    return 0;
}

static void find_doubles (check_t *check, const entries_t *entries)
{
    for (size_t i = 1; i < entries->count; i++)
        if (entries->list [i].chunk == entries->list [i - 1].chunk)
            findings_add (check->findings, FINDING_FAULT, part, "chunk %u is there twice", entries->list [i].chunk);
}

static void compare_entry (comparison_t *comparison, const index_entry_t *entry, const chunk_row_t *row)
{
    check_t *check = comparison->check;
    float vector [EMBEDDING_WIDTH];
    if (entry->page != row->page || entry->file != row->file)
        findings_add (check->findings, FINDING_FAULT, part, "chunk %u stands for page number %u of file number %u,"
                      " not %u of %u", row->id, entry->page, entry->file, row->page, row->file);
    if (check->quick)
        return;
    if (store_get_vector (check->store, row->id, vector) != 0)
        comparison->failed = true;
    else if (memcmp (vector, entry->vector, VECTOR_BYTES) != 0)
        findings_add (check->findings, FINDING_FAULT, part, "chunk %u has another vector than in the store", row->id);
}

static void on_chunk (void *context, const chunk_row_t *row)
{
    comparison_t *comparison = context;
    const entries_t *entries = comparison->entries;
    while (comparison->at < entries->count && entries->list [comparison->at].chunk < row->id) {
        comparison->at++;
        comparison->to_drop++;
    }
    if (comparison->at == entries->count || entries->list [comparison->at].chunk != row->id)
        comparison->to_add++;
    else
        compare_entry (comparison, &entries->list [comparison->at++], row);
}

static void compare (check_t *check, const entries_t *entries)
{
    comparison_t comparison = {.check = check, .entries = entries};
    if (store_hold (check->store) != 0 || store_list_with_vector (check->store, on_chunk, &comparison) != 0
        || comparison.failed)
        check_failed (check, part);
    store_release (check->store);
    comparison.to_drop += entries->count - comparison.at;
    fprintf (check->out, "vector index: vectors=%zu to_add=%zu to_drop=%zu\n", entries->count, comparison.to_add,
             comparison.to_drop);
    if (comparison.to_add + comparison.to_drop > 0)
        findings_add (check->findings, FINDING_NOTE, part, "its file is behind the store, %zu to add and %zu to drop:"
                      " made good when the answerer starts", comparison.to_add, comparison.to_drop);
}

void check_vectors (check_t *check)
{
    char path [MAX_PATH];
    snprintf (path, sizeof path, "%s/index/vectors", check->folder);
    entries_t entries = {0};
    index_t *index = index_new ();
    int loaded = index == NULL ? -1 : index_load (index, path, check->identity);
    if (loaded < 0 || gather (index, &entries) != 0)
        check_failed (check, part);
    else {
        if (loaded == 0 && access (path, F_OK) == 0)
            findings_add (check->findings, FINDING_NOTE, part, "its file is damaged, or of another store or version:"
                          " it is made anew when the answerer starts");
        find_doubles (check, &entries);
        compare (check, &entries);
    }
    free (entries.list);
    index_destroy (&index);
}
