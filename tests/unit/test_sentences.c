/* Sentences: what a text can be quoted by, by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sentences.h"
#include "utf8.h"

/* The sentences, each with a bar behind it. */
static char *cut (const char *text)
{
    static sentence_t sentences [64];
    size_t length, count = sentences_cut (text, strlen (text), sentences, COUNT_OF (sentences));
    char *result;
    FILE *out = open_memstream (&result, &length);
    for (size_t i = 0; i < count; i++) {
        assert_true (utf8_valid (text + sentences [i].start, sentences [i].end - sentences [i].start));
        fprintf (out, "%.*s|", (int) (sentences [i].end - sentences [i].start), text + sentences [i].start);
    }
    fclose (out);
    return result;
}

static void cuts_by_table (void **state UNUSED)
{
    static const struct { const char *text, *cut; } rows [] = {
        {"", ""}, {" \n\t", ""},
        {"One. Two! Three?", "One.|Two!|Three?|"},
        {"Mr. J. Smith came. He left.", "Mr. J. Smith came.|He left.|"},
        {"- an item\n- another", "- an item|- another|"},
        {"Year\t2019. A\t350", "Year\t2019. A\t350|"},
        {"\u4E2D\u6587\u3002\u5B57\u7B26", "\u4E2D\u6587\u3002|\u5B57\u7B26|"},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        char *found = cut (rows [i].text);
        assert_string_equal (found, rows [i].cut);
        free (found);
    }
}

/* A byte of a longer character may look like a space. */
static void keeps_characters_whole (void **state UNUSED)
{
    static const char *const texts [] = {
        "la citt\u00E0", "\u0420\u0430\u0437 \u0420", "\u00A0", "\u3000", "citt\u00E0. Poi", "(\u00E0.b. Mr\u00E0. \u00E0",
    };
    for (size_t i = 0; i < COUNT_OF (texts); i++)
        free (cut (texts [i]));
    char *found = cut ("la citt\u00E0");
    assert_string_equal (found, "la citt\u00E0|");
    free (found);
    static char longer [2 * MAX_SENTENCE_BYTES];
    for (size_t from = 0; from < 3; from++) {   /* cut where there is no space, at each place of a character */
        memset (longer, 'x', sizeof longer);
        for (size_t i = from; i + 2 < sizeof longer; i += 2)
            memcpy (longer + i, "\u00E0", 2);
        longer [sizeof longer - 1] = '\0';
        free (cut (longer));
    }
}

static void cuts_long_ones_between_words (void **state UNUSED)
{
    static char longer [MAX_SENTENCE_BYTES + 200];
    sentence_t sentences [4];
    memset (longer, 'x', sizeof longer);
    memset (longer + MAX_SENTENCE_BYTES - 60, ' ', 100);
    assert_int_equal (sentences_cut (longer, sizeof longer, sentences, COUNT_OF (sentences)), 2);
    assert_int_equal (sentences [0].end, MAX_SENTENCE_BYTES - 60);
    assert_int_equal (sentences [1].start, MAX_SENTENCE_BYTES + 40);
    assert_int_equal (sentences [1].end, sizeof longer);
    assert_int_equal (sentences_cut (longer, sizeof longer, sentences, 1), 1);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (cuts_by_table), cmocka_unit_test (keeps_characters_whole),
        cmocka_unit_test (cuts_long_ones_between_words),
    };
    return cmocka_run_group_tests_name ("sentences", tests, NULL, NULL);
}
