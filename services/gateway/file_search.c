/* file_search: see file_search.h. */
#include "file_search.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STORE_ID_BYTES 200

static const field_t tool_fields [] = {
    {.name = "type", .place = IN_BODY, .type = FIELD_CHOICE, .required = true, .choices = "file_search"},
    {.name = "vector_store_ids", .place = IN_BODY, .type = FIELD_TEXTS, .required = true, .min = 1,
     .max = MAX_ANSWER_STORES, .what = "the vector stores to look in"},
    {.name = "max_num_results", .place = IN_BODY, .type = FIELD_INTEGER, .min = 1, .max = 50,
     .standard = "10", .what = "how many passages at most"},
    {.name = "filters", .place = IN_BODY, .type = FIELD_OBJECT, .what = "as of a search"},
    {.name = "ranking_options", .place = IN_BODY, .type = FIELD_OBJECT, .what = "as of a search"},
};

static int add_stores (yyjson_val *stores, file_search_t *search)
{
    yyjson_val *store;
    size_t index, count;
    yyjson_arr_foreach (stores, index, count, store) {
        if (yyjson_get_len (store) > MAX_STORE_ID_BYTES)
            return error_set (ERROR_STORE_NOT_FOUND, NULL);
        if (strings_add (&search->stores, yyjson_get_str (store), yyjson_get_len (store)) != 0)
            return -1;
    }
    return 0;
}

static int read_tool (yyjson_val *tool, file_search_t *search)
{
    value_t values [COUNT_OF (tool_fields)];
    const char *unknown;
    if (!yyjson_equals_str (yyjson_obj_get (tool, "type"), "file_search"))
        return error_set (ERROR_BAD_FIELD, "The only tool here is 'file_search'.");
    if (field_check_known (tool_fields, COUNT_OF (tool_fields), tool, &unknown) != 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF (tool_fields); i++)
        if (field_check_json (&tool_fields [i], tool, &values [i]) != 0)
            return -1;
    search->limit = (uint32_t) values [2].integer;
    search->filters = values [3].given ? yyjson_val_write (values [3].json, 0, NULL) : strdup ("");
    if (search->filters == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    return add_stores (values [1].json, search) != 0 ? -1 : ranking_read (values [4].json, &search->ranking);
}

int file_search_of_store (const char *store, file_search_t *search)
{
    *search = (file_search_t) {.limit = DEFAULT_PASSAGES, .filters = strdup ("")};
    if (search->filters == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    return ranking_read (NULL, &search->ranking) != 0 ? -1 : strings_add (&search->stores, store, strlen (store));
}

int file_search_read (yyjson_val *tools, file_search_t *search)
{
    if (yyjson_arr_size (tools) == 0)
        return file_search_of_store ("default", search);
    *search = (file_search_t) {0};
    if (yyjson_arr_size (tools) > 1)
        return error_set (ERROR_BAD_FIELD, "One tool 'file_search' is taken, with up to %d vector stores.",
                          MAX_ANSWER_STORES);
    return read_tool (yyjson_arr_get_first (tools), search);
}

answer_message_t file_search_message (const file_search_t *search)
{
    return (answer_message_t) {.store_ids = strings_built (&search->stores), .limit = search->limit,
                               .filters = search->filters, .ranker = search->ranking.ranker,
                               .threshold = search->ranking.threshold};
}

void file_search_free (file_search_t *search)
{
    strings_free (&search->stores);
    free (search->filters);
    *search = (file_search_t) {0};
}
