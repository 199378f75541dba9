/* rm: removes files from everywhere, or takes them out of one store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "interrupt.h"
#include "output.h"
#include "plain.h"
#include "shelf.h"
#include "terminal.h"

/* A line of JSON for a file that was not removed. */
static void tell_failed (const char *operand, const failure_t *failure)
{
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    char *name = plain_copy (operand, strlen (operand), PLAIN_LINE);
    if (document != NULL && name != NULL) {
        yyjson_mut_val *root = yyjson_mut_obj (document);
        yyjson_mut_obj_add_str (document, root, "file", name);
        yyjson_mut_obj_add_bool (document, root, "deleted", false);
        yyjson_mut_val *error = yyjson_mut_obj_add_obj (document, root, "error");
        yyjson_mut_obj_add_str (document, error, "message", failure->message);
        yyjson_mut_obj_add_str (document, error, "code", failure->code);
        output_mut_json (root);
    }
    yyjson_mut_doc_free (document);
    free (name);
}

static int remove_file (session_t *session, const char *store, yyjson_val *file, failure_t *failure)
{
    char path [5 * MAX_ID], *encoded = http_encode (store);
    const char *id = shelf_id (file);
    if (session->arguments->given [OPTION_STORE])
        snprintf (path, sizeof path, "/v1/vector_stores/%s/files/%s", encoded != NULL ? encoded : "", id);
    else
        snprintf (path, sizeof path, "/v1/files/%s", id);
    free (encoded);
    yyjson_doc *answer = session_call (session, "DELETE", path, NULL, failure);
    if (answer == NULL)
        return -1;
    if (session->json)
        output_json (yyjson_doc_get_root (answer));
    else {
        printf (terminal_is_shown () ? "removed  %s  " : "%s\t", id);
        plain_write (stdout, shelf_text (file, "filename"), PLAIN_LINE);
        fputc ('\n', stdout);
    }
    output_flush ();
    yyjson_doc_free (answer);
    return 0;
}

/* Each by itself, so that one that is not there leaves the others to be removed. */
static outcome_t remove_all (session_t *session, const shelf_t *shelf, const char *store)
{
    const arguments_t *arguments = session->arguments;
    outcome_t outcome = OUTCOME_OK;
    for (size_t i = 0; i < arguments->operand_count && !interrupt_came (); i++) {
        failure_t failure;
        yyjson_val *file = shelf_find (shelf, arguments->operands [i], &failure);
        if (file != NULL && remove_file (session, store, file, &failure) == 0)
            continue;
        output_say ("%s: %s", arguments->operands [i], failure.message);
        if (session->json)
            tell_failed (arguments->operands [i], &failure);
        outcome = arguments->operand_count == 1 || failure.outcome == OUTCOME_AWAY
                  || failure.outcome == OUTCOME_NOT_ALLOWED ? failure.outcome : OUTCOME_SOME_FAILED;
        if (failure.outcome == OUTCOME_AWAY || failure.outcome == OUTCOME_NOT_ALLOWED)
            break;   /* so would the others */
    }
    return interrupt_came () ? OUTCOME_INTERRUPTED : outcome;
}

outcome_t command_rm (session_t *session)
{
    shelf_t shelf;
    failure_t failure;
    char store [MAX_ID];
    outcome_t outcome;
    if (shelf_load (session, &shelf, &failure) != 0 || shelf_store (session, false, store, &failure) != 0)
        outcome = output_failure (&failure, session->json);
    else
        outcome = remove_all (session, &shelf, store);
    shelf_free (&shelf);
    return outcome;
}
