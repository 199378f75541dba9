/* OpenAI's search filters: comparisons (eq, ne, gt, gte, lt, lte, in, nin) over a file's attributes
 * and the keys file_id and filename, joined by and, or. Pure. */
#ifndef QUIRE_FILTER_H
#define QUIRE_FILTER_H

#include "macros.h"

#define MAX_FILTER_BYTES  (256u << 10)
#define MAX_FILTER_DEPTH  8
#define MAX_FILTER_PARTS  512      /* comparisons and joins */

#define MAX_ATTRIBUTES       16
#define MAX_ATTRIBUTE_KEY    64    /* code points */
#define MAX_ATTRIBUTE_VALUE  512   /* code points */

typedef struct filter filter_t;

/* Reads a filter object; "" gives one that lets everything through. NULL with BAD_FIELD, which
 * says what is wrong, or NO_MEMORY. */
MUST_CHECK filter_t *filter_parse (const char *json);
void filter_destroy (filter_t **filter);
bool filter_lets_all (const filter_t *filter);

/* attributes: a JSON object, or "". A key that is missing is equal to nothing. */
bool filter_matches (const filter_t *filter, const char *file_id, const char *filename,
                     const char *attributes);

/* Are these attributes as OpenAI takes them: an object of at most 16 short keys with strings,
 * numbers or booleans? Returns 0, or -1 with BAD_FIELD. "" is fine. */
MUST_CHECK int attributes_check (const char *json);

#endif
