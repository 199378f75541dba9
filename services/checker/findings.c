/* Findings: a list of lines. */
#include "findings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

typedef struct {
    finding_kind_t kind;
    char *text;
} finding_t;

struct findings {
    finding_t list [MAX_FINDINGS];
    size_t listed;
    size_t counts [FINDING_KINDS];   /* those that did not fit included */
};

findings_t *findings_new (void)
{
    findings_t *findings = calloc (1, sizeof *findings);
    if (findings == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    return findings;
}

void findings_destroy (findings_t **findings_p)
{
    findings_t *findings = *findings_p;
    while (findings != NULL && findings->listed > 0)
        free (findings->list [--findings->listed].text);
    free (findings);
    *findings_p = NULL;
}

void findings_add (findings_t *findings, finding_kind_t kind, const char *part, const char *format, ...)
{
    char text [MAX_FINDING_TEXT];
    int size = snprintf (text, sizeof text, "%s: ", part);
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text + size, sizeof text - (size_t) size, format, arguments);
    va_end (arguments);
    for (char *end; (end = strchr (text, '\n')) != NULL;)
        *end = ' ';
    findings->counts [kind]++;
    char *copy = findings->listed < MAX_FINDINGS ? strdup (text) : NULL;
    if (copy != NULL)
        findings->list [findings->listed++] = (finding_t) {kind, copy};
}

size_t findings_count (const findings_t *findings, finding_kind_t kind)
{
    return findings->counts [kind];
}

static bool has_fault (const findings_t *findings, const char *text)
{
    for (size_t i = 0; i < findings->listed; i++)
        if (findings->list [i].kind == FINDING_FAULT && strcmp (findings->list [i].text, text) == 0)
            return true;
    return false;
}

void findings_keep_common (findings_t *findings, const findings_t *earlier)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->listed; i++) {
        finding_t *finding = &findings->list [i];
        if (finding->kind == FINDING_FAULT && !has_fault (earlier, finding->text)) {
            findings->counts [FINDING_FAULT]--;
            free (finding->text);
            continue;
        }
        findings->list [kept++] = *finding;
    }
    findings->listed = kept;
}

void findings_print (const findings_t *findings, FILE *out)
{
    static const char *const names [] = {[FINDING_FAULT] = "fault", [FINDING_NOTE] = "note"};
    for (size_t i = 0; i < findings->listed; i++)
        fprintf (out, "%s: %s\n", names [findings->list [i].kind], findings->list [i].text);
    size_t all = findings->counts [FINDING_FAULT] + findings->counts [FINDING_NOTE];
    if (all > findings->listed)
        fprintf (out, "… and %zu more\n", all - findings->listed);
}
