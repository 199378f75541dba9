/* The part of the loop that only channel.c uses: watching ZeroMQ sockets. */
#ifndef QUIRE_LOOP_SOCKETS_H
#define QUIRE_LOOP_SOCKETS_H

#include <czmq.h>

#include "loop.h"

#define LOOP_IO_THREADS 4   /* of ZeroMQ: see thread_of in channel.c */

int loop_socket_watch (loop_t *loop, zsock_t *socket, zloop_reader_fn *handler, void *context);
void loop_socket_unwatch (loop_t *loop, zsock_t *socket);

/* What a zloop handler must return: -1 once the loop is to stop. */
int loop_verdict (const loop_t *loop);

#endif
