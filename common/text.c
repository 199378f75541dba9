/* text: see text.h. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

int text_append (char **text, size_t *size, size_t *capacity, const char *more, size_t more_size)
{
    if (*size + more_size >= *capacity) {
        size_t larger = (*size + more_size + 1) * 2;
        char *grown = realloc (*text, larger);
        if (grown == NULL)
            return error_set (ERROR_NO_MEMORY, NULL);
        *text = grown;
        *capacity = larger;
    }
    if (more_size > 0)
        memcpy (*text + *size, more, more_size);
    *size += more_size;
    (*text) [*size] = 0;
    return 0;
}
