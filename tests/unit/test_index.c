/* The vector index: what is found, filters, removal, saving, damage; with the real FAISS. */
#include "library_fixture.h"

#include <math.h>
#include <pthread.h>

#include "dot.h"
#include "error.h"
#include "index.h"

static char *folder;
static index_t *vectors;   /* (index is a function of the C library) */

static int open_new (void **state UNUSED)
{
    folder = folder_make ();
    vectors = index_new ();
    return vectors == NULL ? -1 : 0;
}

static int close_and_remove (void **state UNUSED)
{
    index_destroy (&vectors);
    remove_all (folder);
    free (folder);
    return 0;
}

/* Chunks first … last; each of a page of two and a file of four, each along an axis of its own. */
static void add (uint32_t first, uint32_t last)
{
    for (uint32_t chunk = first; chunk <= last; chunk++) {
        float vector [EMBEDDING_WIDTH];
        vector_along (vector, chunk);
        assert_int_equal (index_add (vectors, chunk, chunk / 2, chunk / 4, vector), 0);
    }
}

static size_t best (uint32_t axis, const number_set_t *allowed, index_hit_t *hits, size_t capacity)
{
    float question [EMBEDDING_WIDTH];
    index_scan_t scan;
    vector_along (question, axis);
    assert_int_equal (index_scan (vectors, question, allowed, &scan), 0);
    size_t count = index_scan_best (&scan, hits, capacity);
    index_scan_end (&scan);
    for (size_t i = 1; i < count; i++)
        assert_true (hits [i].cosine <= hits [i - 1].cosine);
    return count;
}

static void test_best (void **state UNUSED)
{
    index_hit_t hits [300];
    assert_int_equal (best (5, NULL, hits, 10), 0);
    add (1, 200);
    assert_int_equal (best (77, NULL, hits, 10), 10);
    assert_int_equal (hits [0].chunk, 77);
    assert_int_equal (hits [0].page, 38);
    assert_int_equal (hits [0].file, 19);
    assert_float_equal (hits [0].cosine, 1, 1e-4);
    assert_int_equal (best (77, NULL, hits, 300), 200);
    assert_int_equal (best (77, NULL, hits, 1), 1);
    assert_int_equal (hits [0].chunk, 77);
    assert_int_equal (best (77, NULL, hits, 0), 0);
}

/* A random vector of the neighbourhood of an axis. */
static void vector_near (float vector [EMBEDDING_WIDTH], size_t axis, uint32_t *random, float spread)
{
    float sum = 0;
    for (size_t i = 0; i < EMBEDDING_WIDTH; i++) {
        *random = *random * 1664525 + 1013904223;
        vector [i] = (i == axis) + spread * ((float) (*random >> 8) / (1 << 24) - 0.5f);
        sum += vector [i] * vector [i];
    }
    for (size_t i = 0; i < EMBEDDING_WIDTH; i++)
        vector [i] /= sqrtf (sum);
}

/* Vectors that are nearer to each other than their short forms can tell: still the very best are
 * found, in order. */
static void test_best_are_exact (void **state UNUSED)
{
    enum { COUNT = 2000, BEST = 50 };
    uint32_t random = 7;
    float *all = malloc (COUNT * EMBEDDING_WIDTH * sizeof *all), question [EMBEDDING_WIDTH], cosines [COUNT];
    index_hit_t hits [BEST];
    index_scan_t scan;
    for (uint32_t i = 0; i < COUNT; i++) {
        vector_near (all + i * EMBEDDING_WIDTH, 3, &random, 0.01f);
        assert_int_equal (index_add (vectors, i, i, 1, all + i * EMBEDDING_WIDTH), 0);
    }
    vector_near (question, 3, &random, 0.01f);
    dot_many (cosines, question, all, COUNT);
    assert_int_equal (index_scan (vectors, question, NULL, &scan), 0);
    assert_int_equal (index_scan_best (&scan, hits, BEST), BEST);
    index_scan_end (&scan);
    for (size_t i = 0; i < BEST; i++) {
        size_t better = 0;
        for (size_t j = 0; j < COUNT; j++)
            better += cosines [j] > hits [i].cosine;
        assert_true (hits [i].cosine == cosines [hits [i].chunk]);
        assert_true (better <= i);
    }
    free (all);
}

static void test_short_forms (void **state UNUSED)
{
    uint32_t random = 9;
    for (size_t round = 0; round < 200; round++) {
        float vector [EMBEDDING_WIDTH], question [EMBEDDING_WIDTH], exact, about;
        dot_short_t shortened;
        dot_question_t asked;
        vector_near (vector, round, &random, round % 3 == 0 ? 1 : 0.05f);
        vector_near (question, round + 1, &random, 1);
        float lacking = dot_shorten (vector, &shortened) + dot_shorten_question (question, &asked);
        dot_many (&exact, question, vector, 1);
        dot_many_short (&about, &asked, &shortened, 1);
        assert_true (lacking < 0.1f && fabsf (exact - about) <= lacking + 1e-4f);
    }
    float nothing [EMBEDDING_WIDTH] = {0}, about = 1;
    dot_short_t shortened;
    dot_question_t asked;
    assert_float_equal (dot_shorten (nothing, &shortened), 0, 1e-9);
    assert_float_equal (dot_shorten_question (nothing, &asked), 0, 1e-9);
    dot_many_short (&about, &asked, &shortened, 1);
    assert_float_equal (about, 0, 1e-9);
}

static void test_filter (void **state UNUSED)
{
    number_set_t files = {0}, none = {0};
    index_hit_t hits [20];
    add (1, 100);
    assert_int_equal (number_set_add (&files, 3), 0);
    assert_int_equal (number_set_add (&files, 20), 0);
    assert_int_equal (best (80, &files, hits, 20), 8);
    assert_int_equal (hits [0].chunk, 80);
    for (size_t i = 0; i < 8; i++)
        assert_true (hits [i].file == 3 || hits [i].file == 20);
    assert_int_equal (best (80, &none, hits, 20), 0);
    number_set_clear (&files);
}

static void count_hit (void *context, const index_hit_t *hit)
{
    assert_true (hit->page == 10 || hit->page == 30);
    ++*(size_t *) context;
}

static void test_pages (void **state UNUSED)
{
    float question [EMBEDDING_WIDTH];
    index_scan_t scan;
    size_t count = 0;
    number_set_t pages = {0}, none = {0};
    assert_int_equal (number_set_add (&pages, 10), 0);
    assert_int_equal (number_set_add (&pages, 30), 0);
    assert_int_equal (number_set_add (&pages, 1000), 0);
    add (1, 100);
    vector_along (question, 1);
    assert_int_equal (index_scan (vectors, question, NULL, &scan), 0);
    index_scan_pages (&scan, &pages, count_hit, &count);
    index_scan_pages (&scan, &none, count_hit, &count);
    index_scan_end (&scan);
    number_set_clear (&pages);
    assert_int_equal (count, 4);
}

static void test_remove (void **state UNUSED)
{
    index_hit_t hits [100];
    add (1, 99);
    for (uint32_t file = 0; file <= 24; file += 2)
        assert_int_equal (index_remove_file (vectors, file), 0);
    assert_int_equal (index_remove_file (vectors, 999), 0);
    assert_int_equal (best (5, NULL, hits, 100), 48);
    assert_int_equal (hits [0].chunk, 5);
    for (size_t i = 0; i < 48; i++)
        assert_int_equal (hits [i].file % 2, 1);
    for (uint32_t axis = 4; axis < 8; axis++) {   /* the places still belong to the right vectors */
        assert_int_equal (best (axis, NULL, hits, 1), 1);
        assert_int_equal (hits [0].chunk, axis);
    }
    for (uint32_t file = 1; file <= 24; file += 2)
        assert_int_equal (index_remove_file (vectors, file), 0);
    assert_int_equal (index_count (vectors), 0);
    add (1, 3);
    assert_int_equal (best (2, NULL, hits, 1), 1);
    assert_int_equal (hits [0].chunk, 2);
}

static void test_reconcile (void **state UNUSED)
{
    uint32_t ids [] = {2, 5, 7, 50, 51};
    add (1, 10);
    assert_int_equal (index_keep_only (vectors, ids, 5), 2);
    assert_int_equal (ids [0], 50);
    assert_int_equal (ids [1], 51);
    assert_int_equal (index_count (vectors), 3);
    assert_int_equal (index_keep_only (vectors, ids, 0), 0);
    assert_int_equal (index_count (vectors), 0);
}

static void test_saved_and_loaded (void **state UNUSED)
{
    const char *path = in_folder (folder, "vectors");
    index_hit_t hits [1];
    assert_int_equal (index_load (vectors, path, "store-1"), 0);
    assert_int_equal (index_save (vectors, path, "store-1"), 0);   /* an empty one too */
    assert_int_equal (index_load (vectors, path, "store-1"), 1);
    add (1, 300);
    assert_true (index_changed (vectors));
    assert_int_equal (index_save (vectors, path, "store-1"), 0);
    assert_false (index_changed (vectors));
    index_destroy (&vectors);
    vectors = index_new ();
    assert_int_equal (index_load (vectors, path, "store-1"), 1);
    assert_int_equal (index_count (vectors), 300);
    assert_int_equal (best (299, NULL, hits, 1), 1);
    assert_int_equal (hits [0].chunk, 299);
    add (301, 310);
    assert_int_equal (best (305, NULL, hits, 1), 1);
    assert_int_equal (hits [0].chunk, 305);
    index_destroy (&vectors);
    vectors = index_new ();
    assert_int_equal (index_load (vectors, path, "store-2"), 0);
    assert_int_equal (index_count (vectors), 0);
}

static void change_byte (const char *path, long at)
{
    FILE *file = fopen (path, "r+b");
    fseek (file, at, at < 0 ? SEEK_END : SEEK_SET);
    int byte = fgetc (file);
    fseek (file, -1, SEEK_CUR);
    fputc (byte ^ 0x40, file);
    fclose (file);
}

/* Wherever one bit is wrong: no other memory is taken, or lost, than for a file that is whole. */
static void test_any_wrong_byte_is_found (void **state UNUSED)
{
    const char *path = in_folder (folder, "vectors");
    struct stat info;
    add (1, 1);
    assert_int_equal (index_save (vectors, path, "store-1"), 0);
    assert_int_equal (stat (path, &info), 0);
    for (long at = 0; at < info.st_size; at++) {
        index_t *loaded = index_new ();
        change_byte (path, at);
        assert_int_equal (index_load (loaded, path, "store-1"), 0);
        change_byte (path, at);
        index_destroy (&loaded);
    }
    index_t *loaded = index_new ();
    assert_int_equal (index_load (loaded, path, "store-1"), 1);
    index_destroy (&loaded);
}

static void test_damaged_file_is_not_used (void **state UNUSED)
{
    const char *path = in_folder (folder, "vectors");
    static const long places [] = {0, 9, 13, 17, 30, 33, 80, 674, 1300, 5000, -1, -900};
    struct stat info;
    add (1, 50);
    for (size_t i = 0; i < COUNT_OF (places); i++) {
        assert_int_equal (index_save (vectors, path, "store-1"), 0);
        change_byte (path, places [i]);
        index_t *loaded = index_new ();
        assert_int_equal (index_load (loaded, path, "store-1"), 0);
        assert_int_equal (index_count (loaded), 0);
        index_destroy (&loaded);
    }
    assert_int_equal (index_save (vectors, path, "store-1"), 0);
    assert_int_equal (stat (path, &info), 0);
    for (off_t size = 0; size < info.st_size; size += 997) {
        assert_int_equal (index_save (vectors, path, "store-1"), 0);
        assert_int_equal (truncate (path, size), 0);
        index_t *loaded = index_new ();
        assert_int_equal (index_load (loaded, path, "store-1"), 0);
        index_destroy (&loaded);
    }
}

static void *search_often (void *argument)
{
    float question [EMBEDDING_WIDTH];
    vector_along (question, 3);
    for (int i = 0; i < 300; i++) {
        index_scan_t scan;
        index_hit_t hits [5];
        if (index_scan (vectors, question, NULL, &scan) != 0)
            return argument;
        size_t count = index_scan_best (&scan, hits, 5);
        index_scan_end (&scan);
        if (count == 0 || hits [0].chunk != 3)
            return argument;
    }
    return NULL;
}

static void test_searches_beside_changes (void **state UNUSED)
{
    pthread_t threads [2];
    void *wrong;
    add (3, 3);
    for (int i = 0; i < 2; i++)
        assert_int_equal (pthread_create (&threads [i], NULL, search_often, &threads), 0);
    for (uint32_t round = 0; round < 20; round++) {
        add (100, 150);
        for (uint32_t file = 25; file <= 37; file++)
            assert_int_equal (index_remove_file (vectors, file), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join (threads [i], &wrong);
        assert_null (wrong);
    }
}

int main (void)
{
#define WITH_INDEX(test) cmocka_unit_test_setup_teardown (test, open_new, close_and_remove)
    const struct CMUnitTest tests [] = {
        WITH_INDEX (test_best), WITH_INDEX (test_best_are_exact), cmocka_unit_test (test_short_forms),
        WITH_INDEX (test_filter), WITH_INDEX (test_pages), WITH_INDEX (test_remove),
        WITH_INDEX (test_reconcile), WITH_INDEX (test_saved_and_loaded),
        WITH_INDEX (test_any_wrong_byte_is_found), WITH_INDEX (test_damaged_file_is_not_used), WITH_INDEX (test_searches_beside_changes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
