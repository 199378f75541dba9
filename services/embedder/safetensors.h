/* safetensors: finds tensors in the bytes of a .safetensors file, trusting none of them. Pure.
 *
 * The file is a little-endian u64 (size of the header), the header (one JSON object: name ->
 * {"dtype", "shape", "data_offsets"}), then the data that the offsets count in.
 * Source: the format's description in the safetensors project. */
#ifndef QUIRE_SAFETENSORS_H
#define QUIRE_SAFETENSORS_H

#include "macros.h"

#define MAX_SAFETENSORS_HEADER (1u << 20)
#define MAX_TENSOR_RANK 4

typedef struct safetensors safetensors_t;

/* Reads the header; the tensors stay in `file`, which must live as long. NULL with MODEL_MISSING. */
MUST_CHECK safetensors_t *safetensors_open (bytes_t file);
void safetensors_destroy (safetensors_t **safetensors);

/* Lends the f32 values of a tensor of this name and exactly this shape, first index slowest.
 * rank    1 to MAX_TENSOR_RANK
 * shape   [rank]
 * NULL with MODEL_MISSING when it is not there, is of another type or shape, or does not lie whole
 * and aligned in the file. */
MUST_CHECK const float *safetensors_f32 (const safetensors_t *safetensors, const char *name,
                                         size_t rank, const size_t *shape);

#endif
