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
#include "log.h"
#include "safetensors.h"

#define MAX_TENSOR_NAME 96
#define MAX_TENSOR_PART 64   /* what comes behind the layer */
#define MAX_NAME        96   /* of the file of packed weights */
#define MAX_PURPOSE     256

/* Largest int8 weight. Without VNNI, oneDNN adds pairs of products in 16 bits, which two times
 * 255 * 63 does not overflow. */
#define MOST_INT8        127
#define MOST_INT8_NARROW 63

typedef struct {
    const safetensors_t *tensors;
    packed_t *packed;       /* mapped: found there; else put there */
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

/* Where the layer's numbers are, or are to be. */
typedef struct {
    float *bias, *scales, *totals;
    uint8_t *layout;        /* of the packed matrix */
    void *matrix;
} linear_places_t;

/* Weights of one output as int8. Returns what a weight of 1 stands for, and in *total their sum. */
static float channel_quantise (int8_t *out, float *total, const float *weights, size_t count,
                               float most_int8)
{
    float most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmaxf (most, fabsf (weights [i]));
    float factor = most > 0 ? most_int8 / most : 0;
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += out [i] = (int8_t) lrintf (weights [i] * factor);
    *total = (float) sum * (most / most_int8);
    return most / most_int8;
}

static int linear_pack_int8 (linear_t *linear, const linear_places_t *places, const float *weights,
                             float most_int8)
{
    int8_t *coarse = malloc (linear->inputs * linear->outputs);
    if (!coarse)
        return error_set (ERROR_NO_MEMORY, NULL);
    for (size_t i = 0; i < linear->outputs; i++)
        places->scales [i] = channel_quantise (coarse + i * linear->inputs, places->totals + i,
                                               weights + i * linear->inputs, linear->inputs,
                                               most_int8);
    int result = matrix_pack (linear->matrix, coarse);
    free (coarse);
    return result;
}

/* Sets `parts` tensors of the layer on top of each other: weights and biases of one linear layer. */
static int parts_join (const linear_t *linear, const reader_t *reader, int layer, size_t parts,
                       const char *const names [], float *joined, float *joined_bias)
{
    size_t share = linear->outputs / parts;
    for (size_t i = 0; i < parts; i++) {
        char name [MAX_TENSOR_PART];
        snprintf (name, sizeof name, "%s.weight", names [i]);
        const float *weights = tensor (reader, layer, name, share, linear->inputs);
        snprintf (name, sizeof name, "%s.bias", names [i]);
        const float *bias = weights ? tensor (reader, layer, name, 1, share) : NULL;
        if (!bias)
            return -1;
        memcpy (joined + i * share * linear->inputs, weights, share * linear->inputs * sizeof *joined);
        memcpy (joined_bias + i * share, bias, share * sizeof *bias);
    }
    return 0;
}

static int linear_take (linear_places_t *places, const linear_t *linear, const reader_t *reader)
{
    packed_t *packed = reader->packed;
    *places = (linear_places_t) {0};
    places->bias = packed_take (packed, linear->outputs * sizeof (float));
    if (!places->bias)
        return -1;
    if (reader->numbers == NUMBERS_INT8
        && (!(places->scales = packed_take (packed, linear->outputs * sizeof (float)))
            || !(places->totals = packed_take (packed, linear->outputs * sizeof (float)))))
        return -1;
    places->layout = packed_take (packed, MATRIX_LAYOUT_BYTES);
    places->matrix = places->layout ? packed_take (packed, matrix_bytes (linear->matrix)) : NULL;
    return places->matrix ? matrix_place (linear->matrix, places->matrix) : -1;
}

static int linear_fill (linear_t *linear, const linear_places_t *places, const reader_t *reader,
                        int layer, size_t parts, const char *const names [])
{
    float *joined = malloc (linear->inputs * linear->outputs * sizeof *joined);
    int result = joined ? parts_join (linear, reader, layer, parts, names, joined, places->bias)
                        : error_set (ERROR_NO_MEMORY, NULL);
    if (result == 0)
        result = matrix_layout (linear->matrix, places->layout);
    if (result == 0)
        result = reader->numbers == NUMBERS_INT8
               ? linear_pack_int8 (linear, places, joined, reader->most)
               : matrix_pack (linear->matrix, joined);
    free (joined);
    return result;
}

/* A file of the same processor and the same oneDNN has the same layouts: this is to be sure. */
static int layout_check (const linear_t *linear, const uint8_t *found)
{
    return matrix_has_layout (linear->matrix, found)
         ? 0 : error_set (ERROR_INTERNAL, "The packed weights have another layout.");
}

/* A linear layer of `parts` tensors. */
static int linear_read (linear_t *linear, const reader_t *reader, int layer, size_t inputs,
                        size_t outputs, size_t parts, const char *const names [])
{
    linear_places_t places;
    linear->inputs = inputs;
    linear->outputs = outputs;
    linear->matrix = matrix_new (reader->numbers, MODEL_MOST_ROWS, inputs, outputs);
    if (!linear->matrix || linear_take (&places, linear, reader) != 0)
        return -1;
    linear->bias = places.bias;
    linear->scales = places.scales;
    linear->totals = places.totals;
    return packed_is_mapped (reader->packed)
         ? layout_check (linear, places.layout)
         : linear_fill (linear, &places, reader, layer, parts, names);
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

/* A scale a word: a quarter of the memory, and no worse vectors (docs/embedder.md). */
static int words_read (weights_t *weights, const reader_t *reader)
{
    if (reader->numbers != NUMBERS_INT8)
        return 0;
    int8_t *codes = packed_take (reader->packed, (size_t) MODEL_VOCABULARY * MODEL_WIDTH);
    float *scales = codes ? packed_take (reader->packed, MODEL_VOCABULARY * sizeof *scales) : NULL;
    if (!scales)
        return -1;
    weights->word_codes = codes;
    weights->word_scales = scales;
    if (packed_is_mapped (reader->packed))
        return 0;
    float total;
    for (size_t i = 0; i < MODEL_VOCABULARY; i++)
        scales [i] = channel_quantise (codes + i * MODEL_WIDTH, &total, weights->words + i * MODEL_WIDTH,
                                       MODEL_WIDTH, MOST_INT8);
    return 0;
}

static void word_decode (float *restrict row, const int8_t *restrict codes, float scale)
{
    for (size_t i = 0; i < MODEL_WIDTH; i++)
        row [i] = (float) codes [i] * scale;
}

void weights_word (const weights_t *weights, int32_t id, float row [MODEL_WIDTH])
{
    size_t start = (size_t) id * MODEL_WIDTH;
    if (weights->word_codes)
        word_decode (row, weights->word_codes + start, weights->word_scales [id]);
    else
        memcpy (row, weights->words + start, MODEL_WIDTH * sizeof *row);
}

static void layers_drop (weights_t *weights)
{
    weights->word_codes = NULL;
    weights->word_scales = NULL;
    for (size_t i = 0; i < MODEL_LAYERS; i++) {
        layer_t *layer = &weights->layers [i];
        matrix_destroy (&layer->query_key_value.matrix);
        matrix_destroy (&layer->attended.matrix);
        matrix_destroy (&layer->inner.matrix);
        matrix_destroy (&layer->outer.matrix);
    }
    packed_destroy (&weights->packed);
}

/* Reads the layers out of `packed`, which it takes, or into it when it is empty. */
static int layers_read (weights_t *weights, reader_t *reader, packed_t **packed)
{
    weights->packed = reader->packed = *packed;
    *packed = NULL;
    int result = reader->packed ? 0 : -1;
    for (int i = 0; i < MODEL_LAYERS && result == 0; i++)
        result = layer_read (&weights->layers [i], reader, i);
    if (result == 0)
        result = words_read (weights, reader);
    if (result != 0)
        layers_drop (weights);
    return result;
}

/* Packed weights that are right but for their size or layout are none. */
static int layers_find (weights_t *weights, reader_t *reader, packed_source_t *source)
{
    packed_t *packed = packed_open (source);
    if (!packed)
        return -1;
    int result = layers_read (weights, reader, &packed);
    if (result == 0 && !packed_is_used_up (weights->packed)) {
        layers_drop (weights);
        result = error_set (ERROR_INTERNAL, "The packed weights have another size.");
    }
    if (result != 0)
        log_warning ("packed_weights_passed_over", "file=%s why=\"%s\"", source->name, error_text ());
    return result;
}

/* What was packed and kept is mapped, as by all the others that find it. */
static int layers_make (weights_t *weights, reader_t *reader, packed_source_t *source)
{
    packed_t *packed = packed_new ();
    if (layers_read (weights, reader, &packed) != 0)
        return -1;
    if (packed_keep (weights->packed, source) != 0)
        return 0;
    layers_drop (weights);
    if (layers_find (weights, reader, source) == 0)
        return 0;
    packed = packed_new ();
    return layers_read (weights, reader, &packed);
}

static int weights_read (weights_t *weights, numbers_t numbers, packed_source_t *source)
{
    safetensors_t *tensors = safetensors_open (weights->file);
    if (!tensors)
        return -1;
    reader_t reader = {tensors, NULL, numbers, products_fast_int8 () ? MOST_INT8 : MOST_INT8_NARROW};
    static const char *const names [] = {
        [NUMBERS_F32] = "f32", [NUMBERS_INT8] = "int8", [NUMBERS_BF16] = "bf16",
    };
    char purpose [MAX_PURPOSE], name [MAX_NAME];
    snprintf (purpose, sizeof purpose, "code %s, %s, %s, numbers %d up to %g", PACKING_CODE,
              products_version (), products_processor (), (int) numbers, (double) reader.most);
    snprintf (name, sizeof name, "model.%s.%s.packed", names [numbers],
              products_processor ());
    source->purpose = purpose;
    source->name = name;
    int result = embeddings_read (weights, &reader);
    if (result == 0 && layers_find (weights, &reader, source) != 0)
        result = layers_make (weights, &reader, source);
    safetensors_destroy (&tensors);
    return result;
}

/* Maps a file to read. Data NULL with MODEL_MISSING. */
static bytes_t file_map (const char *path, struct stat *status)
{
    bytes_t file = {0};
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat (fd, status) == 0 && status->st_size > 0) {
        void *data = mmap (NULL, (size_t) status->st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data != MAP_FAILED)
            file = (bytes_t) {data, (size_t) status->st_size};
    }
    if (!file.data)
        error_set (ERROR_MODEL_MISSING, "The model %s could not be opened: %s. "
                   "Set QUIRE_MODEL_DIR to the folder of the model's files.", path,
                   fd < 0 ? strerror (errno) : "it is empty or can't be mapped");
    if (fd >= 0)
        close (fd);
    return file;
}

weights_t *weights_load (const char *path, numbers_t numbers, const packed_folders_t *folders)
{
    weights_t *weights = calloc (1, sizeof *weights);
    if (!weights) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    packed_source_t source = {0};
    if (folders)
        source.folders = *folders;
    weights->file = source.model = file_map (path, &source.status);
    if (!weights->file.data || weights_read (weights, numbers, &source) != 0) {
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
    layers_drop (*weights);
    if ((*weights)->file.data)
        munmap ((void *) (uintptr_t) (*weights)->file.data, (*weights)->file.size);
    free (*weights);
    *weights = NULL;
}
