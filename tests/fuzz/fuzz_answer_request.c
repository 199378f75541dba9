/* Bodies of /v1/responses and /v1/chat/completions: whatever passes the fields' checks is refused by
 * name, or becomes turns, a search and what an LLM heeds, all within their limits. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "conversation.h"
#include "file_search.h"
#include "json_body.h"
#include "response_fields.h"
#include "routes.h"
#include "utf8.h"

void fuzz_start (void) {}

static const route_t *route_named (const char *name)
{
    for (size_t i = 0; i < route_count; i++)
        if (strcmp (routes [i].name, name) == 0)
            return &routes [i];
    MUST (!"the route is there");
    return NULL;
}

/* As the gateway checks a body before its handler sees it. */
static bool passes (const route_t *route, yyjson_val *body)
{
    const char *unknown;
    value_t value;
    if (field_check_known (route->fields, route->field_count, body, &unknown) != 0)
        return false;
    for (size_t i = 0; i < route->field_count; i++)
        if (route->fields [i].place == IN_BODY && field_check_json (&route->fields [i], body, &value) != 0)
            return false;
    return true;
}

static size_t check_turns (yyjson_mut_val *turns)
{
    size_t index, count, size = 0;
    yyjson_mut_val *turn;
    yyjson_mut_arr_foreach (turns, index, count, turn) {
        const char *role = yyjson_mut_get_str (yyjson_mut_obj_get (turn, "role"));
        yyjson_mut_val *content = yyjson_mut_obj_get (turn, "content");
        MUST (role && yyjson_mut_is_str (content));
        MUST (utf8_valid (yyjson_mut_get_str (content), yyjson_mut_get_len (content)));
        size += yyjson_mut_get_len (content);
    }
    return size;
}

/* Cut like a conversation that is far too long: its last turn stays. */
static void check_cut (yyjson_mut_val *turns)
{
    size_t before = yyjson_mut_arr_size (turns), size = check_turns (turns);
    yyjson_mut_val *last = yyjson_mut_arr_get_last (turns);
    conversation_cut (turns);
    MUST (yyjson_mut_arr_get_last (turns) == last);
    MUST (size > MAX_TURNS_SENT || yyjson_mut_arr_size (turns) == before);
    MUST (check_turns (turns) <= MAX_TURNS_SENT || yyjson_mut_arr_size (turns) == 1);
}

static void check_sampling (yyjson_val *body)
{
    char *sampling = sampling_json (body);
    yyjson_doc *read = sampling == NULL ? NULL : yyjson_read (sampling, strlen (sampling), 0);
    MUST (yyjson_is_obj (yyjson_doc_get_root (read)));
    yyjson_doc_free (read);
    free (sampling);
}

static void check_search (yyjson_val *body)
{
    file_search_t search;
    if (file_search_read (yyjson_obj_get (body, "tools"), &search) == 0) {
        MUST (search.stores.count >= 1 && search.stores.count <= MAX_ANSWER_STORES);
        MUST (search.limit >= 1 && search.limit <= 50 && search.filters);
        MUST (search.ranking.ranker && search.ranking.threshold >= 0 && search.ranking.threshold <= 1);
    } else
        MUST (error_get () == ERROR_BAD_FIELD || error_get () == ERROR_MISSING_FIELD || error_get () == ERROR_STORE_NOT_FOUND);
    file_search_free (&search);
}

static void check_response (yyjson_val *body, yyjson_mut_doc *document, yyjson_mut_val *turns)
{
    const char *param = NULL;
    yyjson_mut_val *items = yyjson_mut_arr (document);
    if (response_fields_check (body, &param) != 0)
        MUST (param && error_get () == ERROR_BAD_FIELD);
    MUST (yyjson_mut_obj_size (response_fields_asked (body, document)) > 0);
    check_search (body);
    if (conversation_add_input (yyjson_obj_get (body, "input"), document, turns, items) != 0) {
        MUST (error_get () == ERROR_BAD_FIELD);
        return;
    }
    MUST (yyjson_mut_arr_size (items) == yyjson_mut_arr_size (turns));
    /* stored and gone on from, it says the same */
    yyjson_doc *stored = yyjson_mut_val_imut_copy (items, NULL);
    yyjson_mut_val *again = yyjson_mut_arr (document);
    conversation_add_stored (yyjson_doc_get_root (stored), NULL, document, again);
    MUST (yyjson_mut_equals (turns, again));
    yyjson_doc_free (stored);
}

static void check_chat (yyjson_val *body, yyjson_mut_doc *document, yyjson_mut_val *turns)
{
    if (conversation_add_messages (yyjson_obj_get (body, "messages"), document, turns) != 0)
        MUST (error_get () == ERROR_BAD_FIELD);
}

static void check_body (yyjson_val *body, const char *route,
                        void (*check) (yyjson_val *body, yyjson_mut_doc *document, yyjson_mut_val *turns))
{
    if (!passes (route_named (route), body))
        return;
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *turns = yyjson_mut_arr (document);
    check (body, document, turns);
    check_sampling (body);
    check_cut (turns);
    yyjson_mut_doc_free (document);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    uint8_t *text = take_bytes (&input, size, &size);
    yyjson_doc *body = json_body_parse ((char *) text, size);
    if (body) {
        check_body (yyjson_doc_get_root (body), "createResponse", check_response);
        check_body (yyjson_doc_get_root (body), "createChatCompletion", check_chat);
    }
    yyjson_doc_free (body);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("{\"input\":\"what?\",\"stream\":true,\"temperature\":0.5,\"max_output_tokens\":9}");
    seed_text ("{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"}]},"
               "{\"type\":\"file_search_call\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"b\"},"
               "{\"type\":\"refusal\",\"refusal\":\"c\"}]},{\"role\":\"developer\",\"content\":\"d\"}],"
               "\"include\":[\"file_search_call.results\"],\"tool_choice\":{\"type\":\"file_search\"},"
               "\"text\":{\"format\":{\"type\":\"text\"}},\"metadata\":{\"a\":\"b\"},\"tools\":[{\"type\":\"file_search\","
               "\"vector_store_ids\":[\"vs_1\"],\"max_num_results\":3,\"filters\":{\"type\":\"eq\",\"key\":\"a\",\"value\":1},"
               "\"ranking_options\":{\"ranker\":\"auto\",\"score_threshold\":0.1}}]}");
    seed_text ("{\"model\":\"quire/x\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
               "[{\"type\":\"text\",\"text\":\"q\"}]}],\"stop\":[\"a\",\"b\"],\"seed\":1,\"stream_options\":{\"include_usage\":true},"
               "\"max_tokens\":5,\"response_format\":{\"type\":\"text\"},\"tools\":[]}");
}
