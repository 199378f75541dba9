/* Fields that passed their check: see checked.h. */
#include "checked.h"

#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "utf8.h"

static void check_number (const field_t *field, const value_t *value)
{
    if (!value->given && !field->standard)
        return;
    MUST (value->number >= field->min && value->number <= field->max);
    MUST (field->type != FIELD_INTEGER || (double) value->integer == value->number);
}

static void check_choice (const field_t *field, const value_t *value)
{
    if (!value->text)
        return;
    size_t size = strlen (value->text);
    const char *found = strstr (field->choices, value->text);
    MUST (size > 0 && found && !strchr (value->text, ' ') && size <= strlen (field->choices));
}

static void check_text (const value_t *value, double least, double most)
{
    if (!value->text)
        return;
    size_t size = strlen (value->text);
    MUST (utf8_valid (value->text, size) && (double) size >= least && (double) size <= most);
}

static void check_texts (const field_t *field, const value_t *value)
{
    yyjson_val *item;
    size_t index, count;
    if (!value->json || !yyjson_is_arr (value->json))
        return;
    MUST ((double) yyjson_arr_size (value->json) >= field->min && (double) yyjson_arr_size (value->json) <= field->max);
    yyjson_arr_foreach (value->json, index, count, item)
        MUST (yyjson_is_str (item) && yyjson_get_len (item) <= MAX_FIELD_BYTES
              && strlen (yyjson_get_str (item)) == yyjson_get_len (item));
}

static void check_ids (const field_t *field, yyjson_val *list)
{
    size_t index, count, size = yyjson_arr_size (list);
    yyjson_val *item;
    MUST (yyjson_is_arr (list) && (double) size >= field->min && (double) size <= field->max);
    yyjson_arr_foreach (list, index, count, item)
        MUST (yyjson_is_uint (item) && yyjson_get_uint (item) <= MAX_FIELD_ID);
}

static void check_texts_or_ids (const field_t *field, const value_t *value)
{
    yyjson_val *item, *first = yyjson_arr_get_first (value->json);
    size_t index, count;
    if (yyjson_is_num (first)) {
        check_ids (field, value->json);
    } else if (yyjson_is_arr (first)) {
        MUST ((double) yyjson_arr_size (value->json) <= field->max);
        yyjson_arr_foreach (value->json, index, count, item)
            check_ids (field, item);
    } else {
        check_text (value, 0, MAX_FIELD_BYTES);
        check_texts (field, value);
    }
}

static void check_labels (const value_t *value)
{
    yyjson_val *key, *label;
    size_t index, count;
    if (!value->given)
        return;
    MUST (yyjson_is_obj (value->json) && yyjson_obj_size (value->json) <= MAX_LABELS);
    yyjson_obj_foreach (value->json, index, count, key, label) {
        MUST (strlen (yyjson_get_str (key)) == yyjson_get_len (key) && yyjson_get_len (key) <= MAX_LABEL_KEY);
        MUST (!yyjson_is_str (label) || yyjson_get_len (label) <= MAX_LABEL_VALUE);
        MUST (!yyjson_is_ctn (label) && !yyjson_is_null (label));
        MUST (!yyjson_is_num (label) || isfinite (yyjson_get_num (label)));
    }
}

/* A list of objects, unless it is left out or may be, and is, something else. */
static void check_objects (const field_t *field, const value_t *value)
{
    size_t index, count, size = yyjson_arr_size (value->json);
    yyjson_val *item;
    if (!value->given || (field->type != FIELD_OBJECTS && value->text))
        return;
    MUST (yyjson_is_arr (value->json) && (double) size >= field->min && (double) size <= field->max);
    yyjson_arr_foreach (value->json, index, count, item) {
        MUST (yyjson_is_obj (item));
    }
}

void checked_value (const field_t *field, const value_t *value)
{
    MUST (value->given || !field->required);
    switch (field->type) {
    case FIELD_TEXT: check_text (value, field->min, field->max < MAX_FIELD_BYTES ? field->max : MAX_FIELD_BYTES); break;
    case FIELD_CHOICE: check_choice (field, value); break;
    case FIELD_INTEGER:
    case FIELD_NUMBER: check_number (field, value); break;
    case FIELD_TEXT_OR_TEXTS: check_text (value, 0, MAX_FIELD_BYTES); check_texts (field, value); break;
    case FIELD_TEXTS_OR_IDS: check_texts_or_ids (field, value); break;
    case FIELD_TEXTS: check_texts (field, value); break;
    case FIELD_LABELS:
    case FIELD_ATTRIBUTES: check_labels (value); break;
    case FIELD_OBJECT: MUST (!value->given || yyjson_is_obj (value->json)); break;
    case FIELD_OBJECTS: check_objects (field, value); break;
    case FIELD_TEXT_OR_OBJECTS: check_text (value, 0, MAX_FIELD_BYTES); check_objects (field, value); break;
    case FIELD_TEXT_OR_OBJECT:
        check_text (value, 0, MAX_FIELD_BYTES);
        MUST (!value->given || value->text || yyjson_is_obj (value->json));
        break;
    case FIELD_BOOLEAN: MUST (value->integer == 0 || value->integer == 1); break;
    case FIELD_BYTES: break;
    }
}
