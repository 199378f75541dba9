/* Products: matrix products by oneDNN, each on the thread that asks for it.
 *
 * A product has fixed sizes and fixed places for its operands; it is made once by the thread that
 * runs it (oneDNN keeps the generated code for all threads) and run without allocation. A packed
 * matrix is shared by threads. */
#ifndef QUIRE_PRODUCTS_H
#define QUIRE_PRODUCTS_H

#include "digest.h"
#include "macros.h"

typedef enum {
    NUMBERS_F32,    /* f32 x f32 -> f32 */
    NUMBERS_INT8,   /* s8 x s8 -> s32 */
} numbers_t;

/* Before anything else of this file. 0, or -1 with INTERNAL. */
MUST_CHECK int products_start (void);

/* Has this processor instructions for int8 products (VNNI or better)? */
bool products_fast_int8 (void);
const char *products_processor (void);   /* what oneDNN makes of it, "avx512_core_amx" */
const char *products_version (void);     /* of what packs and multiplies: "oneDNN 3.7.2 (commit)" */

/* Every thread calls this before it makes or runs products: oneDNN then starts no threads for it. */
void products_single_thread (void);

/* -- with weights: [rows][inputs] x [outputs][inputs] transposed -> [rows][outputs] -------------- */

typedef struct matrix matrix_t;

/* A matrix for products of up to most_rows rows, for which the processor chooses how weights are
 * packed; it has no weights yet. NULL with INTERNAL or NO_MEMORY. */
MUST_CHECK matrix_t *matrix_new (numbers_t numbers, size_t most_rows, size_t inputs, size_t outputs);
void matrix_destroy (matrix_t **matrix);

size_t matrix_bytes (const matrix_t *matrix);    /* of its packed weights */

/* A digest that tells one way of packing from another. Returns 0, or -1 with INTERNAL or NO_MEMORY. */
MUST_CHECK int matrix_layout (const matrix_t *matrix, uint8_t layout [DIGEST_BYTES]);

/* Says where its packed weights are, or where matrix_pack is to put them: 64-byte aligned, and the
 * caller's to keep. They are read only, unless they are to be packed. */
MUST_CHECK int matrix_place (matrix_t *matrix, void *packed);

/* Packs weights [outputs][inputs], f32 or int8_t, into its place; the weights may go afterwards.
 * Returns 0, or -1 with INTERNAL. */
MUST_CHECK int matrix_pack (matrix_t *matrix, const void *weights);

typedef struct product product_t;

/* A product of `rows` rows with matrices of the size and packing of `like`.
 * source        [rows][inputs]     f32 or int8_t, 64-byte aligned, as is
 * destination   [rows][outputs]    f32 or int32_t
 * NULL with INTERNAL or NO_MEMORY. */
MUST_CHECK product_t *product_with_weights (size_t rows, const matrix_t *like, void *source,
                                            void *destination);

/* -- of two matrices that change, several pairs at once, all f32 --------------------------------- */

/* An operand: `count` matrices, `apart` elements from each other, element (row, column) of one at
 * row * row_step + column * column_step. */
typedef struct {
    float *values;
    size_t apart, row_step, column_step;
} operand_t;

/* count x ([rows][inner] x [inner][columns] -> [rows][columns]). NULL with INTERNAL or NO_MEMORY. */
MUST_CHECK product_t *product_of_pairs (size_t count, size_t rows, size_t inner, size_t columns,
                                        operand_t left, operand_t right, operand_t result);

/* Moves the operands of product_of_pairs by so many elements from where they were made. */
void product_move (product_t *product, size_t left, size_t right, size_t result);

void product_destroy (product_t **product);

/* Runs it; matrix is NULL for pairs. Returns 0, or -1 with INTERNAL. */
MUST_CHECK int product_run (product_t *product, const matrix_t *matrix);

#endif
