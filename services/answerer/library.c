/* The library: opening, mending and closing of the store and its caches. */
#include "library.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "loop.h"
#include "utf8.h"

#define MAX_PATH          4096
#define CHANGES_AT_ONCE   32
#define PRUNE_AFTER       512     /* changes that wait before the journal is cut */
#define CARD_PAGE_BYTES   3000

struct library {
    char store_path [MAX_PATH], lexical_path [MAX_PATH], index_path [MAX_PATH];
    char identity [33];
    store_t *store;
    lexical_t *lexical;           /* NULL: could not be opened again */
    index_t *index;
    uint64_t applied;             /* changes that the full-text index has, committed or not */
    _Atomic bool distrusted;
    pthread_mutex_t lock;         /* guards `free_readers` */
    reader_t *readers, **free_readers;
    int reader_count, free_count;
};

/* -- the vector index ----------------------------------------------------------------------- */

typedef struct {
    chunk_row_t *rows;
    size_t count, capacity;
    bool out_of_memory;
} chunk_list_t;

static void collect_chunk (void *context, const chunk_row_t *row)
{
    chunk_list_t *list = context;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 4096;
        chunk_row_t *rows = realloc (list->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            list->out_of_memory = true;
            return;
        }
        list->rows = rows;
        list->capacity = capacity;
    }
    list->rows [list->count++] = *row;
}

static int compare_rows (const void *left, const void *right)
{
    const chunk_row_t *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

static int add_missing (library_t *library, const chunk_list_t *list, const uint32_t *ids, int64_t count)
{
    float vector [EMBEDDING_WIDTH];
    for (int64_t i = 0; i < count; i++) {
        chunk_row_t wanted = {.id = ids [i]};
        const chunk_row_t *row = bsearch (&wanted, list->rows, list->count, sizeof wanted, compare_rows);
        if (row == NULL || store_get_vector (library->store, row->id, vector) != 0)
            return -1;
        if (index_add (library->index, row->id, row->page, row->file, vector) != 0)
            return -1;
    }
    return 0;
}

static int reconcile (library_t *library, const chunk_list_t *list)
{
    uint32_t *ids = malloc ((list->count + 1) * sizeof *ids);
    if (ids == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    for (size_t i = 0; i < list->count; i++)
        ids [i] = list->rows [i].id;
    size_t before = index_count (library->index);
    int64_t missing = index_keep_only (library->index, ids, list->count);
    int result = missing < 0 ? -1 : add_missing (library, list, ids, missing);
    free (ids);
    if (result == 0)
        log_info ("index_ready", "vectors=%zu from_file=%zu added=%lld", index_count (library->index),
                  before, (long long) missing);
    return result;
}

int library_mend_index (library_t *library)
{
    chunk_list_t list = {0};
    int result = store_list_with_vector (library->store, collect_chunk, &list);
    if (list.out_of_memory)
        result = error_set (ERROR_NO_MEMORY, NULL);
    if (result == 0)
        result = reconcile (library, &list);
    free (list.rows);
    return result;
}

static int open_index (library_t *library)
{
    library->index = index_new ();
    if (library->index == NULL
        || index_load (library->index, library->index_path, library->identity) < 0)
        return -1;
    return library_mend_index (library);
}

int library_save_index (library_t *library)
{
    if (!index_changed (library->index))
        return 0;
    return index_save (library->index, library->index_path, library->identity);
}

/* -- the full-text index -------------------------------------------------------------------- */

/* Begins it anew: the whole store becomes its journal. */
static int refill (library_t *library)
{
    uint64_t pruned, last;
    log_warning ("texts_made_anew", "path=%s", library->lexical_path);
    if (lexical_reset (library->lexical) != 0 || store_begin (library->store) != 0)
        return -1;
    if (store_refill_journal (library->store) != 0 || store_commit (library->store) != 0) {
        store_rollback (library->store);
        return -1;
    }
    if (store_journal (library->store, &pruned, &last) != 0
        || lexical_commit (library->lexical, pruned) != 0)
        return -1;
    library->applied = pruned;
    return 0;
}

static bool counts_differ (library_t *library, const store_documents_t *documents)
{
    const struct {
        lexical_kind_t kind;
        uint32_t count;
    } expected [] = {
        {LEXICAL_PAGES, documents->pages}, {LEXICAL_HEADS, documents->heads},
        {LEXICAL_CHUNKS, documents->chunks}, {LEXICAL_CARDS, documents->files},
        {LEXICAL_NAMES, documents->files},
    };
    for (size_t i = 0; i < COUNT_OF (expected); i++)
        if (lexical_count (library->lexical, expected [i].kind) != expected [i].count)
            return true;
    return false;
}

/* Can the full-text index catch up by the journal? When it claims to be up to date it must also
 * have as many documents as the store. */
static int open_lexical (library_t *library)
{
    uint64_t pruned, last;
    store_documents_t documents;
    library->lexical = lexical_open (library->lexical_path, library->identity);
    if (library->lexical == NULL || store_journal (library->store, &pruned, &last) != 0
        || store_count_documents (library->store, &documents) != 0)
        return -1;
    library->applied = lexical_applied (library->lexical);
    if (library->applied < pruned || library->applied > last
        || (library->applied == last && counts_differ (library, &documents)))
        return refill (library);
    return 0;
}

static int put (library_t *library, lexical_kind_t kind, uint32_t number, const page_row_t *page,
                const char *text, size_t size)
{
    return lexical_put (library->lexical, &(lexical_document_t) {
        .kind = kind, .number = number, .file = page->file, .page = page->number, .text = text,
        .size = size,
    });
}

typedef struct {
    library_t *library;
    const page_row_t *page;
    int result;
} page_being_indexed_t;

static void index_chunk (void *context, const chunk_row_t *chunk)
{
    page_being_indexed_t *being = context;
    const page_row_t *page = being->page;
    size_t start = utf8_offset (page->text, page->text_size, chunk->start);
    size_t end = utf8_offset (page->text, page->text_size, chunk->end);
    if (being->result == 0)
        being->result = put (being->library, LEXICAL_CHUNKS, chunk->id, page, page->text + start, end - start);
}

static int index_page (library_t *library, uint32_t number)
{
    page_row_t page;
    if (store_get_page_by_number (library->store, number, &page) != 0)
        return error_get () == ERROR_PAGE_NOT_READ ? 0 : -1;   /* deleted meanwhile */
    if (page.has_terms && put (library, LEXICAL_PAGES, number, &page, page.text, page.text_size) != 0)
        return -1;
    if (page.is_headed && put (library, LEXICAL_HEADS, number, &page, page.head, page.head_size) != 0)
        return -1;
    page_being_indexed_t being = {library, &page, 0};
    if (store_list_chunks (library->store, number, index_chunk, &being) != 0)
        return -1;
    return being.result;
}

static void append_text (void *context, const page_row_t *page)
{
    FILE *card = context;
    size_t size = page->text_size < CARD_PAGE_BYTES ? page->text_size : CARD_PAGE_BYTES;
    if (page->page <= CARD_PAGES)
        fprintf (card, "\n%.*s", (int) size, page->text);
}

static int index_card (library_t *library, uint32_t number)
{
    file_row_t file;
    char *text = NULL;
    size_t size = 0;
    if (store_get_file_by_number (library->store, number, &file) != 0)
        return error_get () == ERROR_FILE_NOT_FOUND ? 0 : -1;
    FILE *card = open_memstream (&text, &size);
    if (card == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    fprintf (card, "%s\n%s", file.name, file.title);
    int result = store_list_texts (library->store, number, 0, CARD_PAGES, append_text, card);
    fclose (card);
    page_row_t of_file = {.file = number};
    if (result == 0)
        result = put (library, LEXICAL_CARDS, number, &of_file, text, size);
    if (result == 0)
        result = put (library, LEXICAL_NAMES, number, &of_file, file.name, strlen (file.name));
    free (text);
    return result;
}

static int apply_change (library_t *library, const change_row_t *change)
{
    switch (change->kind) {
    case CHANGE_PAGE: return index_page (library, change->number);
    case CHANGE_CARD: return index_card (library, change->number);
    default:          return lexical_remove_file (library->lexical, change->number);
    }
}

/* Applies the next changes. Returns how many there were, or -1. */
static int apply_some (library_t *library)
{
    change_row_t changes [CHANGES_AT_ONCE];
    int count = store_list_changes (library->store, library->applied, changes, CHANGES_AT_ONCE);
    for (int i = 0; i < count; i++) {
        if (apply_change (library, &changes [i]) != 0)
            return -1;
        library->applied = changes [i].sequence;
    }
    return count;
}

static int prune (library_t *library, bool idle)
{
    uint64_t pruned, last, applied = lexical_applied (library->lexical);
    if (store_journal (library->store, &pruned, &last) != 0)
        return -1;
    if (applied <= pruned || (!idle && applied - pruned < PRUNE_AFTER))
        return 0;
    if (store_begin (library->store) != 0)
        return -1;
    if (store_prune_journal (library->store, applied) == 0 && store_commit (library->store) == 0)
        return 0;
    store_rollback (library->store);
    return -1;
}

static int mend (library_t *library)
{
    bool distrusted = atomic_exchange (&library->distrusted, false);
    if (library->lexical != NULL && !distrusted)
        return 0;
    if (library->lexical != NULL)
        return refill (library);
    return open_lexical (library);
}

static int take_over (library_t *library, int budget_ms)
{
    uint64_t until = loop_now_ms () + (uint64_t) budget_ms;
    int count;
    if (mend (library) != 0)
        return -1;
    while ((count = apply_some (library)) > 0 && loop_now_ms () < until)
        ;
    if (count < 0)
        return -1;
    if (library->applied != lexical_applied (library->lexical)
        && lexical_commit (library->lexical, library->applied) != 0)
        return -1;
    return prune (library, false) != 0 ? -1 : count > 0;
}

int library_index_texts (library_t *library, int budget_ms)
{
    int result = take_over (library, budget_ms);
    if (result >= 0)
        return result;
    log_warning ("texts_not_indexed", "error=%s text=\"%s\"", error_name (error_get ()), error_text ());
    lexical_close (&library->lexical);   /* the next call opens it as it was committed last */
    return -1;
}

void library_distrust_texts (library_t *library)
{
    atomic_store (&library->distrusted, true);
}

/* -- readers -------------------------------------------------------------------------------- */

static int open_readers (library_t *library, int count)
{
    library->readers = calloc ((size_t) count, sizeof *library->readers);
    library->free_readers = calloc ((size_t) count, sizeof *library->free_readers);
    if (library->readers == NULL || library->free_readers == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    for (; library->reader_count < count; library->reader_count++) {
        reader_t *reader = &library->readers [library->reader_count];
        reader->store = store_open (library->store_path, false);
        reader->lexical = lexical_reader_new (library->lexical_path);
        library->free_readers [library->free_count++] = reader;
        if (reader->store == NULL || reader->lexical == NULL)
            return -1;
    }
    return 0;
}

reader_t *library_take_reader (library_t *library)
{
    pthread_mutex_lock (&library->lock);
    reader_t *reader = library->free_readers [--library->free_count];
    pthread_mutex_unlock (&library->lock);
    return reader;
}

void library_give_reader (library_t *library, reader_t *reader)
{
    if (reader->texts_damaged)
        library_distrust_texts (library);
    reader->texts_damaged = false;
    pthread_mutex_lock (&library->lock);
    library->free_readers [library->free_count++] = reader;
    pthread_mutex_unlock (&library->lock);
}

/* -- life ----------------------------------------------------------------------------------- */

static int make_folder (const char *path)
{
    if (mkdir (path, 0770) == 0 || errno == EEXIST)
        return 0;
    return error_set (errno == ENOSPC ? ERROR_DISK_FULL : ERROR_STORE_FAILED,
                      "make folder %s: %s", path, strerror (errno));
}

static int set_paths (library_t *library, const char *folder)
{
    char index_folder [MAX_PATH];
    if (strlen (folder) > MAX_PATH - 64)
        return error_set (ERROR_STORE_FAILED, "the path of the data folder is too long");
    snprintf (library->store_path, MAX_PATH, "%s/store.sqlite", folder);
    snprintf (library->lexical_path, MAX_PATH, "%s/lexical", folder);
    snprintf (index_folder, MAX_PATH, "%s/index", folder);
    snprintf (library->index_path, MAX_PATH, "%.4000s/vectors", index_folder);
    return make_folder (folder) != 0 || make_folder (library->lexical_path) != 0
        || make_folder (index_folder) != 0 ? -1 : 0;
}

/* A store that was here before and is not: it begins anew, as when somebody moved it away, but not
 * without a word. */
static void say_when_missing (const library_t *library)
{
    DIR *lexical = access (library->store_path, F_OK) == 0 ? NULL : opendir (library->lexical_path);
    size_t entries = 0;
    if (lexical == NULL)
        return;
    while (readdir (lexical) != NULL)
        entries++;
    closedir (lexical);
    if (entries > 2)   /* itself and its parent */
        log_warning ("store_missing", "path=%s text=\"there was a library here, and a new, empty one is begun: if that is"
                     " not meant, stop, and restore a backup\"", library->store_path);
}

static int open_all (library_t *library, const char *folder, int readers)
{
    if (set_paths (library, folder) != 0)
        return -1;
    say_when_missing (library);
    library->store = store_open (library->store_path, true);
    if (library->store == NULL || store_identity (library->store, library->identity) != 0)
        return -1;
    if (open_index (library) != 0 || open_lexical (library) != 0)
        return -1;
    return open_readers (library, readers);
}

library_t *library_open (const char *folder, int readers)
{
    library_t *library = calloc (1, sizeof *library);
    if (library == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    pthread_mutex_init (&library->lock, NULL);
    if (open_all (library, folder, readers) != 0)
        library_close (&library);
    return library;
}

static void save_caches (library_t *library)
{
    if (library->index != NULL && library->readers != NULL && library_save_index (library) != 0)
        log_warning ("index_not_saved", "text=\"%s\"", error_text ());
    if (library->lexical == NULL || library->readers == NULL)
        return;
    if (lexical_commit (library->lexical, library->applied) != 0 || prune (library, true) != 0)
        log_warning ("texts_not_saved", "text=\"%s\"", error_text ());
}

void library_close (library_t **library_p)
{
    library_t *library = *library_p;
    if (library == NULL)
        return;
    save_caches (library);
    for (int i = 0; i < library->reader_count; i++) {
        store_close (&library->readers [i].store);
        lexical_reader_destroy (&library->readers [i].lexical);
        free (library->readers [i].shares);
    }
    lexical_close (&library->lexical);
    index_destroy (&library->index);
    store_close (&library->store);
    pthread_mutex_destroy (&library->lock);
    free (library->readers);
    free (library->free_readers);
    free (library);
    *library_p = NULL;
}

store_t *library_store (library_t *library) { return library->store; }
index_t *library_index (library_t *library) { return library->index; }
const char *library_store_path (const library_t *library) { return library->store_path; }
