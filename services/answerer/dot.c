/* Dot products, compiled for what the processor has (AVX-512, AVX2, or what every one has). FAISS
 * has the same product, but Debian builds it for the oldest processors: 2.6 to 2.8 times as slow
 * (bench/index.c). */
#include "dot.h"

#include <math.h>

#define LANES  16
#define CHAINS 4     /* sums side by side, so that none waits for the other */
#define STEP   (LANES * CHAINS)

typedef float lanes_t __attribute__ ((vector_size (LANES * sizeof (float)), aligned (4), may_alias));

_Static_assert (DOT_WIDTH % STEP == 0, "the width is a whole number of steps");

#if defined (__x86_64__) && !defined (__SANITIZE_THREAD__)
#define FOR_EACH_PROCESSOR __attribute__ ((target_clones ("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

FOR_EACH_PROCESSOR
void dot_many (float *out, const float *question, const float *vectors, size_t count)
{
    const lanes_t *q = (const lanes_t *) question;
    for (size_t i = 0; i < count; i++) {
        const lanes_t *v = (const lanes_t *) (vectors + i * DOT_WIDTH);
        lanes_t sums [CHAINS] = {0};
        for (size_t k = 0; k < DOT_WIDTH / LANES; k += CHAINS)
            for (size_t c = 0; c < CHAINS; c++)
                sums [c] += q [k + c] * v [k + c];
        lanes_t sum = (sums [0] + sums [1]) + (sums [2] + sums [3]);
        float total = 0;
        for (size_t lane = 0; lane < LANES; lane++)
            total += sum [lane];
        out [i] = total;
    }
}

static float largest (const float *vector)
{
    float most = 0;
    for (size_t i = 0; i < DOT_WIDTH; i++)
        most = fmaxf (most, fabsf (vector [i]));
    return most;
}

/* How many steps a number is; *lacking grows by the square of what that leaves out. */
static float steps_of (float number, float step, float *lacking)
{
    float steps = step > 0 ? roundf (number / step) : 0, rest = number - step * steps;
    *lacking += rest * rest;
    return steps;
}

float dot_shorten (const float *vector, dot_short_t *out)
{
    float lacking = 0;
    out->step = largest (vector) / INT8_MAX;
    for (size_t i = 0; i < DOT_WIDTH; i++)
        out->parts [i] = (int8_t) steps_of (vector [i], out->step, &lacking);
    return sqrtf (lacking);
}

float dot_shorten_question (const float *question, dot_question_t *out)
{
    float lacking = 0;
    out->step = largest (question) / INT16_MAX;
    for (size_t i = 0; i < DOT_WIDTH; i++)
        out->parts [i] = (int16_t) steps_of (question [i], out->step, &lacking);
    return sqrtf (lacking);
}

/* The largest sum is that of two vectors whose numbers are all as large: it fits. */
_Static_assert ((int64_t) DOT_WIDTH * INT8_MAX * INT16_MAX <= INT32_MAX, "sums fit 32 bits");

/* Asked for so far ahead: what the processor foresees by itself ends at each page of memory. */
#define AHEAD_BYTES 4096
#define CACHE_LINE  64

FOR_EACH_PROCESSOR
void dot_many_short (float *out, const dot_question_t *question, const dot_short_t *vectors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int32_t sum = 0;
        for (size_t line = 0; line < sizeof *vectors; line += CACHE_LINE)
            __builtin_prefetch ((const char *) (vectors + i) + AHEAD_BYTES + line);
        for (size_t k = 0; k < DOT_WIDTH; k++)
            sum += (int16_t) vectors [i].parts [k] * question->parts [k];
        out [i] = (float) sum * question->step * vectors [i].step;
    }
}
