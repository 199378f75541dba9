/* Output: results go to standard output, everything else to standard error, each line with "quire:". */
#ifndef QUIRE_CLIENT_OUTPUT_H
#define QUIRE_CLIENT_OUTPUT_H

#include <yyjson.h>

#include "outcome.h"

/* A line on standard error, fit for a terminal. */
void output_say (const char *format, ...) PRINTF_LIKE (1, 2);

/* A JSON value as one line on standard output. */
void output_json (yyjson_val *value);
void output_mut_json (yyjson_mut_val *value);

/* A failure: its message on standard error; with json also {"error":{"message","code"}} on standard
 * output, so that what a program reads there is always JSON. Returns its outcome. */
outcome_t output_failure (const failure_t *failure, bool json);

/* Sends on what has been written. Returns whether all of it could be. */
bool output_flush (void);

/* Has it failed for good? Nobody reads standard output any more, say. */
bool output_is_broken (void);

/* Is it a pipe, or a connection, whose reader has gone? */
bool output_is_unread (void);

#endif
