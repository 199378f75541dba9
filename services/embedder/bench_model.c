/* bench_model: how many word pieces a second one thread encodes, and which share of that time oneDNN's
 * matrix products alone would need.
 *
 *     bench_model MODEL_FOLDER [f32 | bf16 | int8 | auto] [--json]
 *
 * For each length, whole encodings and the linear products of all layers alone, of as many rows, take
 * turns for about two seconds in processor time of the thread. Of both the fastest third is averaged,
 * since other programs may run beside; as they took turns, that noise leaves the share alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "model.h"
#include "products.h"
#include "weights.h"

#define BENCH_SECONDS  2.0
#define MAX_RUNS       20000
#define ALIGNMENT      64
#define LINEAR_LAYERS  4        /* of a layer */

static const size_t lengths [] = {16, 32, 64, 128, 192, 256};

/* What is measured. */
typedef struct {
    model_t *model;
    encoder_t *encoder;
    weights_t *weights;         /* for the products alone */
    void *source, *result;      /* of any of them */
    product_t *products [LINEAR_LAYERS];
} subject_t;

typedef struct {
    size_t pieces;
    double whole, products;     /* seconds */
} timing_t;

static double seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* -- the products alone -------------------------------------------------------------------------- */

/* In the order in which a layer runs them. */
static const linear_t *linear_of (const weights_t *weights, size_t layer, size_t number)
{
    const layer_t *at = &weights->layers [layer];
    const linear_t *all [LINEAR_LAYERS] = {&at->query_key_value, &at->attended, &at->inner, &at->outer};
    return all [number];
}

static void products_drop (subject_t *subject)
{
    for (size_t i = 0; i < LINEAR_LAYERS; i++)
        product_destroy (&subject->products [i]);
}

static int products_make (subject_t *subject, size_t rows)
{
    products_drop (subject);
    for (size_t i = 0; i < LINEAR_LAYERS; i++) {
        const matrix_t *like = linear_of (subject->weights, 0, i)->matrix;
        subject->products [i] = product_new (rows, like);
        if (!subject->products [i])
            return -1;
    }
    return 0;
}

static int products_run (subject_t *subject)
{
    for (size_t layer = 0; layer < MODEL_LAYERS; layer++)
        for (size_t i = 0; i < LINEAR_LAYERS; i++)
            if (product_run (subject->products [i], linear_of (subject->weights, layer, i)->matrix,
                             subject->source, subject->result) != 0)
                return -1;
    return 0;
}

/* -- measuring ----------------------------------------------------------------------------------- */

static int by_time (const void *a, const void *b)
{
    double left = *(const double *) a, right = *(const double *) b;
    return (left > right) - (left < right);
}

static double fastest_third (double *times, size_t count)
{
    qsort (times, count, sizeof *times, by_time);
    double sum = 0;
    size_t counted = (count + 2) / 3;
    for (size_t i = 0; i < counted; i++)
        sum += times [i];
    return sum / (double) counted;
}

/* Encodes and multiplies in turn. The first turn, which makes the products, does not count. */
static int bench_length (subject_t *subject, timing_t *timing)
{
    static double whole [MAX_RUNS], products [MAX_RUNS];
    int32_t ids [MAX_SEQUENCE];
    float vector [EMBEDDING_WIDTH];
    for (size_t i = 0; i < timing->pieces; i++)
        ids [i] = (int32_t) (1000 + i * 7919 % 28000);
    if (products_make (subject, timing->pieces) != 0 || products_run (subject) != 0
        || encoder_encode (subject->encoder, ids, timing->pieces, vector) != 0)
        return -1;
    size_t runs = 0;
    for (double end = seconds () + BENCH_SECONDS; runs < MAX_RUNS && seconds () < end; runs++) {
        double start = seconds ();
        if (encoder_encode (subject->encoder, ids, timing->pieces, vector) != 0)
            return -1;
        double between = seconds ();
        if (products_run (subject) != 0)
            return -1;
        products [runs] = seconds () - between;
        whole [runs] = between - start;
    }
    timing->whole = fastest_third (whole, runs);
    timing->products = fastest_third (products, runs);
    return 0;
}

/* -- what is printed ----------------------------------------------------------------------------- */

static void print_table (const char *instructions, precision_t precision, double load_seconds,
                         const timing_t *timings)
{
    printf ("%s on %s, loaded in %.0f ms\n", precision_name (precision), instructions,
            load_seconds * 1e3);
    for (size_t i = 0; i < COUNT_OF (lengths); i++) {
        const timing_t *at = timings + i;
        printf ("%4zu pieces  %8.3f ms  %7.0f pieces/s  products alone %7.0f pieces/s  share %.3f\n",
                at->pieces, at->whole * 1e3, (double) at->pieces / at->whole,
                (double) at->pieces / at->products, at->products / at->whole);
    }
}

static void print_json (const char *instructions, precision_t precision, double load_seconds,
                        const timing_t *timings)
{
    const char *kernels = strchr (instructions, '/');
    int processor = kernels ? (int) (kernels - instructions) : (int) strlen (instructions);
    printf ("{\"processor\": \"%.*s\", \"kernels\": \"%s\", \"precision\": \"%s\", \"load_ms\": %.1f, "
            "\"lengths\": [", processor, instructions, kernels ? kernels + 1 : "",
            precision_name (precision), load_seconds * 1e3);
    for (size_t i = 0; i < COUNT_OF (lengths); i++) {
        const timing_t *at = timings + i;
        printf ("%s{\"pieces\": %zu, \"ms\": %.4f, \"tokens_s\": %.0f, \"products_tokens_s\": %.0f, "
                "\"share\": %.4f}", i ? ", " : "", at->pieces, at->whole * 1e3,
                (double) at->pieces / at->whole, (double) at->pieces / at->products,
                at->products / at->whole);
    }
    printf ("]}\n");
}

/* -- the program --------------------------------------------------------------------------------- */

static int subject_open (subject_t *subject, const char *path, precision_t precision)
{
    subject->model = model_load (path, precision, NULL);
    subject->encoder = subject->model ? encoder_new (subject->model) : NULL;
    return subject->encoder ? 0 : -1;
}

static int subject_open_products (subject_t *subject, const char *path, precision_t precision)
{
    static const numbers_t numbers [] = {
        [PRECISION_F32] = NUMBERS_F32, [PRECISION_INT8] = NUMBERS_INT8, [PRECISION_BF16] = NUMBERS_BF16,
    };
    size_t bytes = MAX_SEQUENCE * MODEL_INNER * sizeof (float);
    products_set_only_onednn (true);
    subject->weights = weights_load (path, numbers [precision], NULL);
    subject->source = aligned_alloc (ALIGNMENT, bytes);
    subject->result = aligned_alloc (ALIGNMENT, bytes);
    if (!subject->source || !subject->result)
        return error_set (ERROR_NO_MEMORY, NULL);
    memset (subject->source, 0, bytes);
    return subject->weights ? 0 : -1;
}

static void subject_close (subject_t *subject)
{
    products_drop (subject);
    free (subject->source);
    free (subject->result);
    weights_destroy (&subject->weights);
    encoder_destroy (&subject->encoder);
    model_destroy (&subject->model);
}

static int bench (const char *folder, precision_t precision, bool json)
{
    char path [4096];
    subject_t subject = {0};
    timing_t timings [COUNT_OF (lengths)] = {0};
    snprintf (path, sizeof path, "%s/model.safetensors", folder);
    double start = seconds ();
    int result = subject_open (&subject, path, precision);
    double loaded = seconds () - start;
    if (result == 0)
        result = subject_open_products (&subject, path, precision);
    for (size_t i = 0; i < COUNT_OF (lengths) && result == 0; i++) {
        timings [i].pieces = lengths [i];
        result = bench_length (&subject, &timings [i]);
    }
    if (result == 0)
        (json ? print_json : print_table) (model_instructions (subject.model), precision, loaded,
                                           timings);
    subject_close (&subject);
    return result;
}

int main (int argc, char *argv [])
{
    precision_t precision;
    const char *why;
    bool json = argc > 1 && strcmp (argv [argc - 1], "--json") == 0;
    int count = argc - json;
    if (count < 2 || count > 3) {
        fprintf (stderr, "Usage: bench_model MODEL_FOLDER [f32 | bf16 | int8 | auto] [--json]\n");
        return 2;
    }
    if (precision_choose (count == 3 ? argv [2] : "auto", &precision, &why) == 0
        && bench (argv [1], precision, json) == 0)
        return 0;
    fprintf (stderr, "bench_model: %s\n", error_text ());
    return 1;
}
