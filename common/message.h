/* Messages between processes: structs, encoder and decoder, made from messages.def.
 *
 * On the wire: version u8, id u8, then the fields in order, integers little-endian; a string is a
 * u32 length, its bytes and a NUL; bytes are a u32 length and the bytes; strings are a u32 count
 * and that many strings. Pure. */
#ifndef QUIRE_MESSAGE_H
#define QUIRE_MESSAGE_H

#include "macros.h"

#define MAX_MESSAGE_BYTES (64u << 20)
#define MAX_STRINGS 4096u
#define MAX_QUERIES 16            /* of one search */

/* An embed request may take so much longer for each of its texts: one full sequence, without vector
 * instructions, on a core that others use too. Both ends of the link `ask` wait by it. */
#define EMBED_TEXT_MS 250

/* A list of strings in wire form. Build one with strings_builder_t; walk one with strings_next. */
typedef struct {
    const uint8_t *data;
    size_t size;
    uint32_t count;
} strings_t;

typedef uint32_t message_field_u32;
typedef uint64_t message_field_u64;
typedef float message_field_f32;
typedef const char *message_field_string;   /* NULL is sent as "" */
typedef bytes_t message_field_bytes;
typedef strings_t message_field_strings;

#define F(type, name, what) message_field_##type name;
#define MESSAGE(NAME, name, from, to, FIELDS) typedef struct { FIELDS (F) } name##_message_t;
#include "messages.def"
#undef MESSAGE
#undef F

typedef enum {
    MESSAGE_NONE = 0,
#define MESSAGE(NAME, name, from, to, FIELDS) MESSAGE_##NAME,
#include "messages.def"
#undef MESSAGE
    MESSAGE_COUNT
} message_id_t;

typedef struct {
    message_id_t id;
    union {
#define MESSAGE(NAME, name, from, to, FIELDS) name##_message_t name;
#include "messages.def"
#undef MESSAGE
    };
} message_t;

const char *message_name (message_id_t id);   /* "extract_pages"; "unknown" */

/* Encodes a message. Returns a buffer that the caller frees, or NULL with BAD_MESSAGE (longer than
 * MAX_MESSAGE_BYTES) or NO_MEMORY. */
MUST_CHECK uint8_t *message_encode (const message_t *message, size_t *size);

/* Decodes a message; its strings and bytes point into data. Returns 0, or -1 with BAD_MESSAGE:
 * wrong version, unknown id, short, trailing bytes, a string that is no UTF-8 or holds a NUL. */
MUST_CHECK int message_decode (message_t *message, const void *data, size_t size);

/* Copies a message through its wire's form: one block, checked again, which the caller frees and the
 * copy points into. NULL with BAD_MESSAGE or NO_MEMORY. */
MUST_CHECK uint8_t *message_copy (message_t *copy, const message_t *message);

/* Writes what a log may tell of a message: its name, numbers and ids; no text, no secret. */
void message_describe (const message_t *message, char *out, size_t capacity);

/* Steps through a list: *cursor starts at 0. Returns the next string (NUL-terminated, in place)
 * or NULL at the end. */
const char *strings_next (strings_t strings, size_t *cursor);

/* Collects strings for a message. Zeroed is empty; the list borrows from the builder. */
typedef struct {
    uint8_t *data;
    size_t size, capacity;
    uint32_t count;
} strings_builder_t;

MUST_CHECK int strings_add (strings_builder_t *builder, const char *text, size_t size);
strings_t strings_built (const strings_builder_t *builder);
void strings_free (strings_builder_t *builder);

#endif
