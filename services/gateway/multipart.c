/* multipart: a state for each thing that may come next, and the rules for file names. */
#include "multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

typedef enum {
    STATE_PREAMBLE,    /* before the first boundary: ignored */
    STATE_BOUNDARY,    /* just behind a boundary: "--" or a line end follows */
    STATE_LAST_DASH,   /* one dash seen */
    STATE_LINE_END,    /* a CR seen */
    STATE_HEADERS,
    STATE_DATA,
    STATE_EPILOGUE,    /* behind the last boundary: ignored */
} state_t;

struct multipart {
    multipart_handlers_t handlers;
    void *context;
    state_t state;
    char delimiter [MAX_BOUNDARY + 5];   /* CR LF - - boundary */
    size_t delimiter_size;
    size_t matched;                      /* of the delimiter's characters, just seen */
    char headers [MAX_PART_HEADERS];
    size_t headers_size;
    size_t parts;
};

static int bad (const char *what)
{
    return error_set (ERROR_BAD_MULTIPART, "The body is not a valid multipart form: %s.", what);
}

/* -- parameters of a header: ; name=value; name="quoted value" ------------------------------- */

typedef struct {
    char value [MAX_PART_HEADERS];
    size_t size;
} parameter_t;

static int hex_digit (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_pair (const char *at, const char *end)
{
    if (end - at < 3 || *at != '%')
        return -1;
    int high = hex_digit (at [1]), low = hex_digit (at [2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Clients write a quote as \" or as %22, and line ends as %0D and %0A; other backslashes are part of
 * a Windows path. Returns where the value ends. */
static const char *quoted_value (const char *at, const char *end, parameter_t *out)
{
    for (; at < end && *at != '"'; at++) {
        int pair = hex_pair (at, end);
        char c = *at;
        if (c == '\\' && at + 1 < end && (at [1] == '"' || at [1] == '\\'))
            c = *++at;
        else if (pair == '"' || pair == '\r' || pair == '\n') {
            c = (char) pair;
            at += 2;
        }
        out->value [out->size++] = c;
    }
    return at < end ? at + 1 : at;
}

static const char *token_value (const char *at, const char *end, parameter_t *out)
{
    while (at < end && *at != ';' && *at != ' ' && *at != '\t')
        out->value [out->size++] = *at++;
    return at;
}

static const char *blanks_skip (const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The parameter after `at`, which stands behind the value or the parameter before. Returns where it
 * ends, or NULL when there is none. */
static const char *parameter_next (const char *at, const char *end, const char **name, size_t *name_size,
                                   parameter_t *out)
{
    out->size = 0;
    while (at < end && *at != ';')
        at++;
    if (at == end)
        return NULL;
    *name = at = blanks_skip (at + 1, end);
    while (at < end && *at != '=' && *at != ';')
        at++;
    *name_size = (size_t) (at - *name);
    while (*name_size > 0 && (*name) [*name_size - 1] == ' ')
        --*name_size;
    if (at == end || *at == ';')
        return at;
    at = blanks_skip (at + 1, end);
    return at < end && *at == '"' ? quoted_value (at + 1, end, out) : token_value (at, end, out);
}

static bool parameter_find (const char *header, const char *end, const char *wanted, parameter_t *out)
{
    const char *name;
    size_t size;
    for (const char *at = header; (at = parameter_next (at, end, &name, &size, out)) != NULL;)
        if (size == strlen (wanted) && strncasecmp (name, wanted, size) == 0)
            return true;
    return false;
}

/* filename*=UTF-8''%e2%82%ac (RFC 8187). Returns false when it is not in UTF-8. */
static bool extended_decode (parameter_t *value)
{
    const char *end = value->value + value->size;
    const char *at = memchr (value->value, '\'', value->size);
    if (at == NULL || at - value->value != 5 || strncasecmp (value->value, "utf-8", 5) != 0)
        return false;
    at = memchr (at + 1, '\'', (size_t) (end - at - 1));
    if (at == NULL)
        return false;
    value->size = 0;
    for (at++; at < end; at++) {
        int pair = hex_pair (at, end);
        at += pair < 0 ? 0 : 2;
        value->value [value->size++] = pair < 0 ? *at : (char) pair;
    }
    return true;
}

/* -- a part's headers ------------------------------------------------------------------------ */

/* Finds "Content-Disposition: form-data" among the lines. Returns what follows the value's first
 * word, and where it ends, or NULL. */
static const char *disposition_find (const multipart_t *multipart, const char **end)
{
    static const char wanted [] = "content-disposition:";
    const char *all_end = multipart->headers + multipart->headers_size;
    for (const char *line = multipart->headers; line < all_end;) {
        const char *line_end = memchr (line, '\r', (size_t) (all_end - line));
        if (line_end == NULL)
            line_end = all_end;
        if ((size_t) (line_end - line) > strlen (wanted) && strncasecmp (line, wanted, strlen (wanted)) == 0) {
            *end = line_end;
            line = blanks_skip (line + strlen (wanted), line_end);
            return line_end - line >= 9 && strncasecmp (line, "form-data", 9) == 0 ? line + 9 : NULL;
        }
        line = line_end + 2;
    }
    return NULL;
}

static int part_begin (multipart_t *multipart)
{
    static _Thread_local parameter_t name, file_name;
    const char *end = NULL;
    const char *disposition = disposition_find (multipart, &end);
    if (disposition == NULL)
        return bad ("a part has no 'Content-Disposition: form-data'");
    if (!parameter_find (disposition, end, "name", &name) || name.size == 0
        || !utf8_valid (name.value, name.size) || name.size == sizeof name.value)
        return bad ("a part has no name");
    name.value [name.size] = 0;
    bool is_file = parameter_find (disposition, end, "filename*", &file_name) && extended_decode (&file_name);
    if (!is_file)
        is_file = parameter_find (disposition, end, "filename", &file_name);
    part_t part = {name.value, is_file, file_name.value, is_file ? file_name.size : 0};
    return multipart->handlers.part (multipart->context, &part);
}

/* -- the states ------------------------------------------------------------------------------ */

static int delimiter_seen (multipart_t *multipart)
{
    bool in_part = multipart->state == STATE_DATA;
    multipart->state = STATE_BOUNDARY;
    multipart->matched = 0;
    return in_part ? multipart->handlers.part_end (multipart->context) : 0;
}

static int data_out (multipart_t *multipart, const char *data, size_t size)
{
    if (size == 0 || multipart->state != STATE_DATA)
        return 0;
    return multipart->handlers.data (multipart->context, data, size);
}

/* Takes content up to the delimiter. A CR can only be the delimiter's first character, so when a
 * match breaks off, what had matched is content and the search begins anew with this character. */
static int content_take (multipart_t *multipart, const char **at, const char *end)
{
    if (multipart->matched == 0) {
        const char *cr = memchr (*at, '\r', (size_t) (end - *at));
        const char *stop = cr == NULL ? end : cr;
        int outcome = data_out (multipart, *at, (size_t) (stop - *at));
        *at = cr == NULL ? end : cr + 1;
        multipart->matched = cr != NULL;
        return outcome;
    }
    if (**at == multipart->delimiter [multipart->matched]) {
        ++*at;
        return ++multipart->matched == multipart->delimiter_size ? delimiter_seen (multipart) : 0;
    }
    size_t matched = multipart->matched;
    multipart->matched = 0;
    return data_out (multipart, multipart->delimiter, matched);
}

static bool headers_end (const multipart_t *multipart)
{
    size_t size = multipart->headers_size;
    return (size == 2 && memcmp (multipart->headers, "\r\n", 2) == 0)
           || (size >= 4 && memcmp (multipart->headers + size - 4, "\r\n\r\n", 4) == 0);
}

static int header_take (multipart_t *multipart, char c)
{
    if (multipart->headers_size == sizeof multipart->headers)
        return bad ("a part's headers are too long");
    multipart->headers [multipart->headers_size++] = c;
    if (!headers_end (multipart))
        return 0;
    multipart->state = STATE_DATA;
    multipart->matched = 0;
    return part_begin (multipart);
}

static int boundary_take (multipart_t *multipart, char c)
{
    if (c == '-')
        multipart->state = STATE_LAST_DASH;
    else if (c == '\r')
        multipart->state = STATE_LINE_END;
    else if (c != ' ' && c != '\t')
        return bad ("a boundary is followed by something else than a line end");
    return 0;
}

static int line_end_take (multipart_t *multipart, char c)
{
    if (c != '\n')
        return bad ("a boundary's line has no end");
    if (++multipart->parts > MAX_PARTS)
        return bad ("it has too many parts");
    multipart->state = STATE_HEADERS;
    multipart->headers_size = 0;
    return 0;
}

static int character_take (multipart_t *multipart, char c)
{
    switch (multipart->state) {
    case STATE_BOUNDARY:
        return boundary_take (multipart, c);
    case STATE_LAST_DASH:
        multipart->state = STATE_EPILOGUE;
        return c == '-' ? 0 : bad ("a boundary is followed by a single '-'");
    case STATE_LINE_END:
        return line_end_take (multipart, c);
    default:
        return header_take (multipart, c);
    }
}

int multipart_feed (multipart_t *multipart, const char *data, size_t size)
{
    const char *end = data + size;
    for (const char *at = data; at < end && multipart->state != STATE_EPILOGUE;) {
        bool content = multipart->state == STATE_PREAMBLE || multipart->state == STATE_DATA;
        if ((content ? content_take (multipart, &at, end) : character_take (multipart, *at++)) != 0)
            return -1;
    }
    return 0;
}

int multipart_finish (multipart_t *multipart)
{
    return multipart->state == STATE_EPILOGUE ? 0 : bad ("it ends before its last boundary");
}

/* -- lifetime -------------------------------------------------------------------------------- */

static int delimiter_set (multipart_t *multipart, const char *content_type)
{
    static const char wanted [] = "multipart/form-data";
    static _Thread_local parameter_t boundary;
    if (content_type == NULL || strncasecmp (content_type, wanted, strlen (wanted)) != 0)
        return error_set (ERROR_UNSUPPORTED_MEDIA, "Send a form with Content-Type: multipart/form-data.");
    const char *end = content_type + strlen (content_type);
    if (end - content_type >= MAX_PART_HEADERS)
        return bad ("its Content-Type is too long");
    if (!parameter_find (content_type + strlen (wanted), end, "boundary", &boundary) || boundary.size == 0)
        return bad ("its Content-Type has no boundary");
    if (boundary.size > MAX_BOUNDARY || memchr (boundary.value, '\r', boundary.size) != NULL)
        return bad ("its boundary is longer than 70 characters");
    memcpy (multipart->delimiter, "\r\n--", 4);
    memcpy (multipart->delimiter + 4, boundary.value, boundary.size);
    multipart->delimiter_size = 4 + boundary.size;
    multipart->matched = 2;   /* the first boundary may stand at the very beginning */
    return 0;
}

multipart_t *multipart_new (const char *content_type, const multipart_handlers_t *handlers, void *context)
{
    multipart_t *multipart = calloc (1, sizeof *multipart);
    if (multipart == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    multipart->handlers = *handlers;
    multipart->context = context;
    if (delimiter_set (multipart, content_type) != 0)
        multipart_destroy (&multipart);
    return multipart;
}

void multipart_destroy (multipart_t **multipart)
{
    free (*multipart);
    *multipart = NULL;
}

/* -- file names ------------------------------------------------------------------------------ */

/* Control characters, and those that turn the direction of what follows, with which a name can be
 * made to look like another. */
static bool is_unfit (uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f
           || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

/* Copies the characters that fit; returns how many bytes. */
static size_t copy_fit (const char *name, size_t size, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        char bytes [4];
        uint32_t c = utf8_next (name, size, &at);
        size_t width = utf8_put (c, bytes);
        if (is_unfit (c))
            continue;
        if (used + width > capacity)
            break;
        memcpy (out + used, bytes, width);
        used += width;
    }
    return used;
}

#define MAX_EXTENSION 16

static size_t extension_size (const char *name, size_t size)
{
    for (size_t i = 1; i <= MAX_EXTENSION && i < size; i++)
        if (name [size - i] == '.')
            return i;
    return 0;
}

void file_name_clean (const char *name, size_t size, char out [MAX_FILE_NAME + 1])
{
    for (size_t i = size; i > 0; i--)
        if (name [i - 1] == '/' || name [i - 1] == '\\') {
            name += i;
            size -= i;
            break;
        }
    while (size > 0 && (name [size - 1] == ' ' || name [size - 1] == '\t'))
        size--;
    size_t extension = extension_size (name, size);
    char tail [4 * MAX_EXTENSION];
    size_t tail_size = copy_fit (name + size - extension, extension, tail, sizeof tail);
    size_t used = copy_fit (name, size - extension, out, MAX_FILE_NAME - tail_size);
    memcpy (out + used, tail, tail_size);
    used += tail_size;
    while (used > 0 && out [used - 1] == ' ')   /* what stood behind it was unfit */
        used--;
    while (used > 0 && out [0] == ' ')
        memmove (out, out + 1, --used);
    out [used] = 0;
    if (strspn (out, ".") == used)
        strcpy (out, "document.pdf");
}
