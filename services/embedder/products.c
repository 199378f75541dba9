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

#define MOST_BLOB_BYTES 4096    /* of a layout, as oneDNN writes it down */

static dnnl_engine_t engine;    /* the processor; made once, by products_start */

struct matrix {
    numbers_t numbers;
    size_t inputs, outputs;
    dot_multiply_t *dot;        /* Quire's own int8 products, and their weights; NULL with oneDNN's */
    int8_t *dot_packed;
    dnnl_memory_t memory;       /* packed as oneDNN likes it best; its bytes are the caller's */
};

struct product {
    size_t rows;                /* of Quire's own products; these have nothing of oneDNN's */
    const int8_t *dot_source;
    int32_t *dot_result;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    dnnl_memory_t source, weights, destination, scratch;   /* weights: of pairs only */
    float *left, *right, *result;                          /* where the pairs were made */
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

bool products_fast_int8 (void)
{
    if (dot_best ())
        return true;
    unsigned isa = dnnl_get_effective_cpu_isa ();
    return (isa & dnnl_cpu_isa_avx2_vnni) == dnnl_cpu_isa_avx2_vnni
        || (isa & dnnl_cpu_isa_avx512_core_vnni) == dnnl_cpu_isa_avx512_core_vnni;
}

#ifdef __aarch64__      /* whose names oneDNN does not tell */
const char *products_processor (void)
{
    return dot_best () ? "neon_dotprod" : "neon";
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

static dnnl_data_type_t source_type (numbers_t numbers)
{
    return numbers == NUMBERS_INT8 ? dnnl_s8 : dnnl_f32;
}

static dnnl_data_type_t result_type (numbers_t numbers)
{
    return numbers == NUMBERS_INT8 ? dnnl_s32 : dnnl_f32;
}

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
    dnnl_status_t status = plain_matrix (&source, source_type (numbers), rows, inputs);
    if (status == dnnl_success)
        status = plain_matrix (&destination, result_type (numbers), rows, outputs);
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
        &any, 2, sizes, source_type (matrix->numbers), dnnl_format_tag_any);
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
    matrix->dot = numbers == NUMBERS_INT8 ? dot_best () : NULL;
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
        return matrix->inputs * matrix->outputs;
    return dnnl_memory_desc_get_size (packed_description (matrix));
}

int matrix_layout (const matrix_t *matrix, uint8_t layout [DIGEST_BYTES])
{
    static const char dot [] = "dot";
    uint8_t blob [MOST_BLOB_BYTES];
    size_t size = 0;
    if (matrix->dot)
        return digest_of (dot, sizeof dot, layout);
    dnnl_status_t status = dnnl_memory_desc_get_blob (NULL, &size, packed_description (matrix));
    if (status == dnnl_success && size > sizeof blob)
        status = dnnl_out_of_memory;
    if (status == dnnl_success)
        status = dnnl_memory_desc_get_blob (blob, &size, packed_description (matrix));
    return status == dnnl_success ? digest_of (blob, size, layout) : failed ("tell a layout", status);
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
        &transposed, 2, sizes, source_type (matrix->numbers), dnnl_ba);
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

/* Generates the code and binds the operands. */
static dnnl_status_t product_bind (product_t *product, const_dnnl_primitive_desc_t description,
                                   void *source, void *weights, void *destination)
{
    dnnl_status_t status = dnnl_stream_create (&product->stream, engine, dnnl_stream_default_flags);
    if (status == dnnl_success)
        status = dnnl_primitive_create (&product->primitive, description);
    if (status == dnnl_success)
        status = memory_for (&product->source, description, dnnl_query_src_md, source);
    if (status == dnnl_success)
        status = memory_for (&product->destination, description, dnnl_query_dst_md, destination);
    if (status == dnnl_success && weights)
        status = memory_for (&product->weights, description, dnnl_query_weights_md, weights);
    if (status == dnnl_success)
        status = memory_for (&product->scratch, description, dnnl_query_scratchpad_md,
                             DNNL_MEMORY_ALLOCATE);
    return status;
}

/* Takes the description, or the status that says why there is none. */
static product_t *product_new (dnnl_status_t status, dnnl_primitive_desc_t description,
                               void *source, void *weights, void *destination)
{
    product_t *product = calloc (1, sizeof *product);
    if (!product)
        error_set (ERROR_NO_MEMORY, NULL);
    else {
        if (status == dnnl_success)
            status = product_bind (product, description, source, weights, destination);
        if (status != dnnl_success) {
            failed ("make a product", status);
            product_destroy (&product);
        }
    }
    dnnl_primitive_desc_destroy (description);
    return product;
}

static product_t *product_of_dots (size_t rows, const void *source, void *destination)
{
    product_t *product = calloc (1, sizeof *product);
    if (!product) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    *product = (product_t) {.rows = rows, .dot_source = source, .dot_result = destination};
    return product;
}

product_t *product_with_weights (size_t rows, const matrix_t *like, void *source, void *destination)
{
    if (like->dot)
        return product_of_dots (rows, source, destination);
    const_dnnl_memory_desc_t weights;
    dnnl_memory_get_memory_desc (like->memory, &weights);
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = describe_rows (&description, like->numbers, rows, like->inputs,
                                          like->outputs, weights);
    return product_new (status, description, source, NULL, destination);
}

static dnnl_status_t pairs_operand (dnnl_memory_desc_t *description, operand_t operand, size_t count,
                                    size_t rows, size_t columns)
{
    dnnl_dims_t sizes = {(dnnl_dim_t) count, (dnnl_dim_t) rows, (dnnl_dim_t) columns};
    dnnl_dims_t steps = {(dnnl_dim_t) operand.apart, (dnnl_dim_t) operand.row_step,
                         (dnnl_dim_t) operand.column_step};
    return dnnl_memory_desc_create_with_strides (description, 3, sizes, dnnl_f32, steps);
}

product_t *product_of_pairs (size_t count, size_t rows, size_t inner, size_t columns, operand_t left,
                             operand_t right, operand_t result)
{
    dnnl_memory_desc_t source = NULL, weights = NULL, destination = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = pairs_operand (&source, left, count, rows, inner);
    if (status == dnnl_success)
        status = pairs_operand (&weights, right, count, inner, columns);
    if (status == dnnl_success)
        status = pairs_operand (&destination, result, count, rows, columns);
    if (status == dnnl_success)
        status = describe (&description, source, weights, destination);
    dnnl_memory_desc_destroy (source);
    dnnl_memory_desc_destroy (weights);
    dnnl_memory_desc_destroy (destination);
    product_t *product = product_new (status, description, left.values, right.values, result.values);
    if (product) {
        product->left = left.values;
        product->right = right.values;
        product->result = result.values;
    }
    return product;
}

void product_move (product_t *product, size_t left, size_t right, size_t result)
{
    dnnl_memory_set_data_handle (product->source, product->left + left);
    dnnl_memory_set_data_handle (product->weights, product->right + right);
    dnnl_memory_set_data_handle (product->destination, product->result + result);
}

void product_destroy (product_t **product)
{
    if (!*product)
        return;
    dnnl_memory_destroy ((*product)->source);
    dnnl_memory_destroy ((*product)->weights);
    dnnl_memory_destroy ((*product)->destination);
    dnnl_memory_destroy ((*product)->scratch);
    dnnl_primitive_destroy ((*product)->primitive);
    dnnl_stream_destroy ((*product)->stream);
    free (*product);
    *product = NULL;
}

int product_run (product_t *product, const matrix_t *matrix)
{
    if (matrix && matrix->dot) {
        matrix->dot (product->dot_result, product->dot_source, matrix->dot_packed, product->rows,
                     matrix->inputs, matrix->outputs);
        return 0;
    }
    const dnnl_exec_arg_t arguments [] = {
        {DNNL_ARG_SRC, product->source},
        {DNNL_ARG_WEIGHTS, matrix ? matrix->memory : product->weights},
        {DNNL_ARG_DST, product->destination},
        {DNNL_ARG_SCRATCHPAD, product->scratch},
    };
    dnnl_status_t status = dnnl_primitive_execute (product->primitive, product->stream,
                                                   COUNT_OF (arguments), arguments);
    return status == dnnl_success ? 0 : failed ("multiply", status);
}
