/* Measures what a dense search costs: the index's own scan against FAISS's search, on the same random
 * vectors in turn, with all files allowed and with every other one. Prints medians in milliseconds,
 * and whether both find the same chunks.
 *
 *     bench_index [VECTORS…]      10000 and 100000 when left out */
#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/impl/AuxIndexStructures_c.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "index.h"

#define BEST         300   /* as a search asks for (search.c) */
#define RUNS         31
#define FILE_CHUNKS  200   /* chunks of a file, neighbours */

typedef struct {
    size_t count;
    index_t *index;
    FaissIndex *faiss;
    number_set_t allowed;              /* every other file */
    uint8_t *marks;                    /* the same, a bit a position */
    FaissSearchParameters *params;
} pair_t;

typedef struct {
    uint32_t chunks [BEST];
    size_t count;
} found_t;

static void must (int result, const char *what)
{
    if (result == 0)
        return;
    fprintf (stderr, "bench_index: %s: %s\n", what, error_text ());
    exit (1);
}

static void *claim (size_t size)
{
    void *memory = calloc (1, size);
    must (memory == NULL, "memory");
    return memory;
}

static void random_vector (float vector [INDEX_WIDTH])
{
    double sum = 0;
    for (size_t i = 0; i < INDEX_WIDTH; i++) {
        vector [i] = (float) rand () / (float) RAND_MAX - 0.5f;
        sum += (double) vector [i] * (double) vector [i];
    }
    for (size_t i = 0; i < INDEX_WIDTH; i++)
        vector [i] /= (float) sqrt (sum);
}

static void pair_fill (pair_t *pair)
{
    float vector [INDEX_WIDTH];
    for (uint32_t i = 0; i < pair->count; i++) {
        uint32_t file = i / FILE_CHUNKS + 1;
        random_vector (vector);
        must (index_add (pair->index, i, i / 4, file, vector), "index_add");
        must (faiss_Index_add (pair->faiss, 1, vector), "faiss_Index_add");
        if (file % 2 == 0)
            continue;
        must (number_set_add (&pair->allowed, file), "number_set_add");
        pair->marks [i / 8] |= (uint8_t) (1u << i % 8);
    }
}

static void pair_make (pair_t *pair, size_t count)
{
    FaissIDSelectorBitmap *selector;
    *pair = (pair_t) {.count = count, .index = index_new (), .marks = claim (count / 8 + 1)};
    must (pair->index == NULL, "index_new");
    must (faiss_IndexFlatIP_new_with ((FaissIndexFlatIP **) &pair->faiss, INDEX_WIDTH), "faiss_IndexFlatIP_new");
    pair_fill (pair);
    must (faiss_IDSelectorBitmap_new (&selector, count / 8 + 1, pair->marks), "faiss_IDSelectorBitmap_new");
    must (faiss_SearchParameters_new (&pair->params, (FaissIDSelector *) selector), "faiss_SearchParameters_new");
}

static void search_scan (pair_t *pair, const float *question, bool some, found_t *found)
{
    index_scan_t scan;
    index_hit_t hits [BEST];
    must (index_scan (pair->index, question, some ? &pair->allowed : NULL, &scan), "index_scan");
    found->count = index_scan_best (&scan, hits, BEST);
    index_scan_end (&scan);
    for (size_t i = 0; i < found->count; i++)
        found->chunks [i] = hits [i].chunk;
}

static void search_faiss (pair_t *pair, const float *question, bool some, found_t *found)
{
    float cosines [BEST];
    idx_t labels [BEST];
    must (some ? faiss_Index_search_with_params (pair->faiss, 1, question, BEST, pair->params, cosines, labels)
               : faiss_Index_search (pair->faiss, 1, question, BEST, cosines, labels), "faiss_Index_search");
    found->count = 0;
    for (size_t i = 0; i < BEST && labels [i] >= 0; i++)
        found->chunks [found->count++] = (uint32_t) labels [i];
}

typedef void (search_t) (pair_t *pair, const float *question, bool some, found_t *found);

static double milliseconds (search_t *search, pair_t *pair, const float *question, bool some, found_t *found)
{
    struct timespec start, end;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &start);
    search (pair, question, some, found);
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &end);
    return (double) (end.tv_sec - start.tv_sec) * 1e3 + (double) (end.tv_nsec - start.tv_nsec) / 1e6;
}

static int compare_numbers (const void *left, const void *right)
{
    double a = *(const double *) left, b = *(const double *) right;
    return (a > b) - (a < b);
}

static int compare_chunks (const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *) left, b = *(const uint32_t *) right;
    return (a > b) - (a < b);
}

/* Equal but for the last places, where sums in another order may change the order. */
static size_t common_chunks (found_t *a, found_t *b)
{
    size_t common = 0;
    qsort (a->chunks, a->count, sizeof *a->chunks, compare_chunks);
    for (size_t i = 0; i < b->count; i++)
        common += bsearch (&b->chunks [i], a->chunks, a->count, sizeof *a->chunks, compare_chunks) != NULL;
    return common;
}

static void compare (pair_t *pair, bool some)
{
    double scans [RUNS], searches [RUNS];
    size_t common = 0, all = 0;
    for (size_t i = 0; i < RUNS; i++) {
        float question [INDEX_WIDTH];
        found_t by_scan, by_faiss;
        random_vector (question);
        scans [i] = milliseconds (search_scan, pair, question, some, &by_scan);
        searches [i] = milliseconds (search_faiss, pair, question, some, &by_faiss);
        all += by_faiss.count;
        common += common_chunks (&by_scan, &by_faiss);
    }
    qsort (scans, RUNS, sizeof *scans, compare_numbers);
    qsort (searches, RUNS, sizeof *searches, compare_numbers);
    printf ("%8zu vectors  %-10s  scan %7.2f ms  faiss %7.2f ms  %.2f times  same %.4f\n", pair->count,
            some ? "half" : "all", scans [RUNS / 2], searches [RUNS / 2], searches [RUNS / 2] / scans [RUNS / 2],
            (double) common / (double) all);
}

int main (int argc, char *argv [])
{
    static const char *const sizes [] = {"10000", "100000"};
    size_t count = argc > 1 ? (size_t) argc - 1 : COUNT_OF (sizes);
    for (size_t i = 0; i < count; i++) {
        pair_t pair;
        pair_make (&pair, (size_t) strtoul (argc > 1 ? argv [i + 1] : sizes [i], NULL, 10));
        compare (&pair, false);
        compare (&pair, true);
        index_destroy (&pair.index);
        faiss_Index_free (pair.faiss);
        number_set_clear (&pair.allowed);
        free (pair.marks);
    }
    return 0;
}
