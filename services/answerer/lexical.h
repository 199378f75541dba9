/* The full-text index: BM25 over pages, their heads, chunks and file cards, and the words of file
 * names. A cache of the store in a folder of its own, one Xapian database a kind.
 *
 * The writer's side belongs to one thread; each thread that searches has a reader. Calls that fail
 * return -1 or NULL with error_set: DISK_FULL, NO_MEMORY, or INTERNAL when the index is damaged
 * (then it is to be made anew: lexical_reset). */
#ifndef QUIRE_LEXICAL_H
#define QUIRE_LEXICAL_H

#ifdef __cplusplus
extern "C" {
#endif

#include "number_set.h"

#define LEXICAL_VERSION "3"     /* raised when terms or weights of documents change */
#define MAX_QUESTION_TERMS 64   /* the rarest are kept */

typedef enum {
    LEXICAL_PAGES,    /* document numbers are page numbers */
    LEXICAL_HEADS,    /* page numbers */
    LEXICAL_CHUNKS,   /* chunk ids */
    LEXICAL_CARDS,    /* file numbers */
    LEXICAL_NAMES,    /* file numbers */
    LEXICAL_KINDS
} lexical_kind_t;

typedef struct lexical lexical_t;

/* Opens the index in a folder, or makes it there. What is missing, damaged, of another version or
 * of another store (identity) is begun anew: then lexical_applied is 0. */
MUST_CHECK lexical_t *lexical_open (const char *folder, const char *identity);
void lexical_close (lexical_t **lexical);   /* what is not committed may or may not be kept */

/* Empties it. */
MUST_CHECK int lexical_reset (lexical_t *lexical);

/* Up to which change of the store's journal all of it has been committed. */
uint64_t lexical_applied (const lexical_t *lexical);
uint32_t lexical_count (const lexical_t *lexical, lexical_kind_t kind);

/* Puts a document in, in place of the one with the same number. page is kept beside a chunk. */
typedef struct {
    lexical_kind_t kind;
    uint32_t number, file, page;
    const char *text;
    size_t size;
} lexical_document_t;
MUST_CHECK int lexical_put (lexical_t *lexical, const lexical_document_t *document);
MUST_CHECK int lexical_remove_file (lexical_t *lexical, uint32_t file);

/* Makes what was put and removed durable and visible. */
MUST_CHECK int lexical_commit (lexical_t *lexical, uint64_t applied);

/* -- searching ------------------------------------------------------------------------------ */

typedef struct {
    uint32_t number, file, page;   /* page: of chunks, pages and heads */
    float score;                   /* BM25; of names the share of the name that was found */
} lexical_hit_t;

typedef struct {
    size_t limits [LEXICAL_KINDS];         /* most hits wanted of each kind; 0: none */
    lexical_hit_t *hits [LEXICAL_KINDS];   /* best first; freed by lexical_hits_free */
    size_t counts [LEXICAL_KINDS];
    float full_score;                      /* BM25 of a page that says the question's words and no others */
} lexical_hits_t;

typedef struct lexical_reader lexical_reader_t;
MUST_CHECK lexical_reader_t *lexical_reader_new (const char *folder);
void lexical_reader_destroy (lexical_reader_t **reader);

/* Finds the documents that have any of the question's terms; chunks also by pairs of neighbouring
 * terms, pages and heads also by related words (question.h), which count half. A page whose file's name has a
 * word of the question counts as one that says it once, however often it does: the word tells which
 * file is meant, not which page. allowed NULL: in all files. */
MUST_CHECK int lexical_search (lexical_reader_t *reader, const char *question, size_t size,
                               const number_set_t *allowed, lexical_hits_t *hits);
void lexical_hits_free (lexical_hits_t *hits);

/* Up to which change of the store's journal searches find all of it; 0 while it is made anew or damaged. */
uint64_t lexical_reader_applied (lexical_reader_t *reader);

/* -- checking ------------------------------------------------------------------------------- */

/* Tells every document of a kind, in the order of their numbers, and up to which change of the
 * journal the index has all of that kind. It opens the index as a reader. INTERNAL when it is
 * missing, damaged or of another store, or was overtaken by the writer: then try again. */
typedef void (lexical_list_handler_t) (void *context, uint32_t number, uint32_t file);
MUST_CHECK int lexical_list (const char *folder, const char *identity, lexical_kind_t kind, uint64_t *applied,
                             lexical_list_handler_t *handler, void *context);

/* For lexical.cc, which can't include error.h: glibc has its own error_t in C++. Returns -1. */
typedef enum { LEXICAL_FULL, LEXICAL_MEMORY, LEXICAL_DAMAGED } lexical_failure_t;
int lexical_fail (lexical_failure_t failure, const char *tried, const char *why);

#ifdef __cplusplus
}
#endif
#endif
