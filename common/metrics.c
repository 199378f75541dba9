/* Metrics: one atomic number each. */
#include "metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct {
    const char *name, *kind, *what;
} rows [METRIC_COUNT] = {
#define METRIC(name, kind, what) [METRIC_##name] = {#name, #kind, what},
#include "metrics.def"
#undef METRIC
};

#define MAX_NAME 48
static char names [METRIC_COUNT] [MAX_NAME];
static _Atomic int64_t values [METRIC_COUNT];

__attribute__ ((constructor)) static void names_make (void)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        size_t length = (size_t) snprintf (names [i], MAX_NAME, "quire_%s", rows [i].name);
        for (size_t j = 0; j < length && j < MAX_NAME - 1; j++)
            names [i] [j] = (char) tolower ((unsigned char) names [i] [j]);
    }
}

void metric_add (metric_t metric, int64_t amount)
{
    atomic_fetch_add_explicit (&values [metric], amount, memory_order_relaxed);
}

void metric_set (metric_t metric, int64_t value)
{
    atomic_store_explicit (&values [metric], value, memory_order_relaxed);
}

int64_t metric_get (metric_t metric)
{
    return atomic_load_explicit (&values [metric], memory_order_relaxed);
}

const char *metric_name (metric_t metric)
{
    return names [metric];
}

const char *metric_kind (metric_t metric)
{
    return rows [metric].kind;
}

const char *metric_what (metric_t metric)
{
    return rows [metric].what;
}

static void process_measure (void)
{
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    metric_set (METRIC_CPU_MICROSECONDS,
                ((int64_t) usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000
                    + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    long size, resident;
    FILE *statm = fopen ("/proc/self/statm", "re");
    if (!statm)
        return;
    if (fscanf (statm, "%ld %ld", &size, &resident) == 2)
        metric_set (METRIC_RESIDENT_BYTES, (int64_t) resident * sysconf (_SC_PAGESIZE));
    fclose (statm);
}

char *metrics_text (const char *role, uint64_t instance)
{
    process_measure ();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        int64_t value = metric_get ((metric_t) i);
        if (value)
            fprintf (out, "%s{role=\"%s\",instance=\"%016" PRIx64 "\"} %" PRId64 "\n", names [i], role,
                     instance, value);
    }
    fclose (out);
    return text;
}
