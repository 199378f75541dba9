/* Frames: messages over the socket between an extractor and its child. A frame is a length (u32,
 * little-endian) and an encoded message. What comes from a child is not trusted: a length beyond
 * MAX_MESSAGE_BYTES is refused before anything is allocated for it. */
#ifndef QUIRE_FRAME_H
#define QUIRE_FRAME_H

#include "message.h"

#define FRAME_HEADER 4u

/* Makes a frame. The caller frees it; NULL with BAD_MESSAGE or NO_MEMORY. */
MUST_CHECK uint8_t *frame_make (const message_t *message, size_t *size);

/* Collects one frame from a descriptor. Zeroed is empty. */
typedef struct {
    uint8_t header [FRAME_HEADER];
    size_t header_size;
    uint8_t *data;              /* the message, without the header; the taker frees it */
    size_t size, wanted;
} frame_t;

typedef enum {
    FRAME_PARTIAL,   /* more has to come; only from a descriptor that does not block */
    FRAME_WHOLE,
    FRAME_CLOSED,    /* the other end is gone */
    FRAME_BROKEN,    /* a length that can't be, or no memory for it */
} frame_state_t;

/* Reads on. After FRAME_WHOLE take data and zero the frame. */
frame_state_t frame_read (frame_t *frame, int fd);

/* Sends a message, waiting as long as it takes. Returns 0, or -1 with an error set. */
MUST_CHECK int frame_send (int fd, const message_t *message);

#endif
