/* Draws: page pictures, the urgent kind of task. Somebody waits for each, so they go past the pages
 * that are to be read, and end after a while in any case. */
#ifndef QUIRE_GATEWAY_DRAWS_H
#define QUIRE_GATEWAY_DRAWS_H

#include "channel.h"
#include "error.h"

#define MAX_DRAWS 256   /* waited for at once */

/* Has a page drawn. done is called once: with the picture, or with png.data NULL and an error. The
 * message's task number is set here; its texts are copied. */
typedef void (draw_done_t) (void *context, bytes_t png, error_t error, const char *text);
void draw_page (const draw_page_message_t *page, draw_done_t *done, void *context);

/* For jobs.c, which has the link. */
void draws_tick (void);
bool draws_on_message (peer_t *peer, const message_t *message);   /* was it about a draw? */
void draws_on_lost (const peer_t *peer);
void draws_stop (void);

#endif
