/* upload: a file from the client's form to a durable blob, a row in the store and a job on the board.
 * Only then is it answered; whatever fails on the way takes back what was done. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "blobs.h"
#include "board.h"
#include "ids.h"
#include "jobs.h"
#include "log.h"
#include "metrics.h"
#include "multipart.h"

#define MAX_FORM_TEXT 1024

typedef enum { PART_IGNORED, PART_FILE, PART_PURPOSE, PART_PASSWORD } part_kind_t;

typedef struct {
    request_t *request;
    multipart_t *form;
    part_kind_t part;                     /* that comes just now */
    blob_writer_t *writer;
    bool has_file;
    char name [MAX_FILE_NAME + 1];
    char purpose [MAX_FORM_TEXT], password [MAX_FORM_TEXT];
    size_t purpose_size, password_size;
    uint64_t bytes;
    char file_id [MAX_ID];
    char sha256 [SHA256_HEX];
    char *json;                           /* the file, as the answerer describes it */
} upload_t;

static void upload_drop (void *context)
{
    upload_t *upload = context;
    multipart_destroy (&upload->form);
    blob_writer_destroy (&upload->writer);
    free (upload->json);
    free (upload);
}

/* -- the form -------------------------------------------------------------------------------- */

static part_kind_t part_kind (const char *name)
{
    if (strcmp (name, "file") == 0)
        return PART_FILE;
    if (strcmp (name, "purpose") == 0)
        return PART_PURPOSE;
    return strcmp (name, "password") == 0 ? PART_PASSWORD : PART_IGNORED;
}

static int on_part (void *context, const part_t *part)
{
    upload_t *upload = context;
    upload->part = part_kind (part->name);
    if (upload->part != PART_FILE)
        return 0;
    if (upload->has_file)
        return error_set (ERROR_BAD_MULTIPART, "The form has more than one part 'file'. Upload one file at a time.");
    upload->has_file = true;
    file_name_clean (part->file_name, part->file_name_size, upload->name);
    upload->writer = blob_writer_new ();
    return upload->writer == NULL ? -1 : 0;
}

/* Of a text that is too long the size alone is kept, so that the form's end can name the field. */
static int text_add (char *text, size_t *size, const char *data, size_t data_size)
{
    if (*size + data_size < MAX_FORM_TEXT)
        memcpy (text + *size, data, data_size);
    *size += data_size;
    return 0;
}

static int on_data (void *context, const char *data, size_t size)
{
    upload_t *upload = context;
    switch (upload->part) {
    case PART_FILE:
        return blob_write (upload->writer, data, size);
    case PART_PURPOSE:
        return text_add (upload->purpose, &upload->purpose_size, data, size);
    case PART_PASSWORD:
        return text_add (upload->password, &upload->password_size, data, size);
    default:
        return 0;
    }
}

static int on_part_end (void *context UNUSED)
{
    return 0;
}

static int upload_begin (request_t *request, const char *content_type)
{
    static const multipart_handlers_t handlers = {on_part, on_data, on_part_end};
    if (!board_is_there ())
        return error_set (ERROR_BOARD_AWAY, NULL);
    upload_t *upload = calloc (1, sizeof *upload);
    if (upload == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    upload->request = request;
    request_keep (request, upload, upload_drop);
    upload->form = multipart_new (content_type, &handlers, upload);
    return upload->form == NULL ? -1 : 0;
}

static int upload_data (request_t *request, const char *data, size_t size)
{
    upload_t *upload = request_kept (request);
    int outcome = multipart_feed (upload->form, data, size);
    if (outcome != 0)
        blob_writer_destroy (&upload->writer);   /* the rest of the body may take long: free the disk now */
    return outcome;
}

const body_reader_t upload_reader = {upload_begin, upload_data};

/* -- taking back ----------------------------------------------------------------------------- */

typedef struct {
    char sha256 [SHA256_HEX];
    uint64_t deletion;
} undoing_t;

static void on_undone (void *context, const ask_answer_t *answer)
{
    undoing_t *undoing = context;
    bool deleted = answer->message != NULL && answer->message->id == MESSAGE_FILE_DELETED;
    bool is_gone = deleted || (answer->message == NULL && answer->error == ERROR_FILE_NOT_FOUND);
    blob_settle (undoing->sha256, !is_gone);   /* the service stops: there may be a row that needs the bytes */
    blob_deletion_end (undoing->deletion, deleted ? answer->message->file_deleted.sha256 : "");
    free (undoing);
}

/* The file may have a row, or get one yet: it is deleted, however long that takes, and the blob stays
 * held until that is known. */
static void undo (const upload_t *upload)
{
    undoing_t *undoing = calloc (1, sizeof *undoing);
    if (undoing == NULL) {
        blob_settle (upload->sha256, true);   /* what may be left is a file that can be deleted */
        return;
    }
    memcpy (undoing->sha256, upload->sha256, sizeof undoing->sha256);
    message_t message = {.id = MESSAGE_DELETE_FILE, .delete_file = {.file_id = upload->file_id}};
    log_warning ("upload_undone", "file=%s", upload->file_id);
    undoing->deletion = blob_deletion_begin ();
    jobs_forget (upload->file_id);
    ask_patiently (&message, on_undone, undoing);
}

/* -- the steps ------------------------------------------------------------------------------- */

static void on_admitted (void *context, int outcome)
{
    upload_t *upload = context;
    if (outcome != 0) {
        undo (upload);
        request_fail (upload->request, ERROR_BOARD_AWAY, NULL, NULL);
        return;
    }
    blob_settle (upload->sha256, true);
    metric_add (METRIC_UPLOADS, 1);
    metric_add (METRIC_UPLOAD_BYTES, (int64_t) upload->bytes);
    log_info ("file_added", "file=%s bytes=%llu request=%s", upload->file_id,
              (unsigned long long) upload->bytes, request_id (upload->request));
    request_answer_json (upload->request, upload->json);
}

static void on_added (void *context, const ask_answer_t *answer)
{
    upload_t *upload = context;
    bool added = answer->message != NULL && answer->message->id == MESSAGE_RESULT;
    if (added)
        upload->json = strdup (answer->message->result.json);
    if (!added || upload->json == NULL) {
        undo (upload);
        request_fail (upload->request, added ? ERROR_NO_MEMORY : answer->error, added ? NULL : answer->text,
                      added ? NULL : answer->param);
        return;
    }
    jobs_admit (upload->file_id, upload->sha256, upload->password, upload->name, on_admitted, upload);
}

static void on_kept (void *context, const char *sha256)
{
    upload_t *upload = context;
    if (sha256 == NULL) {
        request_fail_last (upload->request);
        return;
    }
    strcpy (upload->sha256, sha256);
    id_new ("file-", upload->file_id);
    message_t message = {.id = MESSAGE_ADD_FILE,
                         .add_file = {.file_id = upload->file_id, .sha256 = upload->sha256, .name = upload->name,
                                      .bytes = upload->bytes, .purpose = upload->purpose,
                                      .created = api_now_s (), .password = upload->password}};
    ask (&message, on_added, upload);
}

/* Checks the form's texts by the route's table. Returns the name of the wrong field, or NULL. */
static const char *check_texts (const upload_t *upload)
{
    const route_t *route = request_route (upload->request);
    for (size_t i = 0; i < route->field_count; i++) {
        const field_t *field = &route->fields [i];
        bool is_purpose = strcmp (field->name, "purpose") == 0;
        if (!is_purpose && strcmp (field->name, "password") != 0)
            continue;
        value_t value;
        const char *text = is_purpose ? upload->purpose : upload->password;
        size_t size = is_purpose ? upload->purpose_size : upload->password_size;
        if (size >= MAX_FORM_TEXT) {
            error_set (ERROR_BAD_FIELD, "'%s' is longer than %d bytes.", field->name, MAX_FORM_TEXT - 1);
            return field->name;
        }
        if (strlen (text) != size) {
            error_set (ERROR_BAD_FIELD, "'%s' must be text without NUL.", field->name);
            return field->name;
        }
        if (field_check_text (field, size == 0 ? NULL : text, &value) != 0)
            return field->name;
    }
    return NULL;
}

static int check_file (const upload_t *upload)
{
    if (!upload->has_file)
        return error_set (ERROR_MISSING_FIELD, "The form has no part 'file'. Send the PDF as 'file'.");
    if (blob_written (upload->writer) == 0)
        return error_set (ERROR_FILE_EMPTY, NULL);
    return 0;
}

/* The form has come to its end. */
void api_upload_file (request_t *request)
{
    upload_t *upload = request_kept (request);
    const char *wrong = multipart_finish (upload->form) != 0 ? ""
                        : check_file (upload) != 0 ? "file" : check_texts (upload);
    if (wrong != NULL) {
        blob_writer_destroy (&upload->writer);
        request_fail (request, error_get (), error_text (), wrong);
        return;
    }
    if (upload->purpose_size == 0)
        strcpy (upload->purpose, "assistants");
    upload->bytes = blob_written (upload->writer);
    blob_keep (&upload->writer, on_kept, upload);
}
