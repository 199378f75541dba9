/* body: JSON in, within limits. */
#include "body.h"

#include <stdlib.h>
#include <string.h>

#include "ceiling.h"
#include "error.h"
#include "json_body.h"

#define FIRST_BYTES 1024

static int text_grow (body_t *body, size_t wanted)
{
    size_t capacity = body->capacity == 0 ? FIRST_BYTES : body->capacity;
    while (capacity < wanted)
        capacity *= 2;
    if (!ceiling_take (capacity - body->capacity))
        return -1;
    char *grown = realloc (body->text, capacity);
    if (grown == NULL) {
        ceiling_give (capacity - body->capacity);
        return error_set (ERROR_NO_MEMORY, NULL);
    }
    body->text = grown;
    body->capacity = capacity;
    return 0;
}

int body_add (body_t *body, const char *data, size_t size)
{
    if (size == 0)
        return 0;
    if (body->size + size > body->capacity && text_grow (body, body->size + size) != 0)
        return -1;
    memcpy (body->text + body->size, data, size);
    body->size += size;
    return 0;
}

static void text_free (body_t *body)
{
    ceiling_give (body->capacity);
    free (body->text);
    body->text = NULL;
    body->size = body->capacity = 0;
}

int body_parse (body_t *body)
{
    body->document = json_body_parse (body->text, body->size);
    text_free (body);
    return body->document == NULL ? -1 : 0;
}

void body_free (body_t *body)
{
    text_free (body);
    yyjson_doc_free (body->document);
    body->document = NULL;
}
