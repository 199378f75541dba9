/* field_schema: see field_schema.h. */
#include "field_schema.h"

#include <stdlib.h>
#include <string.h>

static void add_choices (yyjson_mut_doc *document, yyjson_mut_val *schema, const char *choices)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr (document, schema, "enum");
    for (size_t size; *choices != 0; choices += size + strspn (choices + size, " ")) {
        size = strcspn (choices, " ");
        yyjson_mut_arr_add_strncpy (document, list, choices, size);
    }
}

static void add_type (yyjson_mut_doc *document, yyjson_mut_val *schema, const char *type)
{
    yyjson_mut_obj_add_str (document, schema, "type", type);
}

static yyjson_mut_val *text_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    add_type (document, schema, "string");
    if (field->type == FIELD_BYTES)
        yyjson_mut_obj_add_str (document, schema, "contentMediaType", "application/pdf");
    if (field->type == FIELD_CHOICE)
        add_choices (document, schema, field->choices);
    if (field->type == FIELD_TEXT && field->min > 0)
        yyjson_mut_obj_add_int (document, schema, "minLength", (int64_t) field->min);
    return schema;
}

static yyjson_mut_val *number_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    bool whole = field->type == FIELD_INTEGER;
    add_type (document, schema, whole ? "integer" : "number");
    yyjson_mut_obj_add_int (document, schema, "minimum", (int64_t) field->min);
    yyjson_mut_obj_add_int (document, schema, "maximum", (int64_t) field->max);
    if (field->standard != NULL)
        yyjson_mut_obj_add_int (document, schema, "default", strtoll (field->standard, NULL, 10));
    return schema;
}

/* A list of what the schema says, which is taken. */
static yyjson_mut_val *list_of (yyjson_mut_doc *document, const field_t *field, yyjson_mut_val *items)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    add_type (document, schema, "array");
    yyjson_mut_obj_add_val (document, schema, "items", items);
    yyjson_mut_obj_add_int (document, schema, "minItems", (int64_t) field->min);
    yyjson_mut_obj_add_int (document, schema, "maxItems", (int64_t) field->max);
    return schema;
}

static yyjson_mut_val *list_schema (yyjson_mut_doc *document, const field_t *field, const char *of)
{
    yyjson_mut_val *items = yyjson_mut_obj (document);
    add_type (document, items, of);
    return list_of (document, field, items);
}

static yyjson_mut_val *ids_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *id = yyjson_mut_obj (document);
    add_type (document, id, "integer");
    yyjson_mut_obj_add_int (document, id, "minimum", 0);
    yyjson_mut_obj_add_int (document, id, "maximum", MAX_FIELD_ID);
    return list_of (document, field, id);
}

static yyjson_mut_val *boolean_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    add_type (document, schema, "boolean");
    if (field->standard != NULL)
        yyjson_mut_obj_add_bool (document, schema, "default", strcmp (field->standard, "true") == 0);
    return schema;
}

static yyjson_mut_val *object_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    add_type (document, schema, "object");
    if (field->type == FIELD_LABELS || field->type == FIELD_ATTRIBUTES)
        yyjson_mut_obj_add_int (document, schema, "maxProperties", MAX_LABELS);
    if (field->type == FIELD_LABELS)
        add_type (document, yyjson_mut_obj_add_obj (document, schema, "additionalProperties"), "string");
    return schema;
}

static yyjson_mut_val *either_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    yyjson_mut_val *choices = yyjson_mut_obj_add_arr (document, schema, "oneOf");
    yyjson_mut_arr_append (choices, text_schema (document, field));
    yyjson_mut_arr_append (choices, field->type == FIELD_TEXT_OR_TEXTS    ? list_schema (document, field, "string")
                                    : field->type == FIELD_TEXT_OR_OBJECT ? object_schema (document, field)
                                                                          : list_schema (document, field, "object"));
    return schema;
}

static yyjson_mut_val *texts_or_ids_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    yyjson_mut_val *choices = yyjson_mut_obj_add_arr (document, schema, "oneOf");
    yyjson_mut_arr_append (choices, text_schema (document, field));
    yyjson_mut_arr_append (choices, list_schema (document, field, "string"));
    yyjson_mut_arr_append (choices, ids_schema (document, field));
    yyjson_mut_arr_append (choices, list_of (document, field, ids_schema (document, field)));
    return schema;
}

yyjson_mut_val *field_schema (yyjson_mut_doc *document, const field_t *field)
{
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return number_schema (document, field);
    case FIELD_TEXTS:
        return list_schema (document, field, "string");
    case FIELD_OBJECTS:
        return list_schema (document, field, "object");
    case FIELD_BOOLEAN:
        return boolean_schema (document, field);
    case FIELD_TEXT_OR_TEXTS:
    case FIELD_TEXT_OR_OBJECTS:
    case FIELD_TEXT_OR_OBJECT:
        return either_schema (document, field);
    case FIELD_TEXTS_OR_IDS:
        return texts_or_ids_schema (document, field);
    case FIELD_LABELS:
    case FIELD_ATTRIBUTES:
    case FIELD_OBJECT:
        return object_schema (document, field);
    default:
        return text_schema (document, field);
    }
}

yyjson_mut_val *fields_schema (yyjson_mut_doc *document, const field_t *fields, size_t count, field_place_t place,
                               bool only_these)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document), *required = yyjson_mut_arr (document);
    add_type (document, schema, "object");
    yyjson_mut_val *properties = yyjson_mut_obj_add_obj (document, schema, "properties");
    for (size_t i = 0; i < count; i++) {
        if (fields [i].place != place)
            continue;
        yyjson_mut_val *one = field_schema (document, &fields [i]);
        yyjson_mut_obj_add_str (document, one, "description", fields [i].what);
        yyjson_mut_obj_add_val (document, properties, fields [i].name, one);
        if (fields [i].required)
            yyjson_mut_arr_add_str (document, required, fields [i].name);
    }
    if (only_these)
        yyjson_mut_obj_add_bool (document, schema, "additionalProperties", false);
    if (yyjson_mut_arr_size (required) > 0)
        yyjson_mut_obj_add_val (document, schema, "required", required);
    return schema;
}
