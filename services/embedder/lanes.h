/* Lanes: vectors of as many 32-bit numbers as the processor that a kernel is compiled for computes
 * with at once.
 *
 * The compilers' own vectors do most of it. What they have no word for is said here in the
 * processor's, and once in general, for the plain level: that is the twin that the others are tested
 * against. */
#ifndef QUIRE_LANES_H
#define QUIRE_LANES_H

#include <math.h>
#include <string.h>

#include "macros.h"

#if defined __AVX512BW__
#define LANES 16
#elif defined __AVX2__
#define LANES 8
#else
#define LANES 4
#endif

#if LANES > 4
#include <immintrin.h>
#endif

typedef int32_t whole_t __attribute__ ((vector_size (4 * LANES)));
typedef float   real_t  __attribute__ ((vector_size (4 * LANES)));
typedef int16_t short_lanes_t __attribute__ ((vector_size (2 * LANES)));

/* -- memory -------------------------------------------------------------------------------------- */

static inline real_t real_load (const float *from)
{
    real_t x;
    memcpy (&x, from, sizeof x);
    return x;
}

static inline void real_store (float *to, real_t x)
{
    memcpy (to, &x, sizeof x);
}

static inline whole_t whole_load (const void *from)
{
    whole_t x;
    memcpy (&x, from, sizeof x);
    return x;
}

/* The 32 bits that lie there, in all lanes. */
static inline whole_t whole_all (const void *from)
{
    int32_t x;
    memcpy (&x, from, sizeof x);
    return x - (whole_t) {0};
}

static inline real_t real_all (float x)
{
    return x - (real_t) {0};
}

/* The numbers of four vectors as bytes; what is below 0 or above 255 becomes that. */
static inline void store_bytes (uint8_t *to, const whole_t x [4])
{
#if LANES == 16
    const __m512i order = _mm512_setr_epi32 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i low = _mm512_packs_epi32 ((__m512i) x [0], (__m512i) x [1]);
    __m512i high = _mm512_packs_epi32 ((__m512i) x [2], (__m512i) x [3]);
    _mm512_storeu_si512 (to, _mm512_permutexvar_epi32 (order, _mm512_packus_epi16 (low, high)));
#elif LANES == 8
    const __m256i order = _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7);
    __m256i low = _mm256_packs_epi32 ((__m256i) x [0], (__m256i) x [1]);
    __m256i high = _mm256_packs_epi32 ((__m256i) x [2], (__m256i) x [3]);
    _mm256_storeu_si256 ((__m256i *) to, _mm256_permutevar8x32_epi32 (_mm256_packus_epi16 (low, high),
                                                                      order));
#else
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < LANES; i++)
            to [k * LANES + i] = (uint8_t) (x [k] [i] < 0 ? 0 : x [k] [i] > 255 ? 255 : x [k] [i]);
#endif
}

/* As 16 bits, which they fit. */
static inline void store_shorts (void *to, whole_t x)
{
#if LANES == 16
    _mm256_storeu_si256 (to, _mm512_cvtepi32_epi16 ((__m512i) x));
#else
    short_lanes_t shorts = __builtin_convertvector (x, short_lanes_t);
    memcpy (to, &shorts, sizeof shorts);
#endif
}

/* -- whole and real ------------------------------------------------------------------------------ */

static inline real_t to_real (whole_t x)
{
    return __builtin_convertvector (x, real_t);
}

/* The nearest whole number, for |x| < 2^22. */
static inline whole_t to_whole (real_t x)
{
#if LANES == 16
    return (whole_t) _mm512_cvtps_epi32 ((__m512) x);
#elif LANES == 8
    return (whole_t) _mm256_cvtps_epi32 ((__m256) x);
#else
    const float rounder = 12582912.0f;     /* 1.5 * 2^23: leaves no bits behind the point */
    return __builtin_convertvector ((x + rounder) - rounder, whole_t);
#endif
}

/* x keeps its bits. */
static inline whole_t bits_of (real_t x)
{
    return (whole_t) x;
}

/* -- choices ------------------------------------------------------------------------------------- */

static inline real_t more_of (real_t a, real_t b)
{
#if LANES == 16
    return (real_t) _mm512_max_ps ((__m512) a, (__m512) b);
#elif LANES == 8
    return (real_t) _mm256_max_ps ((__m256) a, (__m256) b);
#else
    whole_t more = a > b;
    return (real_t) ((more & (whole_t) a) | (~more & (whole_t) b));
#endif
}

static inline real_t less_of (real_t a, real_t b)
{
    return -more_of (-a, -b);
}

static inline real_t size_of (real_t x)
{
    return (real_t) ((whole_t) x & INT32_MAX);
}

/* -- over all lanes ------------------------------------------------------------------------------ */

static inline float sum_of (real_t x)
{
#if LANES == 16
    return _mm512_reduce_add_ps ((__m512) x);
#else
    float sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += x [i];
    return sum;
#endif
}

static inline float most_of (real_t x)
{
#if LANES == 16
    return _mm512_reduce_max_ps ((__m512) x);
#else
    float most = x [0];
    for (int i = 1; i < LANES; i++)
        most = x [i] > most ? x [i] : most;
    return most;
#endif
}

/* -- arithmetic ---------------------------------------------------------------------------------- */

/* 2^x for x <= 0, to 3e-6: 2^n, n being the whole number below, times a polynomial on [0, 1]. Below
 * -126: about 0. */
static inline real_t exp2_negative (real_t x)
{
#if LANES == 16
    real_t r = (real_t) _mm512_reduce_ps ((__m512) x, _MM_FROUND_TO_NEG_INF);
#else
    x = more_of (x, real_all (-126.0f));
    whole_t n = to_whole (x - 0.5f);
    real_t r = x - to_real (n);
#endif
    real_t p = 0.0135341557f * r + 0.0520114824f;
    p = p * r + 0.24144274f;
    p = p * r + 0.693003833f;
    p = p * r + 1.00000262f;
#if LANES == 16
    return (real_t) _mm512_scalef_ps ((__m512) p, (__m512) x);
#else
    return (real_t) (bits_of (p) + (n << 23));
#endif
}

/* a / b, to 2 ulp. */
static inline real_t quotient (real_t a, real_t b)
{
#if LANES == 16
    real_t inverse = (real_t) _mm512_rcp14_ps ((__m512) b);
    return a * (inverse * (2.0f - b * inverse));
#else
    return a / b;
#endif
}

#if defined __AVX512VNNI__ || defined __AVXVNNI__
/* sums + the four products of unsigned bytes of a and signed bytes of b. */
static inline whole_t add_quads (whole_t sums, whole_t a, whole_t b)
{
#if LANES == 16
    return (whole_t) _mm512_dpbusd_epi32 ((__m512i) sums, (__m512i) a, (__m512i) b);
#else
    return (whole_t) _mm256_dpbusd_avx_epi32 ((__m256i) sums, (__m256i) a, (__m256i) b);
#endif
}
#endif

/* sums + low halves of a x low halves of b + high halves of a x high halves of b. */
static inline whole_t add_pairs (whole_t sums, whole_t a, whole_t b)
{
#if LANES == 16 && defined __AVX512VNNI__
    return (whole_t) _mm512_dpwssd_epi32 ((__m512i) sums, (__m512i) a, (__m512i) b);
#elif LANES == 16
    return sums + (whole_t) _mm512_madd_epi16 ((__m512i) a, (__m512i) b);
#elif LANES == 8 && defined __AVXVNNI__
    return (whole_t) _mm256_dpwssd_avx_epi32 ((__m256i) sums, (__m256i) a, (__m256i) b);
#elif LANES == 8
    return sums + (whole_t) _mm256_madd_epi16 ((__m256i) a, (__m256i) b);
#else
    return sums + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

#endif
