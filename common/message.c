/* Messages: encoder and decoder, made by the preprocessor from messages.def. */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "utf8.h"

/* A message's case in a switch: F for each of its fields, which stand in *m. */
#define EACH_FIELD(NAME, name, from, to, FIELDS) \
    case MESSAGE_##NAME: { \
        __typeof__ (&message->name) m = &message->name; \
        FIELDS (F) \
        break; \
    }

/* -- writing: with data NULL a writer only measures ------------------------------------------ */

typedef struct {
    uint8_t *data;
    size_t size;
} writer_t;

static void write_raw (writer_t *w, const void *data, size_t size)
{
    if (w->data && size)
        memcpy (w->data + w->size, data, size);
    w->size += size;
}

static void write_little (writer_t *w, uint64_t value, size_t size)
{
    uint8_t bytes [8];
    for (size_t i = 0; i < size; i++)
        bytes [i] = (uint8_t) (value >> 8 * i);
    write_raw (w, bytes, size);
}

static void write_u32 (writer_t *w, uint32_t value)
{
    write_little (w, value, 4);
}

static void write_u64 (writer_t *w, uint64_t value)
{
    write_little (w, value, 8);
}

static void write_f32 (writer_t *w, float value)
{
    uint32_t bits;
    memcpy (&bits, &value, sizeof bits);
    write_u32 (w, bits);
}

static void write_bytes (writer_t *w, bytes_t bytes)
{
    write_u32 (w, (uint32_t) bytes.size);
    write_raw (w, bytes.data, bytes.size);
}

static void write_string (writer_t *w, const char *string)
{
    size_t size = string ? strlen (string) : 0;
    write_u32 (w, (uint32_t) size);
    write_raw (w, string, size);
    write_raw (w, "", 1);
}

static void write_strings (writer_t *w, strings_t strings)
{
    write_u32 (w, strings.count);
    write_raw (w, strings.data, strings.size);
}

static void write_message (writer_t *w, const message_t *message)
{
    write_little (w, MESSAGE_VERSION, 1);
    write_little (w, message->id, 1);
    switch (message->id) {
#define F(type, field, what) write_##type (w, m->field);
#define MESSAGE EACH_FIELD
#include "messages.def"
#undef MESSAGE
#undef F
    case MESSAGE_NONE:
    case MESSAGE_COUNT:
        break;
    }
}

uint8_t *message_encode (const message_t *message, size_t *size)
{
    writer_t writer = {0};
    write_message (&writer, message);
    if (writer.size > MAX_MESSAGE_BYTES) {
        error_set (ERROR_BAD_MESSAGE, "message %s of %zu bytes is longer than %u",
                   message_name (message->id), writer.size, MAX_MESSAGE_BYTES);
        return NULL;
    }
    uint8_t *data = malloc (writer.size);
    if (!data) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    writer = (writer_t) {.data = data};
    write_message (&writer, message);
    *size = writer.size;
    return data;
}

/* -- reading: after the first fault every read gives zeros ----------------------------------- */

typedef struct {
    const uint8_t *data;
    size_t size, at;
    const char *fault;
} reader_t;

static const uint8_t *take (reader_t *r, size_t size)
{
    if (r->fault || size > r->size - r->at) {
        r->fault = r->fault ? r->fault : "is short";
        return NULL;
    }
    const uint8_t *data = r->data + r->at;
    r->at += size;
    return data;
}

static uint64_t read_little (reader_t *r, size_t size)
{
    const uint8_t *data = take (r, size);
    uint64_t value = 0;
    for (size_t i = 0; data && i < size; i++)
        value |= (uint64_t) data [i] << 8 * i;
    return value;
}

static void read_u32 (reader_t *r, uint32_t *out)
{
    *out = (uint32_t) read_little (r, 4);
}

static void read_u64 (reader_t *r, uint64_t *out)
{
    *out = read_little (r, 8);
}

static void read_f32 (reader_t *r, float *out)
{
    uint32_t bits = (uint32_t) read_little (r, 4);
    memcpy (out, &bits, sizeof bits);
}

static void read_bytes (reader_t *r, bytes_t *out)
{
    size_t size = (size_t) read_little (r, 4);
    const uint8_t *data = take (r, size);
    *out = (bytes_t) {data, data ? size : 0};
}

static void read_string (reader_t *r, const char **out)
{
    size_t size = (size_t) read_little (r, 4);
    const char *text = (const char *) take (r, size + 1);
    *out = "";
    if (!text)
        return;
    if (text [size] != '\0' || !utf8_valid (text, size))
        r->fault = "holds a string that is no UTF-8";
    else
        *out = text;
}

static void read_strings (reader_t *r, strings_t *out)
{
    uint32_t count = (uint32_t) read_little (r, 4);
    size_t start = r->at;
    if (count > MAX_STRINGS)
        r->fault = "holds too many strings";
    for (uint32_t i = 0; i < count && !r->fault; i++) {
        const char *text;
        read_string (r, &text);
    }
    *out = r->fault ? (strings_t) {0} : (strings_t) {r->data + start, r->at - start, count};
}

static void read_message (reader_t *r, message_t *message)
{
    switch (message->id) {
#define F(type, field, what) read_##type (r, &m->field);
#define MESSAGE EACH_FIELD
#include "messages.def"
#undef MESSAGE
#undef F
    case MESSAGE_NONE:
    case MESSAGE_COUNT:
        break;
    }
}

int message_decode (message_t *message, const void *data, size_t size)
{
    *message = (message_t) {0};
    reader_t reader = {.data = data, .size = size};
    unsigned version = (unsigned) read_little (&reader, 1);
    unsigned id = (unsigned) read_little (&reader, 1);
    if (reader.fault || version != MESSAGE_VERSION)
        return error_set (ERROR_BAD_MESSAGE, "a message of %zu bytes has version %u, not %u: all roles "
                          "must be of one version", size, version, MESSAGE_VERSION);
    if (id == MESSAGE_NONE || id >= MESSAGE_COUNT)
        return error_set (ERROR_BAD_MESSAGE, "a message has the unknown id %u", id);
    message->id = (message_id_t) id;
    read_message (&reader, message);
    if (!reader.fault && reader.at != size)
        reader.fault = "has trailing bytes";
    if (reader.fault)
        return error_set (ERROR_BAD_MESSAGE, "message %s of %zu bytes %s", message_name (message->id), size,
                          reader.fault);
    return 0;
}

const char *message_name (message_id_t id)
{
    static const char *const names [MESSAGE_COUNT] = {
#define MESSAGE(NAME, name, from, to, FIELDS) [MESSAGE_##NAME] = #name,
#include "messages.def"
#undef MESSAGE
    };
    return id > 0 && id < MESSAGE_COUNT ? names [id] : "unknown";
}

/* -- for the log ----------------------------------------------------------------------------- */

static void describe_u32 (FILE *out, const char *name, uint32_t value)
{
    fprintf (out, " %s=%u", name, value);
}

static void describe_u64 (FILE *out, const char *name, uint64_t value)
{
    fprintf (out, " %s=%llu", name, (unsigned long long) value);
}

static void describe_f32 (FILE *out, const char *name, float value)
{
    fprintf (out, " %s=%g", name, value);
}

/* Of strings only ids: anything else may be document text or a secret. */
static void describe_string (FILE *out, const char *name, const char *value)
{
    size_t length = strlen (name);
    if (length > 3 && strcmp (name + length - 3, "_id") == 0 && value && *value)
        fprintf (out, " %s=%.64s", name, value);
}

static void describe_bytes (FILE *out, const char *name, bytes_t value)
{
    fprintf (out, " %s=%zuB", name, value.size);
}

static void describe_strings (FILE *out, const char *name, strings_t value)
{
    fprintf (out, " %s=%u", name, value.count);
}

uint8_t *message_copy (message_t *copy, const message_t *message)
{
    size_t size;
    uint8_t *block = message_encode (message, &size);
    if (block != NULL && message_decode (copy, block, size) != 0) {
        free (block);
        return NULL;
    }
    return block;
}

void message_describe (const message_t *message, char *text, size_t capacity)
{
    FILE *out = fmemopen (text, capacity, "w");
    if (!out)
        return;
    fputs (message_name (message->id), out);
    switch (message->id) {
#define F(type, field, what) describe_##type (out, #field, m->field);
#define MESSAGE EACH_FIELD
#include "messages.def"
#undef MESSAGE
#undef F
    case MESSAGE_NONE:
    case MESSAGE_COUNT:
        break;
    }
    fclose (out);
    text [capacity - 1] = '\0';
}

/* -- lists of strings ------------------------------------------------------------------------ */

const char *strings_next (strings_t strings, size_t *cursor)
{
    reader_t reader = {.data = strings.data, .size = strings.size, .at = *cursor};
    if (*cursor >= strings.size)
        return NULL;
    size_t size = (size_t) read_little (&reader, 4);
    const char *text = (const char *) take (&reader, size + 1);
    *cursor = reader.at;
    return text;
}

static int builder_reserve (strings_builder_t *builder, size_t more)
{
    size_t needed = builder->size + more;
    if (needed > MAX_MESSAGE_BYTES || builder->count >= MAX_STRINGS)
        return error_set (ERROR_BAD_MESSAGE, "a list holds too many strings");
    if (needed <= builder->capacity)
        return 0;
    size_t capacity = needed * 2;
    uint8_t *data = realloc (builder->data, capacity);
    if (!data)
        return error_set (ERROR_NO_MEMORY, NULL);
    builder->data = data;
    builder->capacity = capacity;
    return 0;
}

int strings_add (strings_builder_t *builder, const char *text, size_t size)
{
    if (builder_reserve (builder, size + 5) != 0)
        return -1;
    writer_t writer = {builder->data, builder->size};
    write_u32 (&writer, (uint32_t) size);
    write_raw (&writer, text, size);
    write_raw (&writer, "", 1);
    builder->size = writer.size;
    builder->count++;
    return 0;
}

strings_t strings_built (const strings_builder_t *builder)
{
    return (strings_t) {builder->data, builder->size, builder->count};
}

void strings_free (strings_builder_t *builder)
{
    free (builder->data);
    *builder = (strings_builder_t) {0};
}
