/* health: is the process alive, is every role there, what is going on, and the metrics of all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "board.h"
#include "jobs.h"
#include "metrics.h"

/* -- which roles are there ------------------------------------------------------------------- */

typedef struct {
    size_t extractors, answerers, embedders;
    bool redis;
    bool damaged;   /* the library's database */
} roles_t;

/* What the gateway sees itself; the embedders are the answerer's to tell. */
static roles_t roles_seen (void)
{
    return (roles_t) {.extractors = channel_peer_count (extract_link),
                      .answerers = channel_peer_count (ask_link), .redis = board_is_there ()};
}

static yyjson_doc *read_status (const ask_answer_t *answer, roles_t *roles)
{
    roles->damaged = answer->error == ERROR_STORE_DAMAGED;
    if (answer->message == NULL || answer->message->id != MESSAGE_RESULT)
        return NULL;
    const char *json = answer->message->result.json;
    yyjson_doc *document = yyjson_read (json, strlen (json), 0);
    yyjson_val *root = yyjson_doc_get_root (document);
    roles->embedders = yyjson_get_uint (yyjson_obj_get (root, "embedders"));
    roles->damaged = yyjson_is_true (yyjson_obj_get (root, "damaged"));
    return document;
}

/* -- status ---------------------------------------------------------------------------------- */

static void on_status (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    roles_t roles = roles_seen ();
    yyjson_doc *status = read_status (answer, &roles);
    if (status == NULL) {
        api_fail (request, answer);
        return;
    }
    yyjson_mut_doc *document = yyjson_doc_mut_copy (status, NULL);
    yyjson_doc_free (status);
    yyjson_mut_val *root = yyjson_mut_doc_get_root (document);
    yyjson_mut_obj_remove_key (root, "embedders");
    yyjson_mut_val *there = yyjson_mut_obj_add_obj (document, root, "roles");
    yyjson_mut_obj_add_uint (document, there, "gateway", 1);
    yyjson_mut_obj_add_uint (document, there, "extractor", roles.extractors);
    yyjson_mut_obj_add_uint (document, there, "answerer", roles.answerers);
    yyjson_mut_obj_add_uint (document, there, "embedder", roles.embedders);
    yyjson_mut_obj_add_uint (document, there, "redis", roles.redis);
    api_answer (request, 200, &document);
}

void api_status (request_t *request)
{
    message_t message = {.id = MESSAGE_GET_STATUS};
    ask (&message, on_status, request);
}

/* -- alive and ready ------------------------------------------------------------------------- */

void api_healthz (request_t *request)
{
    request_answer_json (request, "{\"status\":\"ok\"}");
}

/* Writes the missing roles' names, parted by commas; "" when none is. */
static void name_missing (const roles_t *roles, char out [64])
{
    const struct {
        const char *name;
        bool there;
    } all [] = {{"extractor", roles->extractors > 0}, {"answerer", roles->answerers > 0},
                {"embedder", roles->embedders > 0}, {"redis", roles->redis}};
    out [0] = 0;
    for (size_t i = 0; i < COUNT_OF (all); i++)
        if (!all [i].there) {
            strcat (out, *out != 0 ? ", " : "");
            strcat (out, all [i].name);
        }
}

static void add_missing (yyjson_mut_doc *document, yyjson_mut_val *root, const char *missing)
{
    yyjson_mut_val *list = yyjson_mut_obj_add_arr (document, root, "missing");
    for (size_t size; *missing != 0; missing += size + strspn (missing + size, ", ")) {
        size = strcspn (missing, ",");
        yyjson_mut_arr_add_strncpy (document, list, missing, size);
    }
}

static void answer_not_ready (request_t *request, const char *missing, error_t why, const char *text)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "status", "not ready");
    add_missing (document, root, missing);
    yyjson_mut_val *error = yyjson_mut_obj_add_obj (document, root, "error");
    yyjson_mut_obj_add_str (document, error, "message", text);
    yyjson_mut_obj_add_str (document, error, "type", error_type (why));
    yyjson_mut_obj_add_null (document, error, "param");
    yyjson_mut_obj_add_str (document, error, "code", error_name (why));
    api_answer (request, 503, &document);
}

static void answer_ready (request_t *request, const roles_t *roles)
{
    char missing [64], text [128];
    name_missing (roles, missing);
    snprintf (text, sizeof text, "Not ready yet. Missing: %s.", missing);
    if (roles->damaged)
        answer_not_ready (request, missing, ERROR_STORE_DAMAGED, error_default (ERROR_STORE_DAMAGED));
    else if (*missing != 0)
        answer_not_ready (request, missing, ERROR_ROLE_AWAY, text);
    else
        request_answer_json (request, "{\"status\":\"ready\",\"missing\":[]}");
}

static void on_ready_status (void *context, const ask_answer_t *answer)
{
    roles_t roles = roles_seen ();
    yyjson_doc_free (read_status (answer, &roles));
    if (answer->message == NULL && !roles.damaged)
        roles.answerers = 0;   /* it is there, but does not answer */
    answer_ready (context, &roles);
}

void api_readyz (request_t *request)
{
    roles_t roles = roles_seen ();
    message_t message = {.id = MESSAGE_GET_STATUS};
    if (roles.answerers == 0)
        answer_ready (request, &roles);
    else
        ask (&message, on_ready_status, request);
}

/* -- metrics --------------------------------------------------------------------------------- */

#define MAX_METRIC_LINES 20000

typedef struct {
    char *lines [MAX_METRIC_LINES];
    size_t count;
} metric_lines_t;

static void line_take (void *context, const char *text)
{
    metric_lines_t *all = context;
    char *copy = all->count < MAX_METRIC_LINES ? strdup (text) : NULL;
    if (copy != NULL)
        all->lines [all->count++] = copy;
}

static void lines_of_gateway (metric_lines_t *all)
{
    char *text = metrics_text ("gateway", channel_own_instance ()), *rest = NULL;
    char *line = text == NULL ? NULL : strtok_r (text, "\n", &rest);
    for (; line != NULL; line = strtok_r (NULL, "\n", &rest))
        line_take (all, line);
    free (text);
}

/* Prometheus wants the lines of one metric together, under one head. */
static void write_metric (FILE *out, metric_t metric, const metric_lines_t *all)
{
    const char *name = metric_name (metric);
    size_t size = strlen (name);
    bool has_head = false;
    for (size_t i = 0; i < all->count; i++) {
        if (strncmp (all->lines [i], name, size) != 0 || (all->lines [i] [size] != '{' && all->lines [i] [size] != ' '))
            continue;
        if (!has_head)
            fprintf (out, "# HELP %s %s\n# TYPE %s %s\n", name, metric_what (metric), name, metric_kind (metric));
        has_head = true;
        fprintf (out, "%s\n", all->lines [i]);
    }
}

void api_metrics (request_t *request)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    metric_lines_t *all = calloc (1, sizeof *all);
    if (out != NULL && all != NULL) {
        lines_of_gateway (all);
        channel_peer_metrics (extract_link, line_take, all);
        channel_peer_metrics (ask_link, line_take, all);
        for (metric_t metric = 0; metric < METRIC_COUNT; metric++)
            write_metric (out, metric, all);
        while (all->count > 0)
            free (all->lines [--all->count]);
    }
    free (all);
    if (out != NULL)
        fclose (out);
    if (text == NULL || all == NULL) {
        free (text);
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    request_answer_taken (request, 200, "text/plain; version=0.0.4; charset=utf-8", &text, size);
}
