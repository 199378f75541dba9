/* Output. */
#include "output.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plain.h"

void output_say (const char *format, ...)
{
    char text [MAX_FAILURE_TEXT + 512];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    fputs ("quire: ", stderr);
    plain_write (stderr, text, PLAIN_LINE);
    fputc ('\n', stderr);
}

static void json_write (char *text, size_t size)
{
    if (text == NULL) {
        output_say ("There is not enough memory for the output.");
        return;
    }
    plain_json (stdout, text, size);
    fputc ('\n', stdout);
    free (text);
}

void output_json (yyjson_val *value)
{
    size_t size = 0;
    char *text = yyjson_val_write (value, 0, &size);
    json_write (text, size);
}

void output_mut_json (yyjson_mut_val *value)
{
    size_t size = 0;
    char *text = yyjson_mut_val_write (value, 0, &size);
    json_write (text, size);
}

outcome_t output_failure (const failure_t *failure, bool json)
{
    output_say ("%s", failure->message);
    yyjson_mut_doc *document = json ? yyjson_mut_doc_new (NULL) : NULL;
    if (document != NULL) {
        yyjson_mut_val *root = yyjson_mut_obj (document), *error = yyjson_mut_obj_add_obj (document, root, "error");
        yyjson_mut_obj_add_str (document, error, "message", failure->message);
        yyjson_mut_obj_add_str (document, error, "code", failure->code);
        output_mut_json (root);
        yyjson_mut_doc_free (document);
    }
    return failure->outcome;
}

bool output_flush (void)
{
    return fflush (stdout) == 0 && ferror (stdout) == 0;
}

bool output_is_unread (void)
{
    struct pollfd output = {.fd = fileno (stdout), .events = POLLOUT};
    return poll (&output, 1, 0) == 1 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

bool output_is_broken (void)
{
    return ferror (stdout) != 0;
}
