/* Addresses of clients: networks that the settings name, and who stands behind a proxy that is
 * trusted. Pure. */
#ifndef QUIRE_GATEWAY_ADDRESS_H
#define QUIRE_GATEWAY_ADDRESS_H

#include "macros.h"

#define MAX_NETWORKS 64

/* An IPv6 address; an IPv4 address stands in it as ::ffff:a.b.c.d. All zero: not known. */
typedef struct {
    uint8_t bytes [16];
} address_t;

typedef struct {
    size_t count;
    struct {
        address_t address;
        unsigned bits;
    } list [MAX_NETWORKS];
} networks_t;

bool address_parse (const char *text, size_t size, address_t *out);   /* "10.1.2.3", "::1"; false: it is none */
bool address_equal (const address_t *a, const address_t *b);

/* An IPv6 client has at least a /64 to choose addresses from: they count as one. */
address_t address_of_house (const address_t *address);

/* Takes addresses and networks ("10.0.0.0/8, ::1") parted by commas or blanks. Returns 0, or -1 with
 * BAD_FIELD. */
MUST_CHECK int networks_parse (const char *text, networks_t *out);
bool networks_hold (const networks_t *networks, const address_t *address);

/* Who asks: the peer, or, when that is a trusted proxy, the last address of X-Forwarded-For (all its
 * headers, joined by commas) that is not one. What a client has written there itself stands before
 * that and is not looked at. */
address_t address_behind (const address_t *peer, const char *forwarded, const networks_t *proxies);

#endif
