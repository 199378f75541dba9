/* The model: see model.h.
 *
 * A sequence is computed as a matrix of a row a piece, its number of rows rounded up to a multiple of
 * ROW_STEP, so that products are made for few sizes only. The rows behind the sequence start as
 * zeros, take no part in attention or pooling, and are never looked at. */
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "kernels.h"
#include "products.h"
#include "weights.h"

#define ROW_STEP     16
#define PLANS        (MAX_SEQUENCE / ROW_STEP)
#define ALIGNMENT    64
#define QKV_WIDTH    (3 * MODEL_WIDTH)
#define MOST_WIDTH   MODEL_INNER
#define SCORES_BYTES (1u << 20)     /* of attention at once, so that they stay in a core's cache */

_Static_assert (MAX_SEQUENCE <= MODEL_POSITIONS && MAX_SEQUENCE <= MODEL_MOST_ROWS,
                "a sequence is as long as the model can take");
_Static_assert (EMBEDDING_WIDTH == MODEL_WIDTH, "a vector is a mean of rows");

struct model {
    precision_t precision;
    const kernels_t *kernels;
    weights_t *weights;
    char instructions [64];
};

/* The products for sequences of one number of rows. */
typedef struct {
    size_t rows, heads;         /* heads: attended to at once */
    product_t *query_key_value, *attended, *inner, *outer;
    product_t *scores, *context;
} plan_t;

struct encoder {
    const model_t *model;
    const kernels_t *kernels;
    encoder_pause_t *pause;     /* or NULL */
    void *pause_context;
    void *memory;               /* of all that follows */
    float *hidden;              /* [rows][MODEL_WIDTH]  what goes from layer to layer */
    float *context;             /* [rows][MODEL_WIDTH]  what attention gathered */
    float *narrow;              /* [rows][MODEL_WIDTH]  a linear layer's result */
    float *wide;                /* [rows][MOST_WIDTH]   the same: query, key, value; or inner */
    float *scores;              /* [heads][rows][rows] */
    int8_t *coarse;             /* [rows][MOST_WIDTH]   int8: a linear layer's input */
    float *row_scales;          /* [rows]               int8: what a 1 in it stands for */
    int32_t *sums;              /* [rows][MOST_WIDTH]   int8: its result */
    plan_t plans [PLANS];
};

/* -- precision ----------------------------------------------------------------------------------- */

int precision_choose (const char *setting, precision_t *precision, const char **why)
{
    if (strcmp (setting, "f32") == 0 || strcmp (setting, "int8") == 0) {
        *precision = setting [0] == 'f' ? PRECISION_F32 : PRECISION_INT8;
        *why = "set";
        return 0;
    }
    if (strcmp (setting, "auto") != 0)
        return error_set (ERROR_BAD_FIELD, "QUIRE_EMBEDDER_PRECISION is '%.32s'; "
                          "it may be f32, int8 or auto.", setting);
    bool fast = products_fast_int8 ();
    *precision = fast ? PRECISION_INT8 : PRECISION_F32;
    *why = fast ? "processor_has_int8_products" : "processor_has_no_int8_products";
    return 0;
}

const char *precision_name (precision_t precision)
{
    return precision == PRECISION_INT8 ? "int8" : "f32";
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
    model->kernels = kernels_best ();
    model->weights = weights_load (path, precision == PRECISION_INT8 ? NUMBERS_INT8 : NUMBERS_F32,
                                   folders);
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

/* -- plans --------------------------------------------------------------------------------------- */

/* As many heads as the room for scores allows, a divisor of MODEL_HEADS. */
static size_t heads_at_once (size_t rows)
{
    size_t heads = MODEL_HEADS;
    while (MODEL_HEADS % heads != 0 || (heads > 1 && heads * rows * rows * sizeof (float) > SCORES_BYTES))
        heads--;
    return heads;
}

static product_t *plan_linear (const encoder_t *encoder, const linear_t *like, size_t rows,
                               float *source, float *destination)
{
    bool coarse = encoder->model->precision == PRECISION_INT8;
    return product_with_weights (rows, like->matrix, coarse ? (void *) encoder->coarse : source,
                                 coarse ? (void *) encoder->sums : destination);
}

/* Scores are query x key transposed; context is what they select of the values. */
static void plan_attention (const encoder_t *encoder, plan_t *plan)
{
    size_t rows = plan->rows;
    operand_t query = {encoder->wide, MODEL_HEAD_WIDTH, QKV_WIDTH, 1};
    operand_t key = {encoder->wide + MODEL_WIDTH, MODEL_HEAD_WIDTH, 1, QKV_WIDTH};
    operand_t value = {encoder->wide + 2 * MODEL_WIDTH, MODEL_HEAD_WIDTH, QKV_WIDTH, 1};
    operand_t scores = {encoder->scores, rows * rows, rows, 1};
    operand_t context = {encoder->context, MODEL_HEAD_WIDTH, MODEL_WIDTH, 1};
    plan->scores = product_of_pairs (plan->heads, rows, MODEL_HEAD_WIDTH, rows, query, key, scores);
    plan->context = product_of_pairs (plan->heads, rows, rows, MODEL_HEAD_WIDTH, scores, value,
                                      context);
}

static void plan_drop (plan_t *plan)
{
    product_destroy (&plan->query_key_value);
    product_destroy (&plan->attended);
    product_destroy (&plan->inner);
    product_destroy (&plan->outer);
    product_destroy (&plan->scores);
    product_destroy (&plan->context);
    plan->rows = 0;
}

/* The plan for so many rows, made at its first use; NULL with INTERNAL or NO_MEMORY. */
static plan_t *plan_get (encoder_t *encoder, size_t rows)
{
    plan_t *plan = &encoder->plans [rows / ROW_STEP - 1];
    if (plan->rows)
        return plan;
    const layer_t *layer = &encoder->model->weights->layers [0];   /* all have the same sizes */
    plan->rows = rows;
    plan->heads = heads_at_once (rows);
    plan->query_key_value = plan_linear (encoder, &layer->query_key_value, rows, encoder->hidden,
                                         encoder->wide);
    plan->attended = plan_linear (encoder, &layer->attended, rows, encoder->context,
                                  encoder->narrow);
    plan->inner = plan_linear (encoder, &layer->inner, rows, encoder->hidden, encoder->wide);
    plan->outer = plan_linear (encoder, &layer->outer, rows, encoder->wide, encoder->narrow);
    plan_attention (encoder, plan);
    if (plan->query_key_value && plan->attended && plan->inner && plan->outer && plan->scores
        && plan->context)
        return plan;
    plan_drop (plan);
    return NULL;
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
    size_t used = 0, rows = MAX_SEQUENCE, narrow = rows * MODEL_WIDTH, wide = rows * MOST_WIDTH;
    encoder->hidden = carve (memory, &used, narrow * sizeof (float));
    encoder->context = carve (memory, &used, narrow * sizeof (float));
    encoder->narrow = carve (memory, &used, narrow * sizeof (float));
    encoder->wide = carve (memory, &used, wide * sizeof (float));
    encoder->scores = carve (memory, &used, SCORES_BYTES);
    encoder->coarse = carve (memory, &used, wide);
    encoder->row_scales = carve (memory, &used, rows * sizeof (float));
    encoder->sums = carve (memory, &used, wide * sizeof (int32_t));
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
    encoder->memory = memory;
    encoder_carve (encoder, memory);
    return encoder;
}

void encoder_destroy (encoder_t **encoder)
{
    if (!*encoder)
        return;
    for (size_t i = 0; i < PLANS; i++)
        plan_drop (&(*encoder)->plans [i]);
    free ((*encoder)->memory);
    free (*encoder);
    *encoder = NULL;
}

/* -- forward ------------------------------------------------------------------------------------- */

/* Multiplies; the result is taken row by row with linear_row. */
static int linear_multiply (encoder_t *encoder, const linear_t *linear, product_t *product,
                            const float *source, size_t rows)
{
    if (encoder->model->precision == PRECISION_INT8)
        for (size_t i = 0; i < rows; i++)
            encoder->row_scales [i] = encoder->kernels->quantise (
                encoder->coarse + i * linear->inputs, source + i * linear->inputs, linear->inputs);
    return product_run (product, linear->matrix);
}

/* Row i of the result, before the bias, at its place in `result`. */
static float *linear_row (encoder_t *encoder, const linear_t *linear, float *result, size_t i)
{
    float *row = result + i * linear->outputs;
    if (encoder->model->precision == PRECISION_INT8)
        encoder->kernels->dequantise (row, encoder->sums + i * linear->outputs,
                                      encoder->row_scales [i], linear->scales, linear->outputs);
    return row;
}

static void embed (encoder_t *encoder, const int32_t *ids, size_t length, size_t rows)
{
    const weights_t *weights = encoder->model->weights;
    const kernels_t *kernels = encoder->kernels;
    for (size_t i = 0; i < length; i++) {
        float *row = encoder->hidden + i * MODEL_WIDTH;
        kernels->add (row, weights->words + (size_t) ids [i] * MODEL_WIDTH, weights->segment,
                      MODEL_WIDTH);
        kernels->add (row, row, weights->positions + i * MODEL_WIDTH, MODEL_WIDTH);
        kernels->layer_norm (row, weights->embedding_norm.scale, weights->embedding_norm.shift,
                             MODEL_WIDTH);
    }
    memset (encoder->hidden + length * MODEL_WIDTH, 0,
            (rows - length) * MODEL_WIDTH * sizeof (float));
}

static int attend (encoder_t *encoder, plan_t *plan, size_t length)
{
    const float scale = 1.0f / sqrtf (MODEL_HEAD_WIDTH);
    for (size_t head = 0; head < MODEL_HEADS; head += plan->heads) {
        size_t column = head * MODEL_HEAD_WIDTH;
        product_move (plan->scores, column, column, 0);
        if (product_run (plan->scores, NULL) != 0)
            return -1;
        for (size_t i = 0; i < plan->heads * plan->rows; i++)
            encoder->kernels->softmax (encoder->scores + i * plan->rows, scale, length, plan->rows);
        product_move (plan->context, 0, column, column);
        if (product_run (plan->context, NULL) != 0)
            return -1;
    }
    return 0;
}

/* hidden = norm (hidden + linear (source)), by way of `narrow`. */
static int add_and_norm (encoder_t *encoder, plan_t *plan, const linear_t *linear,
                         product_t *product, const float *source, const norm_t *norm)
{
    const kernels_t *kernels = encoder->kernels;
    if (linear_multiply (encoder, linear, product, source, plan->rows) != 0)
        return -1;
    for (size_t i = 0; i < plan->rows; i++) {
        float *hidden = encoder->hidden + i * MODEL_WIDTH;
        float *row = linear_row (encoder, linear, encoder->narrow, i);
        kernels->add_bias (row, linear->bias, MODEL_WIDTH);
        kernels->add (hidden, hidden, row, MODEL_WIDTH);
        kernels->layer_norm (hidden, norm->scale, norm->shift, MODEL_WIDTH);
    }
    return 0;
}

static int attention_block (encoder_t *encoder, plan_t *plan, const layer_t *layer, size_t length)
{
    const linear_t *linear = &layer->query_key_value;
    if (linear_multiply (encoder, linear, plan->query_key_value, encoder->hidden, plan->rows) != 0)
        return -1;
    for (size_t i = 0; i < plan->rows; i++)
        encoder->kernels->add_bias (linear_row (encoder, linear, encoder->wide, i), linear->bias,
                                    QKV_WIDTH);
    if (attend (encoder, plan, length) != 0)
        return -1;
    return add_and_norm (encoder, plan, &layer->attended, plan->attended, encoder->context,
                         &layer->attention_norm);
}

static int inner_block (encoder_t *encoder, plan_t *plan, const layer_t *layer)
{
    const linear_t *linear = &layer->inner;
    if (linear_multiply (encoder, linear, plan->inner, encoder->hidden, plan->rows) != 0)
        return -1;
    for (size_t i = 0; i < plan->rows; i++)
        encoder->kernels->gelu (linear_row (encoder, linear, encoder->wide, i), linear->bias,
                                MODEL_INNER);
    return add_and_norm (encoder, plan, &layer->outer, plan->outer, encoder->wide,
                         &layer->output_norm);
}

/* The mean of the rows, at unit length. Dividing by their number would only change the length. */
static void pool_rows (const encoder_t *encoder, size_t length, float vector [EMBEDDING_WIDTH])
{
    memset (vector, 0, EMBEDDING_WIDTH * sizeof *vector);
    for (size_t i = 0; i < length; i++)
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

int encoder_encode (encoder_t *encoder, const int32_t *ids, size_t length,
                    float vector [EMBEDDING_WIDTH])
{
    if (ids_check (ids, length) != 0)
        return -1;
    products_single_thread ();
    size_t rows = (length + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
    plan_t *plan = plan_get (encoder, rows);
    if (!plan)
        return -1;
    embed (encoder, ids, length, rows);
    for (size_t i = 0; i < MODEL_LAYERS; i++) {
        const layer_t *layer = &encoder->model->weights->layers [i];
        if (attention_block (encoder, plan, layer, length) != 0)
            return -1;
        maybe_pause (encoder);
        if (inner_block (encoder, plan, layer) != 0)
            return -1;
        maybe_pause (encoder);
    }
    pool_rows (encoder, length, vector);
    return 0;
}
