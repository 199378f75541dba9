/* ids: names that no other has and that nobody can guess. */
#include "ids.h"

#include <string.h>
#include <sys/random.h>

static const char letters [] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
#define LETTER_COUNT (sizeof letters - 1)

size_t id_letters (const uint8_t *random, size_t size, char *out, size_t wanted)
{
    size_t made = 0;
    for (size_t i = 0; i < size && made < wanted; i++)
        if (random [i] < 256 / LETTER_COUNT * LETTER_COUNT)
            out [made++] = letters [random [i] % LETTER_COUNT];
    return made;
}

void id_new (const char *prefix, char out [MAX_ID])
{
    size_t used = strnlen (prefix, MAX_ID - ID_RANDOM - 1), end = used + ID_RANDOM;
    memcpy (out, prefix, used);
    while (used < end) {
        uint8_t random [2 * ID_RANDOM];
        ssize_t got = getrandom (random, sizeof random, 0);
        used += id_letters (random, got > 0 ? (size_t) got : 0, out + used, end - used);
    }
    out [end] = 0;
}
