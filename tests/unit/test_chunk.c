/* Chunks: limits, borders, overlap, and that no text is lost. The vocabulary of these tests knows
 * single letters, so that a word of n letters has n pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "chunk.h"
#include "utf8.h"

static vocabulary_t *vocabulary;

static int load (void **state UNUSED)
{
    char path [] = "/tmp/quire-test-vocabulary-XXXXXX";
    int fd = mkstemp (path);
    FILE *out = fd < 0 ? NULL : fdopen (fd, "w");
    if (!out)
        return -1;
    fputs ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\n,\n!\n?\n", out);
    for (char c = 'a'; c <= 'z'; c++)
        fprintf (out, "%c\n##%c\n", c, c);
    fclose (out);
    vocabulary = vocabulary_load (path);
    unlink (path);
    return vocabulary ? 0 : -1;
}

static int unload (void **state UNUSED)
{
    vocabulary_destroy (&vocabulary);
    return 0;
}

static uint32_t letter_at (const char *text, uint32_t position)
{
    size_t at = utf8_offset (text, strlen (text), position);
    return at < strlen (text) ? utf8_next (text, strlen (text), &at) : 0;
}

static bool is_space (uint32_t c)
{
    return c == ' ' || c == '\n' || c == '\t';
}

/* What holds for all chunks of any text. The caller frees them. */
static chunk_t *cut (const char *text, size_t *count)
{
    chunk_t *chunks = chunk_text (vocabulary, text, strlen (text), count);
    assert_non_null (chunks);
    uint32_t covered = 0;
    for (size_t i = 0; i < *count; i++) {
        const chunk_t *chunk = &chunks [i];
        assert_true (chunk->start < chunk->end);
        assert_false (is_space (letter_at (text, chunk->start)));
        assert_false (is_space (letter_at (text, chunk->end - 1)));
        for (; covered < chunk->start; covered++)
            assert_true (is_space (letter_at (text, covered)));
        assert_true (i == 0 || (chunk->start > chunks [i - 1].start && chunk->end > chunks [i - 1].end));
        covered = chunk->end;
        size_t from = utf8_offset (text, strlen (text), chunk->start), to = utf8_offset (text, strlen (text), chunk->end);
        int32_t ids [MAX_PIECES];
        assert_int_equal (word_pieces (vocabulary, text + from, to - from, ids, MAX_PIECES), chunk->pieces);
        assert_in_range (chunk->pieces, 2, MAX_PIECES);
    }
    for (; covered < utf8_length (text, strlen (text)); covered++)
        assert_true (is_space (letter_at (text, covered)));
    return chunks;
}

/* Writes a piece of text again and again. The caller frees it. */
static char *repeat (const char *text, size_t times)
{
    char *all = calloc (times, strlen (text) + 1);
    assert_non_null (all);
    for (size_t i = 0, size = strlen (text); i < times; i++)
        memcpy (all + i * size, text, size);
    return all;
}

static void makes_none_of_nothing (void **state UNUSED)
{
    static const char *const empty [] = {"", " ", "\n\n", " \t \n"};
    for (size_t i = 0; i < COUNT_OF (empty); i++) {
        size_t count;
        free (cut (empty [i], &count));
        assert_int_equal (count, 0);
    }
}

static void makes_one_of_a_small_page (void **state UNUSED)
{
    size_t count;
    chunk_t *chunks = cut ("  A small page.\n", &count);
    assert_int_equal (count, 1);
    assert_int_equal (chunks [0].start, 2);
    assert_int_equal (chunks [0].end, 15);
    assert_int_equal (chunks [0].pieces, 11 + 2);
    free (chunks);
}

static void cuts_between_sentences (void **state UNUSED)
{
    char *text = repeat ("Some words are here. ", 60);
    size_t count;
    chunk_t *chunks = cut (text, &count);
    assert_in_range (count, 5, 8);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal (letter_at (text, chunks [i].start), 'S');
        assert_int_equal (letter_at (text, chunks [i].end - 1), '.');
        assert_true (i == 0 || chunks [i].start < chunks [i - 1].end);   /* overlap */
    }
    free (chunks);
    free (text);
}

static void prefers_paragraphs (void **state UNUSED)
{
    char *sentences = repeat ("Some words are here. ", 10);
    char text [2000];
    snprintf (text, sizeof text, "%s\n\nNext %s", sentences, sentences);
    size_t count;
    chunk_t *chunks = cut (text, &count);
    assert_int_equal (chunks [0].end, strlen (sentences) - 1);
    free (chunks);
    free (sentences);
}

static void does_not_cut_after_an_initial (void **state UNUSED)
{
    char *text = repeat ("written by J. Smith and by K. Jones and ", 20);
    size_t count;
    chunk_t *chunks = cut (text, &count);
    for (size_t i = 1; i < count; i++)
        assert_int_not_equal (letter_at (text, chunks [i].start), 'S');
    free (chunks);
    free (text);
}

static void cuts_a_monstrous_word (void **state UNUSED)
{
    static const char *const parts [] = {"abcdefgh", "ab,", "\u00E9", "\U0001F600", "\u4E2D", "a\u0301"};
    for (size_t i = 0; i < COUNT_OF (parts); i++) {
        char *text = repeat (parts [i], 20000);
        size_t count;
        free (cut (text, &count));
        assert_true (count > 3);
        free (text);
    }
}

static void cuts_words_just_too_long_to_be_known (void **state UNUSED)
{
    char *word = repeat ("x", 99), text [4000] = "";
    for (int i = 0; i < 20; i++) {
        strcat (text, word);
        strcat (text, i % 2 ? "y " : " ");
    }
    size_t count;
    free (cut (text, &count));
    assert_true (count >= 4);
    free (word);
}

static void is_the_same_every_time (void **state UNUSED)
{
    char *text = repeat ("It is so, or it is not. Who knows?\n", 50);
    size_t first_count, second_count;
    chunk_t *first = cut (text, &first_count), *second = cut (text, &second_count);
    assert_int_equal (first_count, second_count);
    assert_memory_equal (first, second, first_count * sizeof *first);
    free (first);
    free (second);
    free (text);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (makes_none_of_nothing),
        cmocka_unit_test (makes_one_of_a_small_page),
        cmocka_unit_test (cuts_between_sentences),
        cmocka_unit_test (prefers_paragraphs),
        cmocka_unit_test (does_not_cut_after_an_initial),
        cmocka_unit_test (cuts_a_monstrous_word),
        cmocka_unit_test (cuts_words_just_too_long_to_be_known),
        cmocka_unit_test (is_the_same_every_time),
    };
    return cmocka_run_group_tests (tests, load, unload);
}
