/* The model against the vectors of the reference, and against itself: alone, beside others, on
 * several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "golden.h"
#include "model.h"
#include "products.h"

#define THREADS 4
#define PRECISIONS 3

/* What the golden texts have is some way above these: they fail when quality falls. */
#define LEAST_COSINE_F32       0.9999
#define LEAST_COSINE_BF16      0.9999
#define LEAST_MEAN_COSINE_INT8 0.9975
#define LEAST_COSINE_INT8      0.99     /* of the worst text */

/* Where the processor has no instructions for int8 products, weights have a bit less. */
#define LEAST_MEAN_COSINE_NARROW 0.995
#define LEAST_COSINE_NARROW      0.985

static model_t *models [PRECISIONS];
static float alone [PRECISIONS] [GOLDEN_TEXTS] [EMBEDDING_WIDTH];   /* each text, encoded while nothing else was */

static int setup (void **state)
{
    (void) state;
    for (int i = 0; i < PRECISIONS; i++) {
        if (i == PRECISION_BF16 && (products_start () != 0 || !products_fast_bf16 ()))
            continue;
        models [i] = model_load (golden_model_path ("model.safetensors"), (precision_t) i, NULL);
        if (!models [i])
            fprintf (stderr, "%s\n", error_text ());
    }
    return models [PRECISION_F32] && models [PRECISION_INT8] ? 0 : -1;
}

static int teardown (void **state)
{
    (void) state;
    for (int i = 0; i < PRECISIONS; i++)
        model_destroy (&models [i]);
    return 0;
}

static double cosine (const float *a, const float *b)
{
    double product = 0, a_squares = 0, b_squares = 0;
    for (size_t i = 0; i < EMBEDDING_WIDTH; i++) {
        product += (double) a [i] * b [i];
        a_squares += (double) a [i] * a [i];
        b_squares += (double) b [i] * b [i];
    }
    return product / sqrt (a_squares * b_squares);
}

static void encode (encoder_t *encoder, const golden_t *golden, float *vector)
{
    assert_int_equal (encoder_encode (encoder, golden->ids, golden->id_count, vector), 0);
}

/* Mean and least cosine to the reference over all golden texts. */
static void compare (precision_t precision, double *mean, double *least)
{
    const golden_t *golden = golden_load ();
    encoder_t *encoder = encoder_new (models [precision]);
    assert_non_null (encoder);
    *mean = 0;
    *least = 1;
    for (size_t i = 0; i < GOLDEN_TEXTS; i++) {
        float *vector = alone [precision] [i];
        encode (encoder, golden + i, vector);
        double same = cosine (vector, golden [i].vector);
        *mean += same / GOLDEN_TEXTS;
        *least = same < *least ? same : *least;
    }
    encoder_destroy (&encoder);
    print_message ("%s on %s: mean cosine %.7f, least %.7f\n", precision_name (precision),
                   model_instructions (models [precision]), *mean, *least);
}

static void f32_is_the_reference (void **state)
{
    (void) state;
    double mean, least;
    compare (PRECISION_F32, &mean, &least);
    assert_true (least >= LEAST_COSINE_F32);
}

static void bf16_is_nearly_the_reference (void **state)
{
    (void) state;
    double mean, least;
    if (!models [PRECISION_BF16])
        skip ();    /* this processor has no bf16 */
    compare (PRECISION_BF16, &mean, &least);
    assert_true (least >= LEAST_COSINE_BF16);
}

static void int8_is_near_the_reference (void **state)
{
    (void) state;
    double mean, least;
    compare (PRECISION_INT8, &mean, &least);
    bool fast = products_fast_int8 ();
    assert_true (mean >= (fast ? LEAST_MEAN_COSINE_INT8 : LEAST_MEAN_COSINE_NARROW));
    assert_true (least >= (fast ? LEAST_COSINE_INT8 : LEAST_COSINE_NARROW));
}

static void vectors_have_unit_length (void **state)
{
    (void) state;
    for (int precision = 0; precision < PRECISIONS; precision++)
        for (size_t i = 0; models [precision] && i < GOLDEN_TEXTS; i++) {
            const float *vector = alone [precision] [i];
            double squares = 0;
            for (size_t k = 0; k < EMBEDDING_WIDTH; k++)
                squares += (double) vector [k] * vector [k];
            assert_true (fabs (squares - 1) < 1e-5);
        }
}

/* -- the same vector whatever else is being encoded ---------------------------------------------- */

typedef struct {
    const model_t *model;
    float (*alone) [EMBEDDING_WIDTH];
    size_t first, step;     /* the order in which it goes through half of the texts */
    bool failed;
    size_t others;          /* of its vectors are not as of the text alone */
} worker_t;

static void *work (void *argument)
{
    worker_t *worker = argument;
    const golden_t *golden = golden_load ();
    encoder_t *encoder = encoder_new (worker->model);
    worker->failed = !encoder;
    for (size_t i = 0; i < GOLDEN_TEXTS / 2 && !worker->failed; i++) {
        size_t text = (worker->first + i * worker->step) % GOLDEN_TEXTS;
        float vector [EMBEDDING_WIDTH];
        worker->failed = encoder_encode (encoder, golden [text].ids, golden [text].id_count, vector) != 0;
        worker->others += memcmp (vector, worker->alone [text], sizeof vector) != 0;
    }
    encoder_destroy (&encoder);
    return NULL;
}

/* Two threads share the texts between them going up, two going down. */
static void threads_agree (precision_t precision)
{
    worker_t workers [THREADS] = {
        {.first = 0, .step = 1}, {.first = GOLDEN_TEXTS / 2, .step = 1},
        {.first = GOLDEN_TEXTS - 1, .step = GOLDEN_TEXTS - 1}, {.first = GOLDEN_TEXTS / 2 - 1, .step = GOLDEN_TEXTS - 1},
    };
    pthread_t threads [THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers [i].model = models [precision];
        workers [i].alone = alone [precision];
        assert_int_equal (pthread_create (&threads [i], NULL, work, &workers [i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join (threads [i], NULL);
        assert_false (workers [i].failed);
        assert_int_equal (workers [i].others, 0);
    }
}

static void f32_does_not_depend_on_others (void **state)
{
    (void) state;
    threads_agree (PRECISION_F32);
}

static void int8_does_not_depend_on_others (void **state)
{
    (void) state;
    threads_agree (PRECISION_INT8);
}

static void bf16_does_not_depend_on_others (void **state)
{
    (void) state;
    if (!models [PRECISION_BF16])
        skip ();    /* this processor has no bf16 */
    threads_agree (PRECISION_BF16);
}

/* -- what is refused ----------------------------------------------------------------------------- */

static void wrong_sequences_are_refused (void **state)
{
    (void) state;
    encoder_t *encoder = encoder_new (models [PRECISION_F32]);
    assert_non_null (encoder);
    float vector [EMBEDDING_WIDTH];
    int32_t ids [MAX_SEQUENCE + 1] = {101, 102};
    assert_int_equal (encoder_encode (encoder, ids, 0, vector), -1);
    assert_int_equal (error_get (), ERROR_SEQUENCE_TOO_LONG);
    assert_int_equal (encoder_encode (encoder, ids, MAX_SEQUENCE + 1, vector), -1);
    assert_int_equal (error_get (), ERROR_SEQUENCE_TOO_LONG);
    ids [1] = -1;
    assert_int_equal (encoder_encode (encoder, ids, 2, vector), -1);
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
    ids [1] = 30522;
    assert_int_equal (encoder_encode (encoder, ids, 2, vector), -1);
    ids [1] = 30521;
    assert_int_equal (encoder_encode (encoder, ids, 2, vector), 0);
    encoder_destroy (&encoder);
}

static void wrong_models_are_refused (void **state)
{
    (void) state;
    error_clear ();
    assert_null (model_load ("/nowhere/model.safetensors", PRECISION_F32, NULL));
    assert_int_equal (error_get (), ERROR_MODEL_MISSING);
    error_clear ();
    assert_null (model_load (golden_model_path ("vocab.txt"), PRECISION_INT8, NULL));
    assert_int_equal (error_get (), ERROR_MODEL_MISSING);
    assert_null (model_load (TESTS_DIR, PRECISION_F32, NULL));
    assert_null (model_load ("/dev/null", PRECISION_F32, NULL));
}

static void precision_is_chosen_by_name (void **state)
{
    (void) state;
    precision_t precision;
    const char *why;
    assert_int_equal (precision_choose ("f32", &precision, &why), 0);
    assert_int_equal (precision, PRECISION_F32);
    assert_int_equal (precision_choose ("int8", &precision, &why), 0);
    assert_int_equal (precision, PRECISION_INT8);
    assert_int_equal (precision_choose ("auto", &precision, &why), 0);
    assert_true (why [0] != '\0');
    assert_int_equal (precision_choose ("int4", &precision, &why), -1);
    assert_int_equal (error_get (), ERROR_BAD_FIELD);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (f32_is_the_reference),
        cmocka_unit_test (bf16_is_nearly_the_reference),
        cmocka_unit_test (int8_is_near_the_reference),
        cmocka_unit_test (vectors_have_unit_length),
        cmocka_unit_test (f32_does_not_depend_on_others),
        cmocka_unit_test (bf16_does_not_depend_on_others),
        cmocka_unit_test (int8_does_not_depend_on_others),
        cmocka_unit_test (wrong_sequences_are_refused),
        cmocka_unit_test (wrong_models_are_refused),
        cmocka_unit_test (precision_is_chosen_by_name),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
