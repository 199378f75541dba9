/* Extractive answers: what is collected from real passages, and what is chosen of it. */
#include "library_fixture.h"

#include "extractive.h"
#include "library.h"

/* -- choosing -------------------------------------------------------------------------------- */

static const char text [] = "The sea is deep.\nThe sea is 5 deep.\nThe sea is 7 deep.\nSea\t5\nSea\t7\nThe lake is cold.";
static source_page_t page = {.text = (char *) text, .size = sizeof text - 1};

/* A candidate that is line `line` of the text. */
static candidate_t line_of (unsigned line, float score, float passage, float cosine, float words)
{
    size_t from = 0;
    for (; line > 0; line--)
        from += strcspn (text + from, "\n") + 1;
    return (candidate_t) {.passage = 1, .on = &page, .from = from, .to = from + strcspn (text + from, "\n"),
                          .score = score, .passage_score = passage, .cosine = cosine, .words = words};
}

static void check_chosen (candidate_t *candidates, size_t count, const char *lines)
{
    bool says;
    char chosen [16] = "";
    size_t chosen_count = extractive_choose (candidates, count, true, &says);
    for (size_t i = 0; i < chosen_count; i++) {
        unsigned line = 0;
        for (size_t at = 0; at < candidates [i].from; at++)
            line += text [at] == '\n';
        chosen [i] = (char) ('0' + line);
    }
    assert_string_equal (chosen, lines);
}

static void test_order_of_worth (void **state UNUSED)
{
    candidate_t mixed [] = {line_of (5, 0.90f, 1, 1, 1), line_of (0, 1.00f, 1, 1, 1), line_of (3, 0.95f, 1, 1, 1)};
    check_chosen (mixed, 3, "035");
    candidate_t far [] = {line_of (0, 1.00f, 1, 1, 1), line_of (5, 0.80f, 1, 1, 1)};
    check_chosen (far, 2, "0");   /* too far behind the best */
    candidate_t heads [] = {line_of (1, 1.00f, 1, 1, 1), line_of (2, 0.99f, 1, 1, 1), line_of (1, 0.98f, 1, 1, 1),
                            line_of (3, 0.97f, 1, 1, 1), line_of (4, 0.96f, 1, 1, 1)};
    check_chosen (heads, 5, "134");   /* the same but for numbers, but for rows of a table */
    candidate_t many [8];
    for (size_t i = 0; i < COUNT_OF (many); i++)
        many [i] = line_of (i % 2 == 0 ? 3 : 4, 1, 1, 1, 1);
    check_chosen (many, COUNT_OF (many), "34");
    check_chosen (NULL, 0, "");
}

static void test_near_enough (void **state UNUSED)
{
    static const struct {
        float passage, cosine, words;
        bool dense, says;
    } cases [] = {
        {0.5f, 0.5f, 0, true, true}, {0.5f, 0.3f, 1, true, false}, {0.1f, 0.8f, 0, true, true}, {0.5f, 0.9f, 0.1f, false, false},
        {0.4f, 0, 0.4f, false, true}, {0, 0, 0, true, false},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        bool says;
        candidate_t one = line_of (0, 1, cases [i].passage, cases [i].cosine, cases [i].words);
        assert_int_equal (extractive_choose (&one, 1, cases [i].dense, &says), 1);
        assert_int_equal (says, cases [i].says);
    }
    bool says = true;
    assert_int_equal (extractive_choose (NULL, 0, true, &says), 0);
    assert_false (says);
}

static void test_vectors_are_weighed (void **state UNUSED)
{
    float question [EMBEDDING_WIDTH], vectors [2 * EMBEDDING_WIDTH];
    candidate_t candidates [] = {line_of (0, 0.5f, 0.5f, 0, 0), line_of (5, 0.5f, 0.5f, 0, 0)};
    vector_along (question, 3);
    vector_along (vectors, 9);
    vector_along (vectors + EMBEDDING_WIDTH, 3);
    extractive_weigh (candidates, 2, question, vectors);
    assert_true (candidates [0].cosine < 0.1f);
    assert_true (candidates [1].cosine > 0.99f);
    check_chosen (candidates, 2, "5");
}

/* -- collecting ------------------------------------------------------------------------------ */

static void test_sentences_of_passages (void **state UNUSED)
{
    char *folder = folder_make ();
    library_t *library = library_open (folder, 1);
    store_t *store = library_store (library);
    strings_builder_t stores = {0}, queries = {0};
    candidate_t candidates [MAX_EMBEDDED];
    const char *param;
    uint32_t number;
    file_add (store, "file-a", "a.pdf", 5);
    assert_int_equal (store_set_inspected (store, "file-a", 1, "Title"), 0);
    page_add (store, "file-a", 1, "Tower of granite\nThe granite tower was built in 1874. It is grey and old.\nOld", "");
    assert_int_equal (store_find_store (store, DEFAULT_STORE, &number), 0);
    assert_int_equal (store_attach_file (store, number, "file-a", "", 1), 0);
    while (library_index_texts (library, 1000) > 0)
        ;
    answer_message_t request = {.store_ids = strings_from (&stores, (const char *const []) {DEFAULT_STORE, NULL}),
                                .limit = 10, .filters = "", .ranker = "lexical"};
    strings_t asked = strings_from (&queries, (const char *const []) {"When was the tower of granite built?", NULL});
    reader_t *reader = library_take_reader (library);
    sources_t *sources = sources_find (reader, library_index (library), &request, asked, NULL, &param);
    library_give_reader (library, reader);
    assert_non_null (sources);
    int count = extractive_collect (sources, "When was the tower of granite built?", candidates);
    assert_int_equal (count, 3);   /* each sentence once, and none of a single word */
    const char *at = candidates [0].on->text;
    assert_memory_equal (at + candidates [0].from, "The granite tower was built in 1874.", candidates [0].to - candidates [0].from);
    assert_true (candidates [0].words > 0.99f);
    assert_memory_equal (at + candidates [1].from, "Tower of granite", 16);   /* says no more than the question */
    for (int i = 1; i < count; i++)
        assert_true (candidates [i].score <= candidates [i - 1].score);
    sources_destroy (&sources);
    strings_free (&stores);
    strings_free (&queries);
    library_close (&library);
    remove_all (folder);
    free (folder);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_order_of_worth), cmocka_unit_test (test_near_enough),
        cmocka_unit_test (test_vectors_are_weighed), cmocka_unit_test (test_sentences_of_passages),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
