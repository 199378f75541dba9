/* files: what is asked about files and their pages, and their deletion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "blobs.h"
#include "jobs.h"

void api_list_files (request_t *request)
{
    message_t message = {.id = MESSAGE_LIST_FILES,
                         .list_files = {.purpose = request_text (request, "purpose"),
                                        .after = request_text (request, "after"),
                                        .limit = (uint32_t) request_integer (request, "limit"),
                                        .ascending = api_is_ascending (request)}};
    api_ask (request, &message);
}

void api_get_file (request_t *request)
{
    message_t message = {.id = MESSAGE_GET_FILE,
                         .get_file = {.file_id = request_text (request, "file_id")}};
    api_ask (request, &message);
}

void api_list_pages (request_t *request)
{
    message_t message = {.id = MESSAGE_LIST_PAGES,
                         .list_pages = {.file_id = request_text (request, "file_id"),
                                        .after = (uint32_t) request_integer (request, "after"),
                                        .limit = (uint32_t) request_integer (request, "limit")}};
    api_ask (request, &message);
}

void api_get_page (request_t *request)
{
    message_t message = {.id = MESSAGE_GET_PAGE,
                         .get_page = {.file_id = request_text (request, "file_id"),
                                      .page = (uint32_t) request_integer (request, "page")}};
    api_ask (request, &message);
}

/* -- deletion -------------------------------------------------------------------------------- */

static void answer_deleted (request_t *request, const char *file_id)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "id", file_id);
    yyjson_mut_obj_add_str (document, root, "object", "file");
    yyjson_mut_obj_add_bool (document, root, "deleted", true);
    api_answer (request, 200, &document);
}

/* Lasts until the answerer has answered, which the client need not wait for. */
typedef struct {
    request_t *request;   /* NULL: it has been told that it takes long */
    uint64_t number;
} deletion_t;

static void on_deleted (void *context, const ask_answer_t *answer)
{
    deletion_t *deletion = context;
    request_t *request = deletion->request;
    bool deleted = answer->message != NULL && answer->message->id == MESSAGE_FILE_DELETED;
    deletion->request = NULL;
    if (request != NULL && !deleted)
        api_fail (request, answer);
    if (answer->goes_on)
        return;
    blob_deletion_end (deletion->number, deleted ? answer->message->file_deleted.sha256 : "");
    free (deletion);
    if (!deleted)
        return;
    jobs_forget (answer->message->file_deleted.file_id);
    if (request != NULL)
        answer_deleted (request, answer->message->file_deleted.file_id);
}

void api_delete_file (request_t *request)
{
    message_t message = {.id = MESSAGE_DELETE_FILE,
                         .delete_file = {.file_id = request_text (request, "file_id")}};
    deletion_t *deletion = calloc (1, sizeof *deletion);
    if (deletion == NULL) {
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    *deletion = (deletion_t) {request, blob_deletion_begin ()};
    ask_to_the_end (&message, on_deleted, deletion);
}

/* -- content --------------------------------------------------------------------------------- */

/* attachment; filename*=UTF-8''… with everything but letters, digits, '.', '-' and '_' escaped. */
static void add_disposition (request_t *request, const char *name)
{
    char text [64 + 3 * 1024] = "attachment; filename*=UTF-8''";
    size_t used = strlen (text);
    for (; *name != 0 && used + 4 < sizeof text; name++) {
        unsigned char c = (unsigned char) *name;
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr ("._-", c) != NULL;
        used += (size_t) snprintf (text + used, sizeof text - used, plain ? "%c" : "%%%02X", c);
    }
    request_add_header (request, "Content-Disposition", text);
}

static void on_content_located (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    uint64_t size;
    if (answer->message == NULL || answer->message->id != MESSAGE_LOCATED) {
        api_fail (request, answer);
        return;
    }
    const located_message_t *located = &answer->message->located;
    int fd = blob_open (located->sha256, &size);
    if (fd < 0) {
        request_fail_last (request);
        return;
    }
    add_disposition (request, located->name);
    request_answer_file (request, "application/pdf", fd, size);
}

void api_get_file_content (request_t *request)
{
    message_t message = {.id = MESSAGE_LOCATE, .locate = {.file_id = request_text (request, "file_id")}};
    ask (&message, on_content_located, request);
}
