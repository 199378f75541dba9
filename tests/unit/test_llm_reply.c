/* What a language model's server says, and what is done about its trouble, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llm_reply.h"

static const struct {
    const char *data;
    const char *text;
    llm_trouble_t trouble;
    bool done, finished, cut_short, refused;
} cases [] = {
    {"{\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}", "Hi", LLM_FINE, false, false, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":\"\"}}]}", NULL, LLM_FINE, false, false, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":null,\"reasoning\":\"hm\"}}]}", NULL, LLM_FINE, false, false, false, false},
    {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", NULL, LLM_FINE, false, true, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"length\"}]}", "x", LLM_FINE, false, true, true, false},
    {"{\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}", NULL, LLM_FILTERED, false, true, false, false},
    {"{\"choices\":[{\"delta\":{\"refusal\":\"No.\"}}]}", "No.", LLM_FINE, false, false, false, true},
    {"{\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}", "Hi", LLM_FINE, false, true, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"text\":\"b\"}]}}]}", "ab", LLM_FINE, false, false, false, false},
    {"{\"choices\":[]}", NULL, LLM_FINE, false, false, false, false},
    {"{}", NULL, LLM_FINE, false, false, false, false},
    {" [DONE] ", NULL, LLM_BAD_REPLY, false, false, false, false},
    {"[DONE]", NULL, LLM_FINE, true, false, false, false},
    {"[DONE]\r", NULL, LLM_FINE, true, false, false, false},
    {"", NULL, LLM_FINE, false, false, false, false}, {"  ", NULL, LLM_FINE, false, false, false, false},
    {"nonsense", NULL, LLM_BAD_REPLY, false, false, false, false}, {"[1]", NULL, LLM_BAD_REPLY, false, false, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":\"\xFF\"}}]}", "\xEF\xBF\xBD", LLM_FINE, false, false, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":\"\\ud83c\"}}]}", NULL, LLM_BAD_REPLY, false, false, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":\"\\ud83c\\udf32\"}}]}", "\xF0\x9F\x8C\xB2", LLM_FINE, false, false, false, false},
    {"{\"error\":{\"code\":401,\"message\":\"x\"}}", NULL, LLM_KEY_REFUSED, false, false, false, false},
    {"{\"error\":{\"code\":\"429\"}}", NULL, LLM_BUSY, false, false, false, false},
    {"{\"error\":{\"code\":\"rate_limit_exceeded\"}}", NULL, LLM_BUSY, false, false, false, false},
    {"{\"error\":{\"code\":\"context_length_exceeded\"}}", NULL, LLM_TOO_LONG, false, false, false, false},
    {"{\"error\":{\"message\":\"x\"}}", NULL, LLM_UNWELL, false, false, false, false},
    {"{\"error\":\"x\"}", NULL, LLM_UNWELL, false, false, false, false},
    {"{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}", "Hi", LLM_FINE, false, false, false, false},
    {"{\"choices\":[{\"delta\":{\"content\":\"\"},\"error\":{\"code\":502},\"finish_reason\":\"error\"}]}", NULL, LLM_UNWELL, false, true, false, false},
    {"{\"choices\":5,\"usage\":7}", NULL, LLM_FINE, false, false, false, false},
};

static void test_replies (void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        llm_reply_t reply;
        llm_reply_read (cases [i].data, strlen (cases [i].data), &reply);
        if ((reply.text == NULL) != (cases [i].text == NULL) || reply.trouble != cases [i].trouble)
            fail_msg ("%s: %s, %s", cases [i].data, reply.text == NULL ? "no text" : reply.text, llm_trouble_name (reply.trouble));
        if (reply.text != NULL)
            assert_string_equal (reply.text, cases [i].text);
        assert_int_equal (reply.done, cases [i].done);
        assert_int_equal (reply.finished, cases [i].finished);
        assert_int_equal (reply.cut_short, cases [i].cut_short);
        assert_int_equal (reply.refused, cases [i].refused);
        llm_reply_clear (&reply);
    }
}

static void test_usage (void **state UNUSED)
{
    static const char data [] = "{\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":99999999999}}";
    llm_reply_t reply;
    llm_reply_read (data, sizeof data - 1, &reply);
    assert_true (reply.has_usage);
    assert_int_equal (reply.input_tokens, 7);
    assert_int_equal (reply.output_tokens, UINT32_MAX);
    llm_reply_clear (&reply);
}

static void test_statuses (void **state UNUSED)
{
    static const struct {
        long status;
        llm_trouble_t trouble;
    } statuses [] = {{400, LLM_REJECTED}, {401, LLM_KEY_REFUSED}, {402, LLM_NO_CREDIT}, {403, LLM_FORBIDDEN},
                     {404, LLM_NOT_FOUND}, {408, LLM_UNWELL}, {413, LLM_TOO_LONG}, {422, LLM_REJECTED}, {429, LLM_BUSY},
                     {500, LLM_UNWELL}, {503, LLM_UNWELL}, {529, LLM_UNWELL}, {302, LLM_BAD_REPLY}, {0, LLM_BAD_REPLY},
                     {999, LLM_BAD_REPLY}};
    for (size_t i = 0; i < COUNT_OF (statuses); i++)
        assert_int_equal (llm_trouble_of_status (statuses [i].status), statuses [i].trouble);
}

static void test_retries (void **state UNUSED)
{
    for (uint32_t chance = 0; chance < 5000; chance += 7) {
        int64_t first = llm_retry_ms (LLM_BUSY, 1, 0, chance), second = llm_retry_ms (LLM_BUSY, 2, 0, chance);
        assert_in_range (first, RETRY_MS / 2, RETRY_MS * 3 / 2);
        assert_in_range (second, RETRY_MS, RETRY_MS * 3);
        assert_in_range (llm_retry_ms (LLM_BUSY, 1, 2000, chance), 2000, 2000 + RETRY_MS);
        assert_int_equal (llm_retry_ms (LLM_BUSY, MAX_RETRIES + 1, 0, chance), -1);
        assert_int_equal (llm_retry_ms (LLM_BUSY, 1, MAX_RETRY_AFTER_MS + 1, chance), -1);
    }
    for (int trouble = LLM_FINE; trouble < LLM_TROUBLE_COUNT; trouble++) {
        bool again = trouble == LLM_BUSY || trouble == LLM_UNWELL || trouble == LLM_UNREACHABLE || trouble == LLM_CUT
                  || trouble == LLM_BAD_REPLY || trouble == LLM_EMPTY;
        assert_int_equal (llm_retry_ms ((llm_trouble_t) trouble, 1, 0, 5) >= 0, again);
        assert_int_equal (llm_trouble_words ((llm_trouble_t) trouble) [0] != '\0', trouble != LLM_FINE);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_replies), cmocka_unit_test (test_usage), cmocka_unit_test (test_statuses),
        cmocka_unit_test (test_retries),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
