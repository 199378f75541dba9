/* The files folder against the store: bytes of files that are missing or damaged, bytes of no file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "digest.h"
#include "settings.h"

#define BLOCK_BYTES (1u << 20)
#define TEMPORARY   ".tmp-"
#define ASIDE       "orphans"

static const char part [] = "files folder";

/* A blob: from the folder, from the store, or from both. */
typedef struct {
    char name [DIGEST_HEX];
    uint64_t bytes;             /* as the folder says */
    time_t changed;
    bool has_file;
} blob_t;

typedef struct {
    check_t *check;
    int folder;
    blob_t *list;               /* of the folder, by name */
    size_t count, capacity;
    uint64_t bytes;
    size_t aside;
    bool out_of_memory;
} blobs_t;

static int compare_blobs (const void *left, const void *right)
{
    return strcmp (((const blob_t *) left)->name, ((const blob_t *) right)->name);
}

static void add (blobs_t *blobs, const char *name, const struct stat *status)
{
    if (blobs->count == blobs->capacity) {
        size_t capacity = blobs->capacity * 2 + 1024;
        blob_t *list = realloc (blobs->list, capacity * sizeof *list);
        if (list == NULL) {
            blobs->out_of_memory = true;
            return;
        }
        blobs->list = list;
        blobs->capacity = capacity;
    }
    blob_t *blob = &blobs->list [blobs->count++];
    *blob = (blob_t) {.bytes = (uint64_t) status->st_size, .changed = status->st_mtime};
    memcpy (blob->name, name, DIGEST_HEX);
    blobs->bytes += blob->bytes;
}

static bool is_old (time_t changed)
{
    return time (NULL) - changed > settings_number (SETTING_GATEWAY_ORPHAN_S);
}

static void on_entry (blobs_t *blobs, const char *name)
{
    struct stat status;
    findings_t *findings = blobs->check->findings;
    if (fstatat (blobs->folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return;   /* gone meanwhile */
    if (S_ISREG (status.st_mode) && digest_is_hex (name))
        add (blobs, name, &status);
    else if (strncmp (name, TEMPORARY, strlen (TEMPORARY)) == 0) {
        if (is_old (status.st_mtime))
            findings_add (findings, FINDING_NOTE, part, "%s is left of a broken upload: it is removed when the"
                          " gateway starts", name);
    } else if (strcmp (name, ASIDE) != 0 && strcmp (name, ".") != 0 && strcmp (name, "..") != 0
               && strcmp (name, "lost+found") != 0)
        findings_add (findings, FINDING_NOTE, part, "%s is nothing of Quire's", name);
}

static int each_entry (blobs_t *blobs, int fd, void (*entry) (blobs_t *blobs, const char *name))
{
    DIR *folder = fd < 0 ? NULL : fdopendir (fd);
    if (folder == NULL)
        return -1;
    for (struct dirent *found; (found = readdir (folder)) != NULL;)
        entry (blobs, found->d_name);
    closedir (folder);
    return 0;
}

static void on_aside (blobs_t *blobs, const char *name)
{
    blobs->aside += digest_is_hex (name);
}

static int gather (blobs_t *blobs)
{
    if (each_entry (blobs, openat (blobs->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), on_entry) != 0)
        return error_set (ERROR_STORE_FAILED, "The folder can't be read: %s", strerror (errno));
    if (each_entry (blobs, openat (blobs->folder, ASIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC), on_aside) != 0
        && errno != ENOENT)
        return error_set (ERROR_STORE_FAILED, "The folder %s can't be read: %s", ASIDE, strerror (errno));
    if (blobs->out_of_memory)
        return error_set (ERROR_NO_MEMORY, NULL);
    if (blobs->count > 0)
        qsort (blobs->list, blobs->count, sizeof *blobs->list, compare_blobs);
    return 0;
}

/* Reads all of a blob. */
static int hash (int fd, char name [DIGEST_HEX])
{
    static char block [BLOCK_BYTES];
    digest_t *digest = digest_new ();
    ssize_t size = 0;
    if (digest == NULL)
        return -1;
    while ((size = read (fd, block, sizeof block)) > 0)
        if (digest_add (digest, block, (size_t) size) != 0)
            break;
    digest_end_hex (digest, name);
    digest_destroy (&digest);
    return size == 0 ? 0 : -1;
}

static void read_blob (const blobs_t *blobs, const blob_t *blob, const char *file_id)
{
    char name [DIGEST_HEX] = "";
    int fd = openat (blobs->folder, blob->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int result = fd < 0 ? -1 : hash (fd, name);
    if (result != 0)
        findings_add (blobs->check->findings, FINDING_FAULT, part, "the bytes of %s can't be read: %s: %s", file_id,
                      blob->name, strerror (errno));
    else if (strcmp (name, blob->name) != 0)
        findings_add (blobs->check->findings, FINDING_FAULT, part, "the bytes of %s are damaged: %s has the hash %s",
                      file_id, blob->name, name);
    if (fd >= 0)
        close (fd);
}

static void on_file (void *context, const file_row_t *file)
{
    blobs_t *blobs = context;
    blob_t wanted = {0};
    snprintf (wanted.name, sizeof wanted.name, "%s", file->sha256);
    blob_t *blob = blobs->count == 0 ? NULL
                   : bsearch (&wanted, blobs->list, blobs->count, sizeof wanted, compare_blobs);
    if (blob == NULL || blob->bytes != file->bytes) {
        findings_add (blobs->check->findings, FINDING_FAULT, part, blob == NULL ? "the bytes of %s are missing: %s"
                      : "the bytes of %s are cut: %s", file->id, file->sha256);
        return;
    }
    if (!blob->has_file && !blobs->check->quick)
        read_blob (blobs, blob, file->id);
    blob->has_file = true;
}

static void find_orphans (const blobs_t *blobs)
{
    for (size_t i = 0; i < blobs->count; i++) {
        const blob_t *blob = &blobs->list [i];
        if (blob->has_file)
            continue;
        if (is_old (blob->changed))
            findings_add (blobs->check->findings, FINDING_FAULT, part, "orphan: no file has the bytes %s; a gateway"
                          " that runs sets them aside", blob->name);
        else
            findings_add (blobs->check->findings, FINDING_NOTE, part, "no file has the new bytes %s: of an upload"
                          " under way, or set aside soon", blob->name);
    }
    if (blobs->aside > 0)
        findings_add (blobs->check->findings, FINDING_NOTE, part, "%zu orphans lie aside in " ASIDE ", and are removed"
                      " after a week", blobs->aside);
}

static int compare (blobs_t *blobs)
{
    check_t *check = blobs->check;
    int result = store_hold (check->store);
    if (result == 0)
        result = store_list_all_files (check->store, on_file, blobs);
    store_release (check->store);
    return result;
}

void check_bytes (check_t *check)
{
    char path [MAX_PATH];
    snprintf (path, sizeof path, "%s/files", check->folder);
    blobs_t blobs = {.check = check, .folder = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (blobs.folder < 0)
        error_set (ERROR_STORE_FAILED, "%s: %s", path, strerror (errno));
    if (blobs.folder < 0 || gather (&blobs) != 0 || compare (&blobs) != 0)
        check_failed (check, part);
    else {
        find_orphans (&blobs);
        fprintf (check->out, "files folder: blobs=%zu bytes=%llu set_aside=%zu\n", blobs.count,
                 (unsigned long long) blobs.bytes, blobs.aside);
    }
    if (blobs.folder >= 0)
        close (blobs.folder);
    free (blobs.list);
}
