/* Log: one line a fact, to standard error: `time level role event key=value …`.
 *
 *     log_info ("page_committed", "file=%s page=%u words=%zu", id, page, count);
 *
 * Never document text, never a secret. Values with spaces are the caller's to quote. */
#ifndef QUIRE_LOG_H
#define QUIRE_LOG_H

#include "macros.h"

typedef enum { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG } log_level_t;

void log_open (const char *role, log_level_t most);   /* once, at start; safe to call again */
void log_line (log_level_t level, const char *event, const char *format, ...) PRINTF_LIKE (3, 4);

#define log_error(...)   log_line (LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line (LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line (LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line (LEVEL_DEBUG, __VA_ARGS__)

#endif
