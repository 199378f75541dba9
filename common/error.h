/* Errors: one list of codes, and the last error of this thread in words.
 *
 * A function that fails returns -1 or NULL after error_set. The text says what was tried, on what,
 * and what to do about it; it never holds document text or a secret. */
#ifndef QUIRE_ERROR_H
#define QUIRE_ERROR_H

#include "macros.h"

typedef enum {
    ERROR_NONE = 0,
#define ERROR(code, http, type, text) ERROR_##code,
#include "errors.def"
#undef ERROR
    ERROR_COUNT
} error_t;

#define MAX_ERROR_TEXT 512

/* Sets this thread's last error. format NULL takes the table's text. Returns -1, so that a caller
 * can write `return error_set (...)`. */
int error_set (error_t code, const char *format, ...) PRINTF_LIKE (2, 3);

error_t error_get (void);          /* this thread's last error */
const char *error_text (void);     /* its words, valid until the next error_set of this thread */
void error_clear (void);

const char *error_name (error_t code);      /* "file_encrypted" */
const char *error_default (error_t code);   /* the table's text */
const char *error_type (error_t code);      /* OpenAI's type */
int error_http_status (error_t code);
error_t error_from_number (unsigned number);  /* ERROR_INTERNAL when it is none of the table */

#endif
