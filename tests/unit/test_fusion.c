/* Fusion: ranking and passages by table. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fusion.h"

static const question_facts_t plain = {.ranker = RANKER_FUSED, .full_bm25 = 10};

/* Those of searches may be tuned; the rules stay. */
static const fusion_weights_t weights = {
    .chunk = 0.5f, .head = 1.0f, .dense = 1.5f, .numbers = 2.0f, .name = 0.5f, .card = 0.3f,
};

static void test_rankers_by_name (void **state UNUSED)
{
    ranker_t ranker;
    assert_true (ranker_named ("auto", &ranker) && ranker == RANKER_FUSED);
    assert_true (ranker_named ("lexical", &ranker) && ranker == RANKER_LEXICAL);
    assert_true (ranker_named ("dense", &ranker) && ranker == RANKER_DENSE);
    assert_false (ranker_named ("best", &ranker));
}

static void test_lexical_part_is_a_share (void **state UNUSED)
{
    page_evidence_t pages [] = {
        {.page = 1, .page_bm25 = 5, .chunk_bm25 = 2, .head_bm25 = 4, .cosine = 0.2f},   /* 10 */
        {.page = 2, .page_bm25 = 5, .cosine = 0.6f},
        {.page = 3, .cosine = 0.8f},
    };
    fusion_rank (pages, 3, plain, &weights);
    assert_int_equal (pages [0].page, 2);
    assert_float_equal (pages [0].score, 0.5 + 1.5 * 0.6, 1e-5);
    assert_int_equal (pages [1].page, 1);
    assert_float_equal (pages [1].score, 1 + 1.5 * 0.2, 1e-5);
    assert_int_equal (pages [2].page, 3);
}

/* Words that no page has enough of don't outweigh the meaning. */
static void test_few_words_weigh_little (void **state UNUSED)
{
    page_evidence_t pages [] = {{.page = 1, .page_bm25 = 4, .cosine = 0.1f}, {.page = 2, .cosine = 0.6f}};
    question_facts_t facts = {.ranker = RANKER_FUSED, .full_bm25 = 4};
    fusion_rank (pages, 2, facts, &weights);
    assert_int_equal (pages [0].page, 1);
    facts.full_bm25 = 20;
    fusion_rank (pages, 2, facts, &weights);
    assert_int_equal (pages [0].page, 2);
    facts.full_bm25 = 0;   /* no word is known */
    fusion_rank (pages, 2, facts, &weights);
    assert_float_equal (pages [0].score, 1.5 * 0.6, 1e-5);
}

static void test_each_ranker (void **state UNUSED)
{
    page_evidence_t lexical [] = {{.page = 1, .cosine = 1}, {.page = 2, .head_bm25 = 1}};
    fusion_rank (lexical, 2, (question_facts_t) {.ranker = RANKER_LEXICAL, .full_bm25 = 2}, &weights);
    assert_int_equal (lexical [0].page, 2);
    page_evidence_t dense [] = {{.page = 1, .page_bm25 = 9}, {.page = 2, .cosine = 0.1f}};
    fusion_rank (dense, 2, (question_facts_t) {RANKER_DENSE, true, true, 9}, &weights);
    assert_int_equal (dense [0].page, 2);
    assert_float_equal (dense [0].score, 0.1, 1e-6);
}

static void test_numbers_and_names (void **state UNUSED)
{
    page_evidence_t pages [] = {
        {.page = 1, .page_bm25 = 10},
        {.page = 2, .page_bm25 = 8, .number_share = 0.5f},
        {.page = 3, .page_bm25 = 9, .name_share = 1, .card_bm25 = 3},
    };
    fusion_rank (pages, 3, plain, &weights);
    assert_int_equal (pages [0].page, 1);
    question_facts_t facts = plain;
    facts.quantity = true;
    fusion_rank (pages, 3, facts, &weights);
    assert_int_equal (pages [0].page, 2);
    assert_float_equal (pages [0].score, 1.6, 1e-5);
    facts = plain;
    facts.many_files = true;
    fusion_rank (pages, 3, facts, &weights);
    assert_int_equal (pages [0].page, 3);
    assert_float_equal (pages [0].score, 0.9 + 0.5 + 0.3, 1e-5);
}

static void test_equal_pages_keep_their_order (void **state UNUSED)
{
    page_evidence_t pages [] = {{.page = 3, .page_bm25 = 1}, {.page = 1, .page_bm25 = 1}, {.page = 2, .page_bm25 = 1}};
    fusion_rank (pages, 3, plain, &weights);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal (pages [i].page, i + 1);
    fusion_rank (pages, 0, plain, &weights);
}

static void test_passages (void **state UNUSED)
{
    const page_evidence_t pages [] = {{.page = 7, .file = 1, .score = 2}, {.page = 5, .file = 2, .score = 1},
                                      {.page = 6, .file = 2, .score = 0}};
    const chunk_evidence_t chunks [] = {
        {.chunk = 50, .page = 5, .bm25 = 4}, {.chunk = 60, .page = 6, .bm25 = 1},
        {.chunk = 70, .page = 7, .cosine = 0.1f}, {.chunk = 71, .page = 7, .cosine = 0.9f},
        {.chunk = 72, .page = 7, .bm25 = 2},
    };
    static const uint32_t expected [] = {71, 50, 72, 70};
    passage_t passages [10];
    size_t count = fusion_cut (pages, 3, chunks, 5, RANKER_FUSED, passages, 10);
    assert_int_equal (count, COUNT_OF (expected));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal (passages [i].chunk, expected [i]);
        assert_true (passages [i].score > 0 && passages [i].score <= 1);
        assert_true (i == 0 || passages [i].score <= passages [i - 1].score);
    }
    assert_int_equal (passages [0].file, 1);
    assert_int_equal (fusion_cut (pages, 3, chunks, 5, RANKER_FUSED, passages, 1), 1);
    assert_int_equal (fusion_cut (pages, 3, NULL, 0, RANKER_FUSED, passages, 10), 0);
}

/* Three files that are copies: each passage once, then the copies, then nothing twice. */
static void test_copies_come_last (void **state UNUSED)
{
    const page_evidence_t pages [] = {{.page = 1, .file = 1, .score = 3}, {.page = 2, .file = 2, .score = 3},
                                      {.page = 3, .file = 3, .score = 3}, {.page = 4, .file = 1, .score = 1},
                                      {.page = 5, .file = 2, .score = 0.5f}};
    const chunk_evidence_t chunks [] = {
        {10, 1, 2, 0.5f}, {20, 2, 2, 0.5f}, {30, 3, 2, 0.5f}, {40, 4, 2, 0}, {50, 5, 2, 0},
    };
    static const uint32_t expected [] = {10, 40, 50, 20, 30};   /* without vectors nothing is a copy */
    passage_t passages [10];
    assert_int_equal (fusion_cut (pages, 5, chunks, 5, RANKER_FUSED, passages, 10), COUNT_OF (expected));
    for (size_t i = 0; i < COUNT_OF (expected); i++) {
        assert_int_equal (passages [i].chunk, expected [i]);
        assert_true (i == 0 || passages [i].score <= passages [i - 1].score);
    }
    assert_int_equal (fusion_cut (pages, 5, chunks, 5, RANKER_FUSED, passages, 4), 4);
}

static void test_join (void **state UNUSED)
{
    passage_t passages [] = {{1, 1, 1, 0.5f}, {2, 1, 1, 0.4f}, {2, 1, 1, 0.9f}, {3, 1, 1, 0.1f}, {1, 1, 1, 0.2f}};
    assert_int_equal (fusion_join (passages, 5), 3);
    assert_int_equal (passages [0].chunk, 2);
    assert_float_equal (passages [0].score, 0.9, 1e-6);
    assert_int_equal (passages [1].chunk, 1);
    assert_float_equal (passages [1].score, 0.5, 1e-6);
    assert_int_equal (passages [2].chunk, 3);
    assert_int_equal (fusion_join (passages, 0), 0);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_rankers_by_name), cmocka_unit_test (test_lexical_part_is_a_share),
        cmocka_unit_test (test_few_words_weigh_little), cmocka_unit_test (test_copies_come_last),
        cmocka_unit_test (test_each_ranker), cmocka_unit_test (test_numbers_and_names),
        cmocka_unit_test (test_equal_pages_keep_their_order), cmocka_unit_test (test_passages),
        cmocka_unit_test (test_join),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
