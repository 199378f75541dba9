/* keys: API keys as digests. */
#include "keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "digest.h"
#include "error.h"

#define BETWEEN ", \t\r\n"

struct keys {
    size_t count;
    uint8_t digests [MAX_KEYS] [DIGEST_BYTES];
};

static int key_add (keys_t *keys, const char *key, size_t size)
{
    if (keys->count == MAX_KEYS)
        return error_set (ERROR_BAD_FIELD, "there are more than %d API keys", MAX_KEYS);
    if (size > MAX_KEY_BYTES)
        return error_set (ERROR_BAD_FIELD, "API key %zu is longer than %d bytes", keys->count + 1, MAX_KEY_BYTES);
    for (size_t i = 0; i < size; i++)
        if (key [i] <= 0x20 || key [i] >= 0x7f)
            return error_set (ERROR_BAD_FIELD, "API key %zu holds something else than letters, digits and signs "
                              "of ASCII", keys->count + 1);
    if (digest_of (key, size, keys->digests [keys->count]) != 0)
        return -1;
    keys->count++;
    return 0;
}

static int keys_read (keys_t *keys, const char *text)
{
    for (size_t size; *(text += strspn (text, BETWEEN)) != 0; text += size) {
        size = strcspn (text, BETWEEN);
        if (key_add (keys, text, size) != 0)
            return -1;
    }
    return keys->count > 0 ? 0 : error_set (ERROR_BAD_FIELD, "there is no API key in what is to hold them");
}

keys_t *keys_new (const char *text)
{
    keys_t *keys = calloc (1, sizeof *keys);
    if (keys == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    else if (keys_read (keys, text) != 0)
        keys_destroy (&keys);
    return keys;
}

void keys_destroy (keys_t **keys)
{
    free (*keys);
    *keys = NULL;
}

size_t keys_count (const keys_t *keys)
{
    return keys->count;
}

/* The key in "Bearer KEY", or NULL. */
static const char *bearer (const char *authorization, size_t *size)
{
    static const char scheme [] = "Bearer ";
    if (authorization == NULL || strncasecmp (authorization, scheme, strlen (scheme)) != 0)
        return NULL;
    const char *key = authorization + strlen (scheme);
    key += strspn (key, " \t");
    *size = strcspn (key, " \t");
    return key [*size + strspn (key + *size, " \t")] == 0 ? key : NULL;
}

int keys_find (const keys_t *keys, const char *authorization)
{
    uint8_t digest [DIGEST_BYTES];
    size_t size;
    int found = -1;
    const char *key = bearer (authorization, &size);
    if (key == NULL || digest_of (key, size, digest) != 0)
        return -1;
    for (size_t i = 0; i < keys->count; i++) {
        int is_it = digest_equal (digest, keys->digests [i]);
        found = is_it * (int) i + (1 - is_it) * found;   /* no branch by what was found */
    }
    return found;
}
