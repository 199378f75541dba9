/* Dot: int8 matrix products of Quire's own, for processors where oneDNN's are slower. Its arm64
 * multiplies int8 one by one; there, the instructions for dot products of four bytes (SDOT, since
 * Armv8.2) are used instead. On x86-64 it is as fast as the processor only with tiles (AMX); where there
 * are just dot products (VNNI), these come nearer to what the processor can do. Pure.
 *
 * Packed weights are panels of DOT_OUTPUTS outputs: a head, then [inputs / 4][16][4], so that one load
 * brings four inputs of several outputs. The head has 128 times the sum of each output's weights, for
 * instructions that take signed bytes only: they multiply source - 128. Sums are exact: all ways to
 * multiply give the same. */
#ifndef QUIRE_DOT_H
#define QUIRE_DOT_H

#include "kernels.h"
#include "macros.h"

#define DOT_ROWS    8       /* rows are a multiple */
#define DOT_OUTPUTS 16
#define DOT_INPUTS  16
#define DOT_GROUP   4       /* inputs that one instruction takes */
#define DOT_HEAD    (DOT_OUTPUTS * sizeof (int32_t))

#define DOT_PANEL_BYTES(inputs)           (DOT_HEAD + DOT_OUTPUTS * (inputs))
#define DOT_PACKED_BYTES(inputs, outputs) ((outputs) / DOT_OUTPUTS * DOT_PANEL_BYTES (inputs))

/* weights [outputs][inputs] -> packed [DOT_PACKED_BYTES], aligned as int32_t is */
void dot_pack (int8_t *packed, const int8_t *weights, size_t inputs, size_t outputs);

/* result [rows][outputs] = source [rows][inputs] x weights transposed; rows, inputs and outputs are
 * multiples of DOT_ROWS, DOT_INPUTS and DOT_OUTPUTS. */
typedef void (dot_multiply_t) (int32_t *result, const uint8_t *source, const int8_t *packed,
                               size_t rows, size_t inputs, size_t outputs);

/* For kernels of this level; NULL when this processor has no instructions for it. */
dot_multiply_t *dot_best (kernels_level_t level);
dot_multiply_t dot_plain;           /* the twin that it is tested against */

#endif
