/* bench_model: how many word pieces a second one thread encodes.
 *
 *     bench_model MODEL_FOLDER [f32 | int8 | auto]
 *
 * Prints a line for each length: encodings are repeated for about a second, in processor time of the
 * thread, and the fastest third of them is averaged, since other programs may run beside. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "error.h"
#include "model.h"

#define BENCH_SECONDS 1.0
#define MAX_RUNS 20000

static const size_t lengths [] = {16, 32, 64, 128, 192, 256};

static double seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

static int by_time (const void *a, const void *b)
{
    double left = *(const double *) a, right = *(const double *) b;
    return (left > right) - (left < right);
}

/* Seconds that one encoding takes, or -1. */
static double bench_length (encoder_t *encoder, size_t length)
{
    static double times [MAX_RUNS];
    int32_t ids [MAX_SEQUENCE];
    float vector [EMBEDDING_WIDTH];
    for (size_t i = 0; i < length; i++)
        ids [i] = (int32_t) (1000 + i * 7919 % 28000);
    if (encoder_encode (encoder, ids, length, vector) != 0)     /* makes the products */
        return -1;
    size_t runs = 0;
    for (double start = seconds (); runs < MAX_RUNS && seconds () - start < BENCH_SECONDS; runs++) {
        double before = seconds ();
        if (encoder_encode (encoder, ids, length, vector) != 0)
            return -1;
        times [runs] = seconds () - before;
    }
    qsort (times, runs, sizeof *times, by_time);
    double sum = 0;
    size_t counted = runs / 3 + 1;
    for (size_t i = 0; i < counted; i++)
        sum += times [i];
    return sum / (double) counted;
}

static int bench (const char *folder, precision_t precision)
{
    char path [4096];
    snprintf (path, sizeof path, "%s/model.safetensors", folder);
    double start = seconds ();
    model_t *model = model_load (path, precision);
    encoder_t *encoder = model ? encoder_new (model) : NULL;
    int result = encoder ? 0 : -1;
    if (encoder)
        printf ("%s on %s, loaded in %.0f ms\n", precision_name (precision),
                model_instructions (model), (seconds () - start) * 1e3);
    for (size_t i = 0; i < COUNT_OF (lengths) && result == 0; i++) {
        double each = bench_length (encoder, lengths [i]);
        result = each < 0 ? -1 : 0;
        if (result == 0)
            printf ("%4zu pieces  %8.3f ms  %7.0f pieces/s\n", lengths [i], each * 1e3,
                    (double) lengths [i] / each);
    }
    encoder_destroy (&encoder);
    model_destroy (&model);
    return result;
}

int main (int argc, char *argv [])
{
    precision_t precision;
    const char *why;
    if (argc < 2 || argc > 3) {
        fprintf (stderr, "Usage: bench_model MODEL_FOLDER [f32 | int8 | auto]\n");
        return 2;
    }
    if (precision_choose (argc == 3 ? argv [2] : "auto", &precision, &why) == 0
        && bench (argv [1], precision) == 0)
        return 0;
    fprintf (stderr, "bench_model: %s\n", error_text ());
    return 1;
}
