/* The full-text index against the store. What the store's journal still holds for it is not missing
 * and not left over, only behind. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lexical.h"
#include "number_set.h"

#define CHANGES_AT_ONCE 1000
#define TRIES           4      /* the writer may overtake a reader */

static const char part [] = "text index";

static const struct {
    const char *name;
    store_documents_of_t source;
} kinds [LEXICAL_KINDS] = {
    [LEXICAL_PAGES] = {"page", STORE_PAGES_WITH_TERMS}, [LEXICAL_HEADS] = {"head of page", STORE_PAGES_WITH_HEAD},
    [LEXICAL_CHUNKS] = {"chunk", STORE_CHUNKS}, [LEXICAL_CARDS] = {"card of file", STORE_FILES},
    [LEXICAL_NAMES] = {"name of file", STORE_FILES},
};

typedef struct {
    uint32_t number, file;
} document_t;

/* The documents of one kind that the index has, in the order of their numbers. */
typedef struct {
    document_t *list;
    size_t count, capacity;
    uint64_t applied;
    bool out_of_memory;
} documents_t;

/* What the index has not taken over yet. */
typedef struct {
    number_set_t pages, cards, gone;
} pending_t;

typedef struct {
    check_t *check;
    lexical_kind_t kind;
    const documents_t *documents;
    const pending_t *pending;
    size_t at;                  /* document that comes next */
    size_t behind;
} comparison_t;

static void on_document (void *context, uint32_t number, uint32_t file)
{
    documents_t *documents = context;
    if (documents->count == documents->capacity) {
        size_t capacity = documents->capacity * 2 + 4096;
        document_t *list = realloc (documents->list, capacity * sizeof *list);
        if (list == NULL) {
            documents->out_of_memory = true;
            return;
        }
        documents->list = list;
        documents->capacity = capacity;
    }
    documents->list [documents->count++] = (document_t) {number, file};
}

static int gather (const check_t *check, lexical_kind_t kind, documents_t *documents)
{
    char folder [MAX_PATH];
    snprintf (folder, sizeof folder, "%s/lexical", check->folder);
    for (int i = 0; i < TRIES; i++) {
        documents->count = 0;
        if (lexical_list (folder, check->identity, kind, &documents->applied, on_document, documents) == 0)
            return documents->out_of_memory ? error_set (ERROR_NO_MEMORY, NULL) : 0;
    }
    return -1;
}

static int pending_add (pending_t *pending, const change_row_t *change)
{
    number_set_t *set = change->kind == CHANGE_PAGE ? &pending->pages
                        : change->kind == CHANGE_CARD ? &pending->cards : &pending->gone;
    return number_set_add (set, change->number);
}

/* Returns how many changes there are after `after`, or -1. */
static int pending_read (store_t *store, uint64_t after, pending_t *pending)
{
    static change_row_t changes [CHANGES_AT_ONCE];
    int all = 0, count;
    while ((count = store_list_changes (store, after, changes, CHANGES_AT_ONCE)) > 0) {
        for (int i = 0; i < count; i++)
            if (pending_add (pending, &changes [i]) != 0)
                return -1;
        after = changes [count - 1].sequence;
        all += count;
    }
    return count < 0 ? -1 : all;
}

static void pending_clear (pending_t *pending)
{
    number_set_clear (&pending->pages);
    number_set_clear (&pending->cards);
    number_set_clear (&pending->gone);
}

/* A document of the index that the store does not have. */
static void left_over (comparison_t *comparison, const document_t *document)
{
    if (number_set_has (&comparison->pending->gone, document->file))
        comparison->behind++;
    else
        findings_add (comparison->check->findings, FINDING_FAULT, part, "orphan: %s %u of file number %u is not in"
                      " the store", kinds [comparison->kind].name, document->number, document->file);
}

static void missing (comparison_t *comparison, const store_document_t *wanted)
{
    bool is_of_file = kinds [comparison->kind].source == STORE_FILES;
    if (number_set_has (is_of_file ? &comparison->pending->cards : &comparison->pending->pages,
                        is_of_file ? wanted->file : wanted->page))
        comparison->behind++;
    else
        findings_add (comparison->check->findings, FINDING_FAULT, part, "missing: %s %u of file number %u",
                      kinds [comparison->kind].name, wanted->number, wanted->file);
}

/* What the store has comes in the order of the numbers, like the documents. */
static void on_wanted (void *context, const store_document_t *wanted)
{
    comparison_t *comparison = context;
    const documents_t *documents = comparison->documents;
    while (comparison->at < documents->count && documents->list [comparison->at].number < wanted->number)
        left_over (comparison, &documents->list [comparison->at++]);
    const document_t *document = comparison->at < documents->count ? &documents->list [comparison->at] : NULL;
    if (document == NULL || document->number != wanted->number) {
        missing (comparison, wanted);
        return;
    }
    if (document->file != wanted->file)
        findings_add (comparison->check->findings, FINDING_FAULT, part, "%s %u stands for file number %u, not %u",
                      kinds [comparison->kind].name, document->number, document->file, wanted->file);
    comparison->at++;
}

static int compare (comparison_t *comparison)
{
    store_t *store = comparison->check->store;
    if (store_list_documents (store, kinds [comparison->kind].source, on_wanted, comparison) != 0)
        return -1;
    while (comparison->at < comparison->documents->count)
        left_over (comparison, &comparison->documents->list [comparison->at++]);
    return 0;
}

/* Returns how many documents the index has and is behind by, 0: it can't be used and is made anew, -1: failed. */
static int compare_kind (check_t *check, lexical_kind_t kind, const documents_t *documents, size_t *behind)
{
    uint64_t pruned, last;
    pending_t pending = {0};
    comparison_t comparison = {.check = check, .kind = kind, .documents = documents, .pending = &pending};
    if (store_journal (check->store, &pruned, &last) != 0)
        return -1;
    if (documents->applied < pruned || documents->applied > last) {
        findings_add (check->findings, FINDING_NOTE, part, "of another state than the store: it is made anew when"
                      " the answerer starts");
        return 0;
    }
    int result = pending_read (check->store, documents->applied, &pending) < 0 ? -1 : compare (&comparison);
    pending_clear (&pending);
    *behind += comparison.behind;
    return result;
}

static int check_kind (check_t *check, lexical_kind_t kind, size_t *count, size_t *behind)
{
    documents_t documents = {0};
    int result = gather (check, kind, &documents);
    if (result != 0)
        findings_add (check->findings, FINDING_NOTE, part, "%s: it is made anew when the answerer starts", error_text ());
    else if (store_hold (check->store) != 0 || compare_kind (check, kind, &documents, behind) != 0)
        check_failed (check, part);
    store_release (check->store);
    *count += documents.count;
    free (documents.list);
    return result;
}

void check_texts (check_t *check)
{
    size_t count = 0, behind = 0;
    for (lexical_kind_t kind = 0; kind < LEXICAL_KINDS; kind++)
        if (check_kind (check, kind, &count, &behind) != 0)
            return;   /* what is wrong with one kind is so with all: they are made anew together */
    fprintf (check->out, "text index: documents=%zu behind=%zu\n", count, behind);
    if (behind > 0)
        findings_add (check->findings, FINDING_NOTE, part, "%zu documents behind the store: it catches up by the"
                      " journal", behind);
}
