/* What would be left after a power cut; preloaded into all processes of a service. Of a folder it keeps,
 * beside, what has been synced and nothing else: of each file what it held at its last fsync, of each
 * folder which names it had at its own.
 *
 *     FAULT_DATA     the folder, as realpath would have it
 *     FAULT_SYNCED   folder of the images: one file a file, named by its number and generation, that
 *                    holds its bytes; one a folder (that of FAULT_DATA is called root), a line an
 *                    entry: kind (f or d), image, name
 *
 * An image is written under another name first, so that a killed process leaves none half. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE (1 << 16)
#define MAX_NAME 64

/* The image's name: of two files with one number, one after the other, the generation tells which.
 * Returns the kind, or 0 for what is neither file nor folder. */
static char image_name (int fd, char *name)
{
    struct stat info;
    unsigned generation = 0;
    if (fstat (fd, &info) != 0 || !(S_ISDIR (info.st_mode) || S_ISREG (info.st_mode)))
        return 0;
    if (ioctl (fd, FS_IOC_GETVERSION, &generation) != 0)
        generation = 0;
    char kind = S_ISDIR (info.st_mode) ? 'd' : 'f';
    snprintf (name, MAX_NAME, "%c%llu-%u", kind, (unsigned long long) info.st_ino, generation);
    return kind;
}

static int write_all (int to, const char *bytes, size_t size)
{
    for (ssize_t written; size > 0; bytes += written, size -= (size_t) written) {
        if ((written = write (to, bytes, size)) < 0)
            return -1;
    }
    return 0;
}

/* Through another descriptor, since this one may be for writing only. */
static int copy_bytes (int fd, int to)
{
    char path [64], piece [PIECE];
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    int from = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t size = -1;
    while (from >= 0 && (size = read (from, piece, sizeof piece)) > 0) {
        if (write_all (to, piece, (size_t) size) != 0)
            break;
    }
    if (from >= 0)
        close (from);
    return size == 0 ? 0 : -1;
}

static int list_names (int fd, int to)
{
    int again = openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again >= 0 ? fdopendir (again) : NULL;
    int result = folder ? 0 : -1;
    for (struct dirent *entry; folder && result == 0 && (entry = readdir (folder));) {
        char name [MAX_NAME], line [NAME_MAX + MAX_NAME + 8];
        int inner = entry->d_name [0] == '.' ? -1 : openat (again, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        char kind = inner < 0 ? 0 : image_name (inner, name);
        if (inner >= 0)
            close (inner);
        if (!kind)
            continue;   /* hidden, or gone by now */
        int size = snprintf (line, sizeof line, "%c %s %s\n", kind, name, entry->d_name);
        result = write_all (to, line, (size_t) size);
    }
    if (folder)
        closedir (folder);
    return result;
}

/* 0: not below the folder; 1: it is; 2: it is the folder itself. */
static int is_ours (int fd)
{
    const char *data = getenv ("FAULT_DATA");
    char link [64], path [PATH_MAX];
    snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink (link, path, sizeof path - 1);
    if (!data || size < 0)
        return 0;
    path [size] = '\0';
    size_t length = strlen (data);
    if (strncmp (path, data, length) != 0)
        return 0;
    return path [length] == '\0' ? 2 : path [length] == '/';
}

/* What a sync of this file or folder makes sure of. */
static void keep (int fd)
{
    const char *synced = getenv ("FAULT_SYNCED");
    char name [MAX_NAME], new_path [PATH_MAX], path [PATH_MAX];
    int ours = synced ? is_ours (fd) : 0;
    char kind = ours > 0 ? image_name (fd, name) : 0;
    if (!kind)
        return;
    if (ours == 2)
        strcpy (name, "root");
    snprintf (path, sizeof path, "%s/%s", synced, name);
    snprintf (new_path, sizeof new_path, "%s/new-%s-%ld", synced, name, (long) syscall (SYS_gettid));
    int to = open (new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int result = to < 0 ? -1 : kind == 'd' ? list_names (fd, to) : copy_bytes (fd, to);
    if (to >= 0)
        close (to);
    if (result != 0 || rename (new_path, path) != 0)
        abort ();   /* the test would believe what is not so */
}

/* Nothing is really synced: no power will be cut, and the test takes half the time. */
int fsync (int fd)
{
    int before = errno;
    keep (fd);
    errno = before;
    return 0;
}

int fdatasync (int fd)
{
    return fsync (fd);
}
