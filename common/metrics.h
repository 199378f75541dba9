/* Metrics: counters and gauges of this process; any thread may change them. */
#ifndef QUIRE_METRICS_H
#define QUIRE_METRICS_H

#include "macros.h"

typedef enum {
#define METRIC(name, kind, roles, what) METRIC_##name,
#include "metrics.def"
#undef METRIC
    METRIC_COUNT
} metric_t;

void metric_add (metric_t metric, int64_t amount);
void metric_set (metric_t metric, int64_t value);
int64_t metric_get (metric_t metric);

const char *metric_name (metric_t metric);   /* "quire_pages_read_total" */
const char *metric_kind (metric_t metric);   /* "counter" or "gauge" */
const char *metric_what (metric_t metric);

/* Those that the role has, as `name{role="…",instance="…"} value` lines. The caller
 * frees the text; NULL with NO_MEMORY. Brings RESIDENT_BYTES and CPU_MICROSECONDS up to date. */
MUST_CHECK char *metrics_text (const char *role, uint64_t instance);

#endif
