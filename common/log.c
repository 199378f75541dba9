/* Log: lines to standard error, each by one write so that those of several threads stay whole. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_LOG_LINE 2048

static char log_role [16] = "quire";
static log_level_t log_most = LEVEL_INFO;

void log_open (const char *role, log_level_t most)
{
    snprintf (log_role, sizeof log_role, "%s", role);
    log_most = most;
}

static size_t stamp (char *out, size_t capacity)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r (&now.tv_sec, &utc);
    size_t length = strftime (out, capacity, "%Y-%m-%dT%H:%M:%S", &utc);
    return length + (size_t) snprintf (out + length, capacity - length, ".%03ldZ", now.tv_nsec / 1000000);
}

/* Control characters in a value must not make a second line. */
static void flatten (char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char) line [i] < 0x20 || line [i] == 0x7F)
            line [i] = ' ';
}

void log_line (log_level_t level, const char *event, const char *format, ...)
{
    if (level > log_most)
        return;
    static const char *const names [] = {"error", "warning", "info", "debug"};
    char line [MAX_LOG_LINE];
    size_t length = stamp (line, sizeof line);
    length += (size_t) snprintf (line + length, sizeof line - length, " %s %s %s ", names [level],
                                 log_role, event);
    va_list arguments;
    va_start (arguments, format);
    int more = vsnprintf (line + length, sizeof line - length, format, arguments);
    va_end (arguments);
    length += more > 0 ? (size_t) more : 0;
    if (length > sizeof line - 2)
        length = sizeof line - 2;
    flatten (line, length);
    line [length++] = '\n';
    ssize_t written UNUSED = write (STDERR_FILENO, line, length);
}
