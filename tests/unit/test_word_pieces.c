/* Word pieces against the reference's ids, their places, and input that is no text at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "golden.h"
#include "word_pieces.h"

#define CLS 101
#define SEP 102
#define UNK 100

static vocabulary_t *vocabulary;

static int setup (void **state)
{
    (void) state;
    vocabulary = vocabulary_load (golden_model_path ("vocab.txt"));
    if (!vocabulary)
        fprintf (stderr, "%s\n", error_text ());
    return vocabulary ? 0 : -1;
}

static int teardown (void **state)
{
    (void) state;
    vocabulary_destroy (&vocabulary);
    assert_null (vocabulary);
    vocabulary_destroy (&vocabulary);
    return 0;
}

static size_t ids_of (const char *text, int32_t ids [MAX_PIECES])
{
    return word_pieces (vocabulary, text, strlen (text), ids, MAX_PIECES);
}

static void same_ids (const char *a, const char *b)
{
    int32_t ids_a [MAX_PIECES], ids_b [MAX_PIECES];
    size_t count = ids_of (a, ids_a);
    assert_int_equal (count, ids_of (b, ids_b));
    assert_memory_equal (ids_a, ids_b, count * sizeof *ids_a);
}

static void ids_are_those_of_the_reference (void **state)
{
    (void) state;
    const golden_t *golden = golden_load ();
    for (size_t i = 0; i < GOLDEN_TEXTS; i++, golden++) {
        int32_t ids [MAX_PIECES];
        assert_int_equal (word_pieces (vocabulary, golden->text, golden->size, ids, MAX_PIECES),
                          golden->pieces);
        assert_memory_equal (ids, golden->ids, golden->id_count * sizeof *ids);
    }
}

static void located_pieces_are_the_same_pieces (void **state)
{
    (void) state;
    const golden_t *golden = golden_load ();
    for (size_t i = 0; i < GOLDEN_TEXTS; i++, golden++) {
        size_t count;
        piece_t *pieces = word_pieces_located (vocabulary, golden->text, golden->size, &count);
        assert_non_null (pieces);
        assert_int_equal (count + 2, golden->pieces);
        for (size_t k = 0; k < count; k++) {
            assert_true (pieces [k].start < pieces [k].end && pieces [k].end <= golden->size);
            if (k > 0)
                assert_true (pieces [k].start >= pieces [k - 1].start
                             && pieces [k].end >= pieces [k - 1].end);
            if (k + 2 < golden->id_count)
                assert_int_equal (pieces [k].id, golden->ids [k + 1]);
        }
        free (pieces);
    }
}

/* Accents and soft hyphens belong to the piece that they stand in. */
static void places_are_bytes_of_the_text (void **state)
{
    (void) state;
    const char *text = "Nai\xCC\x88ve caf\xC3\xA9s, \xE4\xB8\xAD\xE6\x96\x87 un\xC2\xAD""affable!  x";
    static const struct { uint32_t start, end; } places [] = {
        {0, 7}, {8, 14}, {14, 15},              /* naive, cafes and the comma */
        {16, 19}, {19, 22},                     /* two ideographs */
        {23, 28}, {28, 31}, {31, 34},           /* una with its soft hyphen, ##ffa, ##ble */
        {34, 35}, {37, 38},
    };
    size_t count;
    piece_t *pieces = word_pieces_located (vocabulary, text, strlen (text), &count);
    assert_non_null (pieces);
    for (size_t i = 0; i < count && i < COUNT_OF (places); i++) {
        assert_int_equal (pieces [i].start, places [i].start);
        assert_int_equal (pieces [i].end, places [i].end);
    }
    assert_int_equal (count, COUNT_OF (places));
    free (pieces);
}

static void one_character_may_be_several_pieces (void **state)
{
    (void) state;
    size_t count;
    piece_t *pieces = word_pieces_located (vocabulary, "\xED\x95\x9C", 3, &count);   /* Hangul han */
    assert_non_null (pieces);
    assert_true (count > 1);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal (pieces [i].start, 0);
        assert_int_equal (pieces [i].end, 3);
    }
    free (pieces);
}

static void case_and_accents_do_not_matter (void **state)
{
    (void) state;
    same_ids ("\xC3\x85ngstr\xC3\xB6m \xC3\x89T\xC3\x89", "angstrom ete");
    same_ids ("A\xCC\x8Angstro\xCC\x88m \xC3\xA9t\xC3\xA9", "angstrom ete");
    same_ids ("one\ttwo\r\n\xC2\xA0three\xE3\x80\x80 four", "one two three four");
    same_ids ("zero\xE2\x80\x8Bwidth\x01", "zerowidth");
}

static void words_of_more_than_100_characters_are_unknown (void **state)
{
    (void) state;
    char word [4 * 101 + 1];
    int32_t ids [MAX_PIECES];
    memset (word, 'a', sizeof word);
    assert_true (word_pieces (vocabulary, word, 100, ids, MAX_PIECES) > 3);
    assert_int_equal (word_pieces (vocabulary, word, 101, ids, MAX_PIECES), 3);
    assert_int_equal (ids [1], UNK);
    for (size_t i = 0; i < 101; i++)
        memcpy (word + 4 * i, "\xF0\x9D\x84\x9E", 4);   /* four bytes each: the widest word */
    assert_int_equal (word_pieces (vocabulary, word, 400, ids, MAX_PIECES), 3);
    assert_int_equal (ids [1], UNK);
}

static void ids_are_cut_to_the_capacity (void **state)
{
    (void) state;
    const char *text = "one two three four";
    for (size_t capacity = 2; capacity < 9; capacity++) {
        int32_t ids [9];
        memset (ids, -1, sizeof ids);
        assert_int_equal (word_pieces (vocabulary, text, strlen (text), ids, capacity), 6);
        size_t count = capacity < 6 ? capacity : 6;
        assert_int_equal (ids [0], CLS);
        assert_int_equal (ids [count - 1], SEP);
        assert_int_equal (ids [count], -1);
    }
}

static void malformed_text_is_dropped (void **state)
{
    (void) state;
    same_ids ("ab\xFF\xC0\xAF""cd \xE4\xB8", "abcd");
    same_ids ("\xED\xA0\x80surrogate\xF4\x90\x80\x80", "surrogate");
    int32_t ids [MAX_PIECES];
    assert_int_equal (word_pieces (vocabulary, "a\0b", 3, ids, MAX_PIECES), 3);   /* "ab" */
    assert_int_equal (word_pieces (vocabulary, NULL, 0, ids, MAX_PIECES), 2);
    size_t count;
    piece_t *pieces = word_pieces_located (vocabulary, "\xFF\xFE\x80", 3, &count);
    assert_non_null (pieces);
    assert_int_equal (count, 0);
    free (pieces);
}

/* Every pair of bytes in front of, between and behind letters: places stay within the text. */
static void any_bytes_are_taken (void **state)
{
    (void) state;
    for (unsigned bytes = 0; bytes < 0x10000; bytes++) {
        char text [] = {(char) (bytes >> 8), (char) bytes, 'a', (char) (bytes >> 8), (char) bytes};
        size_t count;
        piece_t *pieces = word_pieces_located (vocabulary, text, sizeof text, &count);
        assert_non_null (pieces);
        for (size_t i = 0; i < count; i++)
            assert_true (pieces [i].start < pieces [i].end && pieces [i].end <= sizeof text);
        free (pieces);
    }
}

static void huge_text_is_taken (void **state)
{
    (void) state;
    size_t size = 16u << 20, count;
    char *text = malloc (size);
    assert_non_null (text);
    for (size_t i = 0; i < size; i++)
        text [i] = i % 2 ? ' ' : 'x';
    int32_t ids [MAX_PIECES];
    assert_int_equal (word_pieces (vocabulary, text, size, ids, MAX_PIECES), size / 2 + 2);
    memset (text, 'x', size);
    piece_t *pieces = word_pieces_located (vocabulary, text, size, &count);
    assert_non_null (pieces);
    assert_int_equal (count, 1);
    assert_int_equal (pieces [0].end, size);
    free (pieces);
    free (text);
}

static void a_vocabulary_that_is_none_is_refused (void **state)
{
    (void) state;
    error_clear ();
    assert_null (vocabulary_load ("/nowhere/vocab.txt"));
    assert_int_equal (error_get (), ERROR_MODEL_MISSING);
    error_clear ();
    assert_null (vocabulary_load (TESTS_DIR "/golden/make_embeddings.py"));
    assert_int_equal (error_get (), ERROR_MODEL_MISSING);
    assert_null (vocabulary_load ("/dev/null"));
    assert_null (vocabulary_load (TESTS_DIR));
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (ids_are_those_of_the_reference),
        cmocka_unit_test (located_pieces_are_the_same_pieces),
        cmocka_unit_test (places_are_bytes_of_the_text),
        cmocka_unit_test (one_character_may_be_several_pieces),
        cmocka_unit_test (case_and_accents_do_not_matter),
        cmocka_unit_test (words_of_more_than_100_characters_are_unknown),
        cmocka_unit_test (ids_are_cut_to_the_capacity),
        cmocka_unit_test (malformed_text_is_dropped),
        cmocka_unit_test (any_bytes_are_taken),
        cmocka_unit_test (huge_text_is_taken),
        cmocka_unit_test (a_vocabulary_that_is_none_is_refused),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
