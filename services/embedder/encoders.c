/* Encoders: see encoders.h. */
#include "encoders.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "loop.h"
#include "word_pieces.h"

#define MAX_PATH_BYTES 4096
#define PER_THREAD     2       /* encoders: one for a chunk, one for a question in between */

_Static_assert (MAX_SEQUENCE == MAX_PIECES, "sequences are cut where the chunker cuts");

static vocabulary_t *vocabulary;
static model_t *model;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* guards the idle ones */
static encoder_t *idle [PER_THREAD * MOST_THREADS];
static size_t idle_count;

static int path_join (char path [MAX_PATH_BYTES], const char *folder, const char *name)
{
    int length = snprintf (path, MAX_PATH_BYTES, "%s/%s", folder, name);
    if (length < MAX_PATH_BYTES)
        return 0;
    return error_set (ERROR_MODEL_MISSING, "The path of the model's folder is too long.");
}

static int files_load (const char *folder, precision_t precision, const packed_folders_t *packed)
{
    char path [MAX_PATH_BYTES];
    if (path_join (path, folder, "vocab.txt") != 0)
        return -1;
    vocabulary = vocabulary_load (path);
    if (!vocabulary || path_join (path, folder, "model.safetensors") != 0)
        return -1;
    model = model_load (path, precision, packed);
    return model ? 0 : -1;
}

int encoders_open (const char *folder, const char *setting, const packed_folders_t *packed,
                   size_t threads)
{
    uint64_t start = loop_now_ms ();
    precision_t precision;
    const char *why;
    if (precision_choose (setting, &precision, &why) != 0
        || files_load (folder, precision, packed) != 0)
        return -1;
    while (idle_count < PER_THREAD * threads && idle_count < COUNT_OF (idle)) {
        encoder_t *encoder = encoder_new (model);
        if (!encoder)
            return -1;
        idle [idle_count++] = encoder;
    }
    log_info ("model_loaded", "precision=%s why=%s instructions=%s weights=%s threads=%zu ms=%llu",
              precision_name (precision), why, model_instructions (model),
              model_is_shared (model) ? "mapped" : "own", threads,
              (unsigned long long) (loop_now_ms () - start));
    return 0;
}

void encoders_close (void)
{
    while (idle_count > 0)
        encoder_destroy (&idle [--idle_count]);
    model_destroy (&model);
    vocabulary_destroy (&vocabulary);
}

/* There are as many as callers, so one is always idle. */
static encoder_t *encoder_take (encoder_pause_t *pause)
{
    pthread_mutex_lock (&lock);
    encoder_t *encoder = idle_count ? idle [--idle_count] : NULL;
    pthread_mutex_unlock (&lock);
    if (encoder)
        encoder_set_pause (encoder, pause, NULL);
    else
        error_set (ERROR_INTERNAL, "More threads encode than there are encoders.");
    return encoder;
}

static void encoder_give (encoder_t *encoder)
{
    pthread_mutex_lock (&lock);
    idle [idle_count++] = encoder;
    pthread_mutex_unlock (&lock);
}

void sequence_of_text (const char *text, sequence_t *sequence)
{
    sequence->pieces = word_pieces (vocabulary, text, strlen (text), sequence->ids, MAX_SEQUENCE);
}

void sequence_of_ids (const char *ids, sequence_t *sequence)
{
    sequence->pieces = 0;
    for (char *end; *ids; ids = end + strspn (end, " ")) {
        long id = strtol (ids, &end, 10);
        size_t place = sequence->pieces < MAX_SEQUENCE ? sequence->pieces : MAX_SEQUENCE - 1;
        if (end == ids)
            return;
        sequence->ids [place] = id < 0 || id > INT32_MAX ? -1 : (int32_t) id;
        sequence->pieces++;
    }
}

int encoders_encode (const sequence_t *sequence, encoder_pause_t *pause, float *vector)
{
    size_t length = sequence->pieces < MAX_SEQUENCE ? sequence->pieces : MAX_SEQUENCE;
    encoder_t *encoder = encoder_take (pause);
    if (!encoder)
        return -1;
    int result = encoder_encode (encoder, sequence->ids, length, vector);
    encoder_give (encoder);
    return result;
}
