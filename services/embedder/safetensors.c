/* safetensors: see safetensors.h. */
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "error.h"

#define SIZE_BYTES 8

struct safetensors {
    yyjson_doc *header;
    bytes_t data;
};

static uint64_t little_endian_u64 (const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = SIZE_BYTES - 1; i >= 0; i--)
        value = value << 8 | bytes [i];
    return value;
}

safetensors_t *safetensors_open (bytes_t file)
{
    const uint8_t *bytes = file.data;
    uint64_t size = file.size < SIZE_BYTES ? 0 : little_endian_u64 (bytes);
    if (size < 2 || size > MAX_SAFETENSORS_HEADER || size > file.size - SIZE_BYTES) {
        error_set (ERROR_MODEL_MISSING, "The model file is no whole safetensors file: "
                   "%zu bytes with a header of %llu.", file.size, (unsigned long long) size);
        return NULL;
    }
    yyjson_doc *header = yyjson_read ((const char *) bytes + SIZE_BYTES, (size_t) size, 0);
    if (!header || !yyjson_is_obj (yyjson_doc_get_root (header))) {
        yyjson_doc_free (header);
        error_set (ERROR_MODEL_MISSING, "The header of the model file is no JSON object.");
        return NULL;
    }
    safetensors_t *safetensors = malloc (sizeof *safetensors);
    if (!safetensors) {
        yyjson_doc_free (header);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    safetensors->header = header;
    safetensors->data = (bytes_t) {bytes + SIZE_BYTES + size, file.size - SIZE_BYTES - (size_t) size};
    return safetensors;
}

void safetensors_destroy (safetensors_t **safetensors)
{
    if (!*safetensors)
        return;
    yyjson_doc_free ((*safetensors)->header);
    free (*safetensors);
    *safetensors = NULL;
}

/* The elements that the wanted shape has when the tensor's shape is the same, else 0. */
static uint64_t shape_elements (yyjson_val *shape, size_t rank, const size_t *wanted)
{
    if (!yyjson_is_arr (shape) || yyjson_arr_size (shape) != rank)
        return 0;
    uint64_t elements = 1;
    for (size_t i = 0; i < rank; i++) {
        yyjson_val *extent = yyjson_arr_get (shape, i);
        if (!yyjson_is_uint (extent) || yyjson_get_uint (extent) != wanted [i]
            || __builtin_mul_overflow (elements, (uint64_t) wanted [i], &elements))
            return 0;
    }
    return elements;
}

/* The place of the tensor's bytes when they are exactly `size` and lie in the data, else NULL. */
static const uint8_t *tensor_place (bytes_t data, yyjson_val *offsets, uint64_t size)
{
    yyjson_val *begin = yyjson_arr_get (offsets, 0), *end = yyjson_arr_get (offsets, 1);
    if (yyjson_arr_size (offsets) != 2 || !yyjson_is_uint (begin) || !yyjson_is_uint (end))
        return NULL;
    uint64_t from = yyjson_get_uint (begin), to = yyjson_get_uint (end);
    if (to > data.size || from > to || to - from != size)
        return NULL;
    return (const uint8_t *) data.data + from;
}

const float *safetensors_f32 (const safetensors_t *safetensors, const char *name, size_t rank,
                              const size_t *shape)
{
    yyjson_val *tensor = yyjson_obj_get (yyjson_doc_get_root (safetensors->header), name);
    if (!yyjson_is_obj (tensor)) {
        error_set (ERROR_MODEL_MISSING, "The model file has no tensor %s.", name);
        return NULL;
    }
    uint64_t size = shape_elements (yyjson_obj_get (tensor, "shape"), rank, shape);
    if (!yyjson_equals_str (yyjson_obj_get (tensor, "dtype"), "F32") || size == 0
        || __builtin_mul_overflow (size, sizeof (float), &size)) {
        error_set (ERROR_MODEL_MISSING, "Tensor %s of the model file has another type or shape "
                   "than the model.", name);
        return NULL;
    }
    const uint8_t *place = tensor_place (safetensors->data, yyjson_obj_get (tensor, "data_offsets"),
                                         size);
    if (!place || (uintptr_t) place % _Alignof (float) != 0) {
        error_set (ERROR_MODEL_MISSING, "Tensor %s does not lie whole in the model file.", name);
        return NULL;
    }
    return (const float *) (const void *) place;
}
