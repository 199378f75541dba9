/* The model: see model.h.
 *
 * A sequence is a matrix of a row a piece. Linear layers multiply blocks of rows, whose results stay
 * in the core's second cache until row by row, in the first, all is done that follows: up to the
 * numbers that the next product reads. Blocks have a multiple of ROW_STEP rows, so that products are
 * made for few sizes only; rows behind the sequence are multiplied with the rest and never looked at. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attention.h"
#include "error.h"
#include "kernels.h"
#include "products.h"
#include "weights.h"

#define ROW_STEP    16
#define BLOCK_ROWS  128
#define BLOCK_SIZES (BLOCK_ROWS / ROW_STEP)
#define ALIGNMENT   64
#define QKV_WIDTH   (3 * MODEL_WIDTH)
#define MOST_WIDTH  MODEL_INNER

_Static_assert (MAX_SEQUENCE <= MODEL_POSITIONS && MAX_SEQUENCE <= MODEL_MOST_ROWS
                && MAX_SEQUENCE <= MOST_ATTENDED, "a sequence is as long as the model can take");
_Static_assert (EMBEDDING_WIDTH == MODEL_WIDTH, "a vector is a mean of rows");
_Static_assert (MODEL_HEAD_WIDTH == HEAD_WIDTH, "attention is for such heads");

struct model {
    precision_t precision;
    const kernels_t *kernels;
    weights_t *weights;
    char instructions [64];
};

/* The linear layers of a layer. */
typedef enum { QUERY_KEY_VALUE, ATTENDED, INNER, OUTER, LINEAR_KINDS } kind_t;

/* What a linear layer reads: rows of f32, of bf16, or of bytes with what they stand for. */
typedef struct {
    size_t width;
    void *rows;                 /* [MAX_SEQUENCE][width] */
    coding_t codings [MAX_SEQUENCE];
} input_t;

struct encoder {
    const model_t *model;
    const kernels_t *kernels;
    encoder_pause_t *pause;     /* or NULL */
    void *pause_context;
    size_t length;              /* of the sequence */
    size_t block;               /* rows that are multiplied at once */
    attention_t *attention;
    input_t input, inner;       /* of the next linear layer; inner: of the second one of the two */
    void *memory;               /* of all that follows, and of the inputs */
    float *hidden;              /* [MAX_SEQUENCE][MODEL_WIDTH]  what goes from layer to layer */
    float *context;             /* [MAX_SEQUENCE][MODEL_WIDTH]  what attention gathered */
    float *row;                 /* [MOST_WIDTH]                 the one that is worked on */
    void *results;              /* [BLOCK_ROWS][MOST_WIDTH]     of a product: f32, or int32_t */
    product_t *products [BLOCK_SIZES] [LINEAR_KINDS];
};

/* -- precision ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    numbers_t numbers;
} precisions [] = {
    [PRECISION_F32]  = {"f32", NUMBERS_F32},
    [PRECISION_INT8] = {"int8", NUMBERS_INT8},
    [PRECISION_BF16] = {"bf16", NUMBERS_BF16},
};

static int precision_set (precision_t set, precision_t *precision, const char **why)
{
    if (set == PRECISION_BF16 && !products_fast_bf16 ())
        return error_set (ERROR_BAD_FIELD, "QUIRE_EMBEDDER_PRECISION is bf16, for which this "
                          "processor (%s) has no instructions; it may be f32, int8 or auto.",
                          products_processor ());
    *precision = set;
    *why = "set";
    return 0;
}

int precision_choose (const char *setting, precision_t *precision, const char **why)
{
    for (size_t i = 0; i < COUNT_OF (precisions); i++)
        if (strcmp (setting, precisions [i].name) == 0)
            return precision_set ((precision_t) i, precision, why);
    if (strcmp (setting, "auto") != 0)
        return error_set (ERROR_BAD_FIELD, "QUIRE_EMBEDDER_PRECISION is '%.32s'; "
                          "it may be f32, bf16, int8 or auto.", setting);
    bool fast = products_fast_int8 (), faster = products_level () > KERNELS_PLAIN;
    *precision = fast || faster ? PRECISION_INT8 : PRECISION_F32;
    *why = fast ? "processor_has_int8_products" : faster ? "int8_is_faster_with_avx2"
                                                         : "processor_has_no_int8_products";
    return 0;
}

const char *precision_name (precision_t precision)
{
    return precisions [precision].name;
}

/* -- model --------------------------------------------------------------------------------------- */

model_t *model_load (const char *path, precision_t precision, const packed_folders_t *folders)
{
    if (products_start () != 0)
        return NULL;
    model_t *model = calloc (1, sizeof *model);
    if (!model) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    model->precision = precision;
    model->kernels = kernels_best (products_level ());
    model->weights = weights_load (path, precisions [precision].numbers, folders);
    snprintf (model->instructions, sizeof model->instructions, "%s/%s", products_processor (),
              model->kernels->name);
    if (!model->weights)
        model_destroy (&model);
    return model;
}

void model_destroy (model_t **model)
{
    if (!*model)
        return;
    weights_destroy (&(*model)->weights);
    free (*model);
    *model = NULL;
}

const char *model_instructions (const model_t *model)
{
    return model->instructions;
}

bool model_is_shared (const model_t *model)
{
    return packed_is_mapped (model->weights->packed);
}

/* -- encoder ------------------------------------------------------------------------------------- */

/* Takes an aligned part of the memory; with memory NULL it only counts. */
static void *carve (void *memory, size_t *used, size_t bytes)
{
    void *part = memory ? (char *) memory + *used : NULL;
    *used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return part;
}

static size_t encoder_carve (encoder_t *encoder, void *memory)
{
    size_t used = 0, narrow = MAX_SEQUENCE * MODEL_WIDTH * sizeof (float);
    encoder->input.width = MODEL_WIDTH;
    encoder->inner.width = MODEL_INNER;
    encoder->input.rows = carve (memory, &used, narrow);
    encoder->inner.rows = carve (memory, &used, MAX_SEQUENCE * MODEL_INNER * sizeof (float));
    encoder->hidden = carve (memory, &used, narrow);
    encoder->context = carve (memory, &used, narrow);
    encoder->row = carve (memory, &used, MOST_WIDTH * sizeof (float));
    encoder->results = carve (memory, &used, BLOCK_ROWS * MOST_WIDTH * sizeof (float));
    return used;
}

encoder_t *encoder_new (const model_t *model)
{
    encoder_t *encoder = calloc (1, sizeof *encoder);
    size_t bytes = encoder ? encoder_carve (encoder, NULL) : 0;
    void *memory = encoder ? aligned_alloc (ALIGNMENT, bytes) : NULL;
    if (!memory) {
        free (encoder);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    encoder->model = model;
    encoder->kernels = model->kernels;
    encoder->memory = memset (memory, 0, bytes);
    encoder_carve (encoder, memory);
    encoder->attention = attention_new (model->kernels, MODEL_HEADS);
    if (!encoder->attention)
        encoder_destroy (&encoder);
    return encoder;
}

void encoder_destroy (encoder_t **encoder)
{
    if (!*encoder)
        return;
    for (size_t i = 0; i < BLOCK_SIZES; i++)
        for (size_t kind = 0; kind < LINEAR_KINDS; kind++)
            product_destroy (&(*encoder)->products [i] [kind]);
    attention_destroy (&(*encoder)->attention);
    free ((*encoder)->memory);
    free (*encoder);
    *encoder = NULL;
}

/* -- linear layers ------------------------------------------------------------------------------- */

static size_t number_bytes (const encoder_t *encoder)
{
    static const size_t bytes [] = {
        [PRECISION_F32] = sizeof (float), [PRECISION_INT8] = 1, [PRECISION_BF16] = sizeof (uint16_t),
    };
    return bytes [encoder->model->precision];
}

static void *input_row (const encoder_t *encoder, const input_t *input, size_t i)
{
    return (char *) input->rows + i * input->width * number_bytes (encoder);
}

/* Writes row i of what a linear layer is to read. */
static void input_put (encoder_t *encoder, input_t *input, size_t i, const float *row)
{
    void *place = input_row (encoder, input, i);
    switch (encoder->model->precision) {
    case PRECISION_F32:
        memcpy (place, row, input->width * sizeof *row);
        break;
    case PRECISION_BF16:
        encoder->kernels->shorten (place, row, input->width);
        break;
    case PRECISION_INT8:
        input->codings [i] = encoder->kernels->quantise (place, row, input->width);
        break;
    }
}

/* The product for so many rows, made at its first use. NULL with INTERNAL or NO_MEMORY. */
static product_t *product_get (encoder_t *encoder, kind_t kind, const linear_t *linear, size_t rows)
{
    product_t **product = &encoder->products [rows / ROW_STEP - 1] [kind];
    if (!*product)
        *product = product_new (rows, linear->matrix);
    return *product;
}

/* What is done with row i of a linear layer's result. */
typedef void (row_step_t) (encoder_t *encoder, const layer_t *layer, size_t i, const result_t *result);

/* Row i of the result, which is row `at` of the block. */
static result_t result_row (const encoder_t *encoder, const linear_t *linear, const input_t *input,
                            size_t i, size_t at)
{
    return (result_t) {
        .values = (float *) encoder->results + at * linear->outputs,    /* or int32_t, as wide */
        .bias = linear->bias, .coded = encoder->model->precision == PRECISION_INT8,
        .coding = input->codings [i], .scales = linear->scales, .totals = linear->totals,
    };
}

/* Sends the rows of `input` through a linear layer, block by block, and each result through `step`. */
static int linear_run (encoder_t *encoder, const layer_t *layer, kind_t kind, const input_t *input,
                       row_step_t *step)
{
    const linear_t *linear = (const linear_t * [LINEAR_KINDS]) {
        [QUERY_KEY_VALUE] = &layer->query_key_value, [ATTENDED] = &layer->attended,
        [INNER] = &layer->inner, [OUTER] = &layer->outer,
    } [kind];
    for (size_t first = 0; first < encoder->length; first += encoder->block) {
        product_t *product = product_get (encoder, kind, linear, encoder->block);
        if (!product || product_run (product, linear->matrix, input_row (encoder, input, first),
                                     encoder->results) != 0)
            return -1;
        for (size_t i = first; i < encoder->length && i < first + encoder->block; i++) {
            result_t result = result_row (encoder, linear, input, i, i - first);
            step (encoder, layer, i, &result);
        }
    }
    return 0;
}

/* -- forward ------------------------------------------------------------------------------------- */

static void embed (encoder_t *encoder, const int32_t *ids)
{
    const weights_t *weights = encoder->model->weights;
    const kernels_t *kernels = encoder->kernels;
    for (size_t i = 0; i < encoder->length; i++) {
        float *row = encoder->hidden + i * MODEL_WIDTH;
        weights_word (weights, ids [i], row);
        kernels->add (row, row, weights->segment, MODEL_WIDTH);
        kernels->add (row, row, weights->positions + i * MODEL_WIDTH, MODEL_WIDTH);
        kernels->layer_norm (row, weights->embedding_norm.scale, weights->embedding_norm.shift,
                             MODEL_WIDTH);
        input_put (encoder, &encoder->input, i, row);
    }
}

static void take_query_key_value (encoder_t *encoder, const layer_t *layer UNUSED, size_t i,
                                  const result_t *result)
{
    encoder->kernels->finish (encoder->row, result, QKV_WIDTH);
    attention_take (encoder->attention, i, encoder->row);
}

/* hidden = norm (hidden + result), which the next linear layer reads. */
static void add_and_norm (encoder_t *encoder, const norm_t *norm, size_t i, const result_t *result)
{
    float *hidden = encoder->hidden + i * MODEL_WIDTH;
    encoder->kernels->add_norm (hidden, result, norm->scale, norm->shift, MODEL_WIDTH);
    input_put (encoder, &encoder->input, i, hidden);
}

static void take_attended (encoder_t *encoder, const layer_t *layer, size_t i, const result_t *result)
{
    add_and_norm (encoder, &layer->attention_norm, i, result);
}

static void take_inner (encoder_t *encoder, const layer_t *layer UNUSED, size_t i,
                        const result_t *result)
{
    encoder->kernels->gelu (encoder->row, result, MODEL_INNER);
    input_put (encoder, &encoder->inner, i, encoder->row);
}

static void take_outer (encoder_t *encoder, const layer_t *layer, size_t i, const result_t *result)
{
    add_and_norm (encoder, &layer->output_norm, i, result);
}

static int attention_block (encoder_t *encoder, const layer_t *layer)
{
    attention_begin (encoder->attention, encoder->length);
    if (linear_run (encoder, layer, QUERY_KEY_VALUE, &encoder->input, take_query_key_value) != 0)
        return -1;
    attention_run (encoder->attention, encoder->context);
    for (size_t i = 0; i < encoder->length; i++)
        input_put (encoder, &encoder->input, i, encoder->context + i * MODEL_WIDTH);
    return linear_run (encoder, layer, ATTENDED, &encoder->input, take_attended);
}

static int feed_forward (encoder_t *encoder, const layer_t *layer)
{
    if (linear_run (encoder, layer, INNER, &encoder->input, take_inner) != 0)
        return -1;
    return linear_run (encoder, layer, OUTER, &encoder->inner, take_outer);
}

/* The mean of the rows, at unit length. Dividing by their number would only change the length. */
static void pool_rows (const encoder_t *encoder, float vector [EMBEDDING_WIDTH])
{
    memset (vector, 0, EMBEDDING_WIDTH * sizeof *vector);
    for (size_t i = 0; i < encoder->length; i++)
        encoder->kernels->add (vector, vector, encoder->hidden + i * MODEL_WIDTH, MODEL_WIDTH);
    encoder->kernels->unit_length (vector, EMBEDDING_WIDTH);
}

static int ids_check (const int32_t *ids, size_t length)
{
    if (length == 0 || length > MAX_SEQUENCE)
        return error_set (ERROR_SEQUENCE_TOO_LONG, "A sequence of %zu word pieces; the model takes "
                          "1 to %d.", length, MAX_SEQUENCE);
    for (size_t i = 0; i < length; i++)
        if (ids [i] < 0 || ids [i] >= MODEL_VOCABULARY)
            return error_set (ERROR_BAD_FIELD, "The model has no word piece %d.", ids [i]);
    return 0;
}

void encoder_set_pause (encoder_t *encoder, encoder_pause_t *pause, void *context)
{
    encoder->pause = pause;
    encoder->pause_context = context;
}

/* All that a sequence has computed so far lies in its encoder, so it can wait. */
static void maybe_pause (const encoder_t *encoder)
{
    if (encoder->pause)
        encoder->pause (encoder->pause_context);
}

/* Blocks of one size, as few and as small as can be. */
static size_t block_rows (size_t length)
{
    size_t blocks = (length + BLOCK_ROWS - 1) / BLOCK_ROWS, share = (length + blocks - 1) / blocks;
    return (share + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
}

int encoder_encode (encoder_t *encoder, const int32_t *ids, size_t length,
                    float vector [EMBEDDING_WIDTH])
{
    if (ids_check (ids, length) != 0)
        return -1;
    products_single_thread ();
    encoder->length = length;
    encoder->block = block_rows (length);
    embed (encoder, ids);
    for (size_t i = 0; i < MODEL_LAYERS; i++) {
        const layer_t *layer = &encoder->model->weights->layers [i];
        if (attention_block (encoder, layer) != 0)
            return -1;
        maybe_pause (encoder);
        if (feed_forward (encoder, layer) != 0)
            return -1;
        maybe_pause (encoder);
    }
    pool_rows (encoder, vector);
    return 0;
}
