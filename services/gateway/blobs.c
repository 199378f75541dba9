/* blobs: temporary files, their SHA-256, and the table of blobs that uploads hold. */
#include "blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "ids.h"
#include "log.h"

#define TEMPORARY     ".tmp-"
#define SYNC_THREADS  4
#define BLOB_MODE     0444   /* nobody writes it again */
#define FOLDER_MODE   0755
#define ASIDE         "orphans"          /* folder in the files folder, for what the sweep takes */
#define ASIDE_S       (7 * 24 * 3600)    /* that it stays there */

struct blob_writer {
    blob_writer_t *next, **link;   /* of all */
    int fd;
    char name [MAX_ID];            /* in the folder; "" when there is nothing to remove */
    digest_t *hash;
    uint64_t size;
    char sha256 [SHA256_HEX];
    bool is_fresh;                 /* no blob had this name before */
    error_t error;
    char error_text [MAX_ERROR_TEXT];
    blob_done_t *done;
    void *context;
};

/* A blob that an upload holds, or that one has held since the oldest deletion under way began. */
typedef struct held {
    struct held *next;
    char sha256 [SHA256_HEX];
    size_t uploads;
    uint64_t settled;   /* when an upload of it last got a file, in the order of deletions' numbers */
    bool is_orphan;     /* no file is known to have it: remove it with the last upload */
} held_t;

typedef struct removal {
    struct removal *next, **link;
    char sha256 [SHA256_HEX];
    bool is_done;
} removal_t;

static struct {
    int folder;
    pool_t *sync_pool;     /* makes bytes durable, several at once */
    pool_t *name_pool;     /* one thread: makes and removes names, in order */
    blob_writer_t *writers;
    removal_t *removals;
    held_t *held;
    size_t deletions;      /* under way */
    uint64_t number;       /* of the last deletion or settling */
    struct sweep *sweep;   /* that is under way, or NULL */
} blobs = {.folder = -1};

/* -- errors ---------------------------------------------------------------------------------- */

static int failed (const char *what)
{
    int why = errno;
    log_error ("blob_failed", "what=%s why=\"%s\"", what, strerror (why));
    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        return error_set (ERROR_DISK_FULL, NULL);
    return error_set (ERROR_STORE_FAILED, "The files folder could not be written: %s.", strerror (why));
}

/* The caller closes it; NULL when it can't be read. */
static DIR *folder_read (const char *name)
{
    int fd = openat (blobs.folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir (fd);
    if (folder == NULL && fd >= 0)
        close (fd);
    return folder;
}

/* -- writing --------------------------------------------------------------------------------- */

static int writer_open (blob_writer_t *writer)
{
    char name [MAX_ID];
    id_new (TEMPORARY, name);
    writer->fd = openat (blobs.folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (writer->fd < 0)
        return failed ("create");
    memcpy (writer->name, name, sizeof name);
    return 0;
}

blob_writer_t *blob_writer_new (void)
{
    blob_writer_t *writer = calloc (1, sizeof *writer);
    if (writer == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    writer->fd = -1;
    writer->next = blobs.writers;
    writer->link = &blobs.writers;
    if (writer->next != NULL)
        writer->next->link = &writer->next;
    blobs.writers = writer;
    writer->hash = digest_new ();
    if (writer->hash != NULL && writer_open (writer) == 0)
        return writer;
    blob_writer_destroy (&writer);
    return NULL;
}

void blob_writer_destroy (blob_writer_t **writer_p)
{
    blob_writer_t *writer = *writer_p;
    if (writer == NULL)
        return;
    *writer->link = writer->next;
    if (writer->next != NULL)
        writer->next->link = writer->link;
    if (writer->fd >= 0)
        close (writer->fd);
    if (writer->name [0] != 0 && unlinkat (blobs.folder, writer->name, 0) != 0)
        log_warning ("temporary_left", "name=%s why=\"%s\"", writer->name, strerror (errno));
    digest_destroy (&writer->hash);
    free (writer);
    *writer_p = NULL;
}

int blob_write (blob_writer_t *writer, const char *data, size_t size)
{
    if (digest_add (writer->hash, data, size) != 0)
        return -1;
    while (size > 0) {
        ssize_t wrote = write (writer->fd, data, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return failed ("write");
        data += wrote;
        size -= (size_t) wrote;
        writer->size += (uint64_t) wrote;
    }
    return 0;
}

uint64_t blob_written (const blob_writer_t *writer)
{
    return writer->size;
}

/* -- the table of held blobs ----------------------------------------------------------------- */

static held_t *held_lookup (const char *sha256)
{
    held_t *held = blobs.held;
    while (held != NULL && strcmp (held->sha256, sha256) != 0)
        held = held->next;
    return held;
}

static held_t *held_new (const char *sha256)
{
    held_t *held = calloc (1, sizeof *held);
    if (held == NULL)
        return NULL;
    memcpy (held->sha256, sha256, SHA256_HEX);
    held->next = blobs.held;
    blobs.held = held;
    return held;
}

/* Forgets the blobs that no upload holds, unless a deletion is under way: its answer may be older
 * than the upload that has just ended. */
static void held_sweep (void)
{
    for (held_t **link = &blobs.held, *held; blobs.deletions == 0 && (held = *link) != NULL;) {
        if (held->uploads > 0) {
            link = &held->next;
            continue;
        }
        *link = held->next;
        free (held);
    }
}

/* -- names, on their thread ------------------------------------------------------------------ */

static void removal_work (void *argument)
{
    removal_t *removal = argument;
    removal->is_done = true;
    if (unlinkat (blobs.folder, removal->sha256, 0) != 0 && errno != ENOENT)
        failed ("remove");
    else if (fsync (blobs.folder) != 0)
        failed ("sync_folder");
}

static void removal_free (void *argument)
{
    removal_t *removal = argument;
    *removal->link = removal->next;
    if (removal->next != NULL)
        removal->next->link = removal->link;
    free (removal);
}

static void remove_blob (const char *sha256)
{
    removal_t *removal = calloc (1, sizeof *removal);
    if (removal == NULL)
        return;
    memcpy (removal->sha256, sha256, SHA256_HEX);
    removal->next = blobs.removals;
    removal->link = &blobs.removals;
    if (removal->next != NULL)
        removal->next->link = &removal->next;
    blobs.removals = removal;
    log_info ("blob_removed", "sha256=%s", sha256);
    if (pool_submit (blobs.name_pool, false, removal_work, removal_free, removal) != 0)
        removal_free (removal);
}

static void note_error (blob_writer_t *writer)
{
    writer->error = error_get ();
    snprintf (writer->error_text, sizeof writer->error_text, "%s", error_text ());
}

static void sync_work (void *argument)
{
    blob_writer_t *writer = argument;
    if ((fchmod (writer->fd, BLOB_MODE) != 0 || fsync (writer->fd) != 0) && failed ("sync") != 0)
        note_error (writer);
}

static void name_work (void *argument)
{
    blob_writer_t *writer = argument;
    writer->is_fresh = faccessat (blobs.folder, writer->sha256, F_OK, 0) != 0;
    if (renameat (blobs.folder, writer->name, blobs.folder, writer->sha256) != 0) {
        failed ("rename");
        note_error (writer);
        return;
    }
    writer->name [0] = 0;
    if (fsync (blobs.folder) != 0) {
        failed ("sync_folder");
        note_error (writer);
    }
}

/* -- keeping --------------------------------------------------------------------------------- */

static void keep_fail (blob_writer_t *writer)
{
    blob_done_t *done = writer->done;
    void *context = writer->context;
    error_set (writer->error, "%s", writer->error_text);
    blob_writer_destroy (&writer);
    done (context, NULL);
}

static void on_named (void *argument)
{
    blob_writer_t *writer = argument;
    held_t *held = held_lookup (writer->sha256);
    held->is_orphan = held->is_orphan || writer->is_fresh;
    if (writer->error != ERROR_NONE) {
        blob_settle (writer->sha256, false);
        keep_fail (writer);
        return;
    }
    char sha256 [SHA256_HEX];
    blob_done_t *done = writer->done;
    void *context = writer->context;
    memcpy (sha256, writer->sha256, sizeof sha256);
    blob_writer_destroy (&writer);
    done (context, sha256);
}

/* The bytes are durable: from here the blob is held, so that no deletion takes it away. */
static void on_synced (void *argument)
{
    blob_writer_t *writer = argument;
    held_t *held = NULL;
    if (writer->error == ERROR_NONE) {
        digest_end_hex (writer->hash, writer->sha256);
        held = held_lookup (writer->sha256);
        if (held == NULL)
            held = held_new (writer->sha256);
    }
    if (held != NULL && pool_submit (blobs.name_pool, false, name_work, on_named, writer) == 0) {
        held->uploads++;
        return;
    }
    if (writer->error == ERROR_NONE) {
        error_set (ERROR_NO_MEMORY, NULL);
        note_error (writer);
    }
    keep_fail (writer);
}

void blob_keep (blob_writer_t **writer_p, blob_done_t *done, void *context)
{
    blob_writer_t *writer = *writer_p;
    *writer_p = NULL;
    writer->done = done;
    writer->context = context;
    if (pool_submit (blobs.sync_pool, false, sync_work, on_synced, writer) == 0)
        return;
    note_error (writer);
    keep_fail (writer);
}

void blob_settle (const char *sha256, bool has_file)
{
    held_t *held = held_lookup (sha256);
    if (held == NULL)
        return;
    if (held->uploads > 0)
        held->uploads--;
    if (has_file) {
        held->is_orphan = false;
        held->settled = ++blobs.number;
    }
    if (held->uploads == 0 && held->is_orphan) {
        held->is_orphan = false;
        remove_blob (sha256);
    }
    held_sweep ();
}

/* -- removing -------------------------------------------------------------------------------- */

uint64_t blob_deletion_begin (void)
{
    blobs.deletions++;
    return ++blobs.number;
}

/* The answer may be older than an upload that got its file after the deletion was asked for: its
 * bytes stay. When two files with the same bytes are deleted across such an upload, the blob can be
 * left without a file; the sweep finds it. */
void blob_deletion_end (uint64_t deletion, const char *sha256)
{
    held_t *held = held_lookup (sha256);
    if (held != NULL && held->uploads > 0)
        held->is_orphan = true;   /* unless that upload gets its file */
    else if ((held == NULL || held->settled < deletion) && strlen (sha256) == SHA256_HEX - 1)
        remove_blob (sha256);
    blobs.deletions--;
    held_sweep ();
}

/* -- the sweep, on the names' thread --------------------------------------------------------- */

typedef struct sweep {
    char (*known) [SHA256_HEX];    /* sorted: of all files, and of uploads under way */
    size_t count, files;
    long age_s;                    /* of a blob without a file, before it is taken */
    char (*orphans) [SHA256_HEX];
    size_t orphan_count, capacity;
    uint64_t orphan_bytes;
} sweep_t;

static int name_compare (const void *a, const void *b)
{
    return strcmp (a, b);
}

static bool is_known (const sweep_t *sweep, const char *name)
{
    return sweep->count > 0 && bsearch (name, sweep->known, sweep->count, SHA256_HEX, name_compare) != NULL;
}

static void orphan_add (sweep_t *sweep, const char *name, uint64_t bytes)
{
    if (sweep->orphan_count == sweep->capacity) {
        size_t capacity = sweep->capacity == 0 ? 64 : 2 * sweep->capacity;
        char (*grown) [SHA256_HEX] = realloc (sweep->orphans, capacity * sizeof *grown);
        if (grown == NULL)
            return;   /* it is found another time */
        sweep->orphans = grown;
        sweep->capacity = capacity;
    }
    memcpy (sweep->orphans [sweep->orphan_count++], name, SHA256_HEX);
    sweep->orphan_bytes += bytes;
}

/* A file that has come since the list was made has a young blob: an upload gives it the time of now,
 * also when it was there before. */
static void orphans_find (sweep_t *sweep)
{
    struct stat status;
    time_t now = time (NULL);
    DIR *folder = folder_read (".");
    for (struct dirent *entry; folder != NULL && (entry = readdir (folder)) != NULL;)
        if (digest_is_hex (entry->d_name) && !is_known (sweep, entry->d_name)
            && fstatat (blobs.folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISREG (status.st_mode) && now - status.st_mtime > sweep->age_s)
            orphan_add (sweep, entry->d_name, (uint64_t) status.st_size);
    if (folder != NULL)
        closedir (folder);
}

/* Moves the orphans out of the way. Returns how many. */
static size_t orphans_set_aside (const sweep_t *sweep)
{
    char aside [sizeof ASIDE + 1 + SHA256_HEX];
    size_t moved = 0;
    if (sweep->orphan_count == 0 || (mkdirat (blobs.folder, ASIDE, FOLDER_MODE) != 0 && errno != EEXIST))
        return 0;
    for (size_t i = 0; i < sweep->orphan_count; i++) {
        snprintf (aside, sizeof aside, "%s/%s", ASIDE, sweep->orphans [i]);
        moved += renameat (blobs.folder, sweep->orphans [i], blobs.folder, aside) == 0;
    }
    return moved;
}

/* What a file has after all goes back; what has lain aside for long goes: its ctime tells since when. */
static size_t aside_look (const sweep_t *sweep, int aside, const char *name)
{
    struct stat status;
    if (!digest_is_hex (name) || fstatat (aside, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    if (is_known (sweep, name) && faccessat (blobs.folder, name, F_OK, 0) != 0)
        return renameat (aside, name, blobs.folder, name) == 0;
    return time (NULL) - status.st_ctime > ASIDE_S && unlinkat (aside, name, 0) == 0;
}

/* Returns how many are not aside any more. */
static size_t orphans_look (const sweep_t *sweep)
{
    size_t settled = 0;
    DIR *folder = folder_read (ASIDE);
    for (struct dirent *entry; folder != NULL && (entry = readdir (folder)) != NULL;)
        settled += aside_look (sweep, dirfd (folder), entry->d_name);
    if (folder != NULL)
        closedir (folder);
    return settled;
}

static void sweep_work (void *argument)
{
    sweep_t *sweep = argument;
    if (sweep->count > 0)
        qsort (sweep->known, sweep->count, SHA256_HEX, name_compare);
    orphans_find (sweep);
    bool believed = sweep->files > 0 && sweep->orphan_count <= sweep->files;
    size_t moved = believed ? orphans_set_aside (sweep) : 0, settled = believed ? orphans_look (sweep) : 0;
    if (moved + settled > 0 && fsync (blobs.folder) != 0)
        failed ("sync_folder");
    if (sweep->orphan_count + settled > 0)
        log_warning ("orphans", "blobs=%zu orphan_bytes=%llu known=%zu set_aside=%zu settled=%zu", sweep->orphan_count,
                     (unsigned long long) sweep->orphan_bytes, sweep->files, moved, settled);
}

static void sweep_free (void *argument)
{
    sweep_t *sweep = argument;
    free (sweep->known);
    free (sweep->orphans);
    free (sweep);
    blobs.sweep = NULL;
}

/* Blobs that uploads hold have no file yet, or one that is younger than the list. */
static int know_held (sweep_t *sweep)
{
    size_t count = 0;
    for (const held_t *held = blobs.held; held != NULL; held = held->next)
        count++;
    char (*grown) [SHA256_HEX] = realloc (sweep->known, (sweep->count + count + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    sweep->known = grown;
    for (const held_t *held = blobs.held; held != NULL; held = held->next)
        memcpy (grown [sweep->count++], held->sha256, SHA256_HEX);
    return 0;
}

void blobs_sweep (char (**known) [SHA256_HEX], size_t count, long age_s)
{
    sweep_t *sweep = blobs.sweep == NULL ? calloc (1, sizeof *sweep) : NULL;
    if (sweep == NULL) {
        free (*known);
        *known = NULL;
        return;
    }
    *sweep = (sweep_t) {.known = *known, .count = count, .files = count, .age_s = age_s};
    *known = NULL;
    if (know_held (sweep) != 0) {
        sweep_free (sweep);
        return;   /* another time */
    }
    blobs.sweep = sweep;
    if (pool_submit (blobs.name_pool, false, sweep_work, sweep_free, sweep) != 0)
        sweep_free (sweep);
}

/* -- reading --------------------------------------------------------------------------------- */

int blob_open (const char *sha256, uint64_t *size)
{
    struct stat status;
    int fd = strlen (sha256) == SHA256_HEX - 1 && strchr (sha256, '/') == NULL
             ? openat (blobs.folder, sha256, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : (errno = ENOENT, -1);
    if (fd >= 0 && fstat (fd, &status) == 0) {
        *size = (uint64_t) status.st_size;
        return fd;
    }
    if (fd >= 0)
        close (fd);
    return errno == ENOENT ? error_set (ERROR_FILE_NOT_FOUND, "The file's bytes are not there any more.")
                           : failed ("open");
}

/* -- lifetime -------------------------------------------------------------------------------- */

/* What uploads left behind that had not come to their end. */
static void remove_temporaries (void)
{
    DIR *folder = folder_read (".");
    size_t removed = 0;
    for (struct dirent *entry; folder != NULL && (entry = readdir (folder)) != NULL;)
        if (strncmp (entry->d_name, TEMPORARY, strlen (TEMPORARY)) == 0
            && unlinkat (blobs.folder, entry->d_name, 0) == 0)
            removed++;
    if (folder != NULL)
        closedir (folder);
    if (removed > 0)
        log_info ("temporaries_removed", "files=%zu", removed);
}

static int folder_make (const char *path)
{
    return mkdir (path, FOLDER_MODE) == 0 || errno == EEXIST ? 0 : -1;
}

static int folder_open (const char *data_dir)
{
    char path [4096];
    if (snprintf (path, sizeof path, "%s/files", data_dir) >= (int) sizeof path)
        return error_set (ERROR_BAD_FIELD, "QUIRE_DATA_DIR is too long.");
    if (folder_make (data_dir) == 0 && folder_make (path) == 0)
        blobs.folder = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blobs.folder >= 0 && faccessat (blobs.folder, ".", W_OK, 0) == 0)
        return 0;
    return error_set (ERROR_STORE_FAILED, "The files folder %s can't be used: %s. QUIRE_DATA_DIR must "
                      "name a folder that this user may write.", path, strerror (errno));
}

int blobs_start (loop_t *loop, const char *data_dir)
{
    digest_t *first = digest_new ();   /* OpenSSL gets ready at its first use, and never after a want of memory there */
    if (first == NULL)
        return -1;
    digest_destroy (&first);
    if (folder_open (data_dir) != 0)
        return -1;
    remove_temporaries ();
    blobs.sync_pool = pool_new (loop, SYNC_THREADS);
    blobs.name_pool = pool_new (loop, 1);
    return blobs.sync_pool != NULL && blobs.name_pool != NULL ? 0 : -1;
}

void blobs_stop (void)
{
    pool_destroy (&blobs.sync_pool);
    pool_destroy (&blobs.name_pool);
    for (blob_writer_t *writer; (writer = blobs.writers) != NULL;)
        blob_writer_destroy (&writer);
    for (removal_t *removal; (removal = blobs.removals) != NULL; removal_free (removal))
        if (!removal->is_done)   /* then nothing that came after it was done either */
            removal_work (removal);
    if (blobs.sweep != NULL)
        sweep_free (blobs.sweep);
    blobs.deletions = 0;
    for (held_t *held = blobs.held; held != NULL; held = held->next)
        held->uploads = 0;
    held_sweep ();
    if (blobs.folder >= 0)
        close (blobs.folder);
    blobs.folder = -1;
}
