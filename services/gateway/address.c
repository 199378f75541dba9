/* address: addresses, networks and what proxies say. */
#include "address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

#define IPV4_BEGIN   12      /* in the sixteen bytes */
#define IPV4_BITS    32
#define ADDRESS_BITS 128
#define HOUSE_BYTES  8
#define BETWEEN      ", \t\r\n"

static const uint8_t ipv4_head [IPV4_BEGIN] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_ipv4 (const address_t *address)
{
    return memcmp (address->bytes, ipv4_head, sizeof ipv4_head) == 0;
}

bool address_parse (const char *text, size_t size, address_t *out)
{
    char copy [INET6_ADDRSTRLEN];
    if (size >= sizeof copy)
        return false;
    memcpy (copy, text, size);
    copy [size] = 0;
    memcpy (out->bytes, ipv4_head, sizeof ipv4_head);
    return inet_pton (AF_INET, copy, out->bytes + IPV4_BEGIN) == 1 || inet_pton (AF_INET6, copy, out->bytes) == 1;
}

bool address_equal (const address_t *a, const address_t *b)
{
    return memcmp (a, b, sizeof *a) == 0;
}

address_t address_of_house (const address_t *address)
{
    address_t house = *address;
    if (!is_ipv4 (address))
        memset (house.bytes + HOUSE_BYTES, 0, sizeof house.bytes - HOUSE_BYTES);
    return house;
}

/* -- networks -------------------------------------------------------------------------------- */

/* The bits behind a slash, as bits of the sixteen bytes; more than there are: it is no number. */
static unsigned bits_parse (const char *text, size_t size, bool ipv4)
{
    unsigned bits = 0, most = ipv4 ? IPV4_BITS : ADDRESS_BITS;
    if (size == 0 || size > 3)
        return ADDRESS_BITS + 1;
    for (size_t i = 0; i < size; i++) {
        if (text [i] < '0' || text [i] > '9')
            return ADDRESS_BITS + 1;
        bits = bits * 10 + (unsigned) (text [i] - '0');
    }
    return bits > most ? ADDRESS_BITS + 1 : bits + (ipv4 ? ADDRESS_BITS - IPV4_BITS : 0);
}

static int network_add (networks_t *out, const char *text, size_t size)
{
    size_t length = strcspn (text, "/" BETWEEN);
    if (out->count == MAX_NETWORKS)
        return error_set (ERROR_BAD_FIELD, "there are more than %d networks", MAX_NETWORKS);
    address_t *address = &out->list [out->count].address;
    unsigned bits = ADDRESS_BITS;
    bool is_address = address_parse (text, length, address);
    if (is_address && length < size)
        bits = bits_parse (text + length + 1, size - length - 1, is_ipv4 (address));
    if (!is_address || bits > ADDRESS_BITS)
        return error_set (ERROR_BAD_FIELD, "'%.*s' is no address and no network such as 10.0.0.0/8",
                          (int) (size < 60 ? size : 60), text);
    out->list [out->count++].bits = bits;
    return 0;
}

int networks_parse (const char *text, networks_t *out)
{
    out->count = 0;
    for (size_t size; *(text += strspn (text, BETWEEN)) != 0; text += size) {
        size = strcspn (text, BETWEEN);
        if (network_add (out, text, size) != 0)
            return -1;
    }
    return 0;
}

static bool same_bits (const address_t *a, const address_t *b, unsigned bits)
{
    size_t whole = bits / 8;
    uint8_t rest = (uint8_t) (0xff00 >> bits % 8);
    return memcmp (a->bytes, b->bytes, whole) == 0
           && (rest == 0 || ((a->bytes [whole] ^ b->bytes [whole]) & rest) == 0);
}

bool networks_hold (const networks_t *networks, const address_t *address)
{
    for (size_t i = 0; i < networks->count; i++)
        if (same_bits (&networks->list [i].address, address, networks->list [i].bits))
            return true;
    return false;
}

/* -- behind proxies -------------------------------------------------------------------------- */

/* An entry of X-Forwarded-For: an address, perhaps in brackets, perhaps with a port. */
static bool entry_parse (const char *text, size_t size, address_t *out)
{
    const char *colon = memchr (text, ':', size);
    if (size > 0 && *text == '[') {
        const char *end = memchr (text, ']', size);
        return end != NULL && address_parse (text + 1, (size_t) (end - text) - 1, out);
    }
    if (colon != NULL && memchr (colon + 1, ':', size - (size_t) (colon + 1 - text)) == NULL)
        size = (size_t) (colon - text);
    return address_parse (text, size, out);
}

address_t address_behind (const address_t *peer, const char *forwarded, const networks_t *proxies)
{
    address_t who = *peer, next;
    size_t end = forwarded == NULL ? 0 : strlen (forwarded);
    while (end > 0 && networks_hold (proxies, &who)) {
        while (end > 0 && strchr (BETWEEN, forwarded [end - 1]) != NULL)
            end--;
        size_t begin = end;
        while (begin > 0 && strchr (BETWEEN, forwarded [begin - 1]) == NULL)
            begin--;
        if (!entry_parse (forwarded + begin, end - begin, &next))
            break;   /* no proxy that is trusted writes this */
        who = next;
        end = begin;
    }
    return who;
}
