/* Processors: see processors.h. */
#define _GNU_SOURCE     /* sched_getaffinity */
#include "processors.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#define GROUPS         "/sys/fs/cgroup"
#define MAX_PATH_BYTES 4096
#define MAX_LINE       128

size_t processors_of_limit (const char *text)
{
    unsigned long long quota, period;
    if (sscanf (text, "%llu %llu", &quota, &period) != 2 || quota == 0 || period == 0)
        return 0;
    return (size_t) (quota / period + (quota % period != 0));
}

/* The first line of a file; empty when there is none. */
static void line_read (const char *path, char *line, int size)
{
    FILE *file = fopen (path, "re");
    if (!file || !fgets (line, size, file))
        line [0] = '\0';
    if (file)
        fclose (file);
    line [strcspn (line, "\n")] = '\0';
}

/* The least of the limits of this process's group and of those that hold it; 0: none. */
static size_t groups_limit (void)
{
    char group [MAX_PATH_BYTES], path [MAX_PATH_BYTES + 64], line [MAX_LINE];
    size_t least = 0;
    line_read ("/proc/self/cgroup", group, sizeof group);
    if (strncmp (group, "0::", 3) != 0)     /* not the groups of today */
        return 0;
    for (char *end = group + strlen (group); end; end = strrchr (group + 3, '/')) {
        *end = '\0';
        snprintf (path, sizeof path, GROUPS "%s/cpu.max", group + 3);
        line_read (path, line, sizeof line);
        size_t limit = processors_of_limit (line);
        least = limit && (!least || limit < least) ? limit : least;
    }
    return least;
}

size_t processors_usable (void)
{
    cpu_set_t set;
    size_t count = sched_getaffinity (0, sizeof set, &set) == 0 ? (size_t) CPU_COUNT (&set) : 1;
    size_t limit = groups_limit ();
    return limit && limit < count ? limit : count;
}
