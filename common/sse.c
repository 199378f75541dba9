/* Server-sent events: a line is gathered, then read; an empty one hands the event out. */
#include "sse.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text.h"

typedef struct {
    char *bytes;
    size_t size, capacity;
} gathered_t;

struct sse {
    size_t most;
    sse_handler_t handler;
    void *context;
    gathered_t line, data;
    char name [MAX_SSE_NAME + 1];
    bool has_data;      /* of the event that is coming, perhaps an empty line of it */
    bool after_return;  /* CR was the last byte: an LF belongs to it */
    bool has_begun;     /* a byte order mark can come no more */
    bool is_broken;
};

/* One NUL more stands behind what is gathered. */
static int gather (const sse_t *sse, gathered_t *to, const char *bytes, size_t size)
{
    if (size > sse->most - to->size)
        return error_set (ERROR_BODY_TOO_LARGE, "A server-sent event is longer than %zu bytes.", sse->most);
    return text_append (&to->bytes, &to->size, &to->capacity, bytes, size);
}

static int event_end (sse_t *sse)
{
    int outcome = 0;
    if (sse->has_data)
        outcome = sse->handler (sse->context, *sse->name != 0 ? sse->name : "message", sse->data.bytes, sse->data.size);
    sse->data.size = 0;
    sse->has_data = false;
    sse->name [0] = 0;
    return outcome;
}

static void name_set (sse_t *sse, const char *value, size_t size)
{
    size = size < MAX_SSE_NAME ? size : MAX_SSE_NAME;
    memcpy (sse->name, value, size);
    sse->name [size] = 0;
}

static bool is_field (const char *field, size_t size, const char *name)
{
    return size == strlen (name) && memcmp (field, name, size) == 0;
}

/* field, field:value or field: value; without a field it is a comment. */
static int line_end (sse_t *sse)
{
    const char *line = sse->line.bytes, *value;
    size_t size = sse->line.size;
    sse->line.size = 0;
    if (size == 0)
        return event_end (sse);
    const char *colon = memchr (line, ':', size);
    size_t field_size = colon != NULL ? (size_t) (colon - line) : size;
    value = line + (colon != NULL ? field_size + 1 : size);
    if (value < line + size && *value == ' ')
        value++;
    size_t value_size = (size_t) (line + size - value);
    if (is_field (line, field_size, "event"))
        name_set (sse, value, value_size);
    if (!is_field (line, field_size, "data"))
        return 0;
    if (sse->has_data && gather (sse, &sse->data, "\n", 1) != 0)
        return -1;
    sse->has_data = true;
    return gather (sse, &sse->data, value, value_size);
}

/* A byte order mark may stand before the first line. */
static void mark_drop (sse_t *sse)
{
    if (!sse->has_begun && sse->line.size >= 3 && memcmp (sse->line.bytes, "\xEF\xBB\xBF", 3) == 0) {
        sse->line.size -= 3;
        memmove (sse->line.bytes, sse->line.bytes + 3, sse->line.size);
    }
    sse->has_begun = true;
}

static int feed (sse_t *sse, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        if (sse->after_return && bytes [at] == '\n')
            at++;
        sse->after_return = false;
        size_t length = 0;
        while (at + length < size && bytes [at + length] != '\n' && bytes [at + length] != '\r')
            length++;
        if (gather (sse, &sse->line, bytes + at, length) != 0)
            return -1;
        at += length;
        if (at == size)
            break;
        sse->after_return = bytes [at++] == '\r';
        mark_drop (sse);
        if (line_end (sse) != 0)
            return -1;
    }
    return 0;
}

int sse_feed (sse_t *sse, const char *bytes, size_t size)
{
    if (!sse->is_broken && feed (sse, bytes, size) != 0)
        sse->is_broken = true;
    return sse->is_broken ? -1 : 0;
}

int sse_finish (sse_t *sse)
{
    if (sse->is_broken)
        return -1;
    mark_drop (sse);
    if (sse->line.size > 0 && line_end (sse) != 0)
        return -1;
    return event_end (sse);
}

sse_t *sse_new (size_t most, sse_handler_t handler, void *context)
{
    sse_t *sse = calloc (1, sizeof *sse);
    if (sse == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    sse->most = most;
    sse->handler = handler;
    sse->context = context;
    return sse;
}

void sse_destroy (sse_t **sse)
{
    if (*sse == NULL)
        return;
    free ((*sse)->line.bytes);
    free ((*sse)->data.bytes);
    free (*sse);
    *sse = NULL;
}
