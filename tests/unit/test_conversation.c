/* Conversations and file searches: what clients send as input, messages and tools, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conversation.h"
#include "error.h"
#include "file_search.h"
#include "response_fields.h"

typedef struct {
    yyjson_doc *read;
    yyjson_mut_doc *document;
    yyjson_mut_val *turns, *items;
} talk_t;

static talk_t talk_of (const char *json)
{
    talk_t talk = {yyjson_read (json, strlen (json), 0), yyjson_mut_doc_new (NULL), NULL, NULL};
    assert_non_null (talk.read);
    talk.turns = yyjson_mut_arr (talk.document);
    talk.items = yyjson_mut_arr (talk.document);
    error_clear ();
    return talk;
}

static void talk_free (talk_t *talk)
{
    yyjson_doc_free (talk->read);
    yyjson_mut_doc_free (talk->document);
}

/* The turns as "role:content|". */
static const char *said (yyjson_mut_val *turns)
{
    static char text [4096];
    size_t index, count, size = 0;
    yyjson_mut_val *turn;
    text [0] = 0;
    yyjson_mut_arr_foreach (turns, index, count, turn) {
        size += (size_t) snprintf (text + size, sizeof text - size, "%s:%s|",
                                   yyjson_mut_get_str (yyjson_mut_obj_get (turn, "role")),
                                   yyjson_mut_get_str (yyjson_mut_obj_get (turn, "content")));
    }
    return text;
}

static void test_messages (void **state UNUSED)
{
    static const struct {
        const char *json, *turns;   /* turns NULL: refused */
    } cases [] = {
        {"[]", ""},
        {"[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"developer\",\"content\":\"d\"},"
         "{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"u\"}]",
         "system:s|developer:d|assistant:a|user:u|"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"input_text\",\"text\":\"b\"},"
         "{\"type\":\"output_text\",\"text\":\"c\"},{\"type\":\"refusal\",\"refusal\":\"d\"}]}]", "user:a\nb\nc\nd|"},
        {"[{\"role\":\"user\",\"content\":\"\"}]", "user:|"}, {"[{\"role\":\"user\",\"content\":[]}]", "user:|"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}]", NULL},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", NULL},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":1}]}]", NULL},
        {"[{\"role\":\"user\",\"content\":[1]}]", NULL}, {"[{\"role\":\"user\",\"content\":{}}]", NULL},
        {"[{\"role\":\"user\"}]", NULL}, {"[{\"role\":\"tool\",\"content\":\"x\"}]", NULL}, {"[{\"content\":\"x\"}]", NULL},
        {"[{\"role\":1,\"content\":\"x\"}]", NULL}, {"[1]", NULL}, {"[[]]", NULL},
        {"[{\"role\":\"user\",\"content\":\"a\\u0000b\"}]", NULL},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        talk_t talk = talk_of (cases [i].json);
        int result = conversation_add_messages (yyjson_doc_get_root (talk.read), talk.document, talk.turns);
        assert_int_equal (result, cases [i].turns == NULL ? -1 : 0);
        if (cases [i].turns == NULL)
            assert_int_equal (error_get (), ERROR_BAD_FIELD);
        else
            assert_string_equal (said (talk.turns), cases [i].turns);
        talk_free (&talk);
    }
}

static void test_input (void **state UNUSED)
{
    static const struct {
        const char *json, *turns;
    } cases [] = {
        {"\"what?\"", "user:what?|"}, {"[]", ""},
        {"[{\"role\":\"user\",\"content\":\"a\"}]", "user:a|"},
        {"[{\"type\":\"message\",\"role\":\"user\",\"content\":\"a\"}]", "user:a|"},
        /* what was told as output comes back */
        {"[{\"type\":\"file_search_call\",\"id\":\"fs_1\"},{\"type\":\"reasoning\"},{\"type\":\"message\",\"role\":"
         "\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"b\",\"annotations\":[]}]}]", "assistant:b|"},
        {"[{\"type\":\"function_call_output\",\"output\":\"x\"}]", NULL}, {"[{\"type\":\"item_reference\",\"id\":\"m\"}]", NULL},
        {"[7]", NULL}, {"\"a\\u0000\"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        talk_t talk = talk_of (cases [i].json);
        int result = conversation_add_input (yyjson_doc_get_root (talk.read), talk.document, talk.turns, talk.items);
        assert_int_equal (result, cases [i].turns == NULL ? -1 : 0);
        if (cases [i].turns == NULL)
            assert_int_equal (error_get (), ERROR_BAD_FIELD);
        else {
            assert_string_equal (said (talk.turns), cases [i].turns);
            assert_int_equal (yyjson_mut_arr_size (talk.items), yyjson_mut_arr_size (talk.turns));
        }
        talk_free (&talk);
    }
}

/* An input item has an id of its own and reads as it was sent. */
static void test_input_items (void **state UNUSED)
{
    talk_t talk = talk_of ("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}]");
    assert_int_equal (conversation_add_input (yyjson_doc_get_root (talk.read), talk.document, talk.turns, talk.items), 0);
    static const char *const types [] = {"input_text", "output_text"}, *const texts [] = {"a", "b"};
    for (size_t i = 0; i < 2; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_get (talk.items, i);
        yyjson_mut_val *part = yyjson_mut_arr_get_first (yyjson_mut_obj_get (item, "content"));
        assert_memory_equal (yyjson_mut_get_str (yyjson_mut_obj_get (item, "id")), "msg_", 4);
        assert_string_equal (yyjson_mut_get_str (yyjson_mut_obj_get (part, "type")), types [i]);
        assert_string_equal (yyjson_mut_get_str (yyjson_mut_obj_get (part, "text")), texts [i]);
    }
    talk_free (&talk);
}

static void test_too_many (void **state UNUSED)
{
    for (int more = 0; more < 2; more++) {
        talk_t talk = talk_of ("[]");
        yyjson_mut_val *list = yyjson_mut_arr (talk.document);
        for (int i = 0; i < MAX_MESSAGES + more; i++) {
            yyjson_mut_val *one = yyjson_mut_arr_add_obj (talk.document, list);
            yyjson_mut_obj_add_str (talk.document, one, "role", "user");
            yyjson_mut_obj_add_str (talk.document, one, "content", "x");
        }
        yyjson_doc *sent = yyjson_mut_val_imut_copy (list, NULL);
        assert_int_equal (conversation_add_messages (yyjson_doc_get_root (sent), talk.document, talk.turns), -more);
        assert_int_equal (conversation_add_input (yyjson_doc_get_root (sent), talk.document, talk.turns, talk.items), -more);
        yyjson_doc_free (sent);
        talk_free (&talk);
    }
}

static void test_stored (void **state UNUSED)
{
    talk_t talk = talk_of (
        "{\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"q\"}]},"
        "{\"type\":\"message\",\"role\":\"robot\",\"content\":\"damaged\"},{\"type\":\"else\"},7],"
        "\"response\":{\"output\":[{\"type\":\"file_search_call\"},{\"type\":\"message\",\"role\":\"assistant\","
        "\"content\":[{\"type\":\"output_text\",\"text\":\"a\"}]}]}}");
    yyjson_val *root = yyjson_doc_get_root (talk.read);
    conversation_add_stored (yyjson_obj_get (root, "input"), yyjson_obj_get (root, "response"), talk.document, talk.turns);
    assert_string_equal (said (talk.turns), "user:q|assistant:a|");
    conversation_add_stored (NULL, NULL, talk.document, talk.turns);
    assert_string_equal (said (talk.turns), "user:q|assistant:a|");
    assert_int_equal (error_get (), ERROR_NONE);
    talk_free (&talk);
}

/* Turns of the roles (u, a, s) whose texts have so many megabytes each, cut; what is left. */
static const char *cut (const char *roles, double megabytes)
{
    static char left [64];
    talk_t talk = talk_of ("[]");
    size_t size = (size_t) (megabytes * (1 << 20)), index, count;
    char *text = malloc (size);
    memset (text, 'x', size);
    for (const char *role = roles; *role != 0; role++) {
        yyjson_mut_val *turn = yyjson_mut_arr_add_obj (talk.document, talk.turns);
        yyjson_mut_obj_add_str (talk.document, turn, "role", *role == 'u'   ? "user"
                                                             : *role == 'a' ? "assistant"
                                                                            : "system");
        yyjson_mut_obj_add_strn (talk.document, turn, "content", text, size);
    }
    conversation_cut (talk.turns);
    yyjson_mut_val *turn;
    left [0] = 0;
    yyjson_mut_arr_foreach (talk.turns, index, count, turn) {
        strncat (left, yyjson_mut_get_str (yyjson_mut_obj_get (turn, "role")), 1);
    }
    free (text);
    talk_free (&talk);
    return left;
}

static void test_cut (void **state UNUSED)
{
    assert_string_equal (cut ("", 1), "");
    assert_string_equal (cut ("u", 3), "u");            /* the question stays */
    assert_string_equal (cut ("uau", 0.5), "uau");
    assert_string_equal (cut ("uauau", 0.5), "auau");   /* the oldest goes */
    assert_string_equal (cut ("uuu", 1.5), "u");
    assert_string_equal (cut ("suau", 1), "su");        /* what was said goes before what tells how to answer */
    assert_string_equal (cut ("ssu", 1), "su");
    assert_string_equal (cut ("ssss", 3), "s");
}

/* -- file searches --------------------------------------------------------------------------- */

#define TOOL(rest) "[{\"type\":\"file_search\",\"vector_store_ids\":[\"vs_1\"]" rest "}]"

static int read_tools (const char *json, file_search_t *search)
{
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    assert_non_null (document);
    error_clear ();
    int result = file_search_read (yyjson_doc_get_root (document), search);
    yyjson_doc_free (document);
    return result;
}

static const char *first_store (const file_search_t *search)
{
    size_t cursor = 0;
    return strings_next (strings_built (&search->stores), &cursor);
}

static void test_file_search (void **state UNUSED)
{
    file_search_t search;
    assert_int_equal (read_tools ("[]", &search), 0);
    assert_string_equal (first_store (&search), "default");
    assert_int_equal (search.limit, DEFAULT_PASSAGES);
    assert_string_equal (search.ranking.ranker, "fused");
    file_search_free (&search);
    assert_int_equal (file_search_read (NULL, &search), 0);
    file_search_free (&search);
    assert_int_equal (read_tools (TOOL (",\"max_num_results\":3,\"filters\":{\"type\":\"eq\"},\"ranking_options\":"
                                        "{\"ranker\":\"dense\",\"score_threshold\":0.5}"), &search), 0);
    assert_string_equal (first_store (&search), "vs_1");
    assert_int_equal (search.limit, 3);
    assert_string_equal (search.filters, "{\"type\":\"eq\"}");
    assert_string_equal (search.ranking.ranker, "dense");
    assert_true (search.ranking.threshold == 0.5f);
    file_search_free (&search);
    assert_int_equal (read_tools (TOOL (",\"filters\":null,\"max_num_results\":null"), &search), 0);
    assert_string_equal (search.filters, "");
    assert_int_equal (search.limit, DEFAULT_PASSAGES);
    file_search_free (&search);
}

static void test_file_searches_that_are_refused (void **state UNUSED)
{
    static const char *const wrong [] = {
        "[1]", "[{}]", "[{\"type\":\"web_search\"}]", "[{\"type\":\"file_search\"}]",
        "[{\"type\":\"file_search\",\"vector_store_ids\":[]}]", "[{\"type\":\"file_search\",\"vector_store_ids\":\"vs\"}]",
        "[{\"type\":\"file_search\",\"vector_store_ids\":[1]}]",
        "[{\"type\":\"file_search\",\"vector_store_ids\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}]",
        TOOL (",\"max_num_results\":0"), TOOL (",\"max_num_results\":51"), TOOL (",\"filters\":[]"),
        TOOL (",\"ranking_options\":{\"ranker\":\"best\"}"), TOOL (",\"ranking_options\":{\"score_threshold\":2}"),
        TOOL (",\"surprise\":1"), "[{\"type\":\"file_search\"},{\"type\":\"file_search\"}]",
    };
    for (size_t i = 0; i < COUNT_OF (wrong); i++) {
        file_search_t search;
        assert_int_equal (read_tools (wrong [i], &search), -1);
        assert_true (error_get () == ERROR_BAD_FIELD || error_get () == ERROR_MISSING_FIELD);
        assert_true (error_text () [0] != 0);
        file_search_free (&search);
    }
}

static void test_rankers (void **state UNUSED)
{
    static const struct {
        const char *options, *ranker;   /* NULL: refused */
    } cases [] = {
        {"{}", "fused"}, {"{\"ranker\":\"auto\"}", "fused"}, {"{\"ranker\":\"none\"}", "fused"},
        {"{\"ranker\":\"default-2024-11-15\"}", "fused"}, {"{\"ranker\":\"default_2024_08_21\"}", "fused"},
        {"{\"ranker\":\"lexical\"}", "lexical"}, {"{\"ranker\":\"dense\"}", "dense"}, {"{\"ranker\":null}", "fused"},
        {"{\"ranker\":\"\"}", NULL}, {"{\"ranker\":\"Dense\"}", NULL}, {"{\"ranker\":1}", NULL},
        {"{\"score_threshold\":-0.1}", NULL}, {"{\"score_threshold\":\"1\"}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        ranking_t ranking;
        yyjson_doc *document = yyjson_read (cases [i].options, strlen (cases [i].options), 0);
        int result = ranking_read (yyjson_doc_get_root (document), &ranking);
        assert_int_equal (result, cases [i].ranker == NULL ? -1 : 0);
        if (result == 0)
            assert_string_equal (ranking.ranker, cases [i].ranker);
        yyjson_doc_free (document);
    }
}

/* -- the fields of a response ---------------------------------------------------------------- */

static void test_response_fields (void **state UNUSED)
{
    static const struct {
        const char *json, *param;   /* of what is wrong; NULL: nothing */
    } cases [] = {
        {"{}", NULL}, {"{\"tool_choice\":\"auto\"}", NULL}, {"{\"tool_choice\":\"required\"}", NULL},
        {"{\"tool_choice\":{\"type\":\"file_search\"}}", NULL}, {"{\"tool_choice\":null,\"text\":null}", NULL},
        {"{\"text\":{}}", NULL}, {"{\"text\":{\"format\":{\"type\":\"text\"}}}", NULL},
        {"{\"include\":[\"file_search_call.results\"]}", NULL}, {"{\"background\":false}", NULL},
        {"{\"tool_choice\":\"none\"}", "tool_choice"}, {"{\"tool_choice\":{\"type\":\"function\"}}", "tool_choice"},
        {"{\"tool_choice\":{}}", "tool_choice"}, {"{\"text\":{\"format\":{\"type\":\"json_schema\"}}}", "text"},
        {"{\"include\":[\"file_search_call.results\",\"else\"]}", "include"}, {"{\"background\":true}", "background"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        const char *param = NULL;
        yyjson_doc *document = yyjson_read (cases [i].json, strlen (cases [i].json), 0);
        int result = response_fields_check (yyjson_doc_get_root (document), &param);
        assert_int_equal (result, cases [i].param == NULL ? 0 : -1);
        if (result != 0)
            assert_string_equal (param, cases [i].param);
        yyjson_doc_free (document);
    }
}

static void test_what_a_response_tells_again (void **state UNUSED)
{
    talk_t talk = talk_of ("{\"temperature\":0.5,\"store\":false,\"user\":null,\"stream\":true,\"input\":\"x\"}");
    yyjson_mut_val *asked = response_fields_asked (yyjson_doc_get_root (talk.read), talk.document);
    assert_true (yyjson_mut_get_real (yyjson_mut_obj_get (asked, "temperature")) == 0.5);
    assert_true (yyjson_mut_is_false (yyjson_mut_obj_get (asked, "store")));
    assert_true (yyjson_mut_is_null (yyjson_mut_obj_get (asked, "user")));
    assert_true (yyjson_mut_equals_str (yyjson_mut_obj_get (asked, "model"), "quire"));
    assert_int_equal (yyjson_mut_obj_size (yyjson_mut_obj_get (asked, "metadata")), 0);
    assert_null (yyjson_mut_obj_get (asked, "stream"));
    assert_null (yyjson_mut_obj_get (asked, "input"));
    assert_false (response_wants_results (yyjson_doc_get_root (talk.read)));
    talk_free (&talk);
}

static void test_sampling (void **state UNUSED)
{
    static const struct {
        const char *fields, *sampling;
    } cases [] = {
        {"{}", "{}"}, {"{\"temperature\":null}", "{}"}, {"{\"input\":\"x\",\"metadata\":{}}", "{}"},
        {"{\"max_output_tokens\":5,\"temperature\":0.5}", "{\"max_tokens\":5,\"temperature\":0.5}"},
        {"{\"max_tokens\":5,\"max_completion_tokens\":6}", "{\"max_tokens\":6}"},
        {"{\"stop\":[\"a\"],\"seed\":1,\"top_p\":1,\"presence_penalty\":2,\"frequency_penalty\":-2}",
         "{\"top_p\":1,\"stop\":[\"a\"],\"seed\":1,\"presence_penalty\":2,\"frequency_penalty\":-2}"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        yyjson_doc *document = yyjson_read (cases [i].fields, strlen (cases [i].fields), 0);
        char *sampling = sampling_json (yyjson_doc_get_root (document));
        assert_string_equal (sampling, cases [i].sampling);
        free (sampling);
        yyjson_doc_free (document);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_messages), cmocka_unit_test (test_input), cmocka_unit_test (test_input_items),
        cmocka_unit_test (test_too_many), cmocka_unit_test (test_stored), cmocka_unit_test (test_cut),
        cmocka_unit_test (test_file_search), cmocka_unit_test (test_file_searches_that_are_refused),
        cmocka_unit_test (test_rankers), cmocka_unit_test (test_response_fields),
        cmocka_unit_test (test_what_a_response_tells_again), cmocka_unit_test (test_sampling),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
