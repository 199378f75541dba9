/* The store by itself: SQLite's own check, and rows that can't be so. */
#include "check.h"

static void on_finding (void *context, const char *what, const char *which)
{
    check_t *check = context;
    findings_add (check->findings, FINDING_FAULT, "store", "%s: %s", what, which);
}

void check_store (check_t *check)
{
    store_counts_t counts;
    if (store_hold (check->store) != 0
        || store_check (check->store, check->quick, on_finding, check) != 0
        || store_count (check->store, &counts) != 0)
        check_failed (check, "store");
    else
        fprintf (check->out, "store: files=%llu pages=%llu chunks=%llu vectors=%llu stores=%llu\n",
                 (unsigned long long) counts.files, (unsigned long long) counts.pages,
                 (unsigned long long) counts.chunks, (unsigned long long) counts.vectors,
                 (unsigned long long) counts.stores);
    store_release (check->store);
}
