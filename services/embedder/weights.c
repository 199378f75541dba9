/* Weights: see weights.h. */
#include "weights.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "safetensors.h"

#define MAX_TENSOR_NAME 96
#define MAX_TENSOR_PART 64   /* what comes behind the layer */

/* Largest int8 weight. Without VNNI, oneDNN adds pairs of products in 16 bits, which two times
 * 255 * 63 does not overflow. */
#define MOST_INT8        127
#define MOST_INT8_NARROW 63

typedef struct {
    const safetensors_t *tensors;
    numbers_t numbers;
    float most;             /* largest int8 weight */
} reader_t;

/* -- tensors by name ----------------------------------------------------------------------------- */

/* layer -1: a tensor of the embeddings. */
static const float *tensor (const reader_t *reader, int layer, const char *name, size_t rows,
                            size_t columns)
{
    char full [MAX_TENSOR_NAME];
    if (layer < 0)
        snprintf (full, sizeof full, "embeddings.%s", name);
    else
        snprintf (full, sizeof full, "encoder.layer.%d.%s", layer, name);
    size_t shape [2] = {rows, columns};
    return rows == 1 ? safetensors_f32 (reader->tensors, full, 1, shape + 1)
                     : safetensors_f32 (reader->tensors, full, 2, shape);
}

static int norm_read (norm_t *norm, const reader_t *reader, int layer, const char *name)
{
    char part [MAX_TENSOR_PART];
    snprintf (part, sizeof part, "%s.weight", name);
    norm->scale = tensor (reader, layer, part, 1, MODEL_WIDTH);
    snprintf (part, sizeof part, "%s.bias", name);
    norm->shift = tensor (reader, layer, part, 1, MODEL_WIDTH);
    return norm->scale && norm->shift ? 0 : -1;
}

/* -- linear layers ------------------------------------------------------------------------------- */

/* Weights of one output as int8; returns what a weight of 1 stands for. */
static float channel_quantise (int8_t *out, const float *weights, size_t count, float most_int8)
{
    float most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmaxf (most, fabsf (weights [i]));
    float factor = most > 0 ? most_int8 / most : 0;
    for (size_t i = 0; i < count; i++)
        out [i] = (int8_t) lrintf (weights [i] * factor);
    return most / most_int8;
}

static int linear_pack_int8 (linear_t *linear, const float *weights, float most_int8)
{
    int8_t *coarse = malloc (linear->inputs * linear->outputs);
    linear->scales = malloc (linear->outputs * sizeof *linear->scales);
    if (!coarse || !linear->scales) {
        free (coarse);
        return error_set (ERROR_NO_MEMORY, NULL);
    }
    for (size_t i = 0; i < linear->outputs; i++)
        linear->scales [i] = channel_quantise (coarse + i * linear->inputs,
                                               weights + i * linear->inputs, linear->inputs,
                                               most_int8);
    linear->matrix = matrix_pack (NUMBERS_INT8, MODEL_MOST_ROWS, linear->inputs, linear->outputs,
                                  coarse);
    free (coarse);
    return linear->matrix ? 0 : -1;
}

/* Packs weights [outputs][inputs]; the bias is there already. */
static int linear_pack (linear_t *linear, const reader_t *reader, const float *weights)
{
    if (reader->numbers == NUMBERS_INT8)
        return linear_pack_int8 (linear, weights, reader->most);
    linear->matrix = matrix_pack (NUMBERS_F32, MODEL_MOST_ROWS, linear->inputs, linear->outputs,
                                  weights);
    return linear->matrix ? 0 : -1;
}

/* Sets `parts` tensors of the layer on top of each other as one linear layer. */
static int linear_read (linear_t *linear, const reader_t *reader, int layer, size_t inputs,
                        size_t outputs, size_t parts, const char *const names [])
{
    size_t share = outputs / parts;
    float *joined = malloc (inputs * outputs * sizeof *joined);
    linear->inputs = inputs;
    linear->outputs = outputs;
    linear->bias = malloc (outputs * sizeof *linear->bias);
    int result = joined && linear->bias ? 0 : error_set (ERROR_NO_MEMORY, NULL);
    for (size_t i = 0; i < parts && result == 0; i++) {
        char name [MAX_TENSOR_PART];
        snprintf (name, sizeof name, "%s.weight", names [i]);
        const float *weights = tensor (reader, layer, name, share, inputs);
        snprintf (name, sizeof name, "%s.bias", names [i]);
        const float *bias = weights ? tensor (reader, layer, name, 1, share) : NULL;
        if (bias) {
            memcpy (joined + i * share * inputs, weights, share * inputs * sizeof *joined);
            memcpy (linear->bias + i * share, bias, share * sizeof *linear->bias);
        } else {
            result = -1;
        }
    }
    if (result == 0)
        result = linear_pack (linear, reader, joined);
    free (joined);
    return result;
}

static void linear_drop (linear_t *linear)
{
    matrix_destroy (&linear->matrix);
    free (linear->bias);
    free (linear->scales);
}

/* -- the whole ----------------------------------------------------------------------------------- */

static int layer_read (layer_t *layer, const reader_t *reader, int number)
{
    static const char *const query_key_value [] = {
        "attention.self.query", "attention.self.key", "attention.self.value",
    };
    static const char *const attended [] = {"attention.output.dense"};
    static const char *const inner [] = {"intermediate.dense"};
    static const char *const outer [] = {"output.dense"};
    if (linear_read (&layer->query_key_value, reader, number, MODEL_WIDTH, 3 * MODEL_WIDTH, 3,
                     query_key_value) != 0
        || linear_read (&layer->attended, reader, number, MODEL_WIDTH, MODEL_WIDTH, 1, attended) != 0
        || norm_read (&layer->attention_norm, reader, number, "attention.output.LayerNorm") != 0
        || linear_read (&layer->inner, reader, number, MODEL_WIDTH, MODEL_INNER, 1, inner) != 0
        || linear_read (&layer->outer, reader, number, MODEL_INNER, MODEL_WIDTH, 1, outer) != 0
        || norm_read (&layer->output_norm, reader, number, "output.LayerNorm") != 0)
        return -1;
    return 0;
}

static int embeddings_read (weights_t *weights, const reader_t *reader)
{
    weights->words = tensor (reader, -1, "word_embeddings.weight", MODEL_VOCABULARY, MODEL_WIDTH);
    weights->positions = tensor (reader, -1, "position_embeddings.weight", MODEL_POSITIONS,
                                 MODEL_WIDTH);
    weights->segment = tensor (reader, -1, "token_type_embeddings.weight", 2, MODEL_WIDTH);
    if (!weights->words || !weights->positions || !weights->segment)
        return -1;
    return norm_read (&weights->embedding_norm, reader, -1, "LayerNorm");
}

static int weights_read (weights_t *weights, numbers_t numbers)
{
    safetensors_t *tensors = safetensors_open (weights->file);
    if (!tensors)
        return -1;
    reader_t reader = {tensors, numbers, products_fast_int8 () ? MOST_INT8 : MOST_INT8_NARROW};
    int result = embeddings_read (weights, &reader);
    for (int i = 0; i < MODEL_LAYERS && result == 0; i++)
        result = layer_read (&weights->layers [i], &reader, i);
    safetensors_destroy (&tensors);
    return result;
}

/* Maps a file to read. Data NULL with MODEL_MISSING. */
static bytes_t file_map (const char *path)
{
    bytes_t file = {0};
    struct stat status;
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat (fd, &status) == 0 && status.st_size > 0) {
        void *data = mmap (NULL, (size_t) status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data != MAP_FAILED)
            file = (bytes_t) {data, (size_t) status.st_size};
    }
    if (!file.data)
        error_set (ERROR_MODEL_MISSING, "The model %s could not be opened: %s. "
                   "Set QUIRE_MODEL_DIR to the folder of the model's files.", path,
                   fd < 0 ? strerror (errno) : "it is empty or can't be mapped");
    if (fd >= 0)
        close (fd);
    return file;
}

weights_t *weights_load (const char *path, numbers_t numbers)
{
    weights_t *weights = calloc (1, sizeof *weights);
    if (!weights) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    weights->file = file_map (path);
    if (!weights->file.data || weights_read (weights, numbers) != 0) {
        weights_destroy (&weights);
        return NULL;
    }
    /* What was packed is not read again: give its pages back. Embeddings come as they are used. */
    madvise ((void *) (uintptr_t) weights->file.data, weights->file.size, MADV_DONTNEED);
    madvise ((void *) (uintptr_t) weights->file.data, weights->file.size, MADV_RANDOM);
    return weights;
}

void weights_destroy (weights_t **weights)
{
    if (!*weights)
        return;
    for (size_t i = 0; i < MODEL_LAYERS; i++) {
        layer_t *layer = &(*weights)->layers [i];
        linear_drop (&layer->query_key_value);
        linear_drop (&layer->attended);
        linear_drop (&layer->inner);
        linear_drop (&layer->outer);
    }
    if ((*weights)->file.data)
        munmap ((void *) (uintptr_t) (*weights)->file.data, (*weights)->file.size);
    free (*weights);
    *weights = NULL;
}
