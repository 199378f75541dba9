/* Lists of strings: what was added comes back, through a message as well; a walk over any bytes stays
 * inside them. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

void fuzz_start (void) {}

static void walk_wild (input_t *input)
{
    size_t size, cursor = 0;
    uint8_t *bytes = take_bytes (input, input->size, &size);
    for (size_t before = 0; strings_next ((strings_t) {bytes, size, 0}, &cursor); before = cursor)
        MUST (cursor > before && cursor <= size);
    free (bytes);
}

/* Parts the input at each NUL into strings. */
static void come_back (input_t *input)
{
    strings_builder_t builder = {0};
    size_t text_size, size, cursor = 0;
    char *texts = take_text (input, &text_size);
    for (char *c = texts; *c; c++)
        *c = *c == '\n' ? '\0' : *c;
    for (size_t at = 0; at < text_size; at += strlen (texts + at) + 1)
        MUST (strings_add (&builder, texts + at, strlen (texts + at)) == 0);
    message_t message = {.id = MESSAGE_EMBED, .embed = {.request = 1, .texts = strings_built (&builder)}}, back;
    uint8_t *data = message_encode (&message, &size);
    MUST (data && message_decode (&back, data, size) == 0);
    for (size_t at = 0; at < text_size; at += strlen (texts + at) + 1) {
        const char *text = strings_next (back.embed.texts, &cursor);
        MUST (text && strcmp (text, texts + at) == 0);
    }
    MUST (!strings_next (back.embed.texts, &cursor));
    free (data);
    free (texts);
    strings_free (&builder);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    if (take_u8 (&input) % 2)
        walk_wild (&input);
    else
        come_back (&input);
    return 0;
}

void fuzz_seeds (void)
{
    seed ("\1\3\0\0\0one\0\0\0\0\0\0", 14);
    seed ("\1\xFF\xFF\xFF\xFFone\0", 9);
    seed ("\0one\n\ntwo\n\xC3\x84", 12);
}
