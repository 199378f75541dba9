/* body: JSON in, within limits. */
#include "body.h"

#include <stdlib.h>
#include <string.h>

#include "ceiling.h"
#include "error.h"
#include "json_body.h"

#define FIRST_BYTES 1024

int body_add (body_t *body, const char *data, size_t size)
{
    if (size == 0)
        return 0;
    if (ceiling_grow (&body->text, &body->capacity, body->size + size, FIRST_BYTES) != 0)
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
