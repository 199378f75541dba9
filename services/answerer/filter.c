/* OpenAI's search filters: checked once when they come in, then walked for each file. */
#include "filter.h"

#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "error.h"
#include "utf8.h"

struct filter {
    yyjson_doc *doc;   /* NULL: lets everything through */
};

typedef enum { OPERATOR_NONE, EQ, NE, GT, GTE, LT, LTE, IN, NIN, AND, OR } operator_t;

static const struct {
    const char *name;
    operator_t operator;
} operators [] = {
    {"eq", EQ}, {"ne", NE}, {"gt", GT}, {"gte", GTE}, {"lt", LT}, {"lte", LTE},
    {"in", IN}, {"nin", NIN}, {"and", AND}, {"or", OR},
};

static operator_t operator_of (yyjson_val *part)
{
    const char *type = yyjson_get_str (yyjson_obj_get (part, "type"));
    for (size_t i = 0; type != NULL && i < COUNT_OF (operators); i++)
        if (strcmp (operators [i].name, type) == 0)
            return operators [i].operator;
    return OPERATOR_NONE;
}

/* -- checking ------------------------------------------------------------------------------- */

static bool is_plain (yyjson_val *value)
{
    return yyjson_is_str (value) || yyjson_is_num (value) || yyjson_is_bool (value);
}

static int check_value (yyjson_val *value, operator_t operator)
{
    if (operator == IN || operator == NIN) {
        size_t i, count;
        yyjson_val *item;
        if (!yyjson_is_arr (value))
            return error_set (ERROR_BAD_FIELD, "'filters': 'in' and 'nin' need a list in 'value'.");
        yyjson_arr_foreach (value, i, count, item)
            if (!is_plain (item))
                return error_set (ERROR_BAD_FIELD, "'filters': a list in 'value' holds texts, numbers and booleans only.");
        return 0;
    }
    if (!is_plain (value))
        return error_set (ERROR_BAD_FIELD, "'filters': 'value' must be a text, a number or a boolean.");
    if (operator >= GT && operator <= LTE && yyjson_is_bool (value))
        return error_set (ERROR_BAD_FIELD, "'filters': 'gt', 'gte', 'lt' and 'lte' compare numbers and texts, not booleans.");
    return 0;
}

static int check_part (yyjson_val *part, int depth, int *parts);

static int check_join (yyjson_val *part, int depth, int *parts)
{
    yyjson_val *list = yyjson_obj_get (part, "filters"), *item;
    size_t i, count;
    if (!yyjson_is_arr (list))
        return error_set (ERROR_BAD_FIELD, "'filters': 'and' and 'or' need a list in 'filters'.");
    yyjson_arr_foreach (list, i, count, item)
        if (check_part (item, depth + 1, parts) != 0)
            return -1;
    return 0;
}

static int check_part (yyjson_val *part, int depth, int *parts)
{
    if (depth > MAX_FILTER_DEPTH || ++*parts > MAX_FILTER_PARTS)
        return error_set (ERROR_BAD_FIELD, "'filters' is nested deeper than %d or has more than %d parts.",
                          MAX_FILTER_DEPTH, MAX_FILTER_PARTS);
    if (!yyjson_is_obj (part))
        return error_set (ERROR_BAD_FIELD, "'filters' must be an object with 'type'.");
    operator_t operator = operator_of (part);
    if (operator == OPERATOR_NONE)
        return error_set (ERROR_BAD_FIELD, "'filters': 'type' must be eq, ne, gt, gte, lt, lte, in, nin, and, or.");
    if (operator == AND || operator == OR)
        return check_join (part, depth, parts);
    if (!yyjson_is_str (yyjson_obj_get (part, "key")))
        return error_set (ERROR_BAD_FIELD, "'filters': a comparison needs a text in 'key'.");
    return check_value (yyjson_obj_get (part, "value"), operator);
}

static int parse (filter_t *filter, const char *json)
{
    size_t size = strlen (json);
    int parts = 0;
    if (size == 0)
        return 0;
    if (size > MAX_FILTER_BYTES)
        return error_set (ERROR_BAD_FIELD, "'filters' is longer than %u bytes.", MAX_FILTER_BYTES);
    filter->doc = yyjson_read (json, size, 0);
    if (filter->doc == NULL)
        return error_set (ERROR_BAD_FIELD, "'filters' is no valid JSON.");
    return check_part (yyjson_doc_get_root (filter->doc), 1, &parts);
}

filter_t *filter_parse (const char *json)
{
    filter_t *filter = calloc (1, sizeof *filter);
    if (filter == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    else if (parse (filter, json) != 0)
        filter_destroy (&filter);
    return filter;
}

void filter_destroy (filter_t **filter)
{
    if (*filter == NULL)
        return;
    yyjson_doc_free ((*filter)->doc);
    free (*filter);
    *filter = NULL;
}

bool filter_lets_all (const filter_t *filter)
{
    return filter->doc == NULL;
}

/* -- matching ------------------------------------------------------------------------------- */

/* A value of a file: text is set for the keys that are no attributes. */
typedef struct {
    const char *text;
    yyjson_val *value;
} operand_t;

typedef struct {
    const char *file_id, *filename;
    yyjson_val *attributes;
} subject_t;

static operand_t operand_of (const subject_t *subject, const char *key)
{
    if (strcmp (key, "file_id") == 0)
        return (operand_t) {.text = subject->file_id};
    if (strcmp (key, "filename") == 0)
        return (operand_t) {.text = subject->filename};
    yyjson_val *value = yyjson_obj_get (subject->attributes, key);
    return (operand_t) {.text = yyjson_get_str (value), .value = value};
}

/* Compares values of one type. True with the order (-1, 0, 1), or false: they can't be compared. */
static bool compare (operand_t operand, yyjson_val *value, int *order)
{
    if (operand.text != NULL && yyjson_is_str (value)) {
        int difference = strcmp (operand.text, yyjson_get_str (value));
        *order = (difference > 0) - (difference < 0);
        return true;
    }
    if (yyjson_is_num (operand.value) && yyjson_is_num (value)) {
        double left = yyjson_get_num (operand.value), right = yyjson_get_num (value);
        *order = (left > right) - (left < right);
        return true;
    }
    if (yyjson_is_bool (operand.value) && yyjson_is_bool (value)) {
        *order = yyjson_get_bool (operand.value) - yyjson_get_bool (value);
        return true;
    }
    return false;
}

static bool is_one_of (operand_t operand, yyjson_val *list)
{
    size_t i, count;
    int order;
    yyjson_val *item;
    yyjson_arr_foreach (list, i, count, item)
        if (compare (operand, item, &order) && order == 0)
            return true;
    return false;
}

static bool comparison_holds (yyjson_val *part, operator_t operator, const subject_t *subject)
{
    operand_t operand = operand_of (subject, yyjson_get_str (yyjson_obj_get (part, "key")));
    yyjson_val *value = yyjson_obj_get (part, "value");
    int order;
    if (operator == IN || operator == NIN)
        return is_one_of (operand, value) == (operator == IN);
    if (!compare (operand, value, &order))
        return operator == NE;
    switch (operator) {
    case EQ:  return order == 0;
    case NE:  return order != 0;
    case GT:  return order > 0;
    case GTE: return order >= 0;
    case LT:  return order < 0;
    default:  return order <= 0;
    }
}

static bool holds (yyjson_val *part, const subject_t *subject)
{
    operator_t operator = operator_of (part);
    if (operator != AND && operator != OR)
        return comparison_holds (part, operator, subject);
    size_t i, count;
    yyjson_val *item;
    yyjson_arr_foreach (yyjson_obj_get (part, "filters"), i, count, item)
        if (holds (item, subject) == (operator == OR))
            return operator == OR;
    return operator == AND;
}

bool filter_matches (const filter_t *filter, const char *file_id, const char *filename,
                     const char *attributes)
{
    if (filter->doc == NULL)
        return true;
    yyjson_doc *doc = yyjson_read (attributes, strlen (attributes), 0);
    subject_t subject = {file_id, filename, yyjson_doc_get_root (doc)};
    bool result = holds (yyjson_doc_get_root (filter->doc), &subject);
    yyjson_doc_free (doc);
    return result;
}

/* -- attributes ----------------------------------------------------------------------------- */

static bool short_enough (yyjson_val *text, uint32_t most)
{
    return utf8_length (yyjson_get_str (text), yyjson_get_len (text)) <= most;
}

static int check_attributes (yyjson_val *root)
{
    size_t i, count;
    yyjson_val *key, *value;
    if (!yyjson_is_obj (root))
        return error_set (ERROR_BAD_FIELD, "'attributes' must be a JSON object.");
    if (yyjson_obj_size (root) > MAX_ATTRIBUTES)
        return error_set (ERROR_BAD_FIELD, "'attributes' has more than %d keys.", MAX_ATTRIBUTES);
    yyjson_obj_foreach (root, i, count, key, value) {
        if (!short_enough (key, MAX_ATTRIBUTE_KEY))
            return error_set (ERROR_BAD_FIELD, "'attributes': a key is longer than %d characters.", MAX_ATTRIBUTE_KEY);
        if (!is_plain (value) || (yyjson_is_str (value) && !short_enough (value, MAX_ATTRIBUTE_VALUE)))
            return error_set (ERROR_BAD_FIELD, "'attributes': values are texts of at most %d characters,"
                              " numbers or booleans.", MAX_ATTRIBUTE_VALUE);
    }
    return 0;
}

int attributes_check (const char *json)
{
    if (json [0] == '\0')
        return 0;
    yyjson_doc *doc = yyjson_read (json, strlen (json), 0);
    int result = doc == NULL ? error_set (ERROR_BAD_FIELD, "'attributes' is no valid JSON.")
                             : check_attributes (yyjson_doc_get_root (doc));
    yyjson_doc_free (doc);
    return result;
}
