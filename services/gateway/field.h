/* Fields: what a route takes in its path, query, form and JSON body, as tables, and the one check
 * that every request passes before its handler sees it. /openapi.json comes from the same tables.
 * Pure. */
#ifndef QUIRE_GATEWAY_FIELD_H
#define QUIRE_GATEWAY_FIELD_H

#include <yyjson.h>

#include "error.h"

typedef enum { IN_PATH, IN_QUERY, IN_FORM, IN_BODY } field_place_t;

typedef enum {
    FIELD_TEXT,          /* min, max: bytes */
    FIELD_CHOICE,        /* one of choices */
    FIELD_INTEGER,       /* min, max: value */
    FIELD_NUMBER,        /* min, max: value */
    FIELD_TEXTS,         /* list of texts; min, max: how many */
    FIELD_TEXT_OR_TEXTS, /* one text of any length, or a list of min to max */
    FIELD_TEXTS_OR_IDS,  /* one text, a list of texts, a list of ids (whole numbers from 0), or a list of
                          * such lists; min, max: how many in any list */
    FIELD_LABELS,        /* object of short texts (OpenAI's metadata) */
    FIELD_ATTRIBUTES,    /* object of short texts, numbers and booleans */
    FIELD_OBJECT,        /* any object; passed on as JSON */
    FIELD_OBJECTS,       /* list of objects; min, max: how many */
    FIELD_TEXT_OR_OBJECTS, /* one text of any length, or a list of min to max */
    FIELD_TEXT_OR_OBJECT,
    FIELD_BOOLEAN,       /* integer: 1 or 0 */
    FIELD_BYTES,         /* a file (form only) */
} field_type_t;

typedef struct {
    const char *name;
    field_place_t place;
    field_type_t type;
    bool required;
    double min, max;
    const char *standard;   /* what it is when left out, as text; or NULL */
    const char *choices;    /* parted by spaces */
    const char *what;
} field_t;

#define MAX_FIELD_ID       UINT32_MAX
#define MAX_ROUTE_FIELDS   32
#define MAX_FIELD_BYTES    (1u << 20)   /* of any one text */
#define MAX_LABELS         16           /* of metadata and attributes: OpenAI's limits */
#define MAX_LABEL_KEY      64
#define MAX_LABEL_VALUE    512

/* A field as it came, checked. Texts are lent by the query or the JSON document. */
typedef struct {
    bool given;             /* false: it was left out, and the rest holds the standard or zero */
    const char *text;
    int64_t integer;
    double number;
    yyjson_val *json;       /* of a body's field */
} value_t;

/* Checks a field that came as text (query, path, form); text NULL means it was left out. Returns 0,
 * or -1 with MISSING_FIELD or BAD_FIELD. */
MUST_CHECK int field_check_text (const field_t *field, const char *text, value_t *value);

/* The same for a field of a JSON object; null counts as left out. */
MUST_CHECK int field_check_json (const field_t *field, yyjson_val *object, value_t *value);

/* Is every member of the object a field of the list? null counts as left out. Returns 0, or -1 with
 * BAD_FIELD, which names the first that is not, as *name does. */
MUST_CHECK int field_check_known (const field_t *fields, size_t count, yyjson_val *object, const char **name);

#endif
