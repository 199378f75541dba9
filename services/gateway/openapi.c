/* openapi: the API's description, made from the table of routes, so that it says what is checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "guard.h"
#include "openapi.h"
#include "routes.h"
#include "version.h"
#include "web.h"

/* -- fields ---------------------------------------------------------------------------------- */

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

static yyjson_mut_val *list_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    add_type (document, schema, "array");
    add_type (document, yyjson_mut_obj_add_obj (document, schema, "items"), "string");
    yyjson_mut_obj_add_int (document, schema, "minItems", (int64_t) field->min);
    yyjson_mut_obj_add_int (document, schema, "maxItems", (int64_t) field->max);
    return schema;
}

static yyjson_mut_val *objects_schema (yyjson_mut_doc *document, const field_t *field)
{
    yyjson_mut_val *schema = yyjson_mut_obj (document);
    add_type (document, schema, "array");
    add_type (document, yyjson_mut_obj_add_obj (document, schema, "items"), "object");
    yyjson_mut_obj_add_int (document, schema, "minItems", (int64_t) field->min);
    yyjson_mut_obj_add_int (document, schema, "maxItems", (int64_t) field->max);
    return schema;
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
    yyjson_mut_arr_append (choices, field->type == FIELD_TEXT_OR_TEXTS    ? list_schema (document, field)
                                    : field->type == FIELD_TEXT_OR_OBJECT ? object_schema (document, field)
                                                                          : objects_schema (document, field));
    return schema;
}

static yyjson_mut_val *field_schema (yyjson_mut_doc *document, const field_t *field)
{
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return number_schema (document, field);
    case FIELD_TEXTS:
        return list_schema (document, field);
    case FIELD_OBJECTS:
        return objects_schema (document, field);
    case FIELD_BOOLEAN:
        return boolean_schema (document, field);
    case FIELD_TEXT_OR_TEXTS:
    case FIELD_TEXT_OR_OBJECTS:
    case FIELD_TEXT_OR_OBJECT:
        return either_schema (document, field);
    case FIELD_LABELS:
    case FIELD_ATTRIBUTES:
    case FIELD_OBJECT:
        return object_schema (document, field);
    default:
        return text_schema (document, field);
    }
}

static void add_parameter (yyjson_mut_doc *document, yyjson_mut_val *list, const field_t *field)
{
    yyjson_mut_val *parameter = yyjson_mut_arr_add_obj (document, list);
    yyjson_mut_obj_add_str (document, parameter, "name", field->name);
    yyjson_mut_obj_add_str (document, parameter, "in", field->place == IN_PATH ? "path" : "query");
    yyjson_mut_obj_add_bool (document, parameter, "required", field->required);
    yyjson_mut_obj_add_str (document, parameter, "description", field->what);
    yyjson_mut_obj_add_val (document, parameter, "schema", field_schema (document, field));
}

/* -- operations ------------------------------------------------------------------------------ */

static void add_parameters (yyjson_mut_doc *document, yyjson_mut_val *operation, const route_t *route)
{
    yyjson_mut_val *list = yyjson_mut_arr (document);
    for (size_t i = 0; i < route->field_count; i++)
        if (route->fields [i].place == IN_PATH || route->fields [i].place == IN_QUERY)
            add_parameter (document, list, &route->fields [i]);
    if (yyjson_mut_arr_size (list) > 0)
        yyjson_mut_obj_add_val (document, operation, "parameters", list);
}

static void add_body (yyjson_mut_doc *document, yyjson_mut_val *operation, const route_t *route)
{
    bool is_form = route->body == BODY_UPLOAD;
    yyjson_mut_val *body = yyjson_mut_obj_add_obj (document, operation, "requestBody");
    yyjson_mut_val *content = yyjson_mut_obj_add_obj (document, body, "content");
    const char *type = is_form ? "multipart/form-data" : "application/json";
    yyjson_mut_val *media = yyjson_mut_obj_add_obj (document, content, type);
    yyjson_mut_val *schema = yyjson_mut_obj_add_obj (document, media, "schema");
    yyjson_mut_val *required = yyjson_mut_arr (document);
    add_type (document, schema, "object");
    yyjson_mut_val *properties = yyjson_mut_obj_add_obj (document, schema, "properties");
    for (size_t i = 0; i < route->field_count; i++) {
        const field_t *field = &route->fields [i];
        if (field->place != (is_form ? IN_FORM : IN_BODY))
            continue;
        yyjson_mut_val *one = field_schema (document, field);
        yyjson_mut_obj_add_str (document, one, "description", field->what);
        yyjson_mut_obj_add_val (document, properties, field->name, one);
        if (field->required)
            yyjson_mut_arr_add_str (document, required, field->name);
    }
    if (route->body == BODY_KNOWN_JSON)
        yyjson_mut_obj_add_bool (document, schema, "additionalProperties", false);
    yyjson_mut_obj_add_bool (document, body, "required", yyjson_mut_arr_size (required) > 0);
    if (yyjson_mut_arr_size (required) > 0)
        yyjson_mut_obj_add_val (document, schema, "required", required);
}

/* A media type (it has a slash) is bytes or text; anything else names a schema. */
static void add_answer (yyjson_mut_doc *document, yyjson_mut_val *responses, const char *status,
                        const char *answer, const char *what)
{
    char reference [96];
    bool is_media = strchr (answer, '/') != NULL;
    yyjson_mut_val *response = yyjson_mut_obj_add_obj (document, responses, status);
    yyjson_mut_obj_add_str (document, response, "description", what);
    yyjson_mut_val *content = yyjson_mut_obj_add_obj (document, response, "content");
    yyjson_mut_val *media = yyjson_mut_obj_add_obj (document, content, is_media ? answer : "application/json");
    if (is_media)
        return;
    snprintf (reference, sizeof reference, "#/components/schemas/%s", answer);
    yyjson_mut_obj_add_strcpy (document, yyjson_mut_obj_add_obj (document, media, "schema"), "$ref", reference);
}

static bool can_stream (const route_t *route)
{
    for (size_t i = 0; i < route->field_count; i++)
        if (strcmp (route->fields [i].name, "stream") == 0)
            return true;
    return false;
}

/* The same route answers with a stream when it is asked to. */
static void add_stream (yyjson_mut_doc *document, yyjson_mut_val *responses)
{
    yyjson_mut_val *content = yyjson_mut_obj_get (yyjson_mut_obj_get (responses, "200"), "content");
    yyjson_mut_obj_add_obj (document, content, "text/event-stream");
}

/* Does a request name what may not exist, in its path or its body (a chat: in its model's name)? */
static bool names_things (const route_t *route)
{
    static const char *const names [] = {"file_ids", "tools", "messages"};
    bool any = strchr (route->pattern, '{') != NULL;
    for (size_t i = 0; i < route->field_count; i++)
        for (size_t k = 0; k < COUNT_OF (names); k++)
            any |= route->fields [i].place == IN_BODY && strcmp (route->fields [i].name, names [k]) == 0;
    return any;
}

static bool reads_page (const route_t *route)
{
    return strstr (route->pattern, "{page}") != NULL;
}

/* What any request may meet. That the service is not whole is told in the health's own words. */
static void add_troubles (yyjson_mut_doc *document, yyjson_mut_val *responses, const route_t *route)
{
    static const struct {
        const char *status, *what;
    } troubles [] = {
        {"408", "The request came too slowly."},
        {"414", "The URL is longer than this server takes."},
        {"429", "Too much is under way, or too many questions came within a minute; Retry-After says when to come back."},
        {"431", "The headers are larger than this server takes."},
        {"500", "Something is wrong with the service; its log says what."},
        {"503", "A part of the service is not there just now; Retry-After says when to try again."},
    };
    for (size_t i = 0; i < COUNT_OF (troubles); i++) {
        bool is_health = strcmp (route->answer, "Health") == 0 && strcmp (troubles [i].status, "503") == 0;
        add_answer (document, responses, troubles [i].status, is_health ? "Health" : "Error", troubles [i].what);
    }
}

static void add_answers (yyjson_mut_doc *document, yyjson_mut_val *operation, const route_t *route)
{
    yyjson_mut_val *responses = yyjson_mut_obj_add_obj (document, operation, "responses");
    add_answer (document, responses, "200", route->answer, "It worked.");
    if (can_stream (route))
        add_stream (document, responses);
    if (route->field_count > 0)
        add_answer (document, responses, "400", "Error",
                    "Something that was sent can't be used; 'param' names it.");
    if (names_things (route))
        add_answer (document, responses, "404", "Error", "There is no such thing.");
    if (route->body != BODY_NONE) {
        add_answer (document, responses, "413", "Error", "The body is larger than this server takes.");
        add_answer (document, responses, "415", "Error", "The body is of another type.");
    }
    if (route->body == BODY_UPLOAD)
        add_answer (document, responses, "507", "Error", "The server's disk is full.");
    if (guard_wants_key (route))
        add_answer (document, responses, "401", "Error", "The API key is missing or not one of the server's.");
    if (reads_page (route)) {
        add_answer (document, responses, "409", "Error", "The page has not been read yet.");
        add_answer (document, responses, "422", "Error", "The page can't be read.");
    }
    add_troubles (document, responses, route);
}

static void add_operation (yyjson_mut_doc *document, yyjson_mut_val *path, const route_t *route)
{
    char method [8] = "";
    for (size_t i = 0; route->method [i] != 0 && i + 1 < sizeof method; i++)
        method [i] = (char) (route->method [i] | 0x20);
    yyjson_mut_val *operation = yyjson_mut_obj (document);
    yyjson_mut_obj_add_str (document, operation, "operationId", route->name);
    yyjson_mut_obj_add_str (document, operation, "summary", route->what);
    if (!guard_wants_key (route))
        yyjson_mut_obj_add_arr (document, operation, "security");   /* empty: none is needed */
    add_parameters (document, operation, route);
    if (route->body != BODY_NONE)
        add_body (document, operation, route);
    add_answers (document, operation, route);
    yyjson_mut_obj_add (path, yyjson_mut_strcpy (document, method), operation);
}

static void add_paths (yyjson_mut_doc *document, yyjson_mut_val *root)
{
    yyjson_mut_val *paths = yyjson_mut_obj_add_obj (document, root, "paths");
    for (size_t i = 0; i < route_count; i++) {
        yyjson_mut_val *path = yyjson_mut_obj_get (paths, routes [i].pattern);
        if (path == NULL)
            path = yyjson_mut_obj_add_obj (document, paths, routes [i].pattern);
        add_operation (document, path, &routes [i]);
    }
}

/* The key is said to be needed by each operation that has no 'security' of its own. */
static void add_security (yyjson_mut_doc *document, yyjson_mut_val *root, yyjson_mut_val *components)
{
    yyjson_mut_val *schemes = yyjson_mut_obj_add_obj (document, components, "securitySchemes");
    yyjson_mut_val *scheme = yyjson_mut_obj_add_obj (document, schemes, "apiKey");
    add_type (document, scheme, "http");
    yyjson_mut_obj_add_str (document, scheme, "scheme", "bearer");
    yyjson_mut_obj_add_str (document, scheme, "description",
                            "One of the server's API keys, where it has any (QUIRE_API_KEYS).");
    yyjson_mut_val *security = yyjson_mut_obj_add_arr (document, root, "security");
    yyjson_mut_obj_add_arr (document, yyjson_mut_arr_add_obj (document, security), "apiKey");
}

/* What answers look like stands in schemas.json, which is part of the program. */
static void add_schemas (yyjson_mut_doc *document, yyjson_mut_val *root)
{
    const web_file_t *file = schema_files;
    yyjson_mut_val *components = yyjson_mut_obj_add_obj (document, root, "components");
    add_security (document, root, components);
    yyjson_doc *schemas = yyjson_read ((const char *) file->data, (size_t) (file->end - file->data), 0);
    yyjson_mut_obj_add_val (document, components, "schemas",
                            yyjson_val_mut_copy (document, yyjson_doc_get_root (schemas)));
    yyjson_doc_free (schemas);
}

char *openapi_json (void)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "openapi", "3.1.0");
    yyjson_mut_val *info = yyjson_mut_obj_add_obj (document, root, "info");
    yyjson_mut_obj_add_str (document, info, "title", "Quire");
    yyjson_mut_obj_add_str (document, info, "version", QUIRE_VERSION);
    yyjson_mut_obj_add_str (document, info, "summary",
                            "Answers questions about PDFs and shows where each answer stands.");
    add_paths (document, root);
    add_schemas (document, root);
    char *json = yyjson_mut_write (document, YYJSON_WRITE_PRETTY_TWO_SPACES, NULL);
    yyjson_mut_doc_free (document);
    return json;
}

void api_openapi (request_t *request)
{
    char *json = openapi_json ();
    if (json == NULL)
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
    else
        request_answer_taken (request, 200, "application/json", &json, strlen (json));
}
