/* The gateway's routes: the whole API as one table. */
#ifndef QUIRE_GATEWAY_ROUTES_H
#define QUIRE_GATEWAY_ROUTES_H

#include "route.h"

extern const route_t routes [];
extern const size_t route_count;

#endif
