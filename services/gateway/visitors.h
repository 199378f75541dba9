/* Visitors: how many connections each address has, so that none takes them all. */
#ifndef QUIRE_GATEWAY_VISITORS_H
#define QUIRE_GATEWAY_VISITORS_H

#include "address.h"

typedef struct visitors visitors_t;

/* most: connections of one address; 0: any number. NULL with NO_MEMORY. */
MUST_CHECK visitors_t *visitors_new (unsigned most);
void visitors_destroy (visitors_t **visitors);

bool visitors_full (const visitors_t *visitors, const address_t *address);
bool visitors_enter (visitors_t *visitors, const address_t *address);   /* false: nothing was counted */
void visitors_leave (visitors_t *visitors, const address_t *address);   /* once for each that has entered */

#endif
