/* Drafts, and the responses and completions made of them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "error.h"
#include "response.h"

#define FOUND \
    "{\"search_query\":[\"q\"],\"data\":[{\"file_id\":\"file-1\",\"filename\":\"a.pdf\",\"score\":0.5," \
    "\"content\":[{\"type\":\"text\",\"text\":\"a text\"}],\"page\":2}]}"
#define CITATION "{\"type\":\"file_citation\",\"file_id\":\"file-1\",\"index\":3}"

static const answer_ended_message_t completed = {
    .status = "completed", .reason = "", .message = "", .by = "extractive", .model = "", .declined = 1,
    .files_reading = 3, .input_tokens = 7, .output_tokens = 5, .quotes_rejected = 2, .unsupported = "[[0,3]]",
};

static draft_t draft_of_all (const answer_ended_message_t *ended)
{
    draft_t draft;
    assert_int_equal (draft_begin (&draft), 0);
    assert_int_equal (draft_add_found (&draft, FOUND), 0);
    assert_int_equal (draft_add_text (&draft, "It "), 0);
    assert_int_equal (draft_add_text (&draft, "is."), 0);
    assert_int_equal (draft_add_citation (&draft, CITATION), 0);
    if (ended != NULL)
        assert_int_equal (draft_set_end (&draft, ended), 0);
    return draft;
}

/* What stands at a path such as "/output/1/status" of the document, as JSON. */
static const char *at (yyjson_mut_doc *document, const char *path)
{
    static char text [1024];
    char *json = yyjson_mut_val_write (yyjson_mut_doc_ptr_get (document, path), 0, NULL);
    snprintf (text, sizeof text, "%s", json == NULL ? "missing" : json);
    free (json);
    return text;
}

static void test_draft (void **state UNUSED)
{
    draft_t draft = draft_of_all (NULL);
    assert_string_equal (draft.text, "It is.");
    assert_int_equal (draft.size, 6);
    assert_null (draft_facts (&draft, draft.document));
    assert_string_equal (draft_end_text (&draft, "status"), "");
    assert_int_equal (draft_end_number (&draft, "input_tokens"), 0);
    assert_int_equal (yyjson_mut_arr_size (draft.queries), 1);
    yyjson_mut_val *result = yyjson_mut_arr_get_first (draft.results);
    assert_true (yyjson_mut_equals_str (yyjson_mut_obj_get (result, "text"), "a text"));
    assert_null (yyjson_mut_obj_get (result, "content"));
    assert_int_equal (yyjson_mut_arr_size (draft.citations), 1);
    draft_free (&draft);
}

static void test_what_the_answerer_must_not_tell (void **state UNUSED)
{
    static const char *const wrong [] = {"", "{", "7", "[]", "{}", "{\"search_query\":[]}", "{\"data\":[]}",
                                         "{\"search_query\":\"q\",\"data\":[]}", "{\"search_query\":[],\"data\":{}}"};
    draft_t draft = draft_of_all (NULL);
    for (size_t i = 0; i < COUNT_OF (wrong); i++) {
        error_clear ();
        assert_int_equal (draft_add_found (&draft, wrong [i]), -1);
        assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
    }
    assert_int_equal (draft_add_citation (&draft, "{"), -1);
    answer_ended_message_t ended = completed;
    ended.unsupported = "[";
    assert_int_equal (draft_set_end (&draft, &ended), -1);
    assert_null (draft.end);
    assert_int_equal (yyjson_mut_arr_size (draft.results), 1);   /* what was there stays */
    draft_free (&draft);
}

/* A passage without what others have becomes one with an empty text. */
static void test_passages_without_text (void **state UNUSED)
{
    draft_t draft;
    assert_int_equal (draft_begin (&draft), 0);
    assert_int_equal (draft_add_found (&draft, "{\"search_query\":[],\"data\":[{},{\"content\":[]},{\"content\":[{}]}]}"), 0);
    size_t index, count;
    yyjson_mut_val *result;
    yyjson_mut_arr_foreach (draft.results, index, count, result) {
        assert_true (yyjson_mut_equals_str (yyjson_mut_obj_get (result, "text"), ""));
    }
    assert_int_equal (count, 3);
    draft_free (&draft);
}

static void test_limits (void **state UNUSED)
{
    draft_t draft;
    char *text = malloc (MAX_DRAFT_BYTES);
    memset (text, 'x', MAX_DRAFT_BYTES - 1);
    text [MAX_DRAFT_BYTES - 1] = 0;
    assert_int_equal (draft_begin (&draft), 0);
    assert_int_equal (draft_add_text (&draft, text), 0);
    assert_int_equal (draft_add_text (&draft, ""), 0);
    assert_int_equal (draft_add_text (&draft, "y"), -1);
    assert_int_equal (draft.size, MAX_DRAFT_BYTES - 1);
    for (int i = 0; i < MAX_CITATIONS; i++)
        assert_int_equal (draft_add_citation (&draft, "{}"), 0);
    assert_int_equal (draft_add_citation (&draft, "{}"), -1);
    draft_free (&draft);
    free (text);
}

/* -- responses ------------------------------------------------------------------------------- */

static yyjson_mut_doc *response_doc (const answer_ended_message_t *ended, bool with_results)
{
    draft_t draft = draft_of_all (ended);
    response_t response = {.id = "resp_1", .search_id = "fs_1", .message_id = "msg_1", .created = 9};
    response.document = yyjson_mut_doc_new (NULL);
    response.asked = yyjson_mut_obj (response.document);
    yyjson_mut_obj_add_str (response.document, response.asked, "model", "m");
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_doc_set_root (document, response_object (&response, &draft, with_results, document));
    yyjson_mut_doc_free (response.document);
    draft_free (&draft);
    return document;
}

static void test_response_while_it_goes_on (void **state UNUSED)
{
    yyjson_mut_doc *document = response_doc (NULL, true);
    assert_string_equal (at (document, "/status"), "\"in_progress\"");
    assert_string_equal (at (document, "/output"), "[]");
    assert_string_equal (at (document, "/usage"), "null");
    assert_string_equal (at (document, "/quire"), "missing");
    yyjson_mut_doc_free (document);
}

static void test_response_that_is_complete (void **state UNUSED)
{
    yyjson_mut_doc *document = response_doc (&completed, true);
    static const struct {
        const char *path, *value;
    } places [] = {
        {"/id", "\"resp_1\""}, {"/created_at", "9"}, {"/status", "\"completed\""}, {"/error", "null"}, {"/model", "\"m\""},
        {"/incomplete_details", "null"}, {"/output/0/id", "\"fs_1\""}, {"/output/0/queries", "[\"q\"]"},
        {"/output/0/results/0/text", "\"a text\""}, {"/output/1/status", "\"completed\""},
        {"/output/1/content/0/text", "\"It is.\""}, {"/output/1/content/0/annotations", "[" CITATION "]"},
        {"/usage/input_tokens", "7"}, {"/usage/output_tokens", "5"}, {"/usage/total_tokens", "12"},
        {"/quire/by", "\"extractive\""}, {"/quire/model", "null"}, {"/quire/declined", "true"},
        {"/quire/files_reading", "3"}, {"/quire/quotes_rejected", "2"}, {"/quire/unsupported", "[[0,3]]"},
    };
    for (size_t i = 0; i < COUNT_OF (places); i++)
        assert_string_equal (at (document, places [i].path), places [i].value);
    response_hide_results (yyjson_mut_doc_get_root (document));
    assert_string_equal (at (document, "/output/0/results"), "null");
    assert_string_equal (at (document, "/output/1/content/0/text"), "\"It is.\"");
    yyjson_mut_doc_free (document);
    document = response_doc (&completed, false);
    assert_string_equal (at (document, "/output/0/results"), "null");
    yyjson_mut_doc_free (document);
}

static void test_responses_that_are_not_complete (void **state UNUSED)
{
    static const struct {
        const char *status, *item, *error, *details;
    } cases [] = {
        {"incomplete", "\"incomplete\"", "null", "{\"reason\":\"why\"}"},
        {"failed", "\"incomplete\"", "{\"code\":\"server_error\",\"message\":\"text\"}", "null"},
        {"cancelled", "\"incomplete\"", "null", "null"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        answer_ended_message_t ended = completed;
        ended.status = cases [i].status;
        ended.reason = "why";
        ended.message = "text";
        yyjson_mut_doc *document = response_doc (&ended, false);
        assert_string_equal (at (document, "/output/1/status"), cases [i].item);
        assert_string_equal (at (document, "/error"), cases [i].error);
        assert_string_equal (at (document, "/incomplete_details"), cases [i].details);
        assert_string_equal (at (document, "/quire/reason"), "\"why\"");
        yyjson_mut_doc_free (document);
    }
}

/* -- completions ----------------------------------------------------------------------------- */

static void test_completion (void **state UNUSED)
{
    draft_t draft = draft_of_all (&completed);
    completion_t completion = {.id = "chatcmpl-1", .created = 9, .model = "quire"};
    yyjson_mut_doc *document = completion_document (&completion, &draft);
    assert_string_equal (at (document, "/object"), "\"chat.completion\"");
    assert_string_equal (at (document, "/choices/0/message/content"), "\"It is.\"");
    assert_string_equal (at (document, "/choices/0/message/annotations"), "[" CITATION "]");
    assert_string_equal (at (document, "/choices/0/finish_reason"), "\"stop\"");
    assert_string_equal (at (document, "/usage/total_tokens"), "12");
    yyjson_mut_doc_free (document);
    document = completion_usage_chunk (&completion, &draft);
    assert_string_equal (at (document, "/choices"), "[]");
    assert_string_equal (at (document, "/usage/prompt_tokens"), "7");
    yyjson_mut_doc_free (document);
    document = yyjson_mut_doc_new (NULL);
    completion_chunk (&completion, document, yyjson_mut_obj (document), NULL);
    assert_string_equal (at (document, "/object"), "\"chat.completion.chunk\"");
    assert_string_equal (at (document, "/choices/0/delta"), "{}");
    assert_string_equal (at (document, "/choices/0/finish_reason"), "null");
    yyjson_mut_doc_free (document);
    draft_free (&draft);
}

static void test_why_a_completion_ended (void **state UNUSED)
{
    static const struct {
        const char *status, *reason, *finish;
    } cases [] = {
        {"completed", "", "stop"}, {"completed", "llm_unauthorized", "stop"}, {"incomplete", "content_filter", "content_filter"},
        {"incomplete", "max_output_tokens", "length"}, {"cancelled", "cancelled", "length"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        answer_ended_message_t ended = completed;
        ended.status = cases [i].status;
        ended.reason = cases [i].reason;
        draft_t draft = draft_of_all (&ended);
        assert_string_equal (completion_finish (&draft), cases [i].finish);
        draft_free (&draft);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_draft), cmocka_unit_test (test_what_the_answerer_must_not_tell),
        cmocka_unit_test (test_passages_without_text), cmocka_unit_test (test_limits),
        cmocka_unit_test (test_response_while_it_goes_on), cmocka_unit_test (test_response_that_is_complete),
        cmocka_unit_test (test_responses_that_are_not_complete), cmocka_unit_test (test_completion),
        cmocka_unit_test (test_why_a_completion_ended),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
