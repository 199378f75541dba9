/* Forms: a body gives the same parts, or the same refusal, however it is split; a form that was made
 * comes back as it was; no limit is passed. */
#define _GNU_SOURCE   /* memmem */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "multipart.h"
#include "utf8.h"

#define MAX_EACH_SPLIT 200   /* so small a body is split at every place */

void fuzz_start (void) {}

/* What was heard: each part's name and file name, its data, its end. */
typedef struct {
    char *text;
    size_t size, capacity, parts, ends, data;
    int outcome;
    error_t error;
} heard_t;

static void hear (heard_t *heard, const char *text, size_t size)
{
    if (heard->size + size > heard->capacity) {
        heard->capacity = (heard->size + size) * 2;
        heard->text = realloc (heard->text, heard->capacity);
        MUST (heard->text);
    }
    if (size > 0)
        memcpy (heard->text + heard->size, text, size);
    heard->size += size;
}

static int on_part (void *context, const part_t *part)
{
    heard_t *heard = context;
    MUST (heard->parts == heard->ends && heard->parts < MAX_PARTS);
    MUST (*part->name && utf8_valid (part->name, strlen (part->name)) && strlen (part->name) < MAX_PART_HEADERS);
    MUST (part->file_name_size < MAX_PART_HEADERS && (part->is_file || part->file_name_size == 0));
    heard->parts++;
    hear (heard, part->name, strlen (part->name) + 1);
    hear (heard, part->is_file ? "f" : "-", 1);
    hear (heard, part->file_name, part->file_name_size);
    hear (heard, "=", 1);
    return 0;
}

static int on_data (void *context, const char *data, size_t size)
{
    heard_t *heard = context;
    MUST (heard->parts == heard->ends + 1 && size > 0);
    heard->data += size;
    hear (heard, data, size);
    return 0;
}

static int on_part_end (void *context)
{
    heard_t *heard = context;
    MUST (heard->parts == ++heard->ends);
    hear (heard, ";", 1);
    return 0;
}

static const multipart_handlers_t handlers = {on_part, on_data, on_part_end};

/* Feeds the first piece of so many bytes, then pieces of `step` bytes. */
static heard_t parse (const char *type, const uint8_t *body, size_t size, size_t first, size_t step)
{
    heard_t heard = {0};
    multipart_t *form = multipart_new (type, &handlers, &heard);
    heard.outcome = form ? 0 : -1;
    for (size_t at = 0, piece = first; heard.outcome == 0 && at < size; at += piece, piece = step) {
        piece = piece < size - at ? piece : size - at;
        uint8_t *bytes = malloc (piece);   /* of its own, so that a read past its end is seen */
        MUST (bytes);
        memcpy (bytes, body + at, piece);
        heard.outcome = multipart_feed (form, (char *) bytes, piece);
        free (bytes);
    }
    if (heard.outcome == 0)
        heard.outcome = multipart_finish (form);
    heard.error = heard.outcome == 0 ? ERROR_NONE : error_get ();
    multipart_destroy (&form);
    return heard;
}

/* A refused form may have told more or less of its last part's data when it was refused. */
static void same (const heard_t *whole, heard_t *split)
{
    MUST (whole->outcome == split->outcome && whole->error == split->error && whole->parts == split->parts);
    if (whole->outcome == 0)
        MUST (whole->size == split->size && (whole->size == 0 || memcmp (whole->text, split->text, whole->size) == 0));
    free (split->text);
}

static heard_t parse_every_way (const char *type, const uint8_t *body, size_t size, size_t first, size_t step)
{
    heard_t whole = parse (type, body, size, size, size), split = parse (type, body, size, 1, 1);
    MUST (whole.data <= size);
    same (&whole, &split);
    split = parse (type, body, size, first, step);
    same (&whole, &split);
    for (size_t at = 1; size <= MAX_EACH_SPLIT && at < size; at++) {
        split = parse (type, body, size, at, size);
        same (&whole, &split);
    }
    return whole;
}

/* A form with the rest of the input as a file's bytes. */
static void come_back (input_t *input, size_t first, size_t step)
{
    static const char before [] = "--b0Rder\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n";
    static const char after [] = "\r\n--b0Rder--\r\n";
    if (input->size > 0 && memmem (input->data, input->size, after, sizeof after - 6))
        return;
    size_t size = sizeof before - 1 + input->size + sizeof after - 1;
    uint8_t *body = malloc (size);
    MUST (body);
    memcpy (body, before, sizeof before - 1);
    if (input->size > 0)
        memcpy (body + sizeof before - 1, input->data, input->size);
    memcpy (body + size - (sizeof after - 1), after, sizeof after - 1);
    heard_t heard = parse_every_way ("multipart/form-data; boundary=b0Rder", body, size, first, step);
    MUST (heard.outcome == 0 && heard.parts == 1 && heard.data == input->size);
    MUST (heard.size == strlen ("file") + 1 + strlen ("fa.pdf=;") + input->size);
    MUST (input->size == 0 || memcmp (heard.text + strlen ("file") + 1 + strlen ("fa.pdf="), input->data, input->size) == 0);
    free (heard.text);
    free (body);
}

/* The type is what comes before the first NUL. */
static void parse_any (input_t *input, size_t first, size_t step)
{
    char type [512];
    size_t size = 0;
    for (uint8_t c; size + 1 < sizeof type && (c = take_u8 (input)) != 0;)
        type [size++] = (char) c;
    type [size] = '\0';
    heard_t heard = parse_every_way (type, input->data, input->size, first, step);
    MUST (heard.outcome != 0 || heard.parts == heard.ends);
    free (heard.text);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    bool made = take_u8 (&input) % 2;
    size_t first = 1 + take_u8 (&input), step = 1 + take_u8 (&input);
    if (made)
        come_back (&input, first, step);
    else
        parse_any (&input, first, step);
    return 0;
}

#define HEAD "\0\7\3"
#define TYPE "multipart/form-data; boundary=B\0"

void fuzz_seeds (void)
{
    static const char form [] = HEAD TYPE "ignored\r\n--B\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nassistants"
        "\r\n--B\r\ncontent-disposition:form-data;name=file;filename=\"q\\\"u%22.pdf\"\r\nContent-Type: x\r\n\r\n%PDF\r\n--\r\n--B--\r\n";
    static const char extended [] = HEAD "Multipart/Form-Data;boundary=\"B\"; charset=x\0--B \t\r\nX: y\r\nContent-Disposition: "
        "form-data; name=a; filename*=UTF-8''%e2%82%ac%20.pdf\r\n\r\n\r\n--B--";
    static const char broken [] = HEAD TYPE "--B\r\nContent-Disposition: attachment\r\n\r\n1\r\n--Bx\r\n--B-";
    static const char data [] = "\1\7\3\r\n--b0Rde\r\n\r\r\n--b0Rder";
    seed (form, sizeof form - 1);
    seed (extended, sizeof extended - 1);
    seed (broken, sizeof broken - 1);
    seed (data, sizeof data - 8);
}
