/* stores: vector stores, their files, and searches in them. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "ids.h"

#define DEFAULT_RANKER "fused"

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

static const field_t ranking_fields [] = {
    {.name = "ranker", .type = FIELD_TEXT, .max = 64, .standard = "auto", .what = "how passages are ranked"},
    {.name = "score_threshold", .type = FIELD_NUMBER, .max = 1, .standard = "0", .what = "least score"},
};

/* OpenAI's rankers have dated names, and 'none' is no ranking after the first; to Quire they all mean
 * its own. */
static const char *ranker_of (const char *name)
{
    static const char *const own [] = {"fused", "lexical", "dense"};
    for (size_t i = 0; i < COUNT_OF (own); i++)
        if (strcmp (name, own [i]) == 0)
            return own [i];
    bool of_openai = strcmp (name, "auto") == 0 || strcmp (name, "none") == 0
        || strncmp (name, "default", 7) == 0;
    return of_openai ? DEFAULT_RANKER : NULL;
}

/* Returns 0, or -1 with BAD_FIELD. */
static int read_ranking (const request_t *request, const char **ranker, float *threshold)
{
    value_t ranker_value, threshold_value;
    yyjson_val *options = request_value (request, "ranking_options")->json;
    if (field_check_json (&ranking_fields [0], options, &ranker_value) != 0
        || field_check_json (&ranking_fields [1], options, &threshold_value) != 0)
        return -1;
    *ranker = ranker_of (ranker_value.text);
    *threshold = (float) threshold_value.number;
    return *ranker != NULL ? 0 : error_set (ERROR_BAD_FIELD, "'ranker' must be one of: auto fused lexical dense.");
}

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
    const char *ranker;
    float threshold;
    if (!asks_something (queries)) {
        request_fail (request, ERROR_QUESTION_EMPTY, NULL, "query");
        return;
    }
    if (read_ranking (request, &ranker, &threshold) != 0) {
        request_fail (request, error_get (), error_text (), "ranking_options");
        return;
    }
    message_t message = {.id = MESSAGE_SEARCH,
                         .search = {.store_id = request_text (request, "vector_store_id"), .queries = queries,
                                    .limit = (uint32_t) request_integer (request, "max_num_results"),
                                    .filters = filters, .ranker = ranker, .threshold = threshold}};
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
