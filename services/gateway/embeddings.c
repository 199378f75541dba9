/* embeddings: texts to vectors, and the models that there are. */
#include "embeddings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

#define VECTOR_BYTES     (EMBEDDING_WIDTH * 4)
#define NUMBER_BYTES     16                              /* of one number as text, at most */
#define ITEM_BYTES       (EMBEDDING_WIDTH * NUMBER_BYTES + 128)
#define MODEL_CREATED    1630000000                      /* when the model was published */

/* -- vectors as text ------------------------------------------------------------------------- */

static uint32_t get_u32 (const uint8_t *at)
{
    return (uint32_t) at [0] | (uint32_t) at [1] << 8 | (uint32_t) at [2] << 16 | (uint32_t) at [3] << 24;
}

static float get_f32 (const uint8_t *at)
{
    uint32_t bits = get_u32 (at);
    float value;
    memcpy (&value, &bits, sizeof value);
    return value;
}

/* Nine decimals, more than an f32 of a unit vector holds: printf takes ten times as long. */
static char *put_number (char *out, float value)
{
    if (!(fabsf (value) < 1))
        return out + sprintf (out, "%.8g", isfinite (value) ? (double) value : 0);
    long long scaled = llround (fabs ((double) value) * 1e9);
    if (value < 0)
        *out++ = '-';
    *out++ = (char) ('0' + scaled / 1000000000);
    *out++ = '.';
    for (long long unit = 100000000; unit > 0; unit /= 10)
        *out++ = (char) ('0' + scaled / unit % 10);
    return out;
}

static char *put_list (char *out, const uint8_t *vector)
{
    *out++ = '[';
    for (size_t i = 0; i < EMBEDDING_WIDTH; i++) {
        if (i > 0)
            *out++ = ',';
        out = put_number (out, get_f32 (vector + 4 * i));
    }
    *out++ = ']';
    return out;
}

/* The bytes of a vector are a multiple of three: no padding. */
static char *put_base64 (char *out, const uint8_t *vector)
{
    static const char digits [] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    _Static_assert (VECTOR_BYTES % 3 == 0, "a vector needs no padding");
    *out++ = '"';
    for (size_t i = 0; i < VECTOR_BYTES; i += 3) {
        uint32_t bits = (uint32_t) vector [i] << 16 | (uint32_t) vector [i + 1] << 8 | vector [i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *out++ = digits [bits >> shift & 63];
    }
    *out++ = '"';
    return out;
}

static char *put_item (char *out, const uint8_t *vector, size_t index, bool base64)
{
    out += sprintf (out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", index > 0 ? "," : "", index);
    out = base64 ? put_base64 (out, vector) : put_list (out, vector);
    *out++ = '}';
    return out;
}

char *embeddings_json (bytes_t vectors, bytes_t pieces, size_t count, bool base64)
{
    unsigned long long tokens = 0;
    if (vectors.size != count * VECTOR_BYTES || pieces.size != count * 4) {
        error_set (ERROR_BAD_MESSAGE, NULL);
        return NULL;
    }
    char *json = malloc (count * ITEM_BYTES + 512), *out = json;
    if (json == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    out += sprintf (out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < count; i++) {
        out = put_item (out, (const uint8_t *) vectors.data + i * VECTOR_BYTES, i, base64);
        tokens += get_u32 ((const uint8_t *) pieces.data + 4 * i);
    }
    sprintf (out, "],\"model\":\"" EMBEDDING_MODEL "\",\"usage\":{\"prompt_tokens\":%llu,\"total_tokens\":%llu}}",
             tokens, tokens);
    return json;
}

/* -- the request ----------------------------------------------------------------------------- */

static size_t text_count (const request_t *request)
{
    const value_t *input = request_value (request, "input");
    return input->text != NULL ? 1 : yyjson_arr_size (input->json);
}

static void on_embedded (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    if (answer->message == NULL || answer->message->id != MESSAGE_EMBEDDED) {
        api_fail (request, answer);
        return;
    }
    const embedded_message_t *embedded = &answer->message->embedded;
    bool base64 = strcmp (request_text (request, "encoding_format"), "base64") == 0;
    char *json = embeddings_json (embedded->vectors, embedded->pieces, text_count (request), base64);
    if (json == NULL)
        request_fail_last (request);
    else
        request_answer_taken (request, 200, "application/json", &json, strlen (json));
}

static bool has_empty (strings_t texts)
{
    size_t cursor = 0;
    for (const char *text; (text = strings_next (texts, &cursor)) != NULL;)
        if (*text == 0)
            return true;
    return false;
}

static void embed (request_t *request, strings_t texts)
{
    const value_t *dimensions = request_value (request, "dimensions");
    if (has_empty (texts)) {
        request_fail (request, ERROR_BAD_FIELD, "'input' has an empty text.", "input");
        return;
    }
    if (dimensions->given && dimensions->integer != EMBEDDING_WIDTH) {
        request_fail (request, ERROR_BAD_FIELD, "'dimensions' must be 384, which is what the model gives.",
                      "dimensions");
        return;
    }
    message_t message = {.id = MESSAGE_EMBED, .embed = {.texts = texts}};
    ask_longer (&message, (uint64_t) texts.count * EMBED_TEXT_MS, on_embedded, request);
}

void api_create_embeddings (request_t *request)
{
    strings_builder_t texts = {0};
    if (api_texts (request_value (request, "input"), &texts) != 0)
        request_fail_last (request);
    else
        embed (request, strings_built (&texts));
    strings_free (&texts);
}

/* -- models ---------------------------------------------------------------------------------- */

static const char *const models [] = {EMBEDDING_MODEL, "quire"};

static yyjson_mut_val *model_json (yyjson_mut_doc *document, const char *id)
{
    yyjson_mut_val *model = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, model, "id", id);
    yyjson_mut_obj_add_str (document, model, "object", "model");
    yyjson_mut_obj_add_int (document, model, "created", MODEL_CREATED);
    yyjson_mut_obj_add_str (document, model, "owned_by", "quire");
    return model;
}

void api_list_models (request_t *request)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "object", "list");
    yyjson_mut_val *data = yyjson_mut_obj_add_arr (document, root, "data");
    for (size_t i = 0; i < COUNT_OF (models); i++)
        yyjson_mut_arr_append (data, model_json (document, models [i]));
    api_answer (request, 200, &document);
}

void api_get_model (request_t *request)
{
    for (size_t i = 0; i < COUNT_OF (models); i++)
        if (strcmp (request_text (request, "model"), models [i]) == 0) {
            yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
            yyjson_mut_doc_set_root (document, model_json (document, models [i]));
            api_answer (request, 200, &document);
            return;
        }
    request_fail (request, ERROR_NOT_FOUND, "There is no such model. GET /v1/models lists those that exist.", "model");
}
