/* What the command line prints: whatever bytes come, nothing of the copy is unfit for a terminal; no line
 * is wider than was asked for; JSON that is printed means what it meant. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "bar.h"
#include "plain.h"
#include "utf8.h"

void fuzz_start (void) {}

static void must_be_fit (const char *text, bool lines)
{
    size_t size = strlen (text);
    MUST (utf8_valid (text, size));
    for (size_t at = 0; at < size;) {
        uint32_t c = utf8_next (text, size, &at);
        MUST (!plain_is_unfit (c) || (lines && (c == '\n' || c == '\t')));
    }
}

/* Every line of it fits; a single character may be wider than so narrow a line. */
static void must_fit (char *text, size_t width)
{
    for (char *line = text, *end; (end = strchr (line, '\n')) != NULL; line = end + 1) {
        *end = 0;
        MUST (plain_width (line) <= width || width < 2);
    }
}

static void lay_out (const char *text, size_t width)
{
    char *out_text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&out_text, &size);
    MUST (out);
    plain_wrap (out, text, width, 0);
    MUST (fclose (out) == 0);
    if (width > 0)
        must_fit (out_text, width);
    free (out_text);

    out = open_memstream (&out_text, &size);
    MUST (out);
    plain_pad (out, text, width);
    MUST (fclose (out) == 0 && plain_width (out_text) == width);
    free (out_text);

    bar_t bar = {text, "reading", size, width, text};
    out = open_memstream (&out_text, &size);
    MUST (out);
    bar_write (out, &bar, width, true);
    MUST (fclose (out) == 0 && plain_width (out_text) <= width);
    free (out_text);
}

static void print_json (const char *text, size_t text_size)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    char *json, *printed = NULL;
    size_t size = 0;
    MUST (document);
    json = yyjson_mut_val_write (yyjson_mut_strn (document, text, text_size), 0, &size);
    MUST (json);
    FILE *out = open_memstream (&printed, &(size_t) {0});
    MUST (out);
    plain_json (out, json, size);
    MUST (fclose (out) == 0);
    must_be_fit (printed, false);
    yyjson_doc *read = yyjson_read (printed, strlen (printed), 0);
    MUST (read && yyjson_get_len (yyjson_doc_get_root (read)) == text_size);
    MUST (memcmp (yyjson_get_str (yyjson_doc_get_root (read)), text, text_size) == 0);
    yyjson_doc_free (read);
    free (printed);
    free (json);
    yyjson_mut_doc_free (document);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const plain_mode_t modes [] = {PLAIN_LINES, PLAIN_LINE, PLAIN_RUN};
    input_t input = {data, size};
    size_t width = take_u8 (&input) % 120;
    for (size_t i = 0; i < COUNT_OF (modes); i++) {
        char *copy = plain_copy ((const char *) input.data, input.size, modes [i]);
        MUST (copy);
        must_be_fit (copy, modes [i] == PLAIN_LINES);
        if (modes [i] != PLAIN_LINES && strlen (copy) < 500)
            lay_out (copy, width);
        free (copy);
    }
    size_t text_size = 0;
    char *text = take_text (&input, &text_size);
    print_json (text, text_size);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("\x20plain words\n\tand a second line");
    seed_text ("\x0a\x1b[31mred\x1b]0;title\x07\x7f \xC2\x9B \xE2\x80\xAE \xF3\xA0\x81\x81");
    seed_text ("\x05\xE5\x8C\x97\xE4\xBA\xAC u\xCC\x88 \xF0\x9F\x98\x80 \xff\xc3");
}
