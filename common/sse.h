/* Server-sent events, taken apart as they come, split anywhere (WHATWG HTML, section 9.2.6: lines end
 * with LF, CR or CRLF, an empty line ends an event, a line that begins with a colon is a comment).
 * Fields that are not needed here (id, retry) are passed over. Pure.
 *
 *     sse_t *reader = sse_new (MAX_EVENT_BYTES, on_event, context);
 *     while (…) if (sse_feed (reader, bytes, size) != 0) …
 *     sse_finish (reader);      what came last, though no empty line followed
 *     sse_destroy (&reader); */
#ifndef QUIRE_SSE_H
#define QUIRE_SSE_H

#include "macros.h"

#define MAX_SSE_NAME 64   /* of an event; the rest of a longer one is cut off */

typedef struct sse sse_t;

/* name: "message" when the event has none. data: its lines joined by LF, as they came: it may be
 * malformed UTF-8 and hold NULs; one NUL more stands behind it. Returns 0, or -1 with error_set, which
 * ends the reading. */
typedef int (*sse_handler_t) (void *context, const char *name, const char *data, size_t size);

/* most: bytes that one event, or one line, may have. NULL with NO_MEMORY. */
MUST_CHECK sse_t *sse_new (size_t most, sse_handler_t handler, void *context);
void sse_destroy (sse_t **sse);

/* Returns 0; or -1 with BODY_TOO_LARGE, NO_MEMORY or what the handler set, and then for ever. */
MUST_CHECK int sse_feed (sse_t *sse, const char *bytes, size_t size);

/* The stream has ended. An event whose data came but whose empty line did not is told too: the lines
 * that are whole, and the last one as far as it came. Returns as sse_feed. */
MUST_CHECK int sse_finish (sse_t *sse);

#endif
