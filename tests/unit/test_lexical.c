/* The full-text index: what is found, filters, removal, catching up and damage; with the real Xapian. */
#include "library_fixture.h"

#include <fcntl.h>

#include "error.h"
#include "lexical.h"

static char *folder;
static lexical_t *lexical;
static lexical_reader_t *reader;

static int open_new (void **state UNUSED)
{
    folder = folder_make ();
    lexical = lexical_open (folder, "store-1");
    reader = lexical_reader_new (folder);
    return lexical == NULL || reader == NULL ? -1 : 0;
}

static int close_and_remove (void **state UNUSED)
{
    lexical_reader_destroy (&reader);
    lexical_close (&lexical);
    remove_all (folder);
    free (folder);
    return 0;
}

static void put (lexical_kind_t kind, uint32_t number, uint32_t file, const char *text)
{
    lexical_document_t document = {.kind = kind, .number = number, .file = file, .page = number * 10,
                                   .text = text, .size = strlen (text)};
    assert_int_equal (lexical_put (lexical, &document), 0);
}

/* Searches one kind; the numbers of what is found, in order. */
static const char *found (lexical_kind_t kind, const char *question, const number_set_t *allowed)
{
    static char text [1024];
    lexical_hits_t hits = {0};
    hits.limits [kind] = 20;
    assert_int_equal (lexical_search (reader, question, strlen (question), allowed, &hits), 0);
    text [0] = '\0';
    for (size_t i = 0; i < hits.counts [kind]; i++) {
        assert_true (hits.hits [kind] [i].score > 0);
        sprintf (text + strlen (text), "%u ", hits.hits [kind] [i].number);
    }
    lexical_hits_free (&hits);
    return text;
}

/* What a search finds of a document. */
static lexical_hit_t hit_of (uint32_t number, const char *question, const number_set_t *allowed)
{
    lexical_hit_t hit = {0};
    lexical_hits_t hits = {.limits = {[LEXICAL_PAGES] = 20}};
    assert_int_equal (lexical_search (reader, question, strlen (question), allowed, &hits), 0);
    for (size_t i = 0; i < hits.counts [LEXICAL_PAGES]; i++)
        if (hits.hits [LEXICAL_PAGES] [i].number == number)
            hit = hits.hits [LEXICAL_PAGES] [i];
    lexical_hits_free (&hits);
    return hit;
}

static void test_ranking (void **state UNUSED)
{
    put (LEXICAL_PAGES, 1, 1, "Total revenues of the company grew");
    put (LEXICAL_PAGES, 2, 1, "revenue revenue revenue and costs");
    put (LEXICAL_PAGES, 3, 2, "nothing of interest");
    assert_string_equal (found (LEXICAL_PAGES, "revenue", NULL), "");   /* not yet committed */
    assert_int_equal (lexical_commit (lexical, 1), 0);
    assert_string_equal (found (LEXICAL_PAGES, "What are the REVENUES?", NULL), "2 1 ");
    assert_string_equal (found (LEXICAL_PAGES, "interesting", NULL), "3 ");
    assert_string_equal (found (LEXICAL_HEADS, "revenue", NULL), "");
    assert_int_equal (lexical_count (lexical, LEXICAL_PAGES), 3);
}

/* A term that nearly every document has still counts for something. */
static void test_frequent_terms_stay_positive (void **state UNUSED)
{
    for (uint32_t i = 1; i <= 10; i++)
        put (LEXICAL_CHUNKS, i, 1, i == 1 ? "other" : "common");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    assert_int_equal (strlen (found (LEXICAL_CHUNKS, "common", NULL)), strlen ("2 3 4 5 6 7 8 9 10 "));
}

static void test_no_question_is_a_syntax_error (void **state UNUSED)
{
    put (LEXICAL_PAGES, 1, 1, "a title: not in doubt");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    static const char *const questions [] = {
        "AND NOT \"", "title:*", "a", "", "(((", "\"", "NEAR/3", "*", "\xE4\xBA\xAC", "- -", "x AND", "F1",
    };
    for (size_t i = 0; i < COUNT_OF (questions); i++)
        (void) found (LEXICAL_PAGES, questions [i], NULL);
    assert_string_equal (found (LEXICAL_PAGES, "title:*", NULL), "1 ");
    assert_string_equal (found (LEXICAL_PAGES, "F1", NULL), "");   /* no way to the filter's terms */
    char *longest = malloc (100 * 1024 + 1);
    for (size_t i = 0; i < 100 * 1024; i++)
        longest [i] = i % 7 == 6 ? ' ' : (char) ('a' + (i * 31 + i / 7) % 26);
    longest [100 * 1024] = '\0';
    memcpy (longest, "title ", 6);
    assert_string_equal (found (LEXICAL_PAGES, longest, NULL), "1 ");
    free (longest);
}

static void test_filters (void **state UNUSED)
{
    number_set_t few = {0}, many = {0}, none = {0};
    for (uint32_t file = 1; file <= 200; file++) {
        put (LEXICAL_PAGES, file, file, "same words");
        if (file % 2 == 0)
            assert_int_equal (number_set_add (&many, file), 0);
    }
    assert_int_equal (number_set_add (&few, 7), 0);
    assert_int_equal (number_set_add (&few, 190), 0);
    assert_int_equal (lexical_commit (lexical, 1), 0);
    assert_string_equal (found (LEXICAL_PAGES, "same", &few), "7 190 ");
    assert_string_equal (found (LEXICAL_PAGES, "same", &none), "");
    assert_memory_equal (found (LEXICAL_PAGES, "same", &many), "2 4 6 8 ", 8);
    number_set_clear (&few);
    number_set_clear (&many);
}

/* Filters take other ways to the same scores: no filter, few files, many files. */
static void test_filters_change_no_score (void **state UNUSED)
{
    number_set_t few = {0}, many = {0};
    for (uint32_t file = 1; file <= 100; file++) {
        put (LEXICAL_PAGES, file, file, file == 70 ? "rare words, and more words" : "same words");
        assert_int_equal (number_set_add (&many, file), 0);
    }
    assert_int_equal (number_set_add (&few, 70), 0);
    assert_int_equal (lexical_commit (lexical, 1), 0);
    lexical_hit_t hit = hit_of (70, "same rare words", NULL);
    assert_true (hit.score > 0 && hit.file == 70 && hit.page == 700);
    lexical_hit_t of_few = hit_of (70, "same rare words", &few), of_many = hit_of (70, "same rare words", &many);
    assert_memory_equal (&of_few, &hit, sizeof hit);
    assert_memory_equal (&of_many, &hit, sizeof hit);
    number_set_clear (&few);
    number_set_clear (&many);
}

static void test_names (void **state UNUSED)
{
    put (LEXICAL_NAMES, 1, 1, "AMERICANEXPRESS_2022_10K.pdf");
    put (LEXICAL_NAMES, 2, 2, "BESTBUY_2022_10K.pdf");
    put (LEXICAL_NAMES, 3, 3, "notes.pdf");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    lexical_hits_t hits = {.limits = {[LEXICAL_NAMES] = 5}};
    const char *question = "What did American Express earn in 2022?";
    assert_int_equal (lexical_search (reader, question, strlen (question), NULL, &hits), 0);
    assert_int_equal (hits.counts [LEXICAL_NAMES], 2);
    assert_int_equal (hits.hits [LEXICAL_NAMES] [0].number, 1);
    assert_true (hits.hits [LEXICAL_NAMES] [0].score > hits.hits [LEXICAL_NAMES] [1].score);
    assert_true (hits.hits [LEXICAL_NAMES] [0].score <= 1);
    lexical_hits_free (&hits);
}

/* Neighbours count in chunks, over stop words, as they stand in the question. */
static void test_pairs (void **state UNUSED)
{
    put (LEXICAL_CHUNKS, 1, 1, "income was gross and the margin of error");
    put (LEXICAL_CHUNKS, 2, 1, "income of the margin and error was gross");
    put (LEXICAL_CHUNKS, 3, 1, "error of the income was and gross margins");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    assert_string_equal (found (LEXICAL_CHUNKS, "gross margin", NULL), "1 3 2 ");
    assert_string_equal (found (LEXICAL_CHUNKS, "margin error", NULL), "1 2 3 ");
}

/* What the glossary knows counts, but less than the question's own words. */
static void test_related_words (void **state UNUSED)
{
    put (LEXICAL_PAGES, 1, 1, "the property of somebody");
    put (LEXICAL_PAGES, 2, 1, "what capex means in this note");
    put (LEXICAL_PAGES, 3, 1, "other matters");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    put (LEXICAL_HEADS, 4, 1, "Property, plant and equipment");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    assert_string_equal (found (LEXICAL_PAGES, "capex", NULL), "2 1 ");
    assert_string_equal (found (LEXICAL_HEADS, "capex", NULL), "4 ");
    assert_string_equal (found (LEXICAL_PAGES, "escape", NULL), "");
}

/* The word that says which file is meant doesn't say which of its pages. */
static void test_name_is_no_page (void **state UNUSED)
{
    put (LEXICAL_NAMES, 1, 1, "BESTBUY_2023.pdf");
    put (LEXICAL_NAMES, 2, 2, "other.pdf");
    put (LEXICAL_PAGES, 1, 1, "best buy best buy best buy");
    put (LEXICAL_PAGES, 2, 1, "inventory of the best kind");
    put (LEXICAL_PAGES, 3, 2, "inventory of others at best");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    assert_string_equal (found (LEXICAL_PAGES, "Best Buy inventory", NULL), "1 2 3 ");
    lexical_hits_t hits = {.limits = {[LEXICAL_PAGES] = 5, [LEXICAL_NAMES] = 5}};
    const char *question = "Best Buy inventory";
    assert_int_equal (lexical_search (reader, question, strlen (question), NULL, &hits), 0);
    assert_int_equal (hits.counts [LEXICAL_PAGES], 3);
    assert_int_equal (hits.hits [LEXICAL_PAGES] [0].number, 2);
    assert_int_equal (hits.hits [LEXICAL_PAGES] [1].number, 1);
    assert_int_equal (hits.hits [LEXICAL_PAGES] [2].number, 3);
    lexical_hits_free (&hits);
}

/* No page can have more than the full score by its words alone. */
static void test_full_score (void **state UNUSED)
{
    put (LEXICAL_PAGES, 1, 1, "debt debt debt debt debt debt");
    put (LEXICAL_PAGES, 2, 1, "cash and many other things that are written here");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    lexical_hits_t hits = {.limits = {[LEXICAL_PAGES] = 5}};
    assert_int_equal (lexical_search (reader, "debt", 4, NULL, &hits), 0);
    assert_true (hits.hits [LEXICAL_PAGES] [0].score > 0.5f * hits.full_score);
    assert_true (hits.hits [LEXICAL_PAGES] [0].score < hits.full_score);
    assert_int_equal (lexical_search (reader, "unknown", 7, NULL, &hits), 0);
    assert_float_equal (hits.full_score, 0, 1e-6);
    lexical_hits_free (&hits);
}

static void test_replace_and_remove (void **state UNUSED)
{
    put (LEXICAL_PAGES, 1, 1, "first");
    put (LEXICAL_PAGES, 1, 1, "second");
    put (LEXICAL_CHUNKS, 1, 1, "second");
    put (LEXICAL_PAGES, 2, 11, "second");   /* file 11 must not go with file 1 */
    assert_int_equal (lexical_commit (lexical, 1), 0);
    assert_string_equal (found (LEXICAL_PAGES, "first", NULL), "");
    assert_string_equal (found (LEXICAL_PAGES, "second", NULL), "1 2 ");
    assert_int_equal (lexical_remove_file (lexical, 1), 0);
    assert_int_equal (lexical_commit (lexical, 2), 0);
    assert_string_equal (found (LEXICAL_PAGES, "second", NULL), "2 ");
    assert_string_equal (found (LEXICAL_CHUNKS, "second", NULL), "");
}

/* A reader remembers lengths and places, but no longer than they are true. */
static void test_reader_forgets (void **state UNUSED)
{
    put (LEXICAL_PAGES, 1, 1, "word");
    put (LEXICAL_PAGES, 2, 2, "other");
    assert_int_equal (lexical_commit (lexical, 1), 0);
    lexical_hit_t before = hit_of (1, "word", NULL), again = hit_of (1, "word", NULL);
    assert_memory_equal (&again, &before, sizeof again);
    put (LEXICAL_PAGES, 1, 3, "word among many that make the page long, so that it says less");
    assert_int_equal (lexical_commit (lexical, 2), 0);
    lexical_hit_t after = hit_of (1, "word", NULL);
    assert_int_equal (after.file, 3);
    assert_true (after.score > 0 && after.score < before.score);
}

/* A reader that was overtaken by many commits goes on. */
static void test_reader_is_overtaken (void **state UNUSED)
{
    for (uint32_t i = 1; i <= 50; i++) {
        put (LEXICAL_PAGES, i, 1, "word");
        assert_int_equal (lexical_commit (lexical, i), 0);
        if (i % 10 == 0)
            assert_true (strlen (found (LEXICAL_PAGES, "word", NULL)) > 0);
    }
}

static void reopen (const char *identity)
{
    lexical_close (&lexical);
    lexical = lexical_open (folder, identity);
    assert_non_null (lexical);
}

static void test_reopened (void **state UNUSED)
{
    put (LEXICAL_PAGES, 1, 1, "word");
    assert_int_equal (lexical_commit (lexical, 42), 0);
    put (LEXICAL_PAGES, 2, 1, "word");   /* not committed: it is to be put in once more */
    reopen ("store-1");
    assert_int_equal (lexical_applied (lexical), 42);
    put (LEXICAL_PAGES, 2, 1, "word");
    assert_int_equal (lexical_commit (lexical, 43), 0);
    assert_string_equal (found (LEXICAL_PAGES, "word", NULL), "1 2 ");
    reopen ("store-2");
    assert_int_equal (lexical_applied (lexical), 0);
    assert_int_equal (lexical_count (lexical, LEXICAL_PAGES), 0);
    assert_string_equal (found (LEXICAL_PAGES, "word", NULL), "");
}

static void cut (const char *path, off_t size)
{
    assert_int_equal (truncate (path, size), 0);
}

static void test_damaged (void **state UNUSED)
{
    for (int how = 0; how < 3; how++) {
        put (LEXICAL_CHUNKS, 1, 1, "word");
        assert_int_equal (lexical_commit (lexical, 42), 0);
        lexical_close (&lexical);
        if (how == 0)
            cut (in_folder (folder, "chunks/iamglass"), 3);
        else if (how == 1)
            remove_all (in_folder (folder, "heads"));
        else
            remove_all (folder);
        lexical = lexical_open (folder, "store-1");
        assert_non_null (lexical);
        assert_int_equal (lexical_applied (lexical), 0);
        assert_int_equal (lexical_count (lexical, LEXICAL_CHUNKS), 0);
        assert_string_equal (found (LEXICAL_CHUNKS, "word", NULL), "");
    }
}

int main (void)
{
#define WITH_INDEX(test) cmocka_unit_test_setup_teardown (test, open_new, close_and_remove)
    const struct CMUnitTest tests [] = {
        WITH_INDEX (test_ranking), WITH_INDEX (test_frequent_terms_stay_positive),
        WITH_INDEX (test_no_question_is_a_syntax_error), WITH_INDEX (test_filters),
        WITH_INDEX (test_filters_change_no_score), WITH_INDEX (test_names), WITH_INDEX (test_pairs),
        WITH_INDEX (test_related_words), WITH_INDEX (test_name_is_no_page), WITH_INDEX (test_full_score),
        WITH_INDEX (test_replace_and_remove), WITH_INDEX (test_reader_forgets),
        WITH_INDEX (test_reader_is_overtaken), WITH_INDEX (test_reopened), WITH_INDEX (test_damaged),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
