/* field: the checks that stand between what clients send and what handlers see. */
#include "field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static int bad (const field_t *field, const char *must)
{
    return error_set (ERROR_BAD_FIELD, "'%s' must be %s.", field->name, must);
}

static int bad_range (const field_t *field, const char *what)
{
    return error_set (ERROR_BAD_FIELD, "'%s' must be %s from %.15g to %.15g.", field->name, what,
                      field->min, field->max);
}

static bool chosen (const char *choices, const char *text)
{
    size_t size = strlen (text);
    for (const char *at = choices; size > 0 && (at = strstr (at, text)) != NULL; at += size)
        if ((at == choices || at [-1] == ' ') && (at [size] == 0 || at [size] == ' '))
            return true;
    return false;
}

static int check_choice (const field_t *field, const char *text)
{
    if (chosen (field->choices, text))
        return 0;
    return error_set (ERROR_BAD_FIELD, "'%s' must be one of: %s.", field->name, field->choices);
}

static int check_text (const field_t *field, const char *text, size_t size)
{
    if (!utf8_valid (text, size))
        return bad (field, "text in UTF-8 without NUL");
    bool may_be_list = field->type == FIELD_TEXT_OR_TEXTS || field->type == FIELD_TEXTS_OR_IDS
                       || field->type == FIELD_TEXT_OR_OBJECTS;
    double most = may_be_list || field->max > MAX_FIELD_BYTES ? MAX_FIELD_BYTES : field->max;
    if (size > most)
        return error_set (ERROR_BAD_FIELD, "'%s' is longer than %.0f bytes.", field->name, most);
    if (!may_be_list && size < field->min)
        return error_set (ERROR_BAD_FIELD, "'%s' is empty.", field->name);
    return 0;
}

static int set_number (const field_t *field, double number, value_t *value)
{
    bool whole = field->type == FIELD_INTEGER;
    if (!isfinite (number) || number < field->min || number > field->max
        || (whole && number != floor (number)))
        return bad_range (field, whole ? "a whole number" : "a number");
    value->number = number;
    value->integer = whole ? (int64_t) number : 0;
    return 0;
}

static int number_from_text (const field_t *field, const char *text, value_t *value)
{
    char *end = NULL;
    const char *characters = field->type == FIELD_INTEGER ? "-0123456789" : "-0123456789.eE+";
    if (text [strspn (text, characters)] != 0)
        return bad (field, "a number");
    double number = strtod (text, &end);
    if (end == text || *end != 0)
        return bad (field, "a number");
    return set_number (field, number, value);
}

static int take_text (const field_t *field, const char *text, value_t *value)
{
    value->text = text;
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return number_from_text (field, text, value);
    case FIELD_CHOICE:
        return check_choice (field, text);
    case FIELD_BOOLEAN:
        value->integer = strcmp (text, "true") == 0;
        return value->integer || strcmp (text, "false") == 0 ? 0 : bad (field, "true or false");
    default:
        return check_text (field, text, strlen (text));
    }
}

static int left_out (const field_t *field, value_t *value)
{
    if (field->required)
        return error_set (ERROR_MISSING_FIELD, "'%s' is required: %s.", field->name, field->what);
    return field->standard == NULL ? 0 : take_text (field, field->standard, value);
}

int field_check_text (const field_t *field, const char *text, value_t *value)
{
    *value = (value_t) {.given = text != NULL};
    return text == NULL ? left_out (field, value) : take_text (field, text, value);
}

static int check_list (const field_t *field, yyjson_val *list, value_t *value)
{
    yyjson_val *item;
    size_t index, count;
    value->json = list;
    size_t size = yyjson_arr_size (list);
    if (size < field->min || size > field->max)
        return error_set (ERROR_BAD_FIELD, "'%s' must be a list of %.0f to %.0f texts.", field->name,
                          field->min, field->max);
    yyjson_arr_foreach (list, index, count, item) {
        if (!yyjson_is_str (item) || yyjson_get_len (item) > MAX_FIELD_BYTES
            || !utf8_valid (yyjson_get_str (item), yyjson_get_len (item)))
            return error_set (ERROR_BAD_FIELD, "'%s[%zu]' must be text without NUL.", field->name, index);
    }
    return 0;
}

static int check_ids (const field_t *field, yyjson_val *list)
{
    yyjson_val *item;
    size_t index, count, size = yyjson_arr_size (list);
    if (size < field->min || size > field->max)
        return error_set (ERROR_BAD_FIELD, "A list of ids in '%s' must hold %.0f to %.0f of them.", field->name,
                          field->min, field->max);
    yyjson_arr_foreach (list, index, count, item) {
        if (!yyjson_is_uint (item) || yyjson_get_uint (item) > MAX_FIELD_ID)
            return error_set (ERROR_BAD_FIELD, "A list of ids in '%s' holds what is no whole number from 0 to %u.",
                              field->name, MAX_FIELD_ID);
    }
    return 0;
}

static int check_texts_or_ids (const field_t *field, yyjson_val *list, value_t *value)
{
    yyjson_val *item, *first = yyjson_arr_get_first (list);
    size_t index, count, size = yyjson_arr_size (list);
    if (yyjson_is_num (first)) {
        value->json = list;
        return check_ids (field, list);
    }
    if (!yyjson_is_arr (first))
        return check_list (field, list, value);
    value->json = list;
    if (size > field->max)
        return error_set (ERROR_BAD_FIELD, "'%s' must hold at most %.0f lists of ids.", field->name, field->max);
    yyjson_arr_foreach (list, index, count, item) {
        if (!yyjson_is_arr (item))
            return bad (field, "all texts or all lists of ids");
        if (check_ids (field, item) != 0)
            return -1;
    }
    return 0;
}

static bool label_value_fits (const field_t *field, yyjson_val *value)
{
    if (yyjson_is_str (value))
        return yyjson_get_len (value) <= MAX_LABEL_VALUE
               && utf8_valid (yyjson_get_str (value), yyjson_get_len (value));
    return field->type == FIELD_ATTRIBUTES
           && (yyjson_is_bool (value) || (yyjson_is_num (value) && isfinite (yyjson_get_num (value))));
}

static int check_labels (const field_t *field, yyjson_val *object)
{
    yyjson_val *key, *value;
    size_t index, count;
    if (yyjson_obj_size (object) > MAX_LABELS)
        return error_set (ERROR_BAD_FIELD, "'%s' has more than %d keys.", field->name, MAX_LABELS);
    yyjson_obj_foreach (object, index, count, key, value) {
        if (yyjson_get_len (key) > MAX_LABEL_KEY || !utf8_valid (yyjson_get_str (key), yyjson_get_len (key)))
            return error_set (ERROR_BAD_FIELD, "A key of '%s' is longer than %d bytes or holds a NUL.",
                              field->name, MAX_LABEL_KEY);
        if (!label_value_fits (field, value))
            return error_set (ERROR_BAD_FIELD, "'%s.%s' must be %s of at most %d bytes.", field->name,
                              yyjson_get_str (key),
                              field->type == FIELD_LABELS ? "text" : "a number, true, false or text",
                              MAX_LABEL_VALUE);
    }
    return 0;
}

static const char *must_be (field_type_t type)
{
    switch (type) {
    case FIELD_TEXT_OR_TEXTS:   return "text or a list of texts";
    case FIELD_TEXTS_OR_IDS:    return "text, a list of texts, or ids of word pieces";
    case FIELD_TEXT_OR_OBJECTS: return "text or a list of objects";
    case FIELD_TEXT_OR_OBJECT:  return "text or an object";
    default:                    return "text";
    }
}

static int check_objects (const field_t *field, yyjson_val *list)
{
    yyjson_val *item;
    size_t index, count, size = yyjson_arr_size (list);
    if (size < field->min || size > field->max)
        return error_set (ERROR_BAD_FIELD, "'%s' must be a list of %.0f to %.0f objects.", field->name, field->min,
                          field->max);
    yyjson_arr_foreach (list, index, count, item) {
        if (!yyjson_is_obj (item))
            return error_set (ERROR_BAD_FIELD, "'%s[%zu]' must be an object.", field->name, index);
    }
    return 0;
}

static int take_json (const field_t *field, yyjson_val *json, value_t *value)
{
    value->json = json;
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return yyjson_is_num (json) ? set_number (field, yyjson_get_num (json), value)
                                    : bad (field, "a number");
    case FIELD_TEXTS:
        return yyjson_is_arr (json) ? check_list (field, json, value) : bad (field, "a list of texts");
    case FIELD_LABELS:
    case FIELD_ATTRIBUTES:
        return yyjson_is_obj (json) ? check_labels (field, json) : bad (field, "an object");
    case FIELD_OBJECT:
        return yyjson_is_obj (json) ? 0 : bad (field, "an object");
    case FIELD_BOOLEAN:
        value->integer = yyjson_get_bool (json);
        return yyjson_is_bool (json) ? 0 : bad (field, "true or false");
    case FIELD_OBJECTS:
        return yyjson_is_arr (json) ? check_objects (field, json) : bad (field, "a list of objects");
    case FIELD_TEXT_OR_OBJECTS:
        if (yyjson_is_arr (json))
            return check_objects (field, json);
        break;
    case FIELD_TEXT_OR_OBJECT:
        if (yyjson_is_obj (json))
            return 0;
        break;
    case FIELD_TEXT_OR_TEXTS:
        if (yyjson_is_arr (json))
            return check_list (field, json, value);
        break;
    case FIELD_TEXTS_OR_IDS:
        if (yyjson_is_arr (json))
            return check_texts_or_ids (field, json, value);
        break;
    default:
        break;
    }
    if (!yyjson_is_str (json))
        return bad (field, must_be (field->type));
    value->text = yyjson_get_str (json);
    bool is_whole = strlen (value->text) == yyjson_get_len (json);
    return field->type == FIELD_CHOICE && is_whole ? check_choice (field, value->text)
                                                   : check_text (field, value->text, yyjson_get_len (json));
}

int field_check_json (const field_t *field, yyjson_val *object, value_t *value)
{
    yyjson_val *json = yyjson_obj_get (object, field->name);
    *value = (value_t) {.given = json != NULL && !yyjson_is_null (json)};
    return value->given ? take_json (field, json, value) : left_out (field, value);
}

static bool is_field (const field_t *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (fields [i].place == IN_BODY && strcmp (fields [i].name, name) == 0)
            return true;
    return false;
}

int field_check_known (const field_t *fields, size_t count, yyjson_val *object, const char **name)
{
    yyjson_val *key, *value;
    size_t index, all;
    yyjson_obj_foreach (object, index, all, key, value) {
        *name = yyjson_get_str (key);
        if (!yyjson_is_null (value) && !is_field (fields, count, *name))
            return error_set (ERROR_BAD_FIELD, "'%.60s' is not supported here: leave it out. GET /openapi.json lists"
                              " what is.", *name);
    }
    return 0;
}
