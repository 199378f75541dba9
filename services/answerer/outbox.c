/* An outbox: see outbox.h. */
#include "outbox.h"

#include <stdlib.h>

#include "error.h"

struct kept_message {
    kept_message_t *next;
    uint8_t *data;
    size_t size;
};

static int keep (outbox_t *outbox, const message_t *message)
{
    kept_message_t *kept = calloc (1, sizeof *kept);
    if (kept == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    kept->data = message_encode (message, &kept->size);
    if (kept->data == NULL || outbox->bytes + kept->size > MAX_OUTBOX_BYTES) {
        int result = kept->data == NULL ? -1 : error_set (ERROR_BODY_TOO_LARGE, "The gateway takes the answer too slowly.");
        free (kept->data);
        free (kept);
        return result;
    }
    *(outbox->first == NULL ? &outbox->first : outbox->last) = kept;
    outbox->last = &kept->next;
    outbox->bytes += kept->size;
    return 0;
}

int outbox_put (outbox_t *outbox, const origin_t *origin, const message_t *message)
{
    if (outbox_flush (outbox, origin) && origin_tell (origin, message) == 0)
        return 0;
    return keep (outbox, message);
}

static void drop_first (outbox_t *outbox)
{
    kept_message_t *kept = outbox->first;
    outbox->first = kept->next;
    outbox->bytes -= kept->size;
    free (kept->data);
    free (kept);
}

bool outbox_flush (outbox_t *outbox, const origin_t *origin)
{
    message_t message;
    while (outbox->first != NULL && message_decode (&message, outbox->first->data, outbox->first->size) == 0
           && origin_tell (origin, &message) == 0)
        drop_first (outbox);
    return outbox->first == NULL;
}

void outbox_clear (outbox_t *outbox)
{
    while (outbox->first != NULL)
        drop_first (outbox);
}
