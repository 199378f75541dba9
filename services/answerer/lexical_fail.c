/* The failures of the full-text index as errors of Quire. */
#include "lexical.h"

#include "error.h"

int lexical_fail (lexical_failure_t failure, const char *tried, const char *why)
{
    switch (failure) {
    case LEXICAL_FULL:
        return error_set (ERROR_DISK_FULL, NULL);
    case LEXICAL_MEMORY:
        return error_set (ERROR_NO_MEMORY, NULL);
    default:
        return error_set (ERROR_INTERNAL, "full-text index: %s: %s", tried, why);
    }
}
