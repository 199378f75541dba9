/* Dot: int8 matrix products of Quire's own, for processors that oneDNN has none for. Its arm64 multiplies
 * int8 one by one; there, the instructions for dot products of four bytes (SDOT, since Armv8.2) are used
 * instead. Pure.
 *
 * Packed weights are panels of DOT_OUTPUTS outputs: [outputs / 16][inputs / 4][16][4], so that one load
 * brings four inputs of four outputs. Sums are exact: all ways to multiply give the same. */
#ifndef QUIRE_DOT_H
#define QUIRE_DOT_H

#include "macros.h"

#define DOT_ROWS    4       /* multiplied at once */
#define DOT_OUTPUTS 16
#define DOT_INPUTS  16

/* weights [outputs][inputs] -> packed [outputs * inputs] */
void dot_pack (int8_t *packed, const int8_t *weights, size_t inputs, size_t outputs);

/* result [rows][outputs] = source [rows][inputs] x weights transposed; rows, inputs and outputs are
 * multiples of DOT_ROWS, DOT_INPUTS and DOT_OUTPUTS. */
typedef void (dot_multiply_t) (int32_t *result, const int8_t *source, const int8_t *packed, size_t rows,
                               size_t inputs, size_t outputs);

dot_multiply_t *dot_best (void);    /* NULL when this processor has no instructions for it */
dot_multiply_t dot_plain;           /* the twin that it is tested against */

#endif
