/* The header of the model's file: a tensor that is lent lies whole in the file. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "safetensors.h"

void fuzz_start (void) {}

#define DATA_BYTES 64

static void lend (const safetensors_t *tensors, const char *name, size_t rank, const size_t *shape,
                  const uint8_t *file, size_t size)
{
    size_t elements = 1;
    for (size_t i = 0; i < rank; i++)
        elements *= shape [i];
    const float *values = safetensors_f32 (tensors, name, rank, shape);
    if (!values) {
        MUST (error_get () == ERROR_MODEL_MISSING);
        return;
    }
    const uint8_t *at = (const uint8_t *) values;
    MUST (at > file && elements > 0 && at + elements * sizeof (float) <= file + size);
    float sum = 0;
    for (size_t i = 0; i < elements; i++)
        sum += values [i];
    (void) sum;
}

/* A file of the header's size as it is, the header and some data. */
static uint8_t *whole_file (input_t *input, size_t *size)
{
    size_t header = input->size;
    *size = 8 + header + DATA_BYTES;
    uint8_t *file = calloc (1, *size);
    MUST (file);
    for (int i = 0; i < 8; i++)
        file [i] = (uint8_t) ((uint64_t) header >> 8 * i);
    memcpy (file + 8, input->data, header);
    return file;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    input_t input = {data, data_size};
    size_t shape [MAX_TENSOR_RANK], size;
    uint8_t what = take_u8 (&input);
    for (size_t i = 0; i < COUNT_OF (shape); i++)
        shape [i] = take_u8 (&input);
    if (what & 1)
        shape [0] <<= 56;
    uint8_t *file = what & 2 ? take_bytes (&input, input.size, &size) : whole_file (&input, &size);
    safetensors_t *tensors = safetensors_open ((bytes_t) {file, size});
    if (tensors) {
        for (size_t rank = 1; rank <= COUNT_OF (shape); rank++) {
            lend (tensors, "t", rank, shape, file, size);
            lend (tensors, "", rank, shape, file, size);
        }
    } else
        MUST (error_get () == ERROR_MODEL_MISSING);
    safetensors_destroy (&tensors);
    free (file);
    return 0;
}

void fuzz_seeds (void)
{
    static const char header [] = "\0\2\2\1\1{\"__metadata__\":{\"format\":\"pt\"},\"t\":{\"dtype\":\"F32\",\"shape\":[2,2],"
                                  "\"data_offsets\":[8,24]}}   ";
    static const char scalar [] = "\0\1\1\1\1{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"\":{}}       ";
    static const char raw [] = "\2\1\1\1\1\x38\0\0\0\0\0\0\0{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   1234";
    seed (header, sizeof header - 1);
    seed (scalar, sizeof scalar - 1);
    seed (raw, sizeof raw - 1);
}
