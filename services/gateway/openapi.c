/* openapi: the API's description, made from the table of routes, so that it says what is checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "field_schema.h"
#include "guard.h"
#include "openapi.h"
#include "routes.h"
#include "version.h"
#include "web.h"

/* -- operations ------------------------------------------------------------------------------ */

static void add_parameter (yyjson_mut_doc *document, yyjson_mut_val *list, const field_t *field)
{
    yyjson_mut_val *parameter = yyjson_mut_arr_add_obj (document, list);
    yyjson_mut_obj_add_str (document, parameter, "name", field->name);
    yyjson_mut_obj_add_str (document, parameter, "in", field->place == IN_PATH ? "path" : "query");
    yyjson_mut_obj_add_bool (document, parameter, "required", field->required);
    yyjson_mut_obj_add_str (document, parameter, "description", field->what);
    yyjson_mut_obj_add_val (document, parameter, "schema", field_schema (document, field));
}

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
    yyjson_mut_val *schema = fields_schema (document, route->fields, route->field_count, is_form ? IN_FORM : IN_BODY,
                                            route->body == BODY_KNOWN_JSON);
    yyjson_mut_obj_add_val (document, media, "schema", schema);
    yyjson_mut_obj_add_bool (document, body, "required", yyjson_mut_obj_get (schema, "required") != NULL);
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
        {"403", "The server is not known by the name in Host, and wants no keys."},
        {"408", "The request came too slowly."},
        {"414", "The URL is longer than this server takes."},
        {"429", "Too much is under way, or too many questions came within a minute; Retry-After says when to come back."},
        {"431", "The headers are larger than this server takes."},
        {"500", "Something is wrong with the service; its log says what."},
        {"503", "A part of the service is not there just now; Retry-After says when to try again."},
    };
    for (size_t i = 0; i < COUNT_OF (troubles); i++) {
        if (yyjson_mut_obj_get (responses, troubles [i].status) != NULL)
            continue;
        bool is_health = strcmp (route->answer, "Health") == 0 && strcmp (troubles [i].status, "503") == 0;
        add_answer (document, responses, troubles [i].status, is_health ? "Health" : "Error", troubles [i].what);
    }
}

/* What is wrong with a message is told in its own form. */
static void add_rpc_answers (yyjson_mut_doc *document, yyjson_mut_val *responses, const route_t *route)
{
    yyjson_mut_val *taken = yyjson_mut_obj_add_obj (document, responses, "202");
    yyjson_mut_obj_add_str (document, taken, "description", "A notification was taken.");
    add_answer (document, responses, "400", "McpTrouble", "The message is malformed or of another version, or the URL.");
    add_answer (document, responses, "403", route->answer, "A web page of this Origin may not ask.");
    add_answer (document, responses, "404", route->answer, "There is no such method.");
    add_answer (document, responses, "406", route->answer, "The client does not take JSON.");
}

static void add_answers (yyjson_mut_doc *document, yyjson_mut_val *operation, const route_t *route)
{
    yyjson_mut_val *responses = yyjson_mut_obj_add_obj (document, operation, "responses");
    add_answer (document, responses, "200", route->answer, "It worked.");
    if (can_stream (route))
        add_stream (document, responses);
    if (route->body == BODY_RPC)
        add_rpc_answers (document, responses, route);
    else if (route->field_count > 0)
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
    yyjson_mut_obj_add_str (document, scheme, "type", "http");
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
