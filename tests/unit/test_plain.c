/* What the command line prints: text made fit for a terminal, widths, bars, columns, amounts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "amount.h"
#include "bar.h"
#include "columns.h"
#include "plain.h"
#include "utf8.h"

#define FAILED "\xEF\xBF\xBD"   /* U+FFFD */

static char text [8192];

/* What was written between the two calls stands in `text`. */
static FILE *out_open (void)
{
    memset (text, 0, sizeof text);
    FILE *out = fmemopen (text, sizeof text - 1, "w");
    assert_non_null (out);
    return out;
}

static void test_copies (void **state UNUSED)
{
    static const struct {
        const char *from;
        plain_mode_t mode;
        const char *to;
    } cases [] = {
        {"", PLAIN_LINE, ""}, {"plain", PLAIN_LINE, "plain"}, {"Zürich 北京 😀", PLAIN_LINE, "Zürich 北京 😀"},
        {"a\nb\tc\r", PLAIN_LINE, "a␊b␉c␍"}, {"a\nb\tc\r", PLAIN_LINES, "a\nb\tc␍"},
        {"\x1b[31mred\x1b]0;title\x07", PLAIN_LINES, "␛[31mred␛]0;title␇"},
        {"\x1b[31mred\x1b]0;title\x07", PLAIN_RUN, "␛[31mred␛]0;title␇"},
        {"\x7f\x01", PLAIN_LINE, "␡␁"}, {"\xC2\x9B""31m", PLAIN_LINE, FAILED "31m"},   /* U+009B: CSI in one */
        {"\x9b""31m", PLAIN_LINE, FAILED "31m"},                                       /* the same byte alone */
        {"a\xE2\x80\xAE""fdp.exe", PLAIN_LINE, "a" FAILED "fdp.exe"},                  /* turns the direction */
        {"a\xE2\x81\xA6""b", PLAIN_LINES, "a" FAILED "b"}, {"\xEF\xBB\xBF""a", PLAIN_LINE, FAILED "a"},
        {"a\xF3\xA0\x81\x81", PLAIN_LINE, "a" FAILED},                                 /* a tag */
        {"\xff\xc3", PLAIN_LINE, FAILED FAILED}, {"\xED\xA0\x80", PLAIN_LINE, FAILED FAILED FAILED},
        {"  a \n\n b\xC2\xA0 c \t", PLAIN_RUN, "a b c"}, {"\n", PLAIN_RUN, ""},
        {"a\xE2\x80\xA8""b", PLAIN_RUN, "a b"}, {"a\xE2\x80\xA8""b", PLAIN_LINES, "a" FAILED "b"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        char *copy = plain_copy (cases [i].from, strlen (cases [i].from), cases [i].mode);
        assert_string_equal (copy, cases [i].to);
        free (copy);
    }
}

/* No code point comes through that is a control character or turns the direction. */
static void test_every_code_point_is_fit (void **state UNUSED)
{
    enum { MANY = 1024 };
    char bytes [4 * MANY];
    for (uint32_t first = 1; first < 0x110000; first += MANY) {
        size_t size = 0;
        for (uint32_t c = first; c < first + MANY; c++)
            size += utf8_put (c, bytes + size);
        char *copy = plain_copy (bytes, size, PLAIN_LINE);
        for (size_t at = 0, end = strlen (copy); at < end;) {
            uint32_t shown = utf8_next (copy, end, &at);
            if (shown < 0x20 || (shown >= 0x7F && shown < 0xA0) || (shown >= 0x202A && shown <= 0x202E)
                || (shown >= 0x2066 && shown <= 0x2069))
                fail_msg ("U+%04X came through", (unsigned) shown);
        }
        free (copy);
    }
}

static void test_widths (void **state UNUSED)
{
    static const struct {
        const char *text;
        size_t width;
    } cases [] = {{"", 0}, {"abc", 3}, {"Zürich", 6}, {"Zu\xCC\x88rich", 6}, {"北京", 4}, {"😀", 2}, {"█▊", 2}};
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_int_equal (plain_width (cases [i].text), cases [i].width);
    assert_int_equal (plain_fit ("北京", 3), 3);
    assert_int_equal (plain_fit ("北京", 1), 0);
    assert_int_equal (plain_fit ("u\xCC\x88x", 1), 3);   /* with its mark */
    assert_int_equal (plain_fit ("ab", 9), 2);
}

static void test_padding (void **state UNUSED)
{
    static const struct {
        const char *from;
        size_t width;
        const char *to;
    } cases [] = {
        {"abc", 5, "abc  "}, {"abc", 3, "abc"}, {"abcdefghij", 7, "abcd…ij"}, {"北京上海广州", 7, "北京…州"},
        {"abc", 1, "…"}, {"abc", 0, ""}, {"", 2, "  "}, {"北北北北", 4, "北… "}, {"a\xCC\x88""bcdefgu\xCC\x88", 4, "a\xCC\x88""b…u\xCC\x88"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        FILE *out = out_open ();
        plain_pad (out, cases [i].from, cases [i].width);
        fclose (out);
        assert_string_equal (text, cases [i].to);
        assert_int_equal (plain_width (text), cases [i].width);
    }
}

static void test_wrapping (void **state UNUSED)
{
    static const struct {
        const char *from;
        size_t width, indent;
        const char *to;
    } cases [] = {
        {"", 10, 2, ""}, {"one two three", 80, 2, "  one two three\n"}, {"one two three", 7, 0, "one two\nthree\n"},
        {"one two three", 8, 0, "one two\nthree\n"}, {"abcdefgh", 5, 2, "  abc\n  def\n  gh\n"},
        {"a abcdefgh", 4, 0, "a\nabcd\nefgh\n"}, {"北京 上海", 5, 0, "北京\n上海\n"}, {"北北", 1, 0, "北\n北\n"},
        {"one two", 0, 4, "    one two\n"}, {"a", 2, 5, "     a\n"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        FILE *out = out_open ();
        plain_wrap (out, cases [i].from, cases [i].width, cases [i].indent);
        fclose (out);
        assert_string_equal (text, cases [i].to);
    }
}

/* What is printed as JSON means what it meant, and is fit for a terminal. */
static void test_json (void **state UNUSED)
{
    static const char value [] = "\x1b[31m\x7f\xC2\x9B\xE2\x80\xAE\xF3\xA0\x81\x81\xEF\xBB\xBF Zürich 北京 \"\\\n";
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_str (document, value);
    size_t size = 0;
    char *json = yyjson_mut_val_write (root, 0, &size);
    FILE *out = out_open ();
    plain_json (out, json, size);
    fclose (out);
    for (size_t at = 0, end = strlen (text); at < end;)
        assert_false (plain_is_unfit (utf8_next (text, end, &at)));
    assert_non_null (strstr (text, "Zürich 北京"));
    yyjson_doc *read = yyjson_read (text, strlen (text), 0);
    assert_string_equal (yyjson_get_str (yyjson_doc_get_root (read)), value);
    yyjson_doc_free (read);
    free (json);
    yyjson_mut_doc_free (document);
}

static void test_bars (void **state UNUSED)
{
    static const struct {
        bar_t bar;
        size_t width;
        bool blocks;
        const char *line;
    } cases [] = {
        {{"a.pdf", "sending", 0, 100, "1 MB"}, 69, false, "a.pdf                    sending    |                    |   0%  1 MB"},
        {{"a.pdf", "reading", 50, 100, ""}, 60, false, "a.pdf                 reading    |##########          |  50%"},
        {{"a.pdf", "reading", 50, 100, ""}, 60, true, "a.pdf                 reading    |██████████          |  50%"},
        {{"a.pdf", "reading", 52, 100, ""}, 60, true, "a.pdf                 reading    |██████████▍         |  52%"},
        {{"a.pdf", "reading", 100, 100, ""}, 60, true, "a.pdf                 reading    |████████████████████| 100%"},
        {{"a.pdf", "reading", 101, 100, ""}, 60, true, "a.pdf                 reading    |████████████████████| 100%"},
        {{"a.pdf", "queued", 0, 0, ""}, 60, true, "a.pdf                 queued   "},
        {{"北京.pdf", "queued", 0, 0, ""}, 60, true, "北京.pdf              queued   "},
        {{"a.pdf", "reading", 1, 2, "36 of 120 pages"}, 60, false, "a.pdf                 reading    |##########          |  50%"},
        {{"a.pdf", "reading", 1, 2, ""}, 30, false, "a.pdf       reading  "},
        {{"abcdef", "reading", 1, 2, ""}, 12, false, "ab…f"},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        FILE *out = out_open ();
        bar_write (out, &cases [i].bar, cases [i].width, cases [i].blocks);
        fclose (out);
        assert_string_equal (text, cases [i].line);
    }
}

static void test_bars_keep_to_their_width (void **state UNUSED)
{
    for (size_t width = 0; width < 120; width++)
        for (uint64_t done = 0; done <= 161; done++) {
            bar_t bar = {"上海 report with a long name (final).pdf", "indexing", done, 160, "160 of 160 passages"};
            FILE *out = out_open ();
            bar_write (out, &bar, width, true);
            fclose (out);
            assert_true (plain_width (text) <= width);
        }
}

static void test_columns (void **state UNUSED)
{
    static const char *const rows [] [3] = {{"id", "pages", "name"}, {"file-1", "9", "北京.pdf"}, {"f", "1200", "a\x1b\tb"}};
    columns_t *columns = columns_new (3, 1u << 1);
    assert_non_null (columns);
    for (size_t i = 0; i < COUNT_OF (rows); i++)
        assert_int_equal (columns_add (columns, rows [i]), 0);
    FILE *out = out_open ();
    columns_write (out, columns, true);
    fclose (out);
    assert_string_equal (text, "id      pages  name\nfile-1      9  北京.pdf\nf        1200  a␛␉b\n");
    out = out_open ();
    columns_write (out, columns, false);
    fclose (out);
    assert_string_equal (text, "id\tpages\tname\nfile-1\t9\t北京.pdf\nf\t1200\ta␛␉b\n");
    columns_destroy (&columns);
    assert_null (columns);
}

static void test_amounts (void **state UNUSED)
{
    static const struct {
        uint64_t bytes;
        const char *words;
    } cases [] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {9949, "9.9 kB"}, {9950, "10 kB"}, {999499, "999 kB"},
                  {999500, "1.0 MB"}, {1702874, "1.7 MB"}, {5000000000, "5.0 GB"}, {UINT64_MAX, "18 EB"}};
    char amount [MAX_AMOUNT];
    for (size_t i = 0; i < COUNT_OF (cases); i++)
        assert_string_equal (amount_bytes (cases [i].bytes, amount), cases [i].words);
    assert_string_equal (amount_count (1, "page", amount), "1 page");
    assert_string_equal (amount_count (0, "page", amount), "0 pages");
    setenv ("TZ", "UTC", 1);
    assert_string_equal (amount_time (1795512327, amount), "2026-11-24 09:25");
    assert_string_equal (amount_time (INT64_MAX, amount), "9223372036854775807");
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_copies), cmocka_unit_test (test_every_code_point_is_fit), cmocka_unit_test (test_widths),
        cmocka_unit_test (test_padding), cmocka_unit_test (test_wrapping), cmocka_unit_test (test_json),
        cmocka_unit_test (test_bars), cmocka_unit_test (test_bars_keep_to_their_width), cmocka_unit_test (test_columns),
        cmocka_unit_test (test_amounts),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
