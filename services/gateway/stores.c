/* stores: vector stores, their files, and searches in them. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "ids.h"
#include "ranking.h"

/* -- stores ---------------------------------------------------------------------------------- */

void api_create_store (request_t *request)
{
    char id [MAX_ID];
    strings_builder_t files = {0};
    char *metadata = api_json (request_value (request, "metadata"));
    id_new ("vs_", id);
    if (metadata == NULL || api_texts (request_value (request, "file_ids"), &files) != 0)
        request_fail_last (request);
    else {
        message_t message = {.id = MESSAGE_CREATE_STORE,
                             .create_store = {.store_id = id, .name = request_text (request, "name"),
                                              .metadata = metadata, .created = api_now_s (),
                                              .file_ids = strings_built (&files)}};
        api_ask (request, &message);
    }
    strings_free (&files);
    free (metadata);
}

void api_list_stores (request_t *request)
{
    message_t message = {.id = MESSAGE_LIST_STORES,
                         .list_stores = {.after = request_text (request, "after"),
                                         .before = request_text (request, "before"),
                                         .limit = (uint32_t) request_integer (request, "limit"),
                                         .ascending = api_is_ascending (request)}};
    api_ask (request, &message);
}

void api_get_store (request_t *request)
{
    message_t message = {.id = MESSAGE_GET_STORE,
                         .get_store = {.store_id = request_text (request, "vector_store_id")}};
    api_ask (request, &message);
}

void api_modify_store (request_t *request)
{
    char *metadata = api_json (request_value (request, "metadata"));
    if (metadata == NULL) {
        request_fail_last (request);
        return;
    }
    message_t message = {.id = MESSAGE_MODIFY_STORE,
                         .modify_store = {.store_id = request_text (request, "vector_store_id"),
                                          .set_name = request_value (request, "name")->given,
                                          .name = request_text (request, "name"), .metadata = metadata}};
    api_ask (request, &message);
    free (metadata);
}

void api_delete_store (request_t *request)
{
    message_t message = {.id = MESSAGE_DELETE_STORE,
                         .delete_store = {.store_id = request_text (request, "vector_store_id")}};
    api_ask (request, &message);
}

/* -- files of a store ------------------------------------------------------------------------ */

/* Attaches what the field `files` names, as a batch or (batch_id "") as one file. */
static void attach (request_t *request, const char *files_field, const char *batch_id)
{
    strings_builder_t files = {0};
    char *attributes = api_json (request_value (request, "attributes"));
    if (attributes == NULL || api_texts (request_value (request, files_field), &files) != 0)
        request_fail_last (request);
    else {
        message_t message = {.id = MESSAGE_ATTACH_FILES,
                             .attach_files = {.store_id = request_text (request, "vector_store_id"),
                                              .batch_id = batch_id, .file_ids = strings_built (&files),
                                              .attributes = attributes, .created = api_now_s ()}};
        api_ask (request, &message);
    }
    strings_free (&files);
    free (attributes);
}

void api_attach_file (request_t *request)
{
    attach (request, "file_id", "");
}

static void list_files (request_t *request, const char *batch_id)
{
    message_t message = {.id = MESSAGE_LIST_FILES,
                         .list_files = {.store_id = request_text (request, "vector_store_id"),
                                        .batch_id = batch_id, .status = request_text (request, "filter"),
                                        .after = request_text (request, "after"),
                                        .before = request_text (request, "before"),
                                        .limit = (uint32_t) request_integer (request, "limit"),
                                        .ascending = api_is_ascending (request)}};
    api_ask (request, &message);
}

void api_list_store_files (request_t *request)
{
    list_files (request, "");
}

void api_get_store_file (request_t *request)
{
    message_t message = {.id = MESSAGE_GET_FILE,
                         .get_file = {.store_id = request_text (request, "vector_store_id"),
                                      .file_id = request_text (request, "file_id")}};
    api_ask (request, &message);
}

void api_set_attributes (request_t *request)
{
    char *attributes = api_json (request_value (request, "attributes"));
    if (attributes == NULL) {
        request_fail_last (request);
        return;
    }
    message_t message = {.id = MESSAGE_SET_ATTRIBUTES,
                         .set_attributes = {.store_id = request_text (request, "vector_store_id"),
                                            .file_id = request_text (request, "file_id"),
                                            .attributes = attributes}};
    api_ask (request, &message);
    free (attributes);
}

void api_detach_file (request_t *request)
{
    message_t message = {.id = MESSAGE_DETACH_FILE,
                         .detach_file = {.store_id = request_text (request, "vector_store_id"),
                                         .file_id = request_text (request, "file_id")}};
    api_ask (request, &message);
}

void api_get_store_file_content (request_t *request)
{
    message_t message = {.id = MESSAGE_GET_FILE_TEXT,
                         .get_file_text = {.store_id = request_text (request, "vector_store_id"),
                                           .file_id = request_text (request, "file_id"),
                                           .after = (uint32_t) request_integer (request, "after")}};
    api_ask (request, &message);
}

/* -- batches --------------------------------------------------------------------------------- */

void api_create_batch (request_t *request)
{
    char id [MAX_ID];
    id_new ("vsfb_", id);
    attach (request, "file_ids", id);
}

static void ask_batch (request_t *request, uint32_t cancel)
{
    message_t message = {.id = MESSAGE_GET_BATCH,
                         .get_batch = {.store_id = request_text (request, "vector_store_id"),
                                       .batch_id = request_text (request, "batch_id"), .cancel = cancel}};
    api_ask (request, &message);
}

void api_get_batch (request_t *request)
{
    ask_batch (request, 0);
}

void api_cancel_batch (request_t *request)
{
    ask_batch (request, 1);
}

void api_list_batch_files (request_t *request)
{
    list_files (request, request_text (request, "batch_id"));
}

/* -- search ---------------------------------------------------------------------------------- */

/* Is there a text with something else than blanks? */
static bool asks_something (strings_t queries)
{
    size_t cursor = 0;
    for (const char *query; (query = strings_next (queries, &cursor)) != NULL;)
        if (query [strspn (query, " \t\r\n")] != 0)
            return true;
    return false;
}

static void search (request_t *request, strings_t queries, const char *filters)
{
    ranking_t ranking;
    if (!asks_something (queries)) {
        request_fail (request, ERROR_QUESTION_EMPTY, NULL, "query");
        return;
    }
    if (ranking_read (request_value (request, "ranking_options")->json, &ranking) != 0) {
        request_fail (request, error_get (), error_text (), "ranking_options");
        return;
    }
    message_t message = {.id = MESSAGE_SEARCH,
                         .search = {.store_id = request_text (request, "vector_store_id"), .queries = queries,
                                    .limit = (uint32_t) request_integer (request, "max_num_results"),
                                    .filters = filters, .ranker = ranking.ranker, .threshold = ranking.threshold,
                                    .rewrite = request_integer (request, "rewrite_query") != 0}};
    api_ask (request, &message);
}

void api_search (request_t *request)
{
    strings_builder_t queries = {0};
    char *filters = api_json (request_value (request, "filters"));
    if (filters == NULL || api_texts (request_value (request, "query"), &queries) != 0)
        request_fail_last (request);
    else
        search (request, strings_built (&queries), filters);
    strings_free (&queries);
    free (filters);
}
