/* status: is the service ready, and what does it hold? */
#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "output.h"
#include "plain.h"
#include "shelf.h"
#include "terminal.h"

static void print_counts (yyjson_val *status)
{
    static const struct {
        const char *key, *what;
    } counts [] = {{"files", "files"}, {"files_unfinished", "files unfinished"}, {"pages", "pages"},
                   {"chunks", "passages"}, {"vectors", "passages found by meaning"},
                   {"vectors_failed", "passages found by words only"}, {"vector_stores", "stores"}};
    for (size_t i = 0; i < COUNT_OF (counts); i++)
        printf ("%10" PRIu64 "  %s\n", yyjson_get_uint (yyjson_obj_get (status, counts [i].key)), counts [i].what);
}

/* Every role that is counted has to be there. Prints the counts; returns whether one is missing. */
static bool print_roles (yyjson_val *roles, bool is_printed)
{
    size_t i, count;
    bool is_missing = yyjson_obj_size (roles) == 0;
    yyjson_val *name, *number;
    yyjson_obj_foreach (roles, i, count, name, number) {
        is_missing = is_missing || yyjson_get_uint (number) == 0;
        if (!is_printed)
            continue;
        printf ("%10" PRIu64 "  ", yyjson_get_uint (number));
        plain_write (stdout, yyjson_get_str (name), PLAIN_LINE);
        fputc ('\n', stdout);
    }
    return is_missing;
}

static void print (const session_t *session, yyjson_val *status, bool is_ready)
{
    printf ("Quire at %s is %s%s%s.\n\n", http_url (session->http), terminal_style (is_ready ? STYLE_GREEN : STYLE_RED),
            is_ready ? "ready" : "not ready", terminal_style (STYLE_NONE));
    print_counts (status);
    printf ("\nprocesses\n");
    print_roles (yyjson_obj_get (status, "roles"), true);
}

/* The service's status with two fields more: where it is, and whether all of it is there. */
static void print_json (const session_t *session, yyjson_val *status, bool is_ready)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = document == NULL ? NULL : yyjson_val_mut_copy (document, status);
    if (root != NULL) {
        yyjson_mut_obj_add_str (document, root, "url", http_url (session->http));
        yyjson_mut_obj_add_bool (document, root, "ready", is_ready);
        output_mut_json (root);
    }
    yyjson_mut_doc_free (document);
}

outcome_t command_status (session_t *session)
{
    failure_t failure;
    session->patience_s = 0;   /* what is asked is how it is now */
    yyjson_doc *answer = session_call (session, "GET", "/v1/status", NULL, &failure);
    if (answer == NULL)
        return output_failure (&failure, session->json);
    yyjson_val *status = yyjson_doc_get_root (answer);
    bool is_ready = !print_roles (yyjson_obj_get (status, "roles"), false);
    if (session->json)
        print_json (session, status, is_ready);
    else
        print (session, status, is_ready);
    yyjson_doc_free (answer);
    return is_ready ? OUTCOME_OK : OUTCOME_AWAY;
}
