/* JSON requests: any body is one object or refused; it never nests deeper than the limit, and the fields
 * that pass the routes' tables are what these say. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "json_body.h"
#include "routes.h"

void fuzz_start (void) {}

static size_t depth_of (yyjson_val *value)
{
    size_t deepest = 0, index, count;
    yyjson_val *key, *item;
    if (yyjson_is_arr (value)) {
        yyjson_arr_foreach (value, index, count, item) {
            size_t depth = depth_of (item);
            deepest = depth > deepest ? depth : deepest;
        }
    }
    if (yyjson_is_obj (value)) {
        yyjson_obj_foreach (value, index, count, key, item) {
            size_t depth = depth_of (item);
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return deepest + (yyjson_is_ctn (value) ? 1 : 0);
}

static void check_fields (const route_t *route, yyjson_val *body)
{
    for (size_t i = 0; i < route->field_count; i++) {
        const field_t *field = &route->fields [i];
        value_t value;
        if (field->place != IN_BODY)
            continue;
        if (field_check_json (field, body, &value) == 0)
            checked_value (field, &value);
        else
            MUST (error_get () == ERROR_BAD_FIELD || error_get () == ERROR_MISSING_FIELD);
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    uint8_t *text = take_bytes (&input, size, &size);
    yyjson_doc *body = json_body_parse ((char *) text, size);
    if (body) {
        MUST (yyjson_is_obj (yyjson_doc_get_root (body)));
        MUST (depth_of (yyjson_doc_get_root (body)) <= MAX_JSON_DEPTH);
        for (size_t i = 0; i < route_count; i++)
            check_fields (&routes [i], yyjson_doc_get_root (body));
    } else
        MUST (error_get () == ERROR_BAD_JSON);
    yyjson_doc_free (body);
    free (text);
    return 0;
}

static const char *example (const field_t *field)
{
    switch (field->type) {
    case FIELD_TEXTS: return "[\"one\",\"two\"]";
    case FIELD_TEXT_OR_TEXTS: return "[\"one\",1]";
    case FIELD_TEXTS_OR_IDS: return "[[101,7592,102],[101,1]]";
    case FIELD_LABELS: return "{\"key\":\"value\"}";
    case FIELD_ATTRIBUTES: return "{\"key\":\"value\",\"number\":1.5,\"yes\":true}";
    case FIELD_OBJECT: return "{\"type\":\"eq\",\"key\":\"a\",\"value\":[1]}";
    case FIELD_INTEGER:
    case FIELD_NUMBER: return "10";
    default: return "\"text \\u00e4\\n\"";
    }
}

/* Every route's body with all of its fields. */
void fuzz_seeds (void)
{
    for (size_t i = 0; i < route_count; i++) {
        char text [2048];
        size_t size = 0;
        for (size_t k = 0; k < routes [i].field_count; k++) {
            const field_t *field = &routes [i].fields [k];
            if (field->place == IN_BODY)
                size += (size_t) snprintf (text + size, sizeof text - size, "%c\"%s\":%s", size ? ',' : '{',
                                           field->name, example (field));
        }
        if (size > 0) {
            text [size++] = '}';
            seed (text, size);
        }
    }
    seed_text ("{\"a\":[[[{\"b\":\"\\\"[\"}]]]}");
}
