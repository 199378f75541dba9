/* The store: the truth about files, pages, chunks, vectors and vector stores, in one SQLite
 * database. A store_t is one connection: the writer's, or one that reads; each is used by one
 * thread at a time.
 *
 * Rows borrow their strings from the connection: they are valid inside the callback, or until the
 * next call with the same connection. Functions fail with -1 and STORE_FAILED, STORE_DAMAGED,
 * DISK_FULL or the named NOT_FOUND. */
#ifndef QUIRE_STORE_H
#define QUIRE_STORE_H

#include <stdatomic.h>

#include "error.h"
#include "message.h"
#include "page.h"

#define STORE_VERSION 3
#define MAX_ID_BYTES 64u
#define EMBEDDING_WIDTH 384
#define VECTOR_BYTES (EMBEDDING_WIDTH * sizeof (float))
#define DEFAULT_STORE "default"
#define CARD_PAGES 2   /* a file's card tells the start of this many pages */

typedef struct store store_t;

/* Where a file stands. Steps go forward only; number_settle (store_files.c) is the one door. */
typedef enum {
    FILE_QUEUED = 1,    /* its number of pages is not known yet */
    FILE_READING,       /* pages being read */
    FILE_INDEXING,      /* every page committed, vectors being made */
    FILE_COMPLETED,     /* all there */
    FILE_FAILED,        /* can't be read; the reason says why */
} file_state_t;

const char *file_state_name (file_state_t state);

typedef struct {
    uint32_t number;            /* its short name in the indexes, never used again */
    const char *id, *sha256, *name, *purpose, *password, *title, *reason;
    uint64_t bytes, created;
    file_state_t state;
    error_t error;              /* of a failed file */
    uint32_t pages;             /* 0: not known yet */
    uint32_t pages_done, pages_failed;
    uint32_t chunks, vectors;   /* vectors: chunks that have one */
    uint32_t vectors_failed;    /* chunks that could not be embedded; tried again at the next start */
} file_row_t;

/* -- life ----------------------------------------------------------------------------------- */

/* Opens path; the writer makes it when it is not there, and brings an older one up to date. A damaged
 * or newer one is an error that says so, never emptied. */
MUST_CHECK store_t *store_open (const char *path, bool writer);
void store_close (store_t **store);

/* Random text, made with the store: a cache of another store is known by it. */
MUST_CHECK int store_identity (store_t *store, char identity [33]);

/* A group of changes: all or none. A part of it can be taken back alone. */
MUST_CHECK int store_begin (store_t *store);
MUST_CHECK int store_commit (store_t *store);
void store_rollback (store_t *store);
bool store_in_group (const store_t *store);   /* a full disk may have ended it */
MUST_CHECK int store_part_begin (store_t *store);
MUST_CHECK int store_part_keep (store_t *store);
void store_part_drop (store_t *store);

/* -- lists ---------------------------------------------------------------------------------- */

/* A page of a list, ordered by creation and, at equal times, by arrival. */
typedef struct {
    const char *after, *before;   /* ids; "" for none */
    uint32_t limit;
    bool ascending;
} paging_t;

/* Told of each row. backwards: the rows come last first (a page before an id). */
typedef void (file_row_handler_t) (void *context, const file_row_t *row);

/* Both list calls give up to limit + 1 rows: the one more says that there are more.
 * BAD_FIELD when after or before is no row of the list. */
MUST_CHECK int store_list_files (store_t *store, const paging_t *paging, const char *purpose,
                                 file_row_handler_t *handler, void *context);
bool paging_backwards (const paging_t *paging);   /* do rows come in reverse? */

/* -- files ---------------------------------------------------------------------------------- */

MUST_CHECK int store_add_file (store_t *store, const add_file_message_t *file);
MUST_CHECK int store_get_file (store_t *store, const char *id, file_row_t *row);
MUST_CHECK int store_get_file_by_number (store_t *store, uint32_t number, file_row_t *row);
MUST_CHECK int store_set_inspected (store_t *store, const char *id, uint32_t pages,
                                    const char *title);
MUST_CHECK int store_fail_file (store_t *store, const char *id, error_t error, const char *reason);

/* Deletes a file and all that hangs on it. sha256 gets the name of the bytes that nobody has any
 * more, or "". The same request once more gets the same answer, with *number 0. */
MUST_CHECK int store_delete_file (store_t *store, const char *id, uint64_t request,
                                  char sha256 [MAX_ID_BYTES + 1], uint32_t *number);

/* Files that are neither completed nor failed, in the order of their ids, those above `after`. */
MUST_CHECK int store_list_unfinished (store_t *store, const char *after, uint32_t limit,
                                      file_row_handler_t *handler, void *context);

/* -- pages ---------------------------------------------------------------------------------- */

typedef enum { PAGE_STORED, PAGE_DUPLICATE, PAGE_ORPHAN } page_outcome_t;

/* Adds a page and its chunks. BAD_MESSAGE when the packed parts make no sense. */
MUST_CHECK int store_add_page (store_t *store, const page_message_t *page, page_outcome_t *outcome,
                               uint32_t *file_number);
MUST_CHECK int store_fail_pages (store_t *store, const char *id, uint32_t first, uint32_t last,
                                 const char *reason);

typedef struct {
    uint32_t number;            /* its short name in the indexes */
    uint32_t file, page;
    page_status_t status;
    float width, height, number_share;
    uint32_t words, chunks;     /* how many */
    bool has_terms, is_headed;  /* is there anything to index in its text, in its head? */
    const char *reason, *text, *head;
    size_t text_size, head_size;
    bytes_t packed_words;
} page_row_t;
typedef void (page_row_handler_t) (void *context, const page_row_t *row);

MUST_CHECK int store_list_pages (store_t *store, uint32_t file, uint32_t after, uint32_t limit,
                                 page_row_handler_t *handler, void *context);   /* without texts */
MUST_CHECK int store_get_page (store_t *store, uint32_t file, uint32_t page, page_row_t *row);
MUST_CHECK int store_get_page_by_number (store_t *store, uint32_t number, page_row_t *row);
MUST_CHECK int store_get_page_facts (store_t *store, uint32_t number, page_row_t *row);  /* no texts */
MUST_CHECK int store_list_texts (store_t *store, uint32_t file, uint32_t after, uint32_t limit,
                                 page_row_handler_t *handler, void *context);  /* page and text */

typedef void (range_handler_t) (void *context, uint32_t first, uint32_t last);
MUST_CHECK int store_missing_pages (store_t *store, const file_row_t *file,
                                    range_handler_t *handler, void *context);

/* -- chunks and vectors --------------------------------------------------------------------- */

typedef enum { CHUNK_WAITING, CHUNK_HAS_VECTOR, CHUNK_HAS_NONE } chunk_state_t;

typedef struct {
    uint32_t id, file, page;    /* short names */
    uint32_t start, end;
    chunk_state_t state;
    const char *text;           /* only where it says so */
    size_t text_size;
} chunk_row_t;
typedef void (chunk_row_handler_t) (void *context, const chunk_row_t *row);

MUST_CHECK int store_list_chunks (store_t *store, uint32_t page, chunk_row_handler_t *handler,
                                  void *context);
/* Chunks without a vector (CHUNK_WAITING or CHUNK_HAS_NONE) with ids above `after`, in order, with
 * their texts. */
MUST_CHECK int store_list_waiting (store_t *store, chunk_state_t state, uint32_t after, uint32_t limit,
                                   chunk_row_handler_t *handler, void *context);
/* One chunk without a vector, with its text; NOT_FOUND when it is gone or has one. */
MUST_CHECK int store_get_waiting (store_t *store, uint32_t id, chunk_row_t *row);
MUST_CHECK int store_list_with_vector (store_t *store, chunk_row_handler_t *handler, void *context);

/* Gives a chunk its vector, or with vector NULL the reason why it has none; that is not the last
 * word. NOT_FOUND when it is gone; a second vector is ignored (*row tells the state before). */
MUST_CHECK int store_settle_chunk (store_t *store, uint32_t id, const float *vector,
                                   const char *reason, chunk_row_t *row);
MUST_CHECK int store_get_vector (store_t *store, uint32_t id, float vector [EMBEDDING_WIDTH]);

/* -- vector stores -------------------------------------------------------------------------- */

typedef struct {
    uint32_t number;
    const char *id, *name, *metadata;
    uint64_t created, active, bytes;
    uint32_t in_progress, completed, failed, cancelled;
} store_row_t;
typedef void (store_row_handler_t) (void *context, const store_row_t *row);

MUST_CHECK int store_add_store (store_t *store, const create_store_message_t *message);
MUST_CHECK int store_get_store (store_t *store, const char *id, store_row_t *row);
MUST_CHECK int store_find_store (store_t *store, const char *id, uint32_t *number);  /* no counts */
MUST_CHECK int store_name_store (store_t *store, const char *name, const char **id);   /* by its id or name */
MUST_CHECK int store_list_stores (store_t *store, const paging_t *paging,
                                  store_row_handler_t *handler, void *context);
MUST_CHECK int store_set_store (store_t *store, const modify_store_message_t *message);
MUST_CHECK int store_delete_store (store_t *store, const char *id);

/* A file of a vector store. */
typedef struct {
    file_row_t file;
    const char *store_id, *attributes;
    uint64_t attached;
    bool cancelled;
} store_file_row_t;
typedef void (store_file_row_handler_t) (void *context, const store_file_row_t *row);

typedef struct {
    const char *store_id, *batch_id, *status;   /* batch_id, status: "" for any */
} store_files_filter_t;

MUST_CHECK int store_attach_file (store_t *store, uint32_t store_number, const char *file_id,
                                  const char *attributes, uint64_t created);
MUST_CHECK int store_get_store_file (store_t *store, const char *store_id, const char *file_id,
                                     store_file_row_t *row);
MUST_CHECK int store_list_store_files (store_t *store, const paging_t *paging,
                                       const store_files_filter_t *filter,
                                       store_file_row_handler_t *handler, void *context);
MUST_CHECK int store_set_attributes (store_t *store, const char *store_id, const char *file_id,
                                     const char *attributes);
MUST_CHECK int store_detach_file (store_t *store, const char *store_id, const char *file_id);
MUST_CHECK int store_get_store_file_by_number (store_t *store, uint32_t store_number, uint32_t file,
                                               store_file_row_t *row);

/* All files of a vector store that a search may look at. */
typedef struct {
    uint32_t number, chunks, vectors, vectors_failed;
    const char *id, *name, *attributes;
} scope_row_t;
typedef void (scope_row_handler_t) (void *context, const scope_row_t *row);
MUST_CHECK int store_list_scope (store_t *store, uint32_t store_number, scope_row_handler_t *handler,
                                 void *context);
/* Those of them that are still being read or indexed. */
MUST_CHECK int store_list_reading (store_t *store, uint32_t store_number, scope_row_handler_t *handler,
                                   void *context);
MUST_CHECK int store_count_files (store_t *store, size_t *count);

typedef struct {
    const char *id, *store_id;
    uint64_t created;
    bool was_cancelled;
    uint32_t in_progress, completed, failed, cancelled;
} batch_row_t;

MUST_CHECK int store_add_batch (store_t *store, uint32_t store_number, const char *batch_id,
                                uint64_t created, strings_t file_ids);
MUST_CHECK int store_get_batch (store_t *store, const char *store_id, const char *batch_id,
                                batch_row_t *row);
MUST_CHECK int store_cancel_batch (store_t *store, const char *store_id, const char *batch_id);

/* -- responses ------------------------------------------------------------------------------ */

#define MAX_RESPONSE_BYTES (4u << 20)   /* of one, with its input */
#define MAX_RESPONSES      10000u       /* that are kept */
#define MAX_CHAIN_BYTES    (16u << 20)  /* of those that one goes on from and itself, told at once */

typedef struct {
    const char *id, *previous;              /* previous: "" for none */
    const char *response, *input;           /* JSON */
    size_t response_size, input_size;
} response_row_t;

/* Replaces one of the same id, and forgets the oldest beyond MAX_RESPONSES and most_bytes. BODY_TOO_LARGE
 * when it alone is larger than MAX_RESPONSE_BYTES. */
MUST_CHECK int store_put_response (store_t *store, const put_response_message_t *message, uint64_t most_bytes);
MUST_CHECK int store_get_response (store_t *store, const char *id, response_row_t *row);
MUST_CHECK int store_delete_response (store_t *store, const char *id);

/* -- numbers -------------------------------------------------------------------------------- */

typedef struct {
    uint64_t files, pages, chunks, vectors, vectors_failed, stores;
    uint64_t files_in_state [FILE_FAILED + 1];
} store_counts_t;
MUST_CHECK int store_count (store_t *store, store_counts_t *counts);

/* What the full-text index should hold. */
typedef struct {
    uint32_t pages, heads, chunks, files;
} store_documents_t;
MUST_CHECK int store_count_documents (store_t *store, store_documents_t *documents);

/* -- checking ------------------------------------------------------------------------------- */

/* What is read between the two is of one moment, whatever the writer does. */
MUST_CHECK int store_hold (store_t *store);
void store_release (store_t *store);

/* Tells of everything in the store that can't be so: what it is, and of which row. quick: not every
 * byte of the database is read. */
typedef void (store_finding_handler_t) (void *context, const char *what, const char *which);
MUST_CHECK int store_check (store_t *store, bool quick, store_finding_handler_t *handler, void *context);

/* SQLite's own quick look alone: is the database readable as a whole? Returns 0, or -1; STORE_DAMAGED: it
 * could not even be looked at. */
MUST_CHECK int store_check_pages (store_t *store, store_finding_handler_t *handler, void *context);
void store_give_up_when (store_t *store, const atomic_bool *over);   /* what is asked of it fails then */

/* What the full-text index should hold, by its documents' numbers, in their order. */
typedef enum { STORE_PAGES_WITH_TERMS, STORE_PAGES_WITH_HEAD, STORE_CHUNKS, STORE_FILES } store_documents_of_t;
typedef struct {
    uint32_t number, file, page;   /* short names; page is 0 for files */
} store_document_t;
typedef void (store_document_handler_t) (void *context, const store_document_t *document);
MUST_CHECK int store_list_documents (store_t *store, store_documents_of_t of, store_document_handler_t *handler,
                                     void *context);
MUST_CHECK int store_list_all_files (store_t *store, file_row_handler_t *handler, void *context);

/* -- the journal: what the full-text index still has to take over ---------------------------- */

typedef enum { CHANGE_PAGE = 1, CHANGE_CARD, CHANGE_FILE_GONE } change_kind_t;

typedef struct {
    uint64_t sequence;
    change_kind_t kind;
    uint32_t number;            /* of the page or file */
} change_row_t;

/* The changes after `after`, at most capacity. Returns how many, or -1. */
MUST_CHECK int store_list_changes (store_t *store, uint64_t after, change_row_t *rows,
                                   size_t capacity);
/* The journal reaches from *pruned (not included) to *last. */
MUST_CHECK int store_journal (store_t *store, uint64_t *pruned, uint64_t *last);
MUST_CHECK int store_prune_journal (store_t *store, uint64_t up_to);
/* Writes the whole store into the journal, for an index that is made anew. */
MUST_CHECK int store_refill_journal (store_t *store);

#endif
