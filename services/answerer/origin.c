/* Origins: a list of all that wait for an answer. */
#include "origin.h"

#include <stdlib.h>

#include "error.h"
#include "log.h"

struct origin {
    origin_t *next, *previous;
    channel_t *channel;
    peer_t *peer;   /* NULL: it is lost */
};

static origin_t *origins;

origin_t *origin_new (channel_t *channel, peer_t *peer)
{
    origin_t *origin = malloc (sizeof *origin);
    if (origin == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    *origin = (origin_t) {.next = origins, .channel = channel, .peer = peer};
    if (origins != NULL)
        origins->previous = origin;
    origins = origin;
    return origin;
}

void origin_destroy (origin_t **origin_p)
{
    origin_t *origin = *origin_p;
    if (origin == NULL)
        return;
    if (origin->previous != NULL)
        origin->previous->next = origin->next;
    else
        origins = origin->next;
    if (origin->next != NULL)
        origin->next->previous = origin->previous;
    free (origin);
    *origin_p = NULL;
}

void origin_answer (origin_t **origin, const message_t *message)
{
    if (*origin != NULL && (*origin)->peer != NULL
        && channel_send ((*origin)->channel, (*origin)->peer, message) != 0)
        log_warning ("answer_not_sent", "message=%s error=%s", message_name (message->id),
                     error_name (error_get ()));
    origin_destroy (origin);
}

int origin_tell (const origin_t *origin, const message_t *message)
{
    return origin->peer == NULL ? 0 : channel_send (origin->channel, origin->peer, message);
}

bool origin_is_from (const origin_t *origin, const peer_t *peer)
{
    return origin->peer == peer;
}

bool origin_waits (const origin_t *origin)
{
    return origin->peer != NULL;
}

void origin_forget_peer (const peer_t *peer)
{
    for (origin_t *origin = origins; origin != NULL; origin = origin->next)
        if (origin->peer == peer)
            origin->peer = NULL;
}
