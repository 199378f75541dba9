/* Small words that every file uses. */
#ifndef QUIRE_MACROS_H
#define QUIRE_MACROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof (array) / sizeof ((array) [0]))
#define MUST_CHECK __attribute__ ((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__ ((format (printf, text, first)))
#define UNUSED __attribute__ ((unused))

/* Bytes that somebody else owns. */
typedef struct {
    const void *data;
    size_t size;
} bytes_t;

#endif
