/* Syncing a folder: see sync_folder.h. */
#include "sync_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_PATH 4096

int sync_folder_of (const char *path)
{
    char folder [MAX_PATH] = ".";
    const char *slash = strrchr (path, '/');
    if (slash != NULL
        && snprintf (folder, sizeof folder, "%.*s", (int) (slash - path + 1), path) >= (int) sizeof folder) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open (folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return -1;
    int result = fsync (fd), cause = errno;
    close (fd);
    errno = cause;
    return result;
}
