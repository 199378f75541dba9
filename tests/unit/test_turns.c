/* Conversations and the question that they come to, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "turns.h"

#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define SAID(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define OF(turns) "[" turns "]"

static void test_standing_alone (void **state UNUSED)
{
    static const struct {
        const char *turns, *question;
    } cases [] = {
        {OF (USER ("Who built the tower?")), "Who built the tower?"},
        {OF (USER ("Who built the tower?") "," SAID ("Jane.") "," USER ("And the lighthouse of the bay?")),
         "Who built the tower? And the lighthouse of the bay?"},
        {OF (USER ("Who built the tower?") "," SAID ("Jane.") "," USER ("How old was she then, in years?")),
         "Who built the tower? How old was she then, in years?"},
        {OF (USER ("Who built the tower?") "," SAID ("Jane.") "," USER ("Why?")), "Who built the tower? Why?"},
        {OF (USER ("Who built the tower?") "," SAID ("Jane.") "," USER ("What does the harbour office cost?")),
         "What does the harbour office cost?"},
        {OF (USER ("Who built the tower?") "," USER ("And when?") "," USER ("And why?")),
         "Who built the tower? And when? And why?"},
        {OF (USER ("A question about towers?") "," USER ("Who built the old lighthouse?") "," USER ("What is its height?")),
         "Who built the old lighthouse? What is its height?"},
        {OF (USER ("When was it built?")), "When was it built?"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        turns_t *turns = turns_parse (cases [i].turns);
        assert_non_null (turns);
        char *question = turns_search_question (turns);
        assert_string_equal (question, cases [i].question);
        free (question);
        turns_destroy (&turns);
    }
}

static void test_what_is_no_conversation (void **state UNUSED)
{
    static const struct {
        const char *turns;
        error_t error;
    } cases [] = {
        {"", ERROR_BAD_FIELD}, {"[]", ERROR_BAD_FIELD}, {"{}", ERROR_BAD_FIELD}, {"[5]", ERROR_BAD_FIELD},
        {OF (SAID ("x")), ERROR_BAD_FIELD}, {OF (USER (" ")), ERROR_QUESTION_EMPTY},
        {"[{\"role\":\"user\"}]", ERROR_BAD_FIELD}, {"[{\"role\":\"cat\",\"content\":\"x\"}]", ERROR_BAD_FIELD},
        {"[{\"content\":\"x\"}]", ERROR_BAD_FIELD},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        assert_null (turns_parse (cases [i].turns));
        assert_int_equal (error_get (), cases [i].error);
    }
}

/* What is said before is forgotten first; what the system said stays. */
static void test_history_is_bounded (void **state UNUSED)
{
    char *json;
    size_t size;
    FILE *out = open_memstream (&json, &size);
    fputs ("[{\"role\":\"system\",\"content\":\"rules\"}", out);
    for (int i = 0; i < 500; i++)
        fprintf (out, ",{\"role\":\"user\",\"content\":\"question %d\"}", i);
    fputs ("]", out);
    fclose (out);
    turns_t *turns = turns_parse (json);
    assert_int_equal (turns_count (turns), MAX_TURNS);
    assert_string_equal (turns_get (turns, 0)->text, "rules");
    assert_string_equal (turns_get (turns, 1)->text, "question 437");
    assert_string_equal (turns_question (turns), "question 499");
    turns_destroy (&turns);
    free (json);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_standing_alone), cmocka_unit_test (test_what_is_no_conversation),
        cmocka_unit_test (test_history_is_bounded),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
