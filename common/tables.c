/* Prints Quire's tables as Markdown: what docs/reference.md is made of (scripts/docs). */
#include <stdio.h>

#include "error.h"
#include "message.h"
#include "metrics.h"
#include "settings.h"

static void messages_print (void)
{
    puts ("## Messages\n\nEvery message between two roles, from common/messages.def.\n");
    puts ("| message | from | to | fields |\n|---|---|---|---|");
#define F(type, name, what) printf ("`%s` %s: %s<br>", #name, #type, what);
#define MESSAGE(NAME, name, from, to, FIELDS) \
    printf ("| `%s` | %s | %s | ", #name, from, to); \
    FIELDS (F) \
    puts (" |");
#include "messages.def"
#undef MESSAGE
#undef F
}

static void errors_print (void)
{
    puts ("\n## Errors\n\nEvery error that a caller can meet, from common/errors.def.\n");
    puts ("| code | HTTP | what the user reads when nothing more is known |\n|---|---|---|");
    for (error_t code = ERROR_NONE + 1; code < ERROR_COUNT; code++)
        printf ("| `%s` | %d | %s |\n", error_name (code), error_http_status (code), error_default (code));
}

static void metrics_print (void)
{
    puts ("\n## Metrics\n\nWhat `/metrics` tells of each role, from common/metrics.def.\n");
    puts ("| metric | kind | what it is |\n|---|---|---|");
    for (metric_t metric = 0; metric < METRIC_COUNT; metric++)
        printf ("| `%s` | %s | %s |\n", metric_name (metric), metric_kind (metric), metric_what (metric));
}

static void weights_print (void)
{
    puts ("\n## Weights\n\nWhat counts how much when pages and quotes are put in order, from services/answerer/weights.def.\n");
    puts ("| weight | value | what it weighs |\n|---|---|---|");
#define PAGE_WEIGHT(name, value, what) puts ("| page: " #name " | " #value " | " what " |");
#define QUOTE_WEIGHT(name, value, what) puts ("| quote: " #name " | " #value " | " what " |");
#include "weights.def"
}

int main (void)
{
    puts ("# Reference\n\nMade by `scripts/docs` from the tables in common/ and services/; do not edit.\n");
    puts ("## Settings\n\nEnvironment variables, read once at start. A text may also come from a file named "
          "by the variable with `_FILE` behind its name.\n");
    settings_print (stdout, 0, true);
    puts ("");
    messages_print ();
    errors_print ();
    metrics_print ();
    weights_print ();
    return 0;
}
