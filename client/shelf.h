/* Shelf: all files that the service has, and which store is meant. */
#ifndef QUIRE_CLIENT_SHELF_H
#define QUIRE_CLIENT_SHELF_H

#include "session.h"

#define MAX_ID 256

typedef struct {
    yyjson_doc **documents;
    size_t document_count;
    yyjson_val **files;    /* as GET /v1/files/{id} tells them, the newest first */
    size_t count, capacity;
    yyjson_val **by_digest;   /* the same by SHA-256, a failed one behind others of the same bytes */
} shelf_t;

/* Reads the whole list. Returns 0, or -1 with the failure; shelf_free frees in both cases. */
MUST_CHECK int shelf_load (session_t *session, shelf_t *shelf, failure_t *failure);
void shelf_free (shelf_t *shelf);

/* The file with these bytes (SHA-256 in hex), of several one that has not failed; or NULL. */
yyjson_val *shelf_find_digest (const shelf_t *shelf, const char *digest);

/* The file with this id, or the only one with this name. NULL with NOT_FOUND, or with USAGE when
 * several have the name. */
yyjson_val *shelf_find (const shelf_t *shelf, const char *id_or_name, failure_t *failure);

/* Its id; "" when it has none that can be believed. */
const char *shelf_id (yyjson_val *object);

/* A text of a file's or store's object; "" when it has none. */
const char *shelf_text (yyjson_val *object, const char *key);

/* The id of the store that --store names by id or name; "default" without it. makes: one of this name
 * is made when there is none. Returns 0, or -1 with the failure. */
MUST_CHECK int shelf_store (session_t *session, bool makes, char id [MAX_ID], failure_t *failure);

/* Calls take for every thing of a list, page by page; path has a query. take returns 0, or -1 without
 * memory. The documents live on in `kept`, or only during the call when it is NULL. */
MUST_CHECK int shelf_walk (session_t *session, const char *path, shelf_t *kept,
                           int (*take) (void *context, yyjson_val *thing), void *context, failure_t *failure);

#endif
