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
    const char *name, *kind, *roles, *what;
} rows [METRIC_COUNT] = {
#define METRIC(name, kind, roles, what) [METRIC_##name] = {#name, #kind, roles, what},
#include "metrics.def"
#undef METRIC
};

#define MAX_NAME 64
#define MICROSECONDS "_MICROSECONDS"
static char names [METRIC_COUNT] [MAX_NAME];
static _Atomic int64_t values [METRIC_COUNT];

/* Where the unit stands in a name that ends with it, or NULL. */
static const char *microseconds_in (const char *name)
{
    size_t length = strlen (name), unit = strlen (MICROSECONDS);
    bool ends = length > unit && strcmp (name + length - unit, MICROSECONDS) == 0;
    return ends ? name + length - unit : NULL;
}

__attribute__ ((constructor)) static void names_make (void)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const char *unit = microseconds_in (rows [i].name);
        int kept = (int) (unit ? (size_t) (unit - rows [i].name) : strlen (rows [i].name));
        snprintf (names [i], MAX_NAME, "quire_%.*s%s%s", kept, rows [i].name, unit ? "_seconds" : "",
                  strcmp (rows [i].kind, "counter") == 0 ? "_total" : "");
        for (char *c = names [i]; *c; c++)
            *c = (char) tolower ((unsigned char) *c);
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

static bool has_metric (const char *role, metric_t metric)
{
    static const char *const names_of_roles [] = {"gateway", "extractor", "embedder", "answerer"};
    static const char letters [] = "GXEA";
    for (size_t i = 0; i < COUNT_OF (names_of_roles); i++)
        if (strcmp (role, names_of_roles [i]) == 0)
            return strchr (rows [metric].roles, letters [i]) != NULL;
    return true;
}

static void metric_print (FILE *out, metric_t metric, const char *role, uint64_t instance)
{
    int64_t value = metric_get (metric);
    fprintf (out, "%s{role=\"%s\",instance=\"%016" PRIx64 "\"} ", names [metric], role, instance);
    if (microseconds_in (rows [metric].name))
        fprintf (out, "%.6f\n", (double) value / 1e6);
    else
        fprintf (out, "%" PRId64 "\n", value);
}

char *metrics_text (const char *role, uint64_t instance)
{
    process_measure ();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    if (!out)
        return NULL;
    for (metric_t metric = 0; metric < METRIC_COUNT; metric++)
        if (has_metric (role, metric))
            metric_print (out, metric, role, instance);
    fclose (out);
    return text;
}
