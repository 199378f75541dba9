/* The encoders: a text's vector has the same bits whatever runs beside it, on other threads and in its
 * own pauses. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders.h"
#include "golden.h"

#define THREADS 2
#define TEXTS   6
#define STEP    7       /* prime to GOLDEN_TEXTS: texts of all lengths */

static float alone [GOLDEN_TEXTS] [EMBEDDING_WIDTH];

static void encode (size_t text, encoder_pause_t *pause, float vector [EMBEDDING_WIDTH])
{
    sequence_t sequence;
    sequence_of_text (golden_load () [text].text, &sequence);
    if (encoders_encode (&sequence, pause, vector) != 0)
        abort ();
}

static size_t text_number (size_t i)
{
    return i * STEP % GOLDEN_TEXTS;
}

/* -- in a pause ---------------------------------------------------------------------------------- */

static _Thread_local size_t pauses, wrong;

/* Encodes another text each time, as a question that overtakes. */
static void question (void *context UNUSED)
{
    float vector [EMBEDDING_WIDTH];
    size_t text = text_number (pauses++ % TEXTS);
    encode (text, NULL, vector);
    wrong += memcmp (vector, alone [text], sizeof vector) != 0;
}

static void *encode_with_questions (void *argument)
{
    size_t *failures = argument;
    for (size_t i = 0; i < TEXTS; i++) {
        float vector [EMBEDDING_WIDTH];
        size_t text = text_number (i), before = pauses;
        encode (text, question, vector);
        wrong += memcmp (vector, alone [text], sizeof vector) != 0;
        wrong += pauses == before;
    }
    *failures = wrong;
    return NULL;
}

static void test_vectors_are_the_same_bits_beside_others (void **state)
{
    const char *precision = *state;
    pthread_t threads [THREADS];
    size_t failures [THREADS];
    assert_int_equal (encoders_open (getenv ("QUIRE_MODEL_DIR"), precision, NULL, THREADS), 0);
    for (size_t i = 0; i < TEXTS; i++)
        encode (text_number (i), NULL, alone [text_number (i)]);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal (pthread_create (&threads [i], NULL, encode_with_questions, &failures [i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join (threads [i], NULL);
        assert_int_equal (failures [i], 0);
    }
    encoders_close ();
}

int main (void)
{
    golden_model_path ("");     /* says so when QUIRE_MODEL_DIR is missing */
    const struct CMUnitTest tests [] = {
        {"vectors_are_the_same_bits_beside_others_f32", test_vectors_are_the_same_bits_beside_others,
         NULL, NULL, "f32"},
        {"vectors_are_the_same_bits_beside_others_int8", test_vectors_are_the_same_bits_beside_others,
         NULL, NULL, "int8"},
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
