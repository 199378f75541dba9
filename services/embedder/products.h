/* Products: matrix products by oneDNN, each on the thread that asks for it.
 *
 * A product has fixed sizes; it is made once by the thread that runs it (oneDNN keeps the generated
 * code for all threads) and run without allocation. A packed matrix is shared by threads. */
#ifndef QUIRE_PRODUCTS_H
#define QUIRE_PRODUCTS_H

#include "kernels.h"
#include "macros.h"

typedef enum {
    NUMBERS_F32,    /* f32 x f32 -> f32 */
    NUMBERS_INT8,   /* uint8_t x int8_t -> int32_t */
    NUMBERS_BF16,   /* bf16 x bf16 -> f32 */
} numbers_t;

/* Before anything else of this file. 0, or -1 with INTERNAL. */
MUST_CHECK int products_start (void);

/* Has this processor instructions for int8 products (VNNI or better)? */
bool products_fast_int8 (void);
bool products_fast_bf16 (void);
kernels_level_t products_level (void);   /* the best kernels of the instructions that oneDNN uses */
const char *products_processor (void);   /* what oneDNN makes of it, "avx512_core_amx" */
const char *products_version (void);     /* of what packs and multiplies: "oneDNN 3.7.2 (commit)" */

/* Leaves out the products of Quire's own (dot.h) from now on, when matrices are made: for comparison. */
void products_set_only_onednn (bool only);

/* Every thread calls this before it makes or runs products: oneDNN then starts no threads for it. */
void products_single_thread (void);

/* -- with weights: [rows][inputs] x [outputs][inputs] transposed -> [rows][outputs] -------------- */

typedef struct matrix matrix_t;

/* A matrix for products of up to most_rows rows, for which the processor chooses how weights are
 * packed; it has no weights yet. NULL with INTERNAL or NO_MEMORY. */
MUST_CHECK matrix_t *matrix_new (numbers_t numbers, size_t most_rows, size_t inputs, size_t outputs);
void matrix_destroy (matrix_t **matrix);

size_t matrix_bytes (const matrix_t *matrix);    /* of its packed weights */

/* Writes down how they are packed. Returns 0, or -1 with INTERNAL. */
#define MATRIX_LAYOUT_BYTES 1024
MUST_CHECK int matrix_layout (const matrix_t *matrix, uint8_t layout [MATRIX_LAYOUT_BYTES]);

/* Is it packed in a way that was written down? By the same version of oneDNN. */
bool matrix_has_layout (const matrix_t *matrix, const uint8_t layout [MATRIX_LAYOUT_BYTES]);

/* Says where its packed weights are, or where matrix_pack is to put them: 64-byte aligned, and the
 * caller's to keep. They are read only, unless they are to be packed. */
MUST_CHECK int matrix_place (matrix_t *matrix, void *packed);

/* Packs weights [outputs][inputs], int8_t or f32 (which may become bf16), into its place; the weights may go afterwards.
 * Returns 0, or -1 with INTERNAL. */
MUST_CHECK int matrix_pack (matrix_t *matrix, const void *weights);

typedef struct product product_t;

/* A product of `rows` rows with matrices of the size and packing of `like`. NULL with INTERNAL or
 * NO_MEMORY. */
MUST_CHECK product_t *product_new (size_t rows, const matrix_t *like);
void product_destroy (product_t **product);

/* Multiplies.
 * source        [rows][inputs]     as the matrix's numbers say, 64-byte aligned, as is
 * destination   [rows][outputs]
 * Returns 0, or -1 with INTERNAL. */
MUST_CHECK int product_run (product_t *product, const matrix_t *matrix, void *source,
                            void *destination);

#endif
