/* Pages: words and chunks survive packing; what does not fit its text is refused. UTF-8 likewise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "error.h"
#include "page.h"
#include "utf8.h"

static void test_words_come_back (void **state)
{
    (void) state;
    word_t words [2] = {{0, 5, {10, 20, 60.5f, 20, 60.5f, 31, 10, 31}}, {6, 9, {-5, 0, 700, 0, 700, 800, NAN, 800}}};
    size_t size, count;
    void *packed = words_pack (words, 2, 612, 792, &size);
    word_t *back = words_unpack ((bytes_t) {packed, size}, 612, 792, 9, &count);
    assert_non_null (back);
    assert_int_equal (count, 2);
    assert_int_equal (back [1].end, 9);
    for (int i = 0; i < 8; i++)
        assert_true (fabsf (back [0].quad [i] - words [0].quad [i]) < .02f);
    assert_true (back [1].quad [0] == 0 && fabsf (back [1].quad [2] - 612) < .02f);   /* moved to the edge */
    free (back);
    assert_null (words_unpack ((bytes_t) {packed, size}, 612, 792, 8, &count));       /* past the text */
    assert_null (words_unpack ((bytes_t) {packed, size - 1}, 612, 792, 9, &count));
    assert_int_equal (error_get (), ERROR_BAD_MESSAGE);
    free (packed);
    words [0].end = 0;   /* empty */
    packed = words_pack (words, 2, 612, 792, &size);
    assert_null (words_unpack ((bytes_t) {packed, size}, 612, 792, 9, &count));
    free (packed);
}

static void test_chunks_come_back (void **state)
{
    (void) state;
    chunk_t chunks [2] = {{0, 100, 40}, {90, 180, 33}};
    size_t size, count;
    void *packed = chunks_pack (chunks, 2, &size);
    chunk_t *back = chunks_unpack ((bytes_t) {packed, size}, 180, &count);
    assert_int_equal (count, 2);
    assert_memory_equal (back, chunks, sizeof chunks);
    free (back);
    assert_null (chunks_unpack ((bytes_t) {packed, size}, 179, &count));
    assert_null (chunks_unpack ((bytes_t) {packed, size - 4}, 180, &count));
    free (packed);
    back = chunks_unpack ((bytes_t) {NULL, 0}, 0, &count);
    assert_non_null (back);
    assert_int_equal (count, 0);
    free (back);
}

static void test_utf8 (void **state)
{
    (void) state;
    static const struct { const char *text; size_t size; bool valid; uint32_t length; } rows [] = {
        {"", 0, true, 0}, {"abc", 3, true, 3}, {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9, true, 3},
        {"\xC0\x80", 2, false, 1}, {"\xED\xA0\x80", 3, false, 1}, {"\xF4\x90\x80\x80", 4, false, 1},
        {"\xE2\x82", 2, false, 1}, {"\x80", 1, false, 0}, {"a\0b", 3, false, 3},
    };
    for (size_t i = 0; i < COUNT_OF (rows); i++) {
        assert_int_equal (utf8_valid (rows [i].text, rows [i].size), rows [i].valid);
        assert_int_equal (utf8_length (rows [i].text, rows [i].size), rows [i].length);
        char *repaired = utf8_repair (rows [i].text, rows [i].size);
        assert_true (utf8_valid (repaired, strlen (repaired)));
        free (repaired);
    }
    const char *text = "a\xC3\xA4\xE2\x82\xACz";
    static const size_t offsets [] = {0, 1, 3, 6, 7, 7};
    for (uint32_t i = 0; i < COUNT_OF (offsets); i++)
        assert_int_equal (utf8_offset (text, 7, i), offsets [i]);
}

static void test_code_points_round_trip (void **state)
{
    (void) state;
    for (uint32_t c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 97) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        char bytes [4];
        size_t size = utf8_put (c, bytes), at = 0;
        assert_int_equal (utf8_next (bytes, size, &at), c);
        assert_int_equal (at, size);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_words_come_back),
        cmocka_unit_test (test_chunks_come_back),
        cmocka_unit_test (test_utf8),
        cmocka_unit_test (test_code_points_round_trip),
    };
    return cmocka_run_group_tests_name ("page", tests, NULL, NULL);
}
