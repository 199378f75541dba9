/* Outcomes: how a command can end, and why something failed, in words for the user. */
#ifndef QUIRE_CLIENT_OUTCOME_H
#define QUIRE_CLIENT_OUTCOME_H

#include "macros.h"

typedef enum {
#define OUTCOME(NAME, status, what) OUTCOME_##NAME,
#include "outcomes.def"
#undef OUTCOME
    OUTCOME_COUNT
} outcome_t;

int outcome_status (outcome_t outcome);         /* the exit status */
const char *outcome_name (outcome_t outcome);   /* "not_found" */
const char *outcome_what (outcome_t outcome);

#define MAX_FAILURE_TEXT 1024

typedef struct {
    outcome_t outcome;
    char code [64];                     /* the service's, or the outcome's name */
    char message [MAX_FAILURE_TEXT];    /* as it came: not yet fit for a terminal */
} failure_t;

/* Returns -1, so that a caller can write `return failure_set (…)`. */
int failure_set (failure_t *failure, outcome_t outcome, const char *format, ...) PRINTF_LIKE (3, 4);

/* What an answer of the service that is not 2xx means: its error in OpenAI's shape, or else its
 * status. Pure. */
int failure_set_by_answer (failure_t *failure, int status, const char *body, size_t size);

#endif
