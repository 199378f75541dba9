/* Outcomes: the table, and the reading of the service's errors. */
#include "outcome.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yyjson.h>

static const struct {
    int status;
    const char *name, *what;
} rows [OUTCOME_COUNT] = {
#define OUTCOME(NAME, status, what) [OUTCOME_##NAME] = {status, #NAME, what},
#include "outcomes.def"
#undef OUTCOME
};

#define MAX_NAME 20
static char names [OUTCOME_COUNT] [MAX_NAME];   /* in lower case */

__attribute__ ((constructor)) static void names_make (void)
{
    for (size_t i = 0; i < OUTCOME_COUNT; i++)
        for (size_t j = 0; rows [i].name [j] != 0 && j < MAX_NAME - 1; j++)
            names [i] [j] = (char) tolower ((unsigned char) rows [i].name [j]);
}

int outcome_status (outcome_t outcome)
{
    return rows [outcome].status;
}

const char *outcome_name (outcome_t outcome)
{
    return names [outcome];
}

const char *outcome_what (outcome_t outcome)
{
    return rows [outcome].what;
}

int failure_set (failure_t *failure, outcome_t outcome, const char *format, ...)
{
    failure->outcome = outcome;
    snprintf (failure->code, sizeof failure->code, "%s", outcome_name (outcome));
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (failure->message, sizeof failure->message, format, arguments);
    va_end (arguments);
    return -1;
}

static outcome_t outcome_of_status (int status)
{
    switch (status) {
    case 401: case 403:
        return OUTCOME_NOT_ALLOWED;
    case 404:
        return OUTCOME_NOT_FOUND;
    case 429: case 502: case 503: case 504:
        return OUTCOME_AWAY;
    default:
        return OUTCOME_REFUSED;
    }
}

int failure_set_by_answer (failure_t *failure, int status, const char *body, size_t size)
{
    yyjson_doc *document = size == 0 ? NULL : yyjson_read (body, size, 0);
    yyjson_val *error = yyjson_obj_get (yyjson_doc_get_root (document), "error");
    const char *message = yyjson_get_str (yyjson_obj_get (error, "message"));
    const char *code = yyjson_get_str (yyjson_obj_get (error, "code"));
    if (message != NULL)
        failure_set (failure, outcome_of_status (status), "%s", message);
    else
        failure_set (failure, outcome_of_status (status), "The service answered %d, and not in Quire's words. "
                     "Is something else at its address?", status);
    if (status == 401)
        strncat (failure->message, " Quire's command line takes it from QUIRE_API_KEY or QUIRE_API_KEY_FILE.",
                 sizeof failure->message - strlen (failure->message) - 1);
    if (code != NULL)
        snprintf (failure->code, sizeof failure->code, "%s", code);
    yyjson_doc_free (document);
    return -1;
}
