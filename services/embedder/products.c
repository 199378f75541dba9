/* Products: see products.h. The only file that knows oneDNN. */
#include "products.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

#include "dot.h"
#include "error.h"

/* Debian builds oneDNN on GCC's OpenMP, whose header the other compiler may lack. */
extern void omp_set_num_threads (int count);

static dnnl_engine_t engine;    /* the processor; made once, by products_start */
static bool only_onednn;

struct matrix {
    numbers_t numbers;
    size_t inputs, outputs;
    dot_multiply_t *dot;        /* Quire's own int8 products, and their weights; NULL with oneDNN's */
    int8_t *dot_packed;
    dnnl_memory_t memory;       /* packed as oneDNN likes it best; its bytes are the caller's */
};

struct product {
    size_t rows;
    dnnl_stream_t stream;       /* this and the rest: NULL in products of Quire's own */
    dnnl_primitive_t primitive;
    dnnl_memory_t source, destination, scratch;
};

static int failed (const char *what, dnnl_status_t status)
{
    return error_set (ERROR_INTERNAL, "oneDNN could not %s: %s.", what, dnnl_status2str (status));
}

int products_start (void)
{
    products_single_thread ();
    if (engine)
        return 0;
    dnnl_status_t status = dnnl_engine_create (&engine, dnnl_cpu, 0);
    return status == dnnl_success ? 0 : failed ("start", status);
}

kernels_level_t products_level (void)
{
#ifdef __x86_64__
    switch (dnnl_get_effective_cpu_isa ()) {
    case dnnl_cpu_isa_sse41:
    case dnnl_cpu_isa_avx:         return KERNELS_PLAIN;
    case dnnl_cpu_isa_avx2:        return KERNELS_V3;
    case dnnl_cpu_isa_avx2_vnni:
    case dnnl_cpu_isa_avx2_vnni_2: return KERNELS_V3_VNNI;
    case dnnl_cpu_isa_avx512_core: return KERNELS_V4;
    default:                       return KERNELS_V4_VNNI;
    }
#else
    return KERNELS_PLAIN;
#endif
}

/* Quire's own int8 products, where they are faster than oneDNN's: not where tiles multiply (AMX). */
static dot_multiply_t *dot_used (void)
{
    bool tiles = false;
#ifdef __x86_64__
    tiles = (dnnl_get_effective_cpu_isa () & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
#endif
    return tiles || only_onednn ? NULL : dot_best (products_level ());
}

void products_set_only_onednn (bool only)
{
    only_onednn = only;
}

bool products_fast_int8 (void)
{
    if (dot_used ())
        return true;
    unsigned isa = dnnl_get_effective_cpu_isa ();
    return (isa & dnnl_cpu_isa_avx2_vnni) == dnnl_cpu_isa_avx2_vnni
        || (isa & dnnl_cpu_isa_avx512_core_vnni) == dnnl_cpu_isa_avx512_core_vnni;
}

bool products_fast_bf16 (void)
{
    unsigned isa = dnnl_get_effective_cpu_isa ();
    return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

#ifdef __aarch64__      /* whose names oneDNN does not tell */
const char *products_processor (void)
{
    return dot_used () ? "neon_dotprod" : "neon";
}
#else
const char *products_processor (void)
{
    static const char prefix [] = "cpu_isa_";
    const char *name = dnnl_cpu_isa2str (dnnl_get_effective_cpu_isa ());
    size_t length = sizeof prefix - 1;
    return strncmp (name, prefix, length) == 0 ? name + length : name;
}
#endif

const char *products_version (void)
{
    static char text [96];
    const dnnl_version_t *version = dnnl_version ();
    snprintf (text, sizeof text, "oneDNN %d.%d.%d (%s)", version->major, version->minor,
              version->patch, version->hash);
    return text;
}

void products_single_thread (void)
{
    omp_set_num_threads (1);
}

/* -- descriptors --------------------------------------------------------------------------------- */

/* What oneDNN calls them. */
static const struct {
    dnnl_data_type_t source, weights, given, result;    /* given: weights before they are packed */
} types [] = {
    [NUMBERS_F32]  = {dnnl_f32, dnnl_f32, dnnl_f32, dnnl_f32},
    [NUMBERS_INT8] = {dnnl_u8, dnnl_s8, dnnl_s8, dnnl_s32},
    [NUMBERS_BF16] = {dnnl_bf16, dnnl_bf16, dnnl_f32, dnnl_f32},
};

static dnnl_status_t plain_matrix (dnnl_memory_desc_t *description, dnnl_data_type_t type,
                                   size_t rows, size_t columns)
{
    dnnl_dims_t sizes = {(dnnl_dim_t) rows, (dnnl_dim_t) columns};
    return dnnl_memory_desc_create_with_tag (description, 2, sizes, type, dnnl_ab);
}

/* Describes a product. The scratchpad is the caller's, so that threads share nothing. */
static dnnl_status_t describe (dnnl_primitive_desc_t *description, const_dnnl_memory_desc_t source,
                               const_dnnl_memory_desc_t weights, const_dnnl_memory_desc_t destination)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create (&attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode (attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = dnnl_matmul_primitive_desc_create (description, engine, source, weights, NULL,
                                                    destination, attributes);
    dnnl_primitive_attr_destroy (attributes);
    return status;
}

/* Describes [rows][inputs] x weights -> [rows][outputs]. */
static dnnl_status_t describe_rows (dnnl_primitive_desc_t *description, numbers_t numbers,
                                    size_t rows, size_t inputs, size_t outputs,
                                    const_dnnl_memory_desc_t weights)
{
    dnnl_memory_desc_t source = NULL, destination = NULL;
    dnnl_status_t status = plain_matrix (&source, types [numbers].source, rows, inputs);
    if (status == dnnl_success)
        status = plain_matrix (&destination, types [numbers].result, rows, outputs);
    if (status == dnnl_success)
        status = describe (description, source, weights, destination);
    dnnl_memory_desc_destroy (source);
    dnnl_memory_desc_destroy (destination);
    return status;
}

/* -- packed matrices ----------------------------------------------------------------------------- */

/* Asks oneDNN how it likes these weights best; that fits every number of rows. The memory has no place
 * yet. */
static dnnl_status_t packed_describe (matrix_t *matrix, size_t most_rows)
{
    dnnl_dims_t sizes = {(dnnl_dim_t) matrix->inputs, (dnnl_dim_t) matrix->outputs};
    dnnl_memory_desc_t any = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = dnnl_memory_desc_create_with_tag (
        &any, 2, sizes, types [matrix->numbers].weights, dnnl_format_tag_any);
    if (status == dnnl_success)
        status = describe_rows (&description, matrix->numbers, most_rows, matrix->inputs,
                                matrix->outputs, any);
    if (status == dnnl_success)
        status = dnnl_memory_create (&matrix->memory,
            dnnl_primitive_desc_query_md (description, dnnl_query_weights_md, 0), engine,
            DNNL_MEMORY_NONE);
    dnnl_primitive_desc_destroy (description);
    dnnl_memory_desc_destroy (any);
    return status;
}

static dnnl_status_t reorder (dnnl_memory_t from, dnnl_memory_t to)
{
    const_dnnl_memory_desc_t from_description, to_description;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_memory_get_memory_desc (from, &from_description);
    dnnl_memory_get_memory_desc (to, &to_description);
    dnnl_status_t status = dnnl_reorder_primitive_desc_create (&description, from_description,
                                                               engine, to_description, engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_create (&primitive, description);
    if (status == dnnl_success)
        status = dnnl_stream_create (&stream, engine, dnnl_stream_default_flags);
    const dnnl_exec_arg_t arguments [] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    if (status == dnnl_success)
        status = dnnl_primitive_execute (primitive, stream, 2, arguments);
    dnnl_stream_destroy (stream);
    dnnl_primitive_destroy (primitive);
    dnnl_primitive_desc_destroy (description);
    return status;
}

matrix_t *matrix_new (numbers_t numbers, size_t most_rows, size_t inputs, size_t outputs)
{
    matrix_t *matrix = calloc (1, sizeof *matrix);
    if (!matrix) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    matrix->numbers = numbers;
    matrix->inputs = inputs;
    matrix->outputs = outputs;
    matrix->dot = numbers == NUMBERS_INT8 ? dot_used () : NULL;
    if (matrix->dot)
        return matrix;
    dnnl_status_t status = packed_describe (matrix, most_rows);
    if (status != dnnl_success) {
        failed ("choose how to pack weights", status);
        matrix_destroy (&matrix);
    }
    return matrix;
}

static const_dnnl_memory_desc_t packed_description (const matrix_t *matrix)
{
    const_dnnl_memory_desc_t description = NULL;
    dnnl_memory_get_memory_desc (matrix->memory, &description);
    return description;
}

size_t matrix_bytes (const matrix_t *matrix)
{
    if (matrix->dot)
        return DOT_PACKED_BYTES (matrix->inputs, matrix->outputs);
    return dnnl_memory_desc_get_size (packed_description (matrix));
}

static const char dot_layout [] = "panels of Quire's own products";

int matrix_layout (const matrix_t *matrix, uint8_t layout [MATRIX_LAYOUT_BYTES])
{
    size_t size = 0;
    memset (layout, 0, MATRIX_LAYOUT_BYTES);
    if (matrix->dot) {
        memcpy (layout, dot_layout, sizeof dot_layout);
        return 0;
    }
    dnnl_status_t status = dnnl_memory_desc_get_blob (NULL, &size, packed_description (matrix));
    if (status == dnnl_success && size > MATRIX_LAYOUT_BYTES)
        status = dnnl_unimplemented;
    if (status == dnnl_success)
        status = dnnl_memory_desc_get_blob (layout, &size, packed_description (matrix));
    return status == dnnl_success ? 0 : failed ("write down a layout", status);
}

/* oneDNN compares: what it writes down has gaps that say nothing. */
bool matrix_has_layout (const matrix_t *matrix, const uint8_t layout [MATRIX_LAYOUT_BYTES])
{
    dnnl_memory_desc_t description = NULL;
    if (matrix->dot || memcmp (layout, dot_layout, sizeof dot_layout) == 0)
        return matrix->dot && memcmp (layout, dot_layout, sizeof dot_layout) == 0;
    if (dnnl_memory_desc_create_with_blob (&description, layout) != dnnl_success)
        return false;
    bool same = dnnl_memory_desc_equal (description, packed_description (matrix));
    dnnl_memory_desc_destroy (description);
    return same;
}

int matrix_place (matrix_t *matrix, void *packed)
{
    matrix->dot_packed = packed;
    if (matrix->dot)
        return 0;
    dnnl_status_t status = dnnl_memory_set_data_handle (matrix->memory, packed);
    return status == dnnl_success ? 0 : failed ("place weights", status);
}

int matrix_pack (matrix_t *matrix, const void *weights)
{
    dnnl_dims_t sizes = {(dnnl_dim_t) matrix->inputs, (dnnl_dim_t) matrix->outputs};
    dnnl_memory_desc_t transposed = NULL;
    dnnl_memory_t given = NULL;
    if (matrix->dot) {
        dot_pack (matrix->dot_packed, weights, matrix->inputs, matrix->outputs);
        return 0;
    }
    dnnl_status_t status = dnnl_memory_desc_create_with_tag (
        &transposed, 2, sizes, types [matrix->numbers].given, dnnl_ba);
    if (status == dnnl_success)
        status = dnnl_memory_create (&given, transposed, engine, (void *) (uintptr_t) weights);
    if (status == dnnl_success)
        status = reorder (given, matrix->memory);
    dnnl_memory_destroy (given);
    dnnl_memory_desc_destroy (transposed);
    return status == dnnl_success ? 0 : failed ("pack weights", status);
}

void matrix_destroy (matrix_t **matrix)
{
    if (!*matrix)
        return;
    dnnl_memory_destroy ((*matrix)->memory);
    free (*matrix);
    *matrix = NULL;
}

/* -- products ------------------------------------------------------------------------------------ */

static dnnl_status_t memory_for (dnnl_memory_t *memory, const_dnnl_primitive_desc_t description,
                                 dnnl_query_t query, void *place)
{
    return dnnl_memory_create (memory, dnnl_primitive_desc_query_md (description, query, 0), engine,
                               place);
}

/* Generates the code and makes room for what it needs beside the operands. */
static dnnl_status_t product_make (product_t *product, const_dnnl_primitive_desc_t description)
{
    dnnl_status_t status = dnnl_stream_create (&product->stream, engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = dnnl_primitive_create (&product->primitive, description);
    if (status == dnnl_success)
        status = memory_for (&product->source, description, dnnl_query_src_md, DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        status = memory_for (&product->destination, description, dnnl_query_dst_md,
                             DNNL_MEMORY_NONE);
    if (status == dnnl_success)
        status = memory_for (&product->scratch, description, dnnl_query_scratchpad_md,
                             DNNL_MEMORY_ALLOCATE);
    return status;
}

product_t *product_new (size_t rows, const matrix_t *like)
{
    product_t *product = calloc (1, sizeof *product);
    if (!product) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    product->rows = rows;
    if (like->dot)
        return product;
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = describe_rows (&description, like->numbers, rows, like->inputs,
                                          like->outputs, packed_description (like));
    if (status == dnnl_success)
        status = product_make (product, description);
    dnnl_primitive_desc_destroy (description);
    if (status != dnnl_success) {
        failed ("make a product", status);
        product_destroy (&product);
    }
    return product;
}

void product_destroy (product_t **product)
{
    if (!*product)
        return;
    dnnl_memory_destroy ((*product)->source);
    dnnl_memory_destroy ((*product)->destination);
    dnnl_memory_destroy ((*product)->scratch);
    dnnl_primitive_destroy ((*product)->primitive);
    dnnl_stream_destroy ((*product)->stream);
    free (*product);
    *product = NULL;
}

int product_run (product_t *product, const matrix_t *matrix, void *source, void *destination)
{
    if (matrix->dot) {
        matrix->dot (destination, source, matrix->dot_packed, product->rows, matrix->inputs,
                     matrix->outputs);
        return 0;
    }
    dnnl_memory_set_data_handle (product->source, source);
    dnnl_memory_set_data_handle (product->destination, destination);
    const dnnl_exec_arg_t arguments [] = {
        {DNNL_ARG_SRC, product->source},
        {DNNL_ARG_WEIGHTS, matrix->memory},
        {DNNL_ARG_DST, product->destination},
        {DNNL_ARG_SCRATCHPAD, product->scratch},
    };
    dnnl_status_t status = dnnl_primitive_execute (product->primitive, product->stream,
                                                   COUNT_OF (arguments), arguments);
    return status == dnnl_success ? 0 : failed ("multiply", status);
}
