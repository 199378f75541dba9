/* Kernels of attention: see kernels.h. Compiled once for each level, with KERNELS_ATTENTION naming
 * the table. What differs from level to level is in lanes.h and in how many sums fit the registers;
 * sums are whole numbers, so that every level has the same. */
#include "kernels.h"
#include "lanes.h"

/* A tile of sums is kept in registers: so many rows by so many vectors. */
#if LANES == 16
#define SCORE_ROWS   8
#define SCORE_BLOCKS 2
#define GATHER_ROWS  8
#elif LANES == 8
#define SCORE_ROWS   4
#define SCORE_BLOCKS 1
#define GATHER_ROWS  2
#else
#define SCORE_ROWS   1
#define SCORE_BLOCKS 1
#define GATHER_ROWS  1
#endif

#define BLOCK_VECTORS  (KEY_BLOCK / LANES)
#define HEAD_VECTORS   (HEAD_WIDTH / LANES)
#define BLOCK_NUMBERS  (KEY_BLOCK * HEAD_WIDTH)
#define HEAD_NUMBERS   (MOST_KEYS * HEAD_WIDTH)

/* -- packing ------------------------------------------------------------------------------------- */

static float encode_row (int16_t *codes, const float *row, size_t width, float most)
{
    real_t parts [2] = {0};
    for (size_t i = 0; i < width; i += 2 * LANES)
        for (size_t k = 0; k < 2; k++)
            parts [k] = more_of (parts [k], size_of (real_load (row + i + k * LANES)));
    float largest = most_of (more_of (parts [0], parts [1])), factor = largest > 0 ? most / largest : 0;
    for (size_t i = 0; i < width; i += LANES)
        store_shorts (codes + i, to_whole (real_load (row + i) * factor));
    return largest / most;
}

/* Of a head: block by block of keys, pair by pair of columns, key by key. */
static void pack_key (int16_t *keys, const int16_t *codes, size_t heads, size_t key)
{
    int16_t *place = keys + key / KEY_BLOCK * BLOCK_NUMBERS + key % KEY_BLOCK * 2;
    for (size_t head = 0; head < heads; head++, place += HEAD_NUMBERS, codes += HEAD_WIDTH)
        for (size_t i = 0; i < HEAD_WIDTH / 2; i++)
            memcpy (place + i * 2 * KEY_BLOCK, codes + 2 * i, 2 * sizeof *codes);
}

/* Of a head: pair by pair of keys, column by column, key by key. */
static void pack_value (int16_t *values, const int16_t *codes, size_t heads, size_t key)
{
    int16_t *place = values + key / 2 * 2 * HEAD_WIDTH;
    for (size_t head = 0; head < heads; head++, place += HEAD_NUMBERS, codes += HEAD_WIDTH)
        for (size_t i = 0; i < HEAD_WIDTH; i += LANES) {
            short_lanes_t halves;
            memcpy (&halves, codes + i, sizeof halves);
            whole_t added = __builtin_convertvector (halves, whole_t), both = added & 0xffff;
            if (key % 2)
                both = (whole_load (place + 2 * i) & 0xffff) | added << 16;
            memcpy (place + 2 * i, &both, sizeof both);
        }
}

/* -- scores -------------------------------------------------------------------------------------- */

/* rows and blocks are constants wherever this is called, so that the sums are registers. */
static inline __attribute__ ((always_inline)) void
score_tile (float *scores, const queries_t *queries, const keys_t *keys, size_t row, size_t block,
            const size_t rows, const size_t blocks)
{
    whole_t sums [SCORE_ROWS] [SCORE_BLOCKS * BLOCK_VECTORS] = {0};
    const int16_t *place = keys->codes + block * BLOCK_NUMBERS;
    const int16_t *query = queries->codes + row * queries->step;
    for (size_t pair = 0; pair < HEAD_WIDTH / 2; pair++) {
        whole_t key [SCORE_BLOCKS * BLOCK_VECTORS];
        for (size_t k = 0; k < blocks * BLOCK_VECTORS; k++)
            key [k] = whole_load (place + k / BLOCK_VECTORS * BLOCK_NUMBERS + pair * 2 * KEY_BLOCK
                            + k % BLOCK_VECTORS * 2 * LANES);
        for (size_t i = 0; i < rows; i++) {
            whole_t both = whole_all (query + i * queries->step + 2 * pair);
            for (size_t k = 0; k < blocks * BLOCK_VECTORS; k++)
                sums [i] [k] = add_pairs (sums [i] [k], both, key [k]);
        }
    }
    for (size_t k = 0; k < blocks * BLOCK_VECTORS; k++) {
        size_t at = block * KEY_BLOCK + k * LANES;
        real_t scales = real_load (keys->scales + at), mask = real_load (keys->masks + at);
        for (size_t i = 0; i < rows; i++) {
            real_t score = to_real (sums [i] [k]) * (scales * queries->scales [row + i]) + mask;
            real_store (scores + (row + i) * MOST_KEYS + at, score);
        }
    }
}

static void score (float *scores, const queries_t *queries, const keys_t *keys)
{
    size_t blocks = (keys->count + KEY_BLOCK - 1) / KEY_BLOCK;
    for (size_t row = 0; row < QUERY_BLOCK; row += SCORE_ROWS) {
        size_t block = 0;
        for (; block + SCORE_BLOCKS <= blocks; block += SCORE_BLOCKS)
            score_tile (scores, queries, keys, row, block, SCORE_ROWS, SCORE_BLOCKS);
        for (; block < blocks; block++)
            score_tile (scores, queries, keys, row, block, SCORE_ROWS, 1);
    }
}

/* -- weights ------------------------------------------------------------------------------------- */

static float weigh_row (int16_t *codes, const float *scores, const float *factors, size_t blocks)
{
    real_t most = real_load (scores), sum = {0};
    for (size_t i = 0; i < blocks * KEY_BLOCK; i += LANES)
        most = more_of (most, real_load (scores + i));
    real_t top = real_all (most_of (most));
    for (size_t i = 0; i < blocks * KEY_BLOCK; i += LANES) {
        real_t power = exp2_negative (real_load (scores + i) - top);
        sum += power;
        store_shorts (codes + i, to_whole (power * real_load (factors + i)));
    }
    return sum_of (sum);
}

static void weigh (int16_t *codes, float *sums, const float *scores, const float *factors,
                   size_t count)
{
    size_t blocks = (count + KEY_BLOCK - 1) / KEY_BLOCK;
    for (size_t i = 0; i < QUERY_BLOCK; i++)
        sums [i] = weigh_row (codes + i * MOST_KEYS, scores + i * MOST_KEYS, factors, blocks);
}

/* -- gathering ----------------------------------------------------------------------------------- */

static inline __attribute__ ((always_inline)) void
gather_tile (float *context, size_t step, const int16_t *codes, const float *factors,
             const int16_t *values, size_t key_pairs)
{
    whole_t sums [GATHER_ROWS] [HEAD_VECTORS] = {0};
    for (size_t pair = 0; pair < key_pairs; pair++)
        for (size_t i = 0; i < GATHER_ROWS; i++) {
            whole_t both = whole_all (codes + i * MOST_KEYS + 2 * pair);
            for (size_t k = 0; k < HEAD_VECTORS; k++)
                sums [i] [k] = add_pairs (sums [i] [k], both,
                                          whole_load (values + (pair * HEAD_WIDTH + k * LANES) * 2));
        }
    for (size_t i = 0; i < GATHER_ROWS; i++)
        for (size_t k = 0; k < HEAD_VECTORS; k++)
            real_store (context + i * step + k * LANES, to_real (sums [i] [k]) * factors [i]);
}

static void gather (float *context, size_t step, const int16_t *codes, const float *factors,
                    const int16_t *values, size_t count)
{
    for (size_t row = 0; row < QUERY_BLOCK; row += GATHER_ROWS)
        gather_tile (context + row * step, step, codes + row * MOST_KEYS, factors + row, values,
                     (count + 1) / 2);
}

extern const attention_kernels_t KERNELS_ATTENTION;
const attention_kernels_t KERNELS_ATTENTION = {
    .encode_row = encode_row, .pack_key = pack_key, .pack_value = pack_value, .score = score,
    .weigh = weigh, .gather = gather,
};
