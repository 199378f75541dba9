/* A streamed response, gathered into an answer, split anywhere. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"

#define EVENT(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"
#define CREATED           EVENT ("response.created", ",\"response\":{\"id\":\"resp_1\"}")
#define DELTA(text)       EVENT ("response.output_text.delta", ",\"delta\":\"" text "\"")
#define CITATION(rest)    EVENT ("response.output_text.annotation.added", ",\"annotation\":{" rest "}")
#define END(type, rest)   EVENT (type, ",\"response\":{\"id\":\"resp_1\"" rest "}")

typedef struct {
    char said [256];       /* by pieces, each followed by | */
    char citations [512];
    char unsupported [256];
} heard_t;

static int on_text (void *context, const char *text)
{
    heard_t *heard = context;
    strcat (strcat (heard->said, text), "|");
    return 0;
}

static void on_citation (void *context, const citation_t *citation)
{
    heard_t *heard = context;
    size_t used = strlen (heard->citations);
    snprintf (heard->citations + used, sizeof heard->citations - used, "%s[%d] %s %d %s%s;",
              citation->goes_on ? "+" : "", (int) citation->mark, citation->file_name, (int) citation->page,
              citation->quote, citation->is_said ? "!" : "");
}

static void on_unsupported (void *context, const char *text, size_t size)
{
    heard_t *heard = context;
    strncat (heard->unsupported, text, size);
    strcat (heard->unsupported, ";");
}

/* Feeds the stream with a cut at `cut`. */
static answering_t *hear (const char *stream, size_t cut, heard_t *heard)
{
    *heard = (heard_t) {0};
    size_t size = strlen (stream);
    answering_t *answering = answering_new (on_text, heard);
    assert_non_null (answering);
    cut = cut < size ? cut : size;
    assert_int_equal (answering_feed (answering, stream, cut), 0);
    assert_int_equal (answering_feed (answering, stream + cut, size - cut), 0);
    answering_each_citation (answering, on_citation, heard);
    answering_each_unsupported (answering, on_unsupported, heard);
    return answering;
}

static const char whole [] =
    CREATED ": ping\n\n" EVENT ("response.file_search_call.searching", "") DELTA ("Ünter [2]") DELTA (" and [1].")
    CITATION ("\"filename\":\"b.pdf\",\"page\":3,\"quote\":\"q2\",\"passage\":2")
    CITATION ("\"filename\":\"a.pdf\",\"page\":12,\"quote\":\"q1\",\"passage\":1")
    CITATION ("\"filename\":\"b.pdf\",\"page\":3,\"quote\":\"nter\",\"passage\":2")
    CITATION ("\"filename\":\"b.pdf\",\"page\":3,\"quote\":\"q2\",\"passage\":2")
    END ("response.completed", ",\"quire\":{\"by\":\"llm\",\"declined\":0,\"unsupported\":[[0,5],[10,13]]}");

static void test_a_whole_answer_cut_anywhere (void **state UNUSED)
{
    for (size_t cut = 0; cut < sizeof whole; cut++) {
        heard_t heard;
        failure_t failure;
        answering_t *answering = hear (whole, cut, &heard);
        assert_string_equal (heard.said, "Ünter [2]| and [1].|");
        assert_string_equal (heard.citations, "[1] a.pdf 12 q1;[2] b.pdf 3 q2;+[2] b.pdf 3 nter!;");
        assert_string_equal (heard.unsupported, "Ünter;and;");
        assert_string_equal (answering_id (answering), "resp_1");
        assert_int_equal (answering_failure (answering, &failure), 0);
        assert_false (answering_has_declined (answering));
        assert_string_equal (answering_note (answering), "");
        assert_non_null (answering_response (answering));
        answering_destroy (&answering);
        assert_null (answering);
    }
}

static void test_ends (void **state UNUSED)
{
    static const struct {
        const char *stream;
        outcome_t outcome;
        const char *words;
    } cases [] = {
        {CREATED DELTA ("a"), OUTCOME_REFUSED, "broke off"},
        {"", OUTCOME_REFUSED, "broke off"},
        {CREATED END ("response.failed", ",\"error\":{\"message\":\"The LLM is gone.\"}"), OUTCOME_REFUSED, "The LLM is gone."},
        {CREATED END ("response.failed", ",\"error\":null"), OUTCOME_REFUSED, "failed to answer"},
        {CREATED EVENT ("error", ",\"message\":\"Too late.\""), OUTCOME_REFUSED, "Too late."},
        {CREATED END ("response.incomplete", ",\"incomplete_details\":{\"reason\":\"max_output_tokens\"}"),
         OUTCOME_SOME_FAILED, "max_output_tokens"},
        {CREATED END ("response.completed", "") END ("response.failed", ""), OUTCOME_OK, ""},   /* the first counts */
        {CREATED END ("response.completed", ""), OUTCOME_OK, ""},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        heard_t heard;
        failure_t failure = {.outcome = OUTCOME_OK};
        answering_t *answering = hear (cases [i].stream, 0, &heard);
        assert_int_equal (answering_failure (answering, &failure), cases [i].outcome == OUTCOME_OK ? 0 : -1);
        assert_int_equal (failure.outcome, cases [i].outcome);
        assert_non_null (strstr (failure.message, cases [i].words));
        answering_destroy (&answering);
    }
}

static void test_declined (void **state UNUSED)
{
    static const struct {
        const char *facts;
        bool declined;
    } cases [] = {{",\"quire\":{\"declined\":1}", true}, {",\"quire\":{\"declined\":true}", true}, {"", false},
                  {",\"quire\":{\"declined\":0}", false}, {",\"quire\":{\"declined\":false}", false}, {",\"quire\":7", false}};
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        heard_t heard;
        char stream [256];
        snprintf (stream, sizeof stream, "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"x\"%s}}\n\n",
                  cases [i].facts);
        answering_t *answering = hear (stream, 0, &heard);
        assert_int_equal (answering_has_declined (answering), cases [i].declined);
        answering_destroy (&answering);
    }
}

/* Ranges that make no sense show nothing; a citation without a mark counts by its place. */
static void test_odd_values (void **state UNUSED)
{
    heard_t heard;
    answering_t *answering = hear (
        CREATED DELTA ("abc") CITATION ("\"filename\":7") CITATION ("\"filename\":\"a\",\"page\":-1")
        EVENT ("response.output_text.delta", ",\"delta\":7")
        END ("response.completed", ",\"quire\":{\"unsupported\":[[2,1],[0,99],[-1,2],7,[],[1,3]]}"), 0, &heard);
    assert_string_equal (heard.citations, "[1]  0 !;[2] a 0 !;");
    assert_string_equal (heard.unsupported, "bc;");
    answering_destroy (&answering);
}

static void test_what_is_no_json_ends_it (void **state UNUSED)
{
    static const char stream [] = "data: {\n\n";
    answering_t *answering = answering_new (NULL, NULL);
    assert_int_equal (answering_feed (answering, stream, sizeof stream - 1), -1);
    answering_destroy (&answering);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_whole_answer_cut_anywhere), cmocka_unit_test (test_ends),
        cmocka_unit_test (test_declined), cmocka_unit_test (test_odd_values),
        cmocka_unit_test (test_what_is_no_json_ends_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
