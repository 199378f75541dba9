/* Shelf: lists of the service, page by page. */
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"

#define PAGE_OF_FILES "1000"
#define MAX_PATH      2048

const char *shelf_text (yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str (yyjson_obj_get (object, key));
    return text != NULL ? text : "";
}

const char *shelf_id (yyjson_val *object)
{
    const char *id = shelf_text (object, "id");
    return plain_is_id (id) && strlen (id) < MAX_ID ? id : "";
}

static int no_memory (failure_t *failure)
{
    return failure_set (failure, OUTCOME_LOCAL, "There is not enough memory.");
}

/* -- lists ----------------------------------------------------------------------------------- */

static int document_keep (shelf_t *kept, yyjson_doc *document)
{
    yyjson_doc **grown = realloc (kept->documents, (kept->document_count + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    kept->documents = grown;
    grown [kept->document_count++] = document;
    return 0;
}

/* Writes the last thing's id into *last. */
static int page_take (yyjson_doc *page, int (*take) (void *context, yyjson_val *thing), void *context,
                      char last [MAX_ID])
{
    size_t i, count;
    yyjson_val *thing, *things = yyjson_obj_get (yyjson_doc_get_root (page), "data");
    yyjson_arr_foreach (things, i, count, thing) {
        snprintf (last, MAX_ID, "%s", shelf_id (thing));
        if (take (context, thing) != 0)
            return -1;
    }
    return 0;
}

int shelf_walk (session_t *session, const char *path, shelf_t *kept, int (*take) (void *context, yyjson_val *thing),
                void *context, failure_t *failure)
{
    char page_path [MAX_PATH], last [MAX_ID] = "";
    for (bool has_more = true; has_more;) {
        char *after = http_encode (last);
        if (after == NULL)
            return no_memory (failure);
        snprintf (page_path, sizeof page_path, "%s%s%s", path, *last != 0 ? "&after=" : "", after);
        free (after);
        yyjson_doc *page = session_call (session, "GET", page_path, NULL, failure);
        if (page == NULL)
            return -1;
        if (kept != NULL && document_keep (kept, page) != 0) {
            yyjson_doc_free (page);
            return no_memory (failure);
        }
        int outcome = page_take (page, take, context, last);
        has_more = yyjson_get_bool (yyjson_obj_get (yyjson_doc_get_root (page), "has_more")) && *last != 0;
        if (kept == NULL)
            yyjson_doc_free (page);
        if (outcome != 0)
            return no_memory (failure);
    }
    return 0;
}

/* -- files ----------------------------------------------------------------------------------- */

static int file_take (void *context, yyjson_val *file)
{
    shelf_t *shelf = context;
    if (shelf->count == shelf->capacity) {
        size_t capacity = shelf->capacity * 2 + 64;
        yyjson_val **grown = realloc (shelf->files, capacity * sizeof *grown);
        if (grown == NULL)
            return -1;
        shelf->files = grown;
        shelf->capacity = capacity;
    }
    shelf->files [shelf->count++] = file;
    return 0;
}

static bool has_failed (yyjson_val *file)
{
    return strcmp (shelf_text (file, "state"), "failed") == 0;
}

static int compare_digests (const void *one, const void *other)
{
    yyjson_val *a = *(yyjson_val *const *) one, *b = *(yyjson_val *const *) other;
    int order = strcmp (shelf_text (a, "sha256"), shelf_text (b, "sha256"));
    return order != 0 ? order : has_failed (a) - has_failed (b);
}

int shelf_load (session_t *session, shelf_t *shelf, failure_t *failure)
{
    *shelf = (shelf_t) {0};
    if (shelf_walk (session, "/v1/files?limit=" PAGE_OF_FILES, shelf, file_take, shelf, failure) != 0)
        return -1;
    shelf->by_digest = malloc ((shelf->count + 1) * sizeof *shelf->by_digest);
    if (shelf->by_digest == NULL)
        return no_memory (failure);
    if (shelf->count > 0)
        memcpy (shelf->by_digest, shelf->files, shelf->count * sizeof *shelf->files);
    qsort (shelf->by_digest, shelf->count, sizeof *shelf->by_digest, compare_digests);
    return 0;
}

void shelf_free (shelf_t *shelf)
{
    for (size_t i = 0; i < shelf->document_count; i++)
        yyjson_doc_free (shelf->documents [i]);
    free (shelf->documents);
    free (shelf->files);
    free (shelf->by_digest);
    *shelf = (shelf_t) {0};
}

yyjson_val *shelf_find_digest (const shelf_t *shelf, const char *digest)
{
    size_t low = 0, high = shelf->count;   /* the first that is not before it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp (shelf_text (shelf->by_digest [middle], "sha256"), digest) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < shelf->count && strcmp (shelf_text (shelf->by_digest [low], "sha256"), digest) == 0
           ? shelf->by_digest [low] : NULL;
}

yyjson_val *shelf_find (const shelf_t *shelf, const char *id_or_name, failure_t *failure)
{
    yyjson_val *found = NULL;
    for (size_t i = 0; i < shelf->count; i++) {
        yyjson_val *file = shelf->files [i];
        if (strcmp (shelf_id (file), id_or_name) == 0)
            return file;
        if (strcmp (shelf_text (file, "filename"), id_or_name) != 0)
            continue;
        if (found != NULL) {
            failure_set (failure, OUTCOME_USAGE, "Several files are named %s, such as %s and %s. Name the one by its "
                         "id.", id_or_name, shelf_id (found), shelf_id (file));
            return NULL;
        }
        found = file;
    }
    if (found == NULL)
        failure_set (failure, OUTCOME_NOT_FOUND, "There is no file %s. 'quire files' lists those that there are.",
                     id_or_name);
    return found;
}

/* -- stores ---------------------------------------------------------------------------------- */

typedef struct {
    const char *wanted;
    char id [MAX_ID];
    size_t found;
} store_search_t;

static int store_take (void *context, yyjson_val *store)
{
    store_search_t *search = context;
    if (strcmp (shelf_id (store), search->wanted) != 0
        && strcmp (shelf_text (store, "name"), search->wanted) != 0)
        return 0;
    snprintf (search->id, sizeof search->id, "%s", shelf_id (store));
    search->found++;
    return 0;
}

static int store_make (session_t *session, const char *name, char id [MAX_ID], failure_t *failure)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "name", name);
    char *body = yyjson_mut_write (document, 0, NULL);
    yyjson_mut_doc_free (document);
    if (body == NULL)
        return failure_set (failure, OUTCOME_USAGE, "The store's name must be text in UTF-8.");
    yyjson_doc *made = session_call (session, "POST", "/v1/vector_stores", body, failure);
    free (body);
    if (made == NULL)
        return -1;
    snprintf (id, MAX_ID, "%s", shelf_id (yyjson_doc_get_root (made)));
    yyjson_doc_free (made);
    return 0;
}

int shelf_store (session_t *session, bool makes, char id [MAX_ID], failure_t *failure)
{
    const char *wanted = session->arguments->texts [OPTION_STORE];
    store_search_t search = {.wanted = wanted};
    snprintf (id, MAX_ID, "default");
    if (wanted == NULL || strcmp (wanted, "default") == 0)
        return 0;
    if (shelf_walk (session, "/v1/vector_stores?limit=100", NULL, store_take, &search, failure) != 0)
        return -1;
    if (search.found == 0 && makes)
        return store_make (session, wanted, id, failure);
    if (search.found == 0)
        return failure_set (failure, OUTCOME_NOT_FOUND, "There is no store %s.", wanted);
    if (search.found > 1)
        return failure_set (failure, OUTCOME_USAGE, "Several stores are named %s. Name the one by its id.", wanted);
    memcpy (id, search.id, MAX_ID);
    return 0;
}
