/* Amounts in words: sizes, counts, times. Pure but for the time zone. */
#ifndef QUIRE_CLIENT_AMOUNT_H
#define QUIRE_CLIENT_AMOUNT_H

#include "macros.h"

#define MAX_AMOUNT 48

const char *amount_bytes (uint64_t bytes, char out [MAX_AMOUNT]);                    /* "3.1 MB" */
const char *amount_count (uint64_t count, const char *one, char out [MAX_AMOUNT]);   /* "1 page", "2 pages" */
const char *amount_time (int64_t seconds, char out [MAX_AMOUNT]);                    /* "2026-11-24 09:30" */

#endif
