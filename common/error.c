/* Errors: the table as arrays, and the last error of each thread. */
#include "error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name, *type, *text;
    int http_status;
} error_row_t;

static const error_row_t rows [ERROR_COUNT] = {
    [ERROR_NONE] = {"NONE", "none", "No error.", 200},
#define ERROR(code, http, type, text) [ERROR_##code] = {#code, type, text, http},
#include "errors.def"
#undef ERROR
};

#define MAX_NAME 40
static char names [ERROR_COUNT] [MAX_NAME];   /* the codes in lower case */

__attribute__ ((constructor)) static void names_make (void)
{
    for (size_t i = 0; i < ERROR_COUNT; i++) {
        const char *name = rows [i].name ? rows [i].name : "internal";
        for (size_t j = 0; name [j] && j < MAX_NAME - 1; j++)
            names [i] [j] = (char) tolower ((unsigned char) name [j]);
    }
}

static _Thread_local error_t last_code;
static _Thread_local char last_text [MAX_ERROR_TEXT];

int error_set (error_t code, const char *format, ...)
{
    last_code = code;
    if (!format) {
        snprintf (last_text, sizeof last_text, "%s", error_default (code));
        return -1;
    }
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (last_text, sizeof last_text, format, arguments);
    va_end (arguments);
    return -1;
}

error_t error_get (void)
{
    return last_code;
}

const char *error_text (void)
{
    return last_text;
}

void error_clear (void)
{
    last_code = ERROR_NONE;
    last_text [0] = '\0';
}

error_t error_from_number (unsigned number)
{
    return number < ERROR_COUNT ? (error_t) number : ERROR_INTERNAL;
}

const char *error_name (error_t code)
{
    return names [error_from_number (code)];
}

const char *error_default (error_t code)
{
    return rows [error_from_number (code)].text;
}

const char *error_type (error_t code)
{
    return rows [error_from_number (code)].type;
}

int error_http_status (error_t code)
{
    return rows [error_from_number (code)].http_status;
}
