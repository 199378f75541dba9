/* quire-keygen FOLDER: makes the keys of an installation's links (link_guard.h), four files:
 *
 *     server.secret   of gateway and answerer, which bind
 *     server.public   for those that connect: extractors, embedders, gateway
 *     client.secret   of those that connect
 *     client.public   for gateway and answerer
 *
 * Files that are there already are left as they are, and it fails. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "link_guard.h"

#define SECRET_MODE 0600
#define PUBLIC_MODE 0644
#define MAX_PATH    4096
#define EXIT_USAGE  2

static int key_write (const char *folder, const char *name, mode_t mode, const char *key)
{
    char path [MAX_PATH];
    if (snprintf (path, sizeof path, "%s/%s", folder, name) >= (int) sizeof path)
        return error_set (ERROR_BAD_FIELD, "the folder's name is too long");
    int file = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return error_set (ERROR_BAD_FIELD, "%s can't be made: %s", path, strerror (errno));
    size_t size = strlen (key);
    bool whole = write (file, key, size) == (ssize_t) size && fsync (file) == 0;
    int why = errno;
    if (close (file) == 0 && whole)
        return 0;
    unlink (path);
    return error_set (ERROR_BAD_FIELD, "%s can't be written: %s", path, strerror (why));
}

static int pair_make (const char *folder, const char *secret_name, const char *public_name)
{
    char public_key [LINK_KEY_SIZE], secret_key [LINK_KEY_SIZE];
    if (link_keys_make (public_key, secret_key) != 0
        || key_write (folder, secret_name, SECRET_MODE, secret_key) != 0)
        return -1;
    return key_write (folder, public_name, PUBLIC_MODE, public_key);
}

int main (int argc, char *argv [])
{
    if (argc != 2 || argv [1] [0] == '-') {
        fprintf (stderr, "Usage: quire-keygen FOLDER\n\nMakes server.secret, server.public, client.secret and "
                 "client.public there.\n");
        return argc == 2 && strcmp (argv [1], "--help") == 0 ? 0 : EXIT_USAGE;
    }
    if (pair_make (argv [1], "server.secret", "server.public") == 0
        && pair_make (argv [1], "client.secret", "client.public") == 0)
        return 0;
    fprintf (stderr, "quire-keygen: %s\n", error_text ());
    return 1;
}
