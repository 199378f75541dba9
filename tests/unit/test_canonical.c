/* Canonical text: what becomes of glyphs on lines. Layouts are drawn here letter by letter, each
 * half as wide as the font is high. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "canonical.h"
#include "utf8.h"
#include "letters.h"

typedef struct {
    float x, y, size;
    bool bold;
} pen_t;

static const pen_t body = {50, 100, 10, false};

static void put_glyph (layout_t *layout, pen_t pen, uint32_t code_point, float width)
{
    float x1 = pen.x + width, y1 = pen.y + pen.size;
    glyph_t glyph = {
        .code_point = code_point, .size = pen.size, .bold = pen.bold,
        .quad = {pen.x, pen.y, x1, pen.y, x1, y1, pen.x, y1},
    };
    assert_int_equal (layout_add_glyph (layout, &glyph), 0);
}

static void put_line (layout_t *layout, pen_t pen, const char *text)
{
    assert_int_equal (layout_begin_line (layout, 1, 0, false), 0);
    for (size_t at = 0; at < strlen (text); pen.x += pen.size / 2)
        put_glyph (layout, pen, utf8_next (text, strlen (text), &at), pen.size / 2);
}

/* Puts lines one below the other, in one block. */
static void put_lines (layout_t *layout, pen_t pen, const char *const *lines)
{
    for (; *lines; lines++, pen.y += 1.2f * pen.size)
        put_line (layout, pen, *lines);
    layout_end_block (layout);
}

static bool knows (const void *context, const char *text, size_t size)
{
    for (const char *const *word = context; *word; word++) {
        if (strlen (*word) == size && memcmp (*word, text, size) == 0)
            return true;
    }
    return false;
}

static page_text_t make (layout_t *layout, const char *const *words)
{
    page_text_t page;
    assert_int_equal (canonical_text (layout, words ? knows : NULL, words, &page), 0);
    assert_true (utf8_valid (page.text, page.size));
    assert_int_equal (page.length, utf8_length (page.text, page.size));
    for (size_t i = 0; i < page.word_count; i++) {
        assert_true (page.words [i].start < page.words [i].end);
        assert_true (page.words [i].end <= page.length);
        assert_true (i == 0 || page.words [i].start >= page.words [i - 1].end);
    }
    char *composed = (char *) utf8proc_NFC ((const utf8proc_uint8_t *) page.text);
    assert_string_equal (page.text, composed);
    free (composed);
    layout_free (layout);
    return page;
}

static void expect_lines (const char *const *lines, const char *const *words, const char *text)
{
    layout_t layout = {0};
    put_lines (&layout, body, lines);
    page_text_t page = make (&layout, words);
    assert_string_equal (page.text, text);
    page_text_free (&page);
}

#define LINES(...) ((const char *const []) {__VA_ARGS__, NULL})

static void joins_the_lines_of_a_paragraph (void **state UNUSED)
{
    expect_lines (LINES ("A paragraph is set in lines", "that are as long as its column", "and ends."), NULL,
                  "A paragraph is set in lines that are as long as its column and ends.");
}

static void keeps_lines_that_were_ended_on_purpose (void **state UNUSED)
{
    expect_lines (LINES ("Dear Sir,", "this letter is about the house at the sea", "Yours"), NULL,
                  "Dear Sir,\nthis letter is about the house at the sea Yours");
    expect_lines (LINES ("\u2022 the first item of a list, long", "\u2022 the second item of it, longer"), NULL,
                  "\u2022 the first item of a list, long\n\u2022 the second item of it, longer");
}

static void joins_words_that_a_hyphen_parts (void **state UNUSED)
{
    const char *const *words = LINES ("information", "well", "known", "state");
    expect_lines (LINES ("Here is the infor-", "mation you wanted"), words, "Here is the information you wanted");
    expect_lines (LINES ("This is a well-", "known fact of life"), words, "This is a well-known fact of life");
    expect_lines (LINES ("The state-of-the-", "art is like this"), words, "The state-of-the-art is like this");
    expect_lines (LINES ("Here is a hyphe\u00AD", "nated word of length"), NULL, "Here is a hyphenated word of length");
    expect_lines (LINES ("It was the Anglo-", "Saxon one that came"), NULL, "It was the Anglo-Saxon one that came");
    expect_lines (LINES ("Between a dash -", "and a word it stays"), NULL, "Between a dash - and a word it stays");
}

static void marks_both_parts_of_a_parted_word (void **state UNUSED)
{
    layout_t layout = {0};
    put_lines (&layout, body, LINES ("the infor-", "mation is"));
    page_text_t page = make (&layout, NULL);
    assert_string_equal (page.text, "the information is");
    assert_int_equal (page.word_count, 4);
    assert_int_equal (page.words [1].start, 4);
    assert_int_equal (page.words [1].end, 9);
    assert_int_equal (page.words [2].start, 9);
    assert_int_equal (page.words [2].end, 15);
    assert_true (page.words [2].quad [1] > page.words [1].quad [5]);   /* on the line below */
    assert_true (page.words [1].quad [0] == 70 && page.words [1].quad [2] == 100);
    page_text_free (&page);
}

static void opens_and_composes (void **state UNUSED)
{
    expect_lines (LINES ("e\uFB03cient \uFB01sh"), NULL, "efficient fish");
    expect_lines (LINES ("cafe\u0301 u\u0308ber"), NULL, "caf\u00E9 \u00FCber");
    expect_lines (LINES ("\u212Bngstr\u00F6m"), NULL, "\u00C5ngstr\u00F6m");
    expect_lines (LINES ("\uFF21\uFF22\uFF23\u3000\uFF11"), NULL, "ABC 1");
    expect_lines (LINES ("\uFEE7\uFEEE\uFE8D\uFEC9"), NULL, "\u0646\u0648\u0627\u0639");   /* Arabic */
}

static void leaves_out_what_says_nothing (void **state UNUSED)
{
    expect_lines (LINES ("a\u200Bb\u202Ec\x01 \uFFFD d\uFFFD"), NULL, "abc d");
    expect_lines (LINES ("o\uFFFDice"), NULL, "o\uFFFDice");
    expect_lines (LINES ("\uF0B7 an item \uF020"), NULL, "\u2022 an item");
    expect_lines (LINES ("Contents ........................ 12"), NULL, "Contents\t12");
    expect_lines (LINES ("\uFFFD\uFFFD", " "), NULL, "");
}

static void puts_accents_on_their_letters (void **state UNUSED)
{
    layout_t layout = {0};
    pen_t pen = body;
    assert_int_equal (layout_begin_line (&layout, 1, 0, false), 0);
    put_glyph (&layout, pen, 'M', 5);
    pen.x += 5;
    put_glyph (&layout, pen, 0xA8, 5);   /* a diaeresis, over the next letter */
    put_glyph (&layout, pen, 'u', 5);
    page_text_t page = make (&layout, NULL);
    assert_string_equal (page.text, "M\u00FC");
    page_text_free (&page);
}

static void takes_ideographs_as_words (void **state UNUSED)
{
    layout_t layout = {0};
    put_lines (&layout, body, LINES ("\u4E2D\u6587\u5B57\u7B26\u6D4B\u8BD5", "\u4E0B\u4E00\u884C\u3002"));
    page_text_t page = make (&layout, NULL);
    assert_string_equal (page.text, "\u4E2D\u6587\u5B57\u7B26\u6D4B\u8BD5\u4E0B\u4E00\u884C\u3002");
    assert_int_equal (page.word_count, 10);
    page_text_free (&page);
    expect_lines (LINES ("\u304B\u3099"), NULL, "\u304C");   /* a voiced sound mark composes */
}

static void keeps_the_rows_of_a_table (void **state UNUSED)
{
    layout_t layout = {0};
    static const char *const cells [2] [3] = {{"Year", "Sales", "Profit"}, {"2019", "350", "(12)"}};
    for (int row = 0; row < 2; row++) {
        for (int column = 0; column < 3; column++) {
            pen_t pen = {50 + 100.0f * (float) column, 100 + 12.0f * (float) row, 10, false};
            put_line (&layout, pen, cells [row] [column]);
        }
    }
    page_text_t page = make (&layout, NULL);
    assert_string_equal (page.text, "Year\tSales\tProfit\n2019\t350\t(12)");
    page_text_free (&page);
}

/* Draws rows of two lines each, a row after the other. */
static void put_rows (layout_t *layout, const char *const *lines, float beside)
{
    pen_t left = body, right = body;
    right.x += beside;
    for (; *lines; lines += 2, left.y += 12, right.y += 12) {
        put_line (layout, left, lines [0]);
        put_line (layout, right, lines [1]);
    }
}

/* Two columns that were drawn row by row: it is the sentences that tell them from a table. */
static void puts_columns_drawn_by_rows_in_order (void **state UNUSED)
{
    layout_t layout = {0};
    put_rows (&layout, LINES ("The council met on Monday and", "Meanwhile the weather had turned",
                              "discussed the plan of the year", "and heavy rain fell on the hills",
                              "before it voted on a new bridge", "so that all lower fields of the",
                              "which is to cross the river at", "valley stood under water again",
                              "the place where the ferry lies.", "until the first days of April."), 200);
    page_text_t page = make (&layout, NULL);
    assert_string_equal (page.text,
        "The council met on Monday and discussed the plan of the year before it voted on a new bridge which is to"
        " cross the river at the place where the ferry lies.\n\n"
        "Meanwhile the weather had turned and heavy rain fell on the hills so that all lower fields of the valley"
        " stood under water again until the first days of April.");
    page_text_free (&page);
    put_rows (&layout, LINES ("Cost of goods sold", "what the goods were bought for",
                              "Gross profit of the year", "what is left of all sales",
                              "Other operating income", "all that is not from sales",
                              "Cost of administration", "wages and rent, mostly", "Profit before tax", "what is left then"), 200);
    page = make (&layout, NULL);
    assert_non_null (strstr (page.text, "Gross profit of the year\twhat is left of all sales\n"));
    page_text_free (&page);
}

static void parts_paragraphs_and_joins_columns (void **state UNUSED)
{
    layout_t layout = {0};
    put_lines (&layout, (pen_t) {50, 300, 10, false}, LINES ("One paragraph."));
    put_lines (&layout, (pen_t) {50, 340, 10, false}, LINES ("Another one goes on at the"));
    put_lines (&layout, (pen_t) {300, 100, 10, false}, LINES ("top of the next column."));
    page_text_t page = make (&layout, NULL);
    assert_string_equal (page.text, "One paragraph.\n\nAnother one goes on at the top of the next column.");
    page_text_free (&page);
}

static void puts_headings_into_the_head (void **state UNUSED)
{
    layout_t layout = {0};
    for (int i = 0; i < 4; i++)
        put_lines (&layout, (pen_t) {50, 100.0f + 40 * (float) i, 10, false},
                   LINES ("This paragraph is set in the size of the body and is long enough."));
    put_lines (&layout, (pen_t) {50, 300, 14, false}, LINES ("A larger heading"));
    put_lines (&layout, (pen_t) {50, 340, 10, true}, LINES ("A bold heading", "Its text begins in the same block here."));
    page_text_t page = make (&layout, NULL);
    assert_non_null (strstr (page.head, "\nA larger heading"));
    assert_non_null (strstr (page.head, "\nA bold heading"));
    int lines = 1;
    for (const char *c = page.head; *c; c++)
        lines += *c == '\n';
    assert_int_equal (lines, 5);   /* three first blocks, two headings */
    assert_true (strlen (page.head) < MAX_HEAD_BYTES);
    page_text_free (&page);
}

static void marks_turned_words_as_they_lie (void **state UNUSED)
{
    layout_t layout = {0};
    assert_int_equal (layout_begin_line (&layout, 0, -1, false), 0);   /* upwards */
    for (int i = 0; i < 3; i++) {
        float y = 500 - 5 * (float) i;
        glyph_t glyph = {.code_point = 'a', .size = 10, .quad = {20, y, 20, y - 5, 30, y - 5, 30, y}};
        assert_int_equal (layout_add_glyph (&layout, &glyph), 0);
    }
    page_text_t page = make (&layout, NULL);
    static const float corners [8] = {20, 500, 20, 485, 30, 485, 30, 500};
    assert_int_equal (page.word_count, 1);
    for (int i = 0; i < 8; i++)
        assert_float_equal (page.words [0].quad [i], corners [i], 0.01);
    page_text_free (&page);
}

static void drops_a_line_that_is_printed_twice (void **state UNUSED)
{
    layout_t layout = {0};
    put_line (&layout, body, "A shadow");
    put_line (&layout, (pen_t) {50.5f, 100.5f, 10, false}, "A shadow");
    page_text_t page = make (&layout, NULL);
    assert_string_equal (page.text, "A shadow");
    assert_int_equal (page.word_count, 2);
    page_text_free (&page);
}

static void bounds_what_has_no_end (void **state UNUSED)
{
    layout_t layout = {0};
    assert_int_equal (layout_begin_line (&layout, 1, 0, false), 0);
    for (int i = 0; i < 100000; i++)
        put_glyph (&layout, body, i % 100 ? 0x0301 : 'a', 5);   /* accents upon accents */
    for (int i = 0; i < 100000; i++)
        put_glyph (&layout, body, 'x', 5);
    page_text_t page = make (&layout, NULL);
    assert_true (page.word_count > 400);
    assert_true (page.length > 100000 && page.length < 120000);
    assert_null (strchr (page.text, ' '));
    page_text_free (&page);
}

/* Where a run of letters is parted for its length, nothing composes over the border. */
static void stays_composed_where_a_run_is_parted (void **state UNUSED)
{
    static const uint32_t tails [] [4] = {
        {'a', 0x327, 0xFC62, 0xFC62},         /* a ligature that opens to marks alone */
        {0x1100, 0x1161, 0x11A8, 'b'},        /* a syllable in its parts */
        {0x9C7, 0x9BE, 0x301, 'b'},
    };
    for (size_t i = 0; i < 6 * COUNT_OF (tails); i++) {
        layout_t layout = {0};
        assert_int_equal (layout_begin_line (&layout, 1, 0, false), 0);
        for (size_t k = 0; k < 235 + i % 6; k++)
            put_glyph (&layout, body, 'x', 5);
        for (size_t k = 0; k < 4; k++)
            put_glyph (&layout, body, tails [i / 6] [k], 5);
        page_text_t page = make (&layout, NULL);
        page_text_free (&page);
    }
}

static void tells_unreadable_text (void **state UNUSED)
{
    layout_t layout = {0};
    assert_float_equal (layout_readable (&layout), 1, 0);
    put_line (&layout, body, "\uFFFD\uE001\uE002 a");
    assert_float_equal (layout_readable (&layout), 0.25, 0.01);
    layout_free (&layout);
}

static void adds_only_what_is_missing (void **state UNUSED)
{
    layout_t digital = {0}, found = {0};
    bool added = false;
    put_lines (&digital, body, LINES ("Digital text"));
    put_lines (&found, body, LINES ("Digital text"));
    assert_int_equal (layout_add_missing (&digital, &found, &added), 0);
    assert_false (added);
    put_lines (&found, (pen_t) {50, 200, 10, false}, LINES ("A stamp"));
    assert_int_equal (layout_add_missing (&digital, &found, &added), 0);
    assert_true (added);
    layout_free (&found);
    page_text_t page = make (&digital, NULL);
    assert_string_equal (page.text, "Digital text\n\nA stamp");
    page_text_free (&page);
}

/* Anything at all: characters that compose, vanish, reverse, in sound places and in wild ones. */
static void holds_for_any_glyphs (void **state UNUSED)
{
    static const uint32_t odd [] = {
        ' ', '-', '.', '_', 0, 0xA8, 0xAD, 0x301, 0x308, 0x9BE, 0x9C7, 0x627, 0x1100, 0x1161, 0x11A8, 0x200B, 0x212B,
        0x3000, 0x304B, 0x3099, 0x4E2D, 0xD800, 0xE001, 0xFB03, 0xFB1D, 0xFDFA, 0xFE00, 0xFF21, 0xFFFD, 0x1D160,
        0x1F600, 0x10FFFF, 0x110000,
    };
    static const float wild [] = {0, -1, 1e30f, -1e30f, 50, 500};
    uint32_t seed = 1;
#define CHANCE(n) ((seed = seed * 1664525u + 1013904223u) >> 8) % (n)
    for (int round = 0; round < 300; round++) {
        layout_t layout = {0};
        pen_t pen = body;
        bool is_wild = CHANCE (4) == 0;
        for (uint32_t lines = CHANCE (20); lines > 0; lines--, pen.y += (float) (CHANCE (2)) * 12) {
            assert_int_equal (layout_begin_line (&layout, 1, 0, false), 0);
            for (uint32_t count = CHANCE (60); count > 0; count--) {
                put_glyph (&layout, pen, CHANCE (2) ? odd [CHANCE (COUNT_OF (odd))] : CHANCE (0x3000), 5);
                float *quad = layout.glyphs [layout.glyph_count - 1].quad;
                for (int i = 0; is_wild && i < 8; i++)
                    quad [i] = wild [CHANCE (COUNT_OF (wild))];
                pen.x += CHANCE (4) ? 5 : 2;
            }
            if (CHANCE (3) == 0)
                layout_end_block (&layout);
        }
        page_text_t page = make (&layout, NULL);
        page_text_free (&page);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (joins_the_lines_of_a_paragraph),
        cmocka_unit_test (keeps_lines_that_were_ended_on_purpose),
        cmocka_unit_test (joins_words_that_a_hyphen_parts),
        cmocka_unit_test (marks_both_parts_of_a_parted_word),
        cmocka_unit_test (opens_and_composes),
        cmocka_unit_test (leaves_out_what_says_nothing),
        cmocka_unit_test (puts_accents_on_their_letters),
        cmocka_unit_test (takes_ideographs_as_words),
        cmocka_unit_test (keeps_the_rows_of_a_table),
        cmocka_unit_test (puts_columns_drawn_by_rows_in_order),
        cmocka_unit_test (parts_paragraphs_and_joins_columns),
        cmocka_unit_test (puts_headings_into_the_head),
        cmocka_unit_test (marks_turned_words_as_they_lie),
        cmocka_unit_test (drops_a_line_that_is_printed_twice),
        cmocka_unit_test (bounds_what_has_no_end),
        cmocka_unit_test (stays_composed_where_a_run_is_parted),
        cmocka_unit_test (tells_unreadable_text),
        cmocka_unit_test (adds_only_what_is_missing),
        cmocka_unit_test (holds_for_any_glyphs),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
