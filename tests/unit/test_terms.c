/* Terms: tokens, folding, stop words, names and quantity questions, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "terms.h"
#include "utf8.h"

typedef void (walk_t) (const char *text, size_t size, term_handler_t *handler, void *context);

static void append (void *context, const char *term, term_kind_t kind UNUSED)
{
    FILE *out = context;
    assert_true (strlen (term) > 0 && strlen (term) <= MAX_TERM_BYTES);
    assert_true (utf8_valid (term, strlen (term)));
    fprintf (out, "%s|", term);
}

/* The terms of a text, each with a bar behind it. */
static char *terms_of (walk_t *walk, const char *text, size_t size)
{
    char *result;
    size_t length;
    FILE *out = open_memstream (&result, &length);
    walk (text, size, append, out);
    fclose (out);
    return result;
}

typedef struct {
    const char *text, *terms;
} case_t;

static void check_all (walk_t *walk, const case_t *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *found = terms_of (walk, cases [i].text, strlen (cases [i].text));
        assert_string_equal (found, cases [i].terms);
        free (found);
    }
}

static void test_texts (void **state UNUSED)
{
    static const case_t cases [] = {
        {"", ""}, {" \t\n", ""}, {"…—*()", ""},
        {"The Cat sat.", "the|cat|sat|"},
        {"revenue of $1,234.5 million", "revenue|of|1234.5|million|"},
        {"1,234 and 1,23 and 1,2345", "1234|and|1|23|and|1|2345|"},
        {"FY2018, FY18 and fy1", "fy2018|2018|fy18|2018|and|fy1|"},
        {"v2.18.0, 3.5mm, 10-K, 4K", "v2|18.0|3.5|mm|10|k|4k|"},
        {"the company's and the companies' plans; don\xE2\x80\x99t", "the|company|and|the|companies|plans|don|t|"},
        {"Caf\xC3\xA9 CAFE\xCC\x81 \xC3\x9C" "BER Stra\xC3\x9F" "e", "cafe|cafe|uber|strasse|"},
        {"a\xCD\xBA" "b \xEF\xB7\xBA", "ab|"
         "\xD8\xB5\xD9\x84\xD9\x89\xD8\xA7\xD9\x84\xD9\x84\xD9\x87\xD8\xB9\xD9\x84\xD9\x8A\xD9\x87\xD9\x88\xD8\xB3\xD9\x84\xD9\x85|"},
        {"\xEF\xAC\x81ne \xEF\xBC\x92\xEF\xBC\x90", "fine|20|"},
        {"\xD0\x9C\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0", "\xD0\xBC\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0|"},
        {"\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD", "\xE6\x9D\xB1|\xE4\xBA\xAC|\xE6\x9D\xB1\xE4\xBA\xAC|\xE9\x83\xBD|\xE4\xBA\xAC\xE9\x83\xBD|"},
    };
    check_all (terms_of_text, cases, COUNT_OF (cases));
}

static void test_questions (void **state UNUSED)
{
    static const case_t cases [] = {
        {"", ""}, {"?", ""},
        {"What is the revenue in FY2018?", "revenue|fy2018|2018|"},
        {"According to the report, how many pages are there?", "report|pages|"},
        {"AND NOT \"", "not|"},
        {"title:*", "title|"}, {"a", "a|"}, {"x", "x|"}, {"What is it?", "what|is|it|"},
        {"\xE4\xBA\xAC", "\xE4\xBA\xAC|"},
        {"\xE6\x9D\xB1\xE4\xBA\xAC", "\xE6\x9D\xB1\xE4\xBA\xAC|"},
    };
    check_all (terms_of_question, cases, COUNT_OF (cases));
}

static void test_names (void **state UNUSED)
{
    static const case_t names [] = {
        {"AMERICANEXPRESS_2022_10K.pdf", "americanexpress|2022|10k|10|k|"},
        {"BestBuy-Annual2021.PDF", "bestbuy|best|buy|annual2021|annual|2021|"},
        {".pdf", "pdf|"}, {"", ""},
    };
    static const case_t questions [] = {
        {"the American Express report", "theamerican|american|express|americanexpress|theamericanexpress|"
         "report|expressreport|americanexpressreport|"},
        {"it", ""},
    };
    check_all (terms_of_name, names, COUNT_OF (names));
    for (size_t i = 0; i < COUNT_OF (questions); i++) {
        char *found = terms_of (terms_of_question_as_names, questions [i].text, strlen (questions [i].text));
        char *rest = strdup (questions [i].terms), *next = NULL;
        for (char *term = strtok_r (rest, "|", &next); term != NULL; term = strtok_r (NULL, "|", &next)) {
            char barred [MAX_TERM_BYTES + 2];
            snprintf (barred, sizeof barred, "%s|", term);
            assert_non_null (strstr (found, barred));
        }
        assert_int_equal (strlen (found), strlen (questions [i].terms));
        free (rest);
        free (found);
    }
}

static void test_quantities (void **state UNUSED)
{
    static const char *const yes [] = {
        "How many employees?", "what PERCENTAGE of", "the number of stores", "how much did it cost",
        "total assets", "is it 5%?", "in $",
    };
    static const char *const no [] = {"Who is the CEO?", "", "number one", "how do I", "many many"};
    for (size_t i = 0; i < COUNT_OF (yes); i++)
        assert_true (terms_ask_quantity (yes [i], strlen (yes [i])));
    for (size_t i = 0; i < COUNT_OF (no); i++)
        assert_false (terms_ask_quantity (no [i], strlen (no [i])));
}

static void test_number_share (void **state UNUSED)
{
    float share;
    assert_int_equal (terms_count ("assets 1,234 56.7 9", 19, &share), 4);
    assert_float_equal (share, 0.75, 1e-6);
    assert_int_equal (terms_count ("", 0, &share), 0);
    assert_float_equal (share, 0, 1e-6);
}

/* Whatever the bytes are, terms are short, valid and never empty (append checks). */
static void test_any_bytes (void **state UNUSED)
{
    size_t size = 100 * 1024;
    char *text = malloc (size + 1);
    uint32_t random = 7;
    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        text [i] = (char) (random >> 24);
    }
    text [size] = '\0';
    static walk_t *const walks [] = {terms_of_text, terms_of_question, terms_of_name, terms_of_question_as_names};
    for (size_t i = 0; i < COUNT_OF (walks); i++)
        free (terms_of (walks [i], text, size));
    memset (text, 'a', size);
    for (size_t i = 0; i < COUNT_OF (walks); i++)
        free (terms_of (walks [i], text, size));
    free (text);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_texts), cmocka_unit_test (test_questions), cmocka_unit_test (test_names),
        cmocka_unit_test (test_quantities), cmocka_unit_test (test_number_share),
        cmocka_unit_test (test_any_bytes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
