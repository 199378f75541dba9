/* The golden texts (tests/golden/embeddings.json) and the model's files, for tests. */
#ifndef QUIRE_TESTS_GOLDEN_H
#define QUIRE_TESTS_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "macros.h"

#define GOLDEN_TEXTS 200
#define GOLDEN_WIDTH 384
#define GOLDEN_MOST_IDS 256

typedef struct {
    const char *text;
    size_t size;
    int32_t ids [GOLDEN_MOST_IDS];
    size_t id_count;            /* at most GOLDEN_MOST_IDS */
    size_t pieces;              /* before that cut */
    float vector [GOLDEN_WIDTH];
} golden_t;

/* Path of one of the model's files. The tests need the real model: QUIRE_MODEL_DIR says where. */
static inline const char *golden_model_path (const char *name)
{
    static char path [4096];
    const char *folder = getenv ("QUIRE_MODEL_DIR");
    if (!folder) {
        fprintf (stderr, "QUIRE_MODEL_DIR is not set: the folder with model.safetensors and "
                 "vocab.txt\n");
        exit (1);
    }
    snprintf (path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline unsigned golden_digit (char c)
{
    static const char digits [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr (digits, c) : NULL;
    return found ? (unsigned) (found - digits) : 0;
}

/* base64 of exactly `size` bytes, a multiple of 3. */
static inline void golden_base64 (const char *text, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i += 3, text += 4) {
        unsigned bits = golden_digit (text [0]) << 18 | golden_digit (text [1]) << 12
                      | golden_digit (text [2]) << 6 | golden_digit (text [3]);
        out [i] = (uint8_t) (bits >> 16);
        out [i + 1] = (uint8_t) (bits >> 8);
        out [i + 2] = (uint8_t) bits;
    }
}

static inline void golden_record (golden_t *golden, yyjson_val *record)
{
    yyjson_val *text = yyjson_obj_get (record, "text"), *ids = yyjson_obj_get (record, "ids"), *id;
    size_t index, count;
    golden->text = yyjson_get_str (text);
    golden->size = yyjson_get_len (text);
    yyjson_arr_foreach (ids, index, count, id)
        if (index < GOLDEN_MOST_IDS)
            golden->ids [index] = (int32_t) yyjson_get_int (id);
    golden->id_count = count;
    golden->pieces = (size_t) yyjson_get_uint (yyjson_obj_get (record, "pieces"));
    golden_base64 (yyjson_get_str (yyjson_obj_get (record, "vector")), (uint8_t *) golden->vector,
                   sizeof golden->vector);
}

/* All of them, GOLDEN_TEXTS; they stay until the test program ends. */
static inline const golden_t *golden_load (void)
{
    static golden_t golden [GOLDEN_TEXTS];
    static yyjson_doc *file;
    if (file)
        return golden;
    file = yyjson_read_file (TESTS_DIR "/golden/embeddings.json", 0, NULL, NULL);
    yyjson_val *records = yyjson_obj_get (yyjson_doc_get_root (file), "texts"), *record;
    size_t index, count;
    if (yyjson_arr_size (records) != GOLDEN_TEXTS) {
        fprintf (stderr, "tests/golden/embeddings.json does not hold %d texts\n", GOLDEN_TEXTS);
        exit (1);
    }
    yyjson_arr_foreach (records, index, count, record)
        golden_record (&golden [index], record);
    return golden;
}

#endif
