/* Frames: see frame.h. */
#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"

uint8_t *frame_make (const message_t *message, size_t *size)
{
    size_t body_size;
    uint8_t *body = message_encode (message, &body_size);
    if (!body)
        return NULL;
    uint8_t *frame = malloc (FRAME_HEADER + body_size);
    if (frame) {
        for (unsigned i = 0; i < FRAME_HEADER; i++)
            frame [i] = (uint8_t) (body_size >> 8 * i);
        memcpy (frame + FRAME_HEADER, body, body_size);
        *size = FRAME_HEADER + body_size;
    } else
        error_set (ERROR_NO_MEMORY, NULL);
    free (body);
    return frame;
}

/* Reads up to `wanted` bytes in all. Returns the state: FRAME_WHOLE when they are there. */
static frame_state_t read_up_to (int fd, uint8_t *data, size_t *size, size_t wanted)
{
    while (*size < wanted) {
        ssize_t got = read (fd, data + *size, wanted - *size);
        if (got > 0)
            *size += (size_t) got;
        else if (got == 0)
            return FRAME_CLOSED;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return FRAME_PARTIAL;
        else if (errno != EINTR)
            return FRAME_CLOSED;
    }
    return FRAME_WHOLE;
}

static frame_state_t begin_body (frame_t *frame)
{
    frame->wanted = 0;
    for (unsigned i = 0; i < FRAME_HEADER; i++)
        frame->wanted |= (size_t) frame->header [i] << 8 * i;
    if (frame->wanted > MAX_MESSAGE_BYTES)
        return FRAME_BROKEN;
    frame->data = malloc (frame->wanted + 1);
    return frame->data ? FRAME_WHOLE : FRAME_BROKEN;
}

frame_state_t frame_read (frame_t *frame, int fd)
{
    if (!frame->data) {
        frame_state_t state = read_up_to (fd, frame->header, &frame->header_size, FRAME_HEADER);
        if (state == FRAME_WHOLE)
            state = begin_body (frame);
        if (state != FRAME_WHOLE)
            return state;
    }
    return read_up_to (fd, frame->data, &frame->size, frame->wanted);
}

int frame_send (int fd, const message_t *message)
{
    size_t size, sent = 0;
    uint8_t *frame = frame_make (message, &size);
    if (!frame)
        return -1;
    while (sent < size) {
        ssize_t got = send (fd, frame + sent, size - sent, MSG_NOSIGNAL);
        if (got < 0 && errno != EINTR)
            break;
        sent += got > 0 ? (size_t) got : 0;
    }
    free (frame);
    return sent == size ? 0 : error_set (ERROR_ROLE_AWAY, "the other end is gone");
}
