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
#define ID_BYTES         11                              /* of one id as text, with what parts it */
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

static char *put_item (char *out, const uint8_t *vector, size_t index, bool base64, bool cut)
{
    out += sprintf (out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", index > 0 ? "," : "", index);
    out = base64 ? put_base64 (out, vector) : put_list (out, vector);
    return out + sprintf (out, cut ? ",\"truncated\":true}" : "}");
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
        uint32_t all = get_u32 ((const uint8_t *) pieces.data + 4 * i);
        bool cut = all > MAX_TEXT_PIECES;
        out = put_item (out, (const uint8_t *) vectors.data + i * VECTOR_BYTES, i, base64, cut);
        tokens += cut ? MAX_TEXT_PIECES : all;
    }
    sprintf (out, "],\"model\":\"" EMBEDDING_MODEL "\",\"usage\":{\"prompt_tokens\":%llu,\"total_tokens\":%llu}}",
             tokens, tokens);
    return json;
}

int embeddings_fit (bytes_t pieces)
{
    for (size_t i = 0; i < pieces.size / 4; i++) {
        uint32_t count = get_u32 ((const uint8_t *) pieces.data + 4 * i);
        if (count > MAX_TEXT_PIECES)
            return error_set (ERROR_SEQUENCE_TOO_LONG, "Text %zu of 'input', counted from 0, has %u word pieces, and "
                              "the model takes %d ([CLS] and [SEP] included). Split it, or send \"truncate\": true to "
                              "have its beginning embedded.", i, count, MAX_TEXT_PIECES);
    }
    return 0;
}

/* -- ids of word pieces ---------------------------------------------------------------------- */

static int check_ids (yyjson_val *ids)
{
    yyjson_val *item;
    size_t index, count;
    if (yyjson_arr_size (ids) < 3 || yyjson_get_uint (yyjson_arr_get_first (ids)) != PIECE_BEGIN
        || yyjson_get_uint (yyjson_arr_get_last (ids)) != PIECE_END)
        return error_set (ERROR_BAD_FIELD, "Ids in 'input' must be those of " EMBEDDING_MODEL "'s own tokenizer: %d "
                          "([CLS]), at least one piece, %d ([SEP]). Those of another model's mean nothing to it: send "
                          "text instead (LangChain: check_embedding_ctx_length=False).", PIECE_BEGIN, PIECE_END);
    yyjson_arr_foreach (ids, index, count, item) {
        if (yyjson_get_uint (item) >= PIECE_IDS)
            return error_set (ERROR_BAD_FIELD, "'input' has the id %llu, and " EMBEDDING_MODEL " has those from 0 to %d.",
                              (unsigned long long) yyjson_get_uint (item), PIECE_IDS - 1);
    }
    return 0;
}

int embeddings_add_ids (strings_builder_t *texts, yyjson_val *ids)
{
    yyjson_val *item;
    size_t index, count;
    if (check_ids (ids) != 0)
        return -1;
    char *text = malloc (yyjson_arr_size (ids) * ID_BYTES), *out = text;
    if (text == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    yyjson_arr_foreach (ids, index, count, item)
        out += sprintf (out, "%s%u", index > 0 ? " " : "", (unsigned) yyjson_get_uint (item));
    int result = strings_add (texts, text, (size_t) (out - text));
    free (text);
    return result;
}

/* -- the request ----------------------------------------------------------------------------- */

/* Adds what the field holds, of whichever form it is. */
static int read_input (const value_t *input, strings_builder_t *texts, bool *ids)
{
    yyjson_val *item, *first = yyjson_arr_get_first (input->json);
    size_t index, count;
    *ids = yyjson_is_num (first) || yyjson_is_arr (first);
    if (!*ids)
        return api_texts (input, texts);
    if (yyjson_is_num (first))
        return embeddings_add_ids (texts, input->json);
    yyjson_arr_foreach (input->json, index, count, item) {
        if (embeddings_add_ids (texts, item) != 0)
            return -1;
    }
    return 0;
}

static void on_embedded (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    if (answer->message == NULL || answer->message->id != MESSAGE_EMBEDDED) {
        api_fail (request, answer);
        return;
    }
    const embedded_message_t *embedded = &answer->message->embedded;
    if (!request_value (request, "truncate")->integer && embeddings_fit (embedded->pieces) != 0) {
        request_fail (request, error_get (), error_text (), "input");
        return;
    }
    bool base64 = strcmp (request_text (request, "encoding_format"), "base64") == 0;
    char *json = embeddings_json (embedded->vectors, embedded->pieces, embedded->pieces.size / 4, base64);
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

static void embed (request_t *request, strings_t texts, bool ids)
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
    message_t message = {.id = MESSAGE_EMBED, .embed = {
        .texts = texts, .ids = ids, .whole = !request_value (request, "truncate")->integer}};
    ask_longer (&message, (uint64_t) texts.count * EMBED_TEXT_MS, on_embedded, request);
}

void api_create_embeddings (request_t *request)
{
    strings_builder_t texts = {0};
    bool ids;
    if (read_input (request_value (request, "input"), &texts, &ids) != 0)
        request_fail (request, error_get (), error_text (), "input");
    else
        embed (request, strings_built (&texts), ids);
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
