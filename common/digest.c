/* digest: SHA-256 by OpenSSL. */
#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

/* The same thing under this file's own name, so that nobody else knows OpenSSL. */
static EVP_MD_CTX *inside (digest_t *digest)
{
    return (EVP_MD_CTX *) digest;
}

digest_t *digest_new (void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new ();
    if (context == NULL || EVP_DigestInit_ex (context, EVP_sha256 (), NULL) != 1) {
        EVP_MD_CTX_free (context);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    return (digest_t *) context;
}

void digest_destroy (digest_t **digest)
{
    EVP_MD_CTX_free (inside (*digest));
    *digest = NULL;
}

int digest_add (digest_t *digest, const void *data, size_t size)
{
    return EVP_DigestUpdate (inside (digest), data, size) == 1 ? 0 : error_set (ERROR_NO_MEMORY, NULL);
}

void digest_end (digest_t *digest, uint8_t out [DIGEST_BYTES])
{
    EVP_DigestFinal_ex (inside (digest), out, NULL);
}

void digest_end_hex (digest_t *digest, char out [DIGEST_HEX])
{
    uint8_t bytes [DIGEST_BYTES];
    digest_end (digest, bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf (out + 2 * i, 3, "%02x", bytes [i]);
}

bool digest_is_hex (const char *text)
{
    return strlen (text) == DIGEST_HEX - 1 && strspn (text, "0123456789abcdef") == DIGEST_HEX - 1;
}

int digest_of (const void *data, size_t size, uint8_t out [DIGEST_BYTES])
{
    return EVP_Digest (data, size, out, NULL, EVP_sha256 (), NULL) == 1 ? 0 : error_set (ERROR_NO_MEMORY, NULL);
}

bool digest_equal (const uint8_t a [DIGEST_BYTES], const uint8_t b [DIGEST_BYTES])
{
    return CRYPTO_memcmp (a, b, DIGEST_BYTES) == 0;
}
