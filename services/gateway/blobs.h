/* Blobs: the bytes of uploaded files, in DATA_DIR/files, each named by its SHA-256 and written once.
 *
 * Files with the same bytes share a blob. It is removed when the answerer says that no file has it
 * any more, unless an upload of the same bytes is under way. Names are made and removed by one
 * thread, in the order in which that was decided on the loop. */
#ifndef QUIRE_GATEWAY_BLOBS_H
#define QUIRE_GATEWAY_BLOBS_H

#include "digest.h"
#include "error.h"
#include "loop.h"

#define SHA256_HEX DIGEST_HEX

MUST_CHECK int blobs_start (loop_t *loop, const char *data_dir);   /* removes what broken uploads left */
void blobs_stop (void);

/* -- writing one -- */

typedef struct blob_writer blob_writer_t;

MUST_CHECK blob_writer_t *blob_writer_new (void);            /* NULL with DISK_FULL, STORE_FAILED, NO_MEMORY */
void blob_writer_destroy (blob_writer_t **writer);           /* what was written is removed */
MUST_CHECK int blob_write (blob_writer_t *writer, const char *data, size_t size);
uint64_t blob_written (const blob_writer_t *writer);

/* Makes it durable under its name; takes the writer. done is told the name, or NULL with the last
 * error. From then on the blob is held, until blob_settle is called. */
typedef void (blob_done_t) (void *context, const char *sha256);
void blob_keep (blob_writer_t **writer, blob_done_t *done, void *context);

/* The upload has come to its end: with a file that has the blob, or without one. */
void blob_settle (const char *sha256, bool has_file);

/* -- removing one: around the answerer's deletion of a file, until its answer is there -- */
uint64_t blob_deletion_begin (void);           /* a number to end it with */
void blob_deletion_end (uint64_t deletion, const char *sha256);   /* the blob that no file has any more, or "" */

/* Takes away blobs that no file has: those that are not among `known` [count], the blobs of all files,
 * that no upload holds, and that are older than age_s. They lie in orphans/ for a week, should the store be an
 * older one that was put back, and are then removed. A list that is empty, or shorter than what it
 * would take away, speaks of a store that has lost files: then nothing is touched, only logged. Takes
 * `known`. */
void blobs_sweep (char (**known) [SHA256_HEX], size_t count, long age_s);

/* Opens a blob for reading. Returns its descriptor, or -1 with FILE_NOT_FOUND or STORE_FAILED. */
MUST_CHECK int blob_open (const char *sha256, uint64_t *size);

#endif
