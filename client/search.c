/* search: the passages that fit a query best. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "plain.h"
#include "shelf.h"
#include "terminal.h"

static char *body_make (const session_t *session)
{
    const arguments_t *arguments = session->arguments;
    const char *ranker = arguments->texts [OPTION_RANKER];
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (document);
    yyjson_mut_doc_set_root (document, root);
    yyjson_mut_obj_add_str (document, root, "query", arguments->operands [0]);
    yyjson_mut_obj_add_int (document, root, "max_num_results", arguments->numbers [OPTION_RESULTS]);
    yyjson_mut_val *ranking = yyjson_mut_obj_add_obj (document, root, "ranking_options");
    if (ranker != NULL)
        yyjson_mut_obj_add_str (document, ranking, "ranker", ranker);
    char *body = yyjson_mut_write (document, 0, NULL);
    yyjson_mut_doc_free (document);
    return body;
}

/* For a person: a head and the passage below it. For a program: page, score, name and passage, parted by
 * tabs. */
static void print_result (size_t number, yyjson_val *result)
{
    const char *text = shelf_text (yyjson_arr_get_first (yyjson_obj_get (result, "content")), "text");
    char *passage = plain_copy (text, strlen (text), PLAIN_RUN);
    int64_t page = yyjson_get_int (yyjson_obj_get (result, "page"));
    double score = yyjson_get_num (yyjson_obj_get (result, "score"));
    if (passage == NULL)
        return;
    if (terminal_is_shown ()) {
        printf ("%s%2zu  ", terminal_style (STYLE_BOLD), number);
        plain_write (stdout, shelf_text (result, "filename"), PLAIN_LINE);
        printf (", page %" PRId64 "%s  %s%.2f%s\n", page, terminal_style (STYLE_NONE), terminal_style (STYLE_DIM), score,
                terminal_style (STYLE_NONE));
        plain_wrap (stdout, passage, terminal_width () - 1, 4);
    } else {
        printf ("%" PRId64 "\t%.4f\t", page, score);
        plain_write (stdout, shelf_text (result, "filename"), PLAIN_LINE);
        printf ("\t%s\n", passage);
    }
    free (passage);
}

static outcome_t print (const session_t *session, yyjson_val *answer)
{
    size_t i, count;
    yyjson_val *result, *results = yyjson_obj_get (answer, "data");
    if (session->json)
        output_json (answer);
    else
        yyjson_arr_foreach (results, i, count, result)
            print_result (i + 1, result);
    if (yyjson_arr_size (results) > 0)
        return OUTCOME_OK;
    if (!session->json)
        output_say ("Nothing was found.");
    return OUTCOME_NOTHING;
}

outcome_t command_search (session_t *session)
{
    failure_t failure;
    char store [MAX_ID], path [4 * MAX_ID];
    if (shelf_store (session, false, store, &failure) != 0)
        return output_failure (&failure, session->json);
    char *body = body_make (session), *encoded = http_encode (store);
    yyjson_doc *answer = NULL;
    snprintf (path, sizeof path, "/v1/vector_stores/%s/search", encoded != NULL ? encoded : "");
    if (body == NULL)
        failure_set (&failure, OUTCOME_USAGE, "The query must be text in UTF-8.");
    else
        answer = session_call (session, "POST", path, body, &failure);
    free (body);
    free (encoded);
    if (answer == NULL)
        return output_failure (&failure, session->json);
    outcome_t outcome = print (session, yyjson_doc_get_root (answer));
    yyjson_doc_free (answer);
    return outcome;
}
