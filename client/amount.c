/* Amounts in words. */
#include "amount.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *amount_bytes (uint64_t bytes, char out [MAX_AMOUNT])
{
    static const char *const units [] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double) bytes / 1000;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < COUNT_OF (units)) {
        value /= 1000;
        unit++;
    }
    if (bytes < 1000)
        snprintf (out, MAX_AMOUNT, "%d B", (int) bytes);
    else
        snprintf (out, MAX_AMOUNT, "%.*f %s", value < 9.95 ? 1 : 0, value, units [unit]);
    return out;
}

const char *amount_count (uint64_t count, const char *one, char out [MAX_AMOUNT])
{
    snprintf (out, MAX_AMOUNT, "%" PRIu64 " %s%s", count, one, count == 1 ? "" : "s");
    return out;
}

const char *amount_time (int64_t seconds, char out [MAX_AMOUNT])
{
    time_t time = (time_t) seconds;
    struct tm local;
    if (localtime_r (&time, &local) == NULL || strftime (out, MAX_AMOUNT, "%Y-%m-%d %H:%M", &local) == 0)
        snprintf (out, MAX_AMOUNT, "%" PRId64, seconds);
    return out;
}
