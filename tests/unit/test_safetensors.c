/* safetensors headers: a good one, and all the ways in which one can lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "safetensors.h"

#define DATA_BYTES 24   /* six f32: 0, 1, … 5 */

/* A file in memory of exactly its size, so that the sanitizer sees every byte read beyond it. */
typedef struct {
    bytes_t bytes;
    safetensors_t *tensors;
} file_t;

static bytes_t file_bytes (uint64_t said, const char *header)
{
    size_t size = strlen (header), whole = 8 + size + DATA_BYTES;
    uint8_t *bytes = aligned_alloc (8, (whole + 7) / 8 * 8);
    assert_non_null (bytes);
    for (int i = 0; i < 8; i++)
        bytes [i] = (uint8_t) (said >> 8 * i);
    memcpy (bytes + 8, header, size);
    for (int i = 0; i < DATA_BYTES / 4; i++)
        memcpy (bytes + 8 + size + 4 * (size_t) i, &(float) {(float) i}, 4);
    return (bytes_t) {bytes, whole};
}

static file_t file_open (const char *header)
{
    file_t file = {.bytes = file_bytes (strlen (header), header)};
    error_clear ();
    file.tensors = safetensors_open (file.bytes);
    return file;
}

static void file_close (file_t *file)
{
    safetensors_destroy (&file->tensors);
    free ((void *) (uintptr_t) file->bytes.data);
}

#define TENSOR(dtype, shape, offsets) \
    "{\"__metadata__\":{\"format\":\"pt\"},\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape \
    ",\"data_offsets\":" offsets "}}"

/* The header with spaces behind it, up to a multiple of 8, as the format asks. */
static const float *tensor_in (file_t *file, const char *header, size_t rank, const size_t *shape)
{
    char padded [4096];
    snprintf (padded, sizeof padded, "%-*s", (int) (strlen (header) + 7) / 8 * 8, header);
    *file = file_open (padded);
    return file->tensors ? safetensors_f32 (file->tensors, "t", rank, shape) : NULL;
}

static void a_tensor_is_found (void **state)
{
    (void) state;
    file_t file;
    const float *values = tensor_in (&file, TENSOR ("F32", "[2,2]", "[8,24]"), 2, (size_t []) {2, 2});
    assert_non_null (values);
    assert_true (values [0] == 2 && values [3] == 5);
    assert_null (safetensors_f32 (file.tensors, "u", 2, (size_t []) {2, 2}));
    assert_int_equal (error_get (), ERROR_MODEL_MISSING);
    file_close (&file);
}

static void tensors_that_lie_are_refused (void **state)
{
    (void) state;
    static const char *const headers [] = {
        TENSOR ("F16", "[2,2]", "[8,24]"),
        TENSOR ("F32", "[2,3]", "[0,24]"),
        TENSOR ("F32", "[4]", "[8,24]"),
        TENSOR ("F32", "[2,2,1]", "[8,24]"),
        TENSOR ("F32", "[2,-2]", "[8,24]"),
        TENSOR ("F32", "[2,2.0]", "[8,24]"),
        TENSOR ("F32", "\"[2,2]\"", "[8,24]"),
        TENSOR ("F32", "[2,2]", "[8,20]"),
        TENSOR ("F32", "[2,2]", "[12,28]"),
        TENSOR ("F32", "[2,2]", "[24,8]"),
        TENSOR ("F32", "[2,2]", "[-8,8]"),
        TENSOR ("F32", "[2,2]", "[9,25]"),
        TENSOR ("F32", "[2,2]", "[1,17]"),
        TENSOR ("F32", "[2,2]", "[8]"),
        TENSOR ("F32", "[2,2]", "[8,24,32]"),
        TENSOR ("F32", "[2,2]", "{\"0\":8}"),
        TENSOR ("F32", "[2,2]", "[18446744073709551608,8]"),
        TENSOR ("F32", "[2,2]", "[0,99999999999999999999]"),
        TENSOR ("F32", "[2,2]", "[1e0,17]"),
        "{\"t\":{\"shape\":[2,2],\"data_offsets\":[8,24]}}",
        "{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[8,24]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[2,2]}}",
        "{\"t\":[\"F32\",[2,2],[8,24]]}",
        "{\"t\":null}",
        "{}",
    };
    for (size_t i = 0; i < COUNT_OF (headers); i++) {
        file_t file;
        assert_null (tensor_in (&file, headers [i], 2, (size_t []) {2, 2}));
        assert_non_null (file.tensors);
        assert_int_equal (error_get (), ERROR_MODEL_MISSING);
        file_close (&file);
    }
}

/* Shapes whose size overflows 64 bits to one that is there. */
static void sizes_that_overflow_are_refused (void **state)
{
    (void) state;
    file_t file;
    assert_null (tensor_in (&file, TENSOR ("F32", "[4294967296,4294967296]", "[0,0]"), 2,
                            (size_t []) {4294967296u, 4294967296u}));
    file_close (&file);
    assert_null (tensor_in (&file, TENSOR ("F32", "[4611686018427387904]", "[0,0]"), 1,
                            (size_t []) {4611686018427387904u}));
    file_close (&file);
    assert_null (tensor_in (&file, TENSOR ("F32", "[0]", "[0,0]"), 1, (size_t []) {0}));
    file_close (&file);
}

static void headers_that_are_none_are_refused (void **state)
{
    (void) state;
    static const char *const headers [] = {
        "", "{", "[]", "null", "{\"t\":}", "{\"t\" 1}", "not json at all", "{}x", "\xFF\xFE{}",
        "{\"t\":\"\xC3\x28\"}",
    };
    for (size_t i = 0; i < COUNT_OF (headers); i++) {
        file_t file = file_open (headers [i]);
        assert_null (file.tensors);
        assert_int_equal (error_get (), ERROR_MODEL_MISSING);
        file_close (&file);
    }
}

static void deep_nesting_is_taken_or_refused (void **state)
{
    (void) state;
    size_t depth = 100000;
    char *header = malloc (2 * depth + 1);
    assert_non_null (header);
    memset (header, '[', depth);
    memset (header + depth, ']', depth);
    header [2 * depth] = '\0';
    file_t file = file_open (header);
    assert_null (file.tensors);
    file_close (&file);
    free (header);
}

static void header_sizes_that_lie_are_refused (void **state)
{
    (void) state;
    static const uint64_t sizes [] = {
        0, 1, 2 + DATA_BYTES + 1, MAX_SAFETENSORS_HEADER, (uint64_t) MAX_SAFETENSORS_HEADER + 1,
        UINT32_MAX, INT64_MAX, UINT64_MAX - 7, UINT64_MAX,
    };
    for (size_t i = 0; i < COUNT_OF (sizes); i++) {
        bytes_t bytes = file_bytes (sizes [i], "{}");
        assert_null (safetensors_open (bytes));
        assert_int_equal (error_get (), ERROR_MODEL_MISSING);
        free ((void *) (uintptr_t) bytes.data);
    }
    for (size_t size = 0; size < 10; size++) {      /* cut off */
        bytes_t bytes = file_bytes (2, "{}");
        bytes.size = size;
        assert_null (safetensors_open (bytes));
        free ((void *) (uintptr_t) bytes.data);
    }
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (a_tensor_is_found),
        cmocka_unit_test (tensors_that_lie_are_refused),
        cmocka_unit_test (sizes_that_overflow_are_refused),
        cmocka_unit_test (headers_that_are_none_are_refused),
        cmocka_unit_test (deep_nesting_is_taken_or_refused),
        cmocka_unit_test (header_sizes_that_lie_are_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
