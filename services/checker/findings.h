/* Findings: what a look at a data folder found, in words. A fault is what can't be so in a library
 * that is whole; a note is what the service puts right by itself. */
#ifndef QUIRE_CHECKER_FINDINGS_H
#define QUIRE_CHECKER_FINDINGS_H

#include <stdio.h>

#include "macros.h"

#define MAX_FINDINGS     10000   /* more are counted, but not told */
#define MAX_FINDING_TEXT 600

typedef enum { FINDING_FAULT, FINDING_NOTE, FINDING_KINDS } finding_kind_t;

typedef struct findings findings_t;

MUST_CHECK findings_t *findings_new (void);   /* NULL with NO_MEMORY */
void findings_destroy (findings_t **findings);

/* part: which part of the library, such as "store". */
void findings_add (findings_t *findings, finding_kind_t kind, const char *part, const char *format, ...)
    PRINTF_LIKE (4, 5);
size_t findings_count (const findings_t *findings, finding_kind_t kind);

/* Drops the faults that an earlier look did not find: a service was at work there. */
void findings_keep_common (findings_t *findings, const findings_t *earlier);

void findings_print (const findings_t *findings, FILE *out);   /* a line each */

#endif
