/* Packed weights: see packed.h. */
#include "packed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "log.h"

#define MAX_PATH_BYTES 4096
#define HEADER_BYTES   256      /* before the first piece, padded with zeros */
#define LOCK_TRIES     50       /* while another embedder writes the same file */
#define LOCK_WAIT_MS   20

static const char magic [8] = "QUIREPK1";

/* Tells the model's file from another one without reading it: whoever writes to a file or puts another
 * in its place changes one of these. */
typedef struct {
    uint64_t size, inode, modified_ns, changed_ns;
} marks_t;

typedef struct {
    char magic [8];
    uint64_t size;                      /* of the file */
    uint8_t digest [DIGEST_BYTES];      /* of all that follows, to the end of the file */
    uint8_t purpose [DIGEST_BYTES];     /* digest of the source's */
    uint8_t model [DIGEST_BYTES];       /* digest of the model's file, and its marks */
    marks_t marks;
} header_t;

#define DIGEST_END (offsetof (header_t, digest) + DIGEST_BYTES)

_Static_assert (sizeof (header_t) <= HEADER_BYTES && HEADER_BYTES % PACKED_ALIGNMENT == 0,
                "pieces are aligned");

struct packed {
    uint8_t *memory;        /* the file as it is, or as it shall be */
    size_t size, taken;     /* with the header */
    bool mapped;
};

/* -- memory -------------------------------------------------------------------------------------- */

static packed_t *packed_over (void *memory, size_t size, bool mapped)
{
    packed_t *packed = memory == MAP_FAILED ? NULL : calloc (1, sizeof *packed);
    if (!packed) {
        if (memory != MAP_FAILED)
            munmap (memory, size);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    *packed = (packed_t) {memory, size, HEADER_BYTES, mapped};
    return packed;
}

/* Of the most that it may become; pages count once they are written to. */
packed_t *packed_new (void)
{
    void *memory = mmap (NULL, MAX_PACKED_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return packed_over (memory, MAX_PACKED_BYTES, false);
}

void packed_destroy (packed_t **packed)
{
    if (!*packed)
        return;
    munmap ((*packed)->memory, (*packed)->size);
    free (*packed);
    *packed = NULL;
}

bool packed_is_mapped (const packed_t *packed)
{
    return packed->mapped;
}

static size_t aligned (size_t bytes)
{
    return (bytes + PACKED_ALIGNMENT - 1) / PACKED_ALIGNMENT * PACKED_ALIGNMENT;
}

void *packed_take (packed_t *packed, size_t bytes)
{
    if (bytes > packed->size || aligned (bytes) > packed->size - packed->taken) {
        error_set (ERROR_INTERNAL, "The packed weights have another size than these %zu bytes.", bytes);
        return NULL;
    }
    void *piece = packed->memory + packed->taken;
    packed->taken += aligned (bytes);
    return piece;
}

bool packed_is_used_up (const packed_t *packed)
{
    return packed->mapped && packed->taken == packed->size;
}

/* -- header -------------------------------------------------------------------------------------- */

static uint64_t nanoseconds (struct timespec time)
{
    return (uint64_t) time.tv_sec * 1000000000u + (uint64_t) time.tv_nsec;
}

static marks_t marks_of (const struct stat *status)
{
    return (marks_t) {(uint64_t) status->st_size, status->st_ino, nanoseconds (status->st_mtim),
                      nanoseconds (status->st_ctim)};
}

/* The digest of the model's file, which is read whole for it. */
static int model_digest (packed_source_t *source)
{
    if (!source->digested && digest_of (source->model.data, source->model.size, source->digest) != 0)
        return -1;
    source->digested = true;
    return 0;
}

/* The model's file is read only when it looks to be another. */
static bool is_of_model (const header_t *header, packed_source_t *source)
{
    marks_t marks = marks_of (&source->status);
    if (memcmp (&marks, &header->marks, sizeof marks) == 0)
        return true;
    return model_digest (source) == 0 && digest_equal (source->digest, header->model);
}

static bool is_digest_of (const uint8_t digest [DIGEST_BYTES], const void *data, size_t size)
{
    uint8_t own [DIGEST_BYTES];
    return digest_of (data, size, own) == 0 && digest_equal (own, digest);
}

/* What is wrong with a file, as a word for the log; NULL when it is right. */
static const char *file_flaw (bytes_t file, packed_source_t *source)
{
    header_t header;
    if (file.size < HEADER_BYTES)
        return "truncated";
    memcpy (&header, file.data, sizeof header);
    if (memcmp (header.magic, magic, sizeof magic) != 0)
        return "unknown";
    if (header.size != file.size)
        return "truncated";
    if (!is_digest_of (header.purpose, source->purpose, strlen (source->purpose)))
        return "of_another_processor_or_version";
    if (!is_digest_of (header.digest, (const uint8_t *) file.data + DIGEST_END, file.size - DIGEST_END))
        return "damaged";
    return is_of_model (&header, source) ? NULL : "of_another_model";
}

static int header_write (const packed_t *packed, packed_source_t *source)
{
    header_t *header = (header_t *) packed->memory;
    *header = (header_t) {.size = packed->taken, .marks = marks_of (&source->status)};
    memcpy (header->magic, magic, sizeof magic);
    if (model_digest (source) != 0
        || digest_of (source->purpose, strlen (source->purpose), header->purpose) != 0)
        return -1;
    memcpy (header->model, source->digest, sizeof header->model);
    return digest_of (packed->memory + DIGEST_END, packed->taken - DIGEST_END, header->digest);
}

/* -- reading a file ------------------------------------------------------------------------------ */

static bool path_make (char path [MAX_PATH_BYTES], const packed_source_t *source, size_t folder,
                       const char *ending)
{
    if (!source->folders.paths [folder])
        return false;
    int length = snprintf (path, MAX_PATH_BYTES, "%s/%s%s", source->folders.paths [folder], source->name,
                           ending);
    return length < MAX_PATH_BYTES;
}

/* Maps a file of a size that can be right. */
static packed_t *file_map (const char *path)
{
    packed_t *packed = NULL;
    struct stat status;
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat (fd, &status) == 0 && status.st_size > 0 && status.st_size <= MAX_PACKED_BYTES) {
        size_t size = (size_t) status.st_size;
        packed = packed_over (mmap (NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0), size,
                              true);
    }
    close (fd);
    return packed;
}

packed_t *packed_open (packed_source_t *source)
{
    char path [MAX_PATH_BYTES];
    for (size_t i = 0; i < PACKED_FOLDERS; i++) {
        packed_t *packed = path_make (path, source, i, "") ? file_map (path) : NULL;
        if (!packed)
            continue;
        const char *flaw = file_flaw ((bytes_t) {packed->memory, packed->size}, source);
        if (!flaw)
            return packed;
        log_info ("packed_weights_passed_over", "file=%s why=%s", path, flaw);
        packed_destroy (&packed);
    }
    return NULL;
}

/* -- writing one --------------------------------------------------------------------------------- */

/* Waits a second at most. */
static bool lock_get (int fd)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock (fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK)
            return false;
        nanosleep (&(struct timespec) {.tv_nsec = LOCK_WAIT_MS * 1000000L}, NULL);
    }
    errno = EBUSY;
    return false;
}

static int bytes_write (int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write (fd, bytes, size);
        if (written < 0 && errno != EINTR)
            return -1;
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t) written : 0;
    }
    return 0;
}

/* Is the file that was opened as `path` still there? Another embedder may have finished it. */
static bool is_still (int fd, const char *path)
{
    struct stat opened, now;
    return fstat (fd, &opened) == 0 && stat (path, &now) == 0 && opened.st_dev == now.st_dev
        && opened.st_ino == now.st_ino;
}

static int folder_sync (const char *folder)
{
    int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync (fd);
    if (fd >= 0)
        close (fd);
    return result;
}

/* Fills the file under its temporary name, whose lock it has, and gives it its own. */
static int file_fill (int fd, const packed_t *packed, const char *draft, const char *path,
                      const char *folder)
{
    if (ftruncate (fd, 0) == 0 && bytes_write (fd, packed->memory, packed->taken) == 0
        && fsync (fd) == 0 && rename (draft, path) == 0)
        return folder_sync (folder);
    int why = errno;
    unlink (draft);
    errno = why;
    return -1;
}

/* 0, or -1 with errno. A file that another embedder has just finished will do. */
static int file_write (const packed_t *packed, const packed_source_t *source, size_t folder)
{
    char path [MAX_PATH_BYTES], draft [MAX_PATH_BYTES];
    errno = ENAMETOOLONG;
    if (!path_make (path, source, folder, "") || !path_make (draft, source, folder, ".new"))
        return -1;
    int fd = open (draft, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    int result = fd >= 0 && lock_get (fd) ? 0 : -1;
    if (result == 0 && is_still (fd, draft))
        result = file_fill (fd, packed, draft, path, source->folders.paths [folder]);
    int why = errno;
    if (fd >= 0)
        close (fd);
    errno = why;
    return result;
}

int packed_keep (const packed_t *packed, packed_source_t *source)
{
    if (!source->folders.paths [0] && !source->folders.paths [1])
        return error_set (ERROR_INTERNAL, "No folder for packed weights is set.");
    if (header_write (packed, source) != 0)
        return -1;
    char why [128] = "";
    for (size_t i = 0; i < PACKED_FOLDERS; i++) {
        if (!source->folders.paths [i])
            continue;
        if (file_write (packed, source, i) == 0)
            return 0;
        snprintf (why, sizeof why, "%s", strerror (errno));
    }
    log_warning ("packed_weights_not_kept", "file=%s folders=\"%s,%s\" why=\"%s\"", source->name,
                 source->folders.paths [0] ? source->folders.paths [0] : "",
                 source->folders.paths [1] ? source->folders.paths [1] : "", why);
    return -1;
}
