/* Questions: what is about the answer's form, and related words, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "question.h"

static void test_form (void **state UNUSED)
{
    static const struct {
        const char *text, *left;
    } cases [] = {
        {"", ""},
        {"What was the debt?", "What was the debt?"},
        {"What was the debt? Round your answer to 2 decimal places.", "What was the debt? your to ."},
        {"What was the debt in 2021?Answer in USD millions", "What was the debt in 2021? in"},
        {"Answer in percent. What is the margin?", "in . What is the margin?"},
        /* what such a sentence says beside the form stays */
        {"What was paid? Give a response based on the cash flow statement of 2021.",
         "What was paid? a on the cash flow statement of 2021."},
        /* it asks, after all */
        {"Use the list of values: what is the number of units?", "Use the list of values: what is the number of units?"},
        {"List the units. Show their numbers.", "List the units. Show their numbers."},
        {"State the number of units.", "State the number of units."},
        {"Which ones? For example: [\"3\", \"12\"]", "Which ones? For : [\" \", \" \"]"},
        {"Who signed the list? Answerable or not, the list counts.", "Who signed the list? Answerable or not, the list counts."},
        {" \tWhat\n\nwas  it? ", "What was it?"},
        {"M\xC3\xBCller? Your \xC3\xA9num\xC3\xA9ration, please", "M\xC3\xBCller? Your \xC3\xA9num\xC3\xA9ration,"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        char *text = strdup (cases [i].text);
        question_blank_form (text, strlen (text));
        assert_int_equal (strlen (text), strlen (cases [i].text));   /* blanked, not removed */
        char *rewritten = question_rewrite (cases [i].text);
        assert_string_equal (rewritten, cases [i].left);
        free (rewritten);
        free (text);
    }
}

static void append (void *context, const char *term, term_kind_t kind UNUSED)
{
    strcat (strcat (context, term), "|");
}

static void test_related (void **state UNUSED)
{
    static const struct {
        const char *text, *related;
    } cases [] = {
        {"", ""}, {"What was the EPS in 2020?", "earnings|per|share|"},
        {"its Gross Margins", "gross|profit|"}, {"steps", ""}, {"engross margins", ""},
        {"PP&E and SG&A", "property|plant|equipment|selling|general|administrative|"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        char related [1024] = "";
        question_related (cases [i].text, strlen (cases [i].text), append, related);
        assert_string_equal (related, cases [i].related);
    }
}

/* Whatever the bytes are: no more than blanks are written. */
static void test_any_bytes (void **state UNUSED)
{
    uint32_t random = 7;
    for (size_t round = 0; round < 200; round++) {
        size_t size = round * 3;
        char *text = malloc (size + 1), *before = malloc (size + 1);
        for (size_t i = 0; i < size; i++) {
            random = random * 1664525 + 1013904223;
            text [i] = "?!. \nAanswer list2:\xC3\xA9" [(random >> 20) % 22];
        }
        memcpy (before, text, size);
        question_blank_form (text, size);
        for (size_t i = 0; i < size; i++)
            assert_true (text [i] == before [i] || text [i] == ' ');
        free (before);
        free (text);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_form), cmocka_unit_test (test_related), cmocka_unit_test (test_any_bytes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
