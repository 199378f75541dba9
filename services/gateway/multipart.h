/* multipart/form-data, taken apart as it comes (RFC 7578, RFC 2046). Bytes in, parts out; no more is
 * kept than a part's headers. Pure. */
#ifndef QUIRE_GATEWAY_MULTIPART_H
#define QUIRE_GATEWAY_MULTIPART_H

#include "error.h"

#define MAX_BOUNDARY     70      /* RFC 2046 */
#define MAX_PART_HEADERS 8192
#define MAX_PARTS        64

typedef struct {
    const char *name;        /* of the form's field */
    bool is_file;            /* it has a file name */
    const char *file_name;   /* as it was sent, decoded; file_name_size bytes, perhaps with NULs */
    size_t file_name_size;
} part_t;

/* Each returns 0, or -1 with error_set, which ends the parsing. */
typedef struct {
    int (*part) (void *context, const part_t *part);
    int (*data) (void *context, const char *data, size_t size);   /* of the last part */
    int (*part_end) (void *context);
} multipart_handlers_t;

typedef struct multipart multipart_t;

/* NULL with BAD_MULTIPART when the type is another or has no usable boundary, or NO_MEMORY. */
MUST_CHECK multipart_t *multipart_new (const char *content_type, const multipart_handlers_t *handlers,
                                       void *context);
void multipart_destroy (multipart_t **multipart);

/* Each returns 0, or -1 with BAD_MULTIPART or the handler's error. */
MUST_CHECK int multipart_feed (multipart_t *multipart, const char *data, size_t size);
MUST_CHECK int multipart_finish (multipart_t *multipart);   /* the body has ended: so must the form */

/* -- file names -- */

#define MAX_FILE_NAME 255   /* bytes, without the NUL */

/* Makes a name fit to be kept and shown: the part after the last slash or backslash, without control
 * and direction-changing characters, cut at a character with its extension kept; "document.pdf" when
 * nothing is left. */
void file_name_clean (const char *name, size_t size, char out [MAX_FILE_NAME + 1]);

#endif
