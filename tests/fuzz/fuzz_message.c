/* Messages: any bytes are decoded or refused; what is decoded is encoded to the same bytes, and its
 * description fits wherever it is put. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "message.h"
#include "utf8.h"

void fuzz_start (void) {}

/* Strings walk to their end, each valid and as many as were counted. */
static void walk (strings_t strings)
{
    size_t cursor = 0, count = 0;
    for (const char *text; (text = strings_next (strings, &cursor)); count++)
        MUST (utf8_valid (text, strlen (text)));
    MUST (count == strings.count && cursor == strings.size && count <= MAX_STRINGS);
}

#define CHECK_u32(field)     (void) (field)
#define CHECK_u64(field)     (void) (field)
#define CHECK_f32(field)     (void) (field)
#define CHECK_bytes(field)   MUST ((field).size == 0 || (field).data != NULL)
#define CHECK_string(field)  MUST (utf8_valid ((field), strlen (field)))
#define CHECK_strings(field) walk (field)

static void check_fields (const message_t *message)
{
    switch (message->id) {
#define F(type, field, what) CHECK_##type (m->field);
#define MESSAGE(NAME, name, from, to, FIELDS) \
    case MESSAGE_##NAME: { \
        const name##_message_t *m = &message->name; \
        FIELDS (F) \
        break; \
    }
#include "messages.def"
#undef MESSAGE
#undef F
    case MESSAGE_NONE:
    case MESSAGE_COUNT:
        MUST (!"a message that is none");
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    message_t message;
    size_t back_size;
    char text [300];
    if (message_decode (&message, data, size) != 0) {
        MUST (error_get () == ERROR_BAD_MESSAGE);
        return 0;
    }
    check_fields (&message);
    uint8_t *back = message_encode (&message, &back_size);
    MUST (back && back_size == size && memcmp (back, data, size) == 0);
    free (back);
    for (size_t room = 1; room < sizeof text; room += 37) {
        message_describe (&message, text, room);
        MUST (strlen (text) < room);
    }
    return 0;
}

/* Every message of the table. */
void fuzz_seeds (void)
{
    strings_builder_t strings = {0};
    MUST (strings_add (&strings, "one", 3) == 0 && strings_add (&strings, "", 0) == 0);
#define VALUE_u32     7
#define VALUE_u64     7
#define VALUE_f32     0.5f
#define VALUE_string  "\u00C4 text"
#define VALUE_bytes   (bytes_t) {"\0\1\2\3\4\5\6\7", 8}
#define VALUE_strings strings_built (&strings)
#define F(type, field, what) m->field = VALUE_##type;
#define MESSAGE(NAME, name, from, to, FIELDS) { \
        message_t message = {.id = MESSAGE_##NAME}; \
        name##_message_t *m = &message.name; \
        size_t size; \
        FIELDS (F) \
        uint8_t *data = message_encode (&message, &size); \
        MUST (data); \
        seed (data, size); \
        free (data); \
    }
#include "messages.def"
#undef MESSAGE
#undef F
    strings_free (&strings);
}
