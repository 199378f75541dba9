/* Quotes, clean text and sentences, by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "quote.h"
#include "sentences.h"
#include "utf8.h"

/* -- quotes ---------------------------------------------------------------------------------- */

typedef struct {
    const char *quote, *text;
    const char *found;   /* what of the text; NULL: nothing */
} quote_case_t;

static const quote_case_t quotes [] = {
    /* word for word */
    {"the sea", "By the sea we sat.", "the sea"},
    {"By the sea we sat.", "By the sea we sat.", "By the sea we sat."},
    {"the lake", "By the sea we sat.", NULL},
    {"The sea", "By the sea we sat.", NULL},
    {"", "By the sea", NULL},
    {"   ", "By the sea", NULL},
    /* white space of any kind and length */
    {"the sea", "By the\n\n  sea", "the\n\n  sea"},
    {"  the \t sea ", "By the sea we", "the sea"},
    {"the sea", "By the\xC2\xA0sea", "the\xC2\xA0sea"},
    {"thesea", "By the sea", NULL},
    /* whole words only */
    {"5 million", "He had 15 million.", NULL},
    {"5 million", "He had 5 millions.", NULL},
    {"5 million", "He had 15 million, or 5 million.", "5 million"},
    {"sea", "a seal, the sea", "sea"},
    {"3.5", "13.5 and 3.5", "3.5"},
    {"(sea)", "the(sea)side", "(sea)"},
    {"\xE6\xB1\xBA\xE7\xAE\x97", "\xE5\xB9\xB4\xE5\xBA\xA6\xE6\xB1\xBA\xE7\xAE\x97\xE6\x9B\xB8", "\xE6\xB1\xBA\xE7\xAE\x97"},
    /* composed and decomposed */
    {"cafe\xCC\x81 noir", "a caf\xC3\xA9 noir", "caf\xC3\xA9 noir"},
    /* quote marks */
    {"he said \"no\" twice", "he said \xE2\x80\x9Cno\xE2\x80\x9D twice", "he said \xE2\x80\x9Cno\xE2\x80\x9D twice"},
    {"the dog's bone", "the dog\xE2\x80\x99s bone", "the dog\xE2\x80\x99s bone"},
    {"\xC2\xABnon\xC2\xBB", "\"non\"", "\"non\""},
    /* hyphens within words, also where a line was parted */
    {"information age", "the infor-\nmation age", "infor-\nmation age"},
    {"well-known", "a wellknown man", "wellknown"},
    {"well\xE2\x80\x91known", "a well-known man", "well-known"},
    {"pages 5\xE2\x80\x93" "10", "see pages 5-10.", "pages 5-10"},
    {"510 pages", "5-10 pages", NULL},
    {"pages 5-10", "pages 510", NULL},
    {"-5 degrees", "it was 5 degrees", NULL},
    /* what nobody sees */
    {"the sea", "the s\xE2\x80\x8B" "ea", "the s\xE2\x80\x8B" "ea"},
    {"the s\xC2\xAD" "ea", "the sea", "the sea"},
    /* nothing else is forgiven */
    {"the  sea, we", "the sea we", NULL},
    {"the sea ... sat", "the sea we sat", NULL},
    {"resume", "r\xC3\xA9sum\xC3\xA9", NULL},
};

static void test_quotes (void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF (quotes); i++) {
        size_t from = 0, to = 0;
        bool found = quote_find (quotes [i].quote, strlen (quotes [i].quote), quotes [i].text, strlen (quotes [i].text),
                                 &from, &to);
        if (found != (quotes [i].found != NULL))
            fail_msg ("'%s' in '%s'", quotes [i].quote, quotes [i].text);
        if (!found)
            continue;
        assert_int_equal (to - from, strlen (quotes [i].found));
        assert_memory_equal (quotes [i].text + from, quotes [i].found, to - from);
    }
}

/* Every piece of a text between borders of words is found where it stands, or earlier. */
static void test_every_piece_is_found (void **state UNUSED)
{
    static const char text [] = "\xE2\x80\x9CZw\xC3\xB6lf B\xC3\xA4ume\xE2\x80\x9D, said-he;  12.5 % of\nthem \xE6\x9C\xA8 stand.";
    size_t size = sizeof text - 1, from, to;
    for (size_t start = 0; start < size; start++)
        for (size_t end = start + 1; end <= size; end++) {
            bool borders = (start == 0 || strchr (" \n", text [start - 1])) && (end == size || strchr (" \n", text [end]))
                        && strchr (" \n", text [start]) == NULL && strchr (" \n", text [end - 1]) == NULL;
            if (!borders)
                continue;
            assert_true (quote_find (text + start, end - start, text, size, &from, &to));
            assert_true (from <= start && to - from == end - start);
        }
}

static void test_any_bytes (void **state UNUSED)
{
    char text [64], quote [8];
    size_t from, to;
    srand (5);
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof text; i++)
            text [i] = (char) (rand () % 8 == 0 ? rand () : "a -\n\"\xE2\x80\x9C" [rand () % 8]);
        for (size_t i = 0; i < sizeof quote; i++)
            quote [i] = text [(size_t) rand () % sizeof text];
        if (quote_find (quote, sizeof quote, text, sizeof text, &from, &to))
            assert_true (from < to && to <= sizeof text);
        sentence_t sentences [70];
        size_t count = sentences_cut (text, sizeof text, sentences, 70), last = 0;
        for (size_t i = 0; i < count; i++) {
            assert_true (sentences [i].start >= last && sentences [i].start < sentences [i].end);
            last = sentences [i].end;
        }
        assert_true (last <= sizeof text);
        char *clean = clean_text (text, sizeof text);
        assert_true (utf8_valid (clean, strlen (clean)));
        free (clean);
    }
    static char endless [MAX_QUOTE_BYTES + 1];
    memset (endless, 'a', sizeof endless);
    assert_false (quote_find (endless, sizeof endless, endless, sizeof endless, &from, &to));
}

static void test_what_says_something (void **state UNUSED)
{
    static const struct {
        const char *quote;
        bool says, is_telling;
    } cases [] = {{"the sea", true, true}, {"42", true, false}, {"42 %", true, false}, {"sea", false, false},
                  {".", false, false}, {"", false, false}, {"42 metres", true, true},
                  {"\xE6\xB1\xBA\xE7\xAE\x97\xE5\xB9\xB4\xE5\xBA\xA6", true, true}};
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        assert_int_equal (quote_says (cases [i].quote, strlen (cases [i].quote)), cases [i].says);
        assert_int_equal (quote_is_telling (cases [i].quote, strlen (cases [i].quote)), cases [i].is_telling);
    }
}

/* -- clean text ------------------------------------------------------------------------------ */

static void test_clean (void **state UNUSED)
{
    static const uint32_t removed [] = {
        0x0, 0x7, 0xD, 0x7F, 0x85, 0xAD, 0x61C, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202E, 0x2060, 0x2066,
        0x2069, 0xFE00, 0xFE0F, 0xFEFF, 0x3164, 0xE0000, 0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF};
    static const uint32_t kept [] = {0x9, 0xA, 0x20, 0x41, 0xA0, 0xE9, 0x2013, 0x201C, 0x4E00, 0x1F332, 0xFFFD};
    for (size_t i = 0; i < COUNT_OF (removed); i++)
        assert_true (clean_removes (removed [i]));
    for (size_t i = 0; i < COUNT_OF (kept); i++)
        assert_false (clean_removes (kept [i]));
    static const char text [] = "a\xE2\x80\x8B" "b\xF3\xA0\x81\x81" "c\0d\xFF" "e\r\n";
    char *clean = clean_text (text, sizeof text - 1);
    assert_string_equal (clean, "abcd\xEF\xBF\xBD" "e\n");
    free (clean);
}

/* -- sentences ------------------------------------------------------------------------------- */

static const struct {
    const char *text, *sentences;   /* parted by bars */
} cuts [] = {
    {"One. Two! Three? Four", "One.|Two!|Three?|Four"},
    {"It cost 3.5 million. 2019 was worse.", "It cost 3.5 million.|2019 was worse."},
    {"See Fig. 3 and No. 5. Then Dr. J. Smith came.", "See Fig. 3 and No. 5.|Then Dr. J. Smith came."},
    {"He said \"No.\" Then he left.", "He said \"No.\"|Then he left."},
    {"e.g. this is one. and so is this", "e.g. this is one. and so is this"},
    {"Wait... What?! Yes.", "Wait...|What?!|Yes."},
    {"First item\nSecond item. With two.\n\nThird", "First item|Second item.|With two.|Third"},
    {"Name\tAge. Old\nJane\t5", "Name\tAge. Old|Jane\t5"},
    {"\xE4\xB8\x80\xE3\x80\x82\xE4\xBA\x8C\xE3\x80\x82", "\xE4\xB8\x80\xE3\x80\x82|\xE4\xBA\x8C\xE3\x80\x82"},
    {"  \n \t\n", ""}, {"", ""}, {"...", "..."},
};

static void test_sentences (void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF (cuts); i++) {
        sentence_t sentences [16];
        char all [256] = "";
        size_t count = sentences_cut (cuts [i].text, strlen (cuts [i].text), sentences, 16);
        for (size_t k = 0; k < count; k++) {
            strcat (all, k == 0 ? "" : "|");
            strncat (all, cuts [i].text + sentences [k].start, sentences [k].end - sentences [k].start);
        }
        assert_string_equal (all, cuts [i].sentences);
    }
}

static void test_long_sentences (void **state UNUSED)
{
    static char text [3 * MAX_SENTENCE_BYTES];
    sentence_t sentences [8];
    for (size_t i = 0; i < sizeof text; i++)
        text [i] = i % 7 == 6 ? ' ' : 'x';
    assert_int_equal (sentences_cut (text, sizeof text, sentences, 8), 4);
    memset (text, 0xE4, sizeof text);
    for (size_t i = 0; i + 2 < sizeof text; i += 3)   /* no spaces at all */
        memcpy (text + i, "\xE4\xB8\x80", 3);
    assert_int_equal (sentences_cut (text, sizeof text, sentences, 8), 3);
    for (size_t i = 0; i < 3; i++)
        assert_true (utf8_valid (text + sentences [i].start, sentences [i].end - sentences [i].start));
    assert_int_equal (sentences_cut (text, sizeof text, sentences, 2), 2);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_quotes), cmocka_unit_test (test_every_piece_is_found), cmocka_unit_test (test_any_bytes),
        cmocka_unit_test (test_what_says_something), cmocka_unit_test (test_clean),
        cmocka_unit_test (test_sentences), cmocka_unit_test (test_long_sentences),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
