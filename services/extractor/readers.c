/* Readers: see readers.h. */
#include "readers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"
#include "sandbox_kernel.h"

#define IDLE_READ_MS   3000
#define IDLE_DRAW_MS   15000   /* who looks at one page looks at the next */
#define MAX_PATH_BYTES 4096
#define SHA256_DIGITS  64

struct reader {
    reader_t *next;
    readers_kind_t kind;
    char *sha256, *password;
    child_t *child;
    void *user;              /* NULL: idle */
    uint64_t idle_since_ms;
    bool dropped;            /* has been killed; only its end is waited for */
};

static struct {
    loop_t *loop;
    size_t most [READERS_KINDS];
    readers_handlers_t handlers;
    reader_t *first;
} readers;

/* -- lifetime ------------------------------------------------------------------------------------- */

static void unlink_reader (const reader_t *reader)
{
    for (reader_t **link = &readers.first; *link; link = &(*link)->next) {
        if (*link == reader) {
            *link = reader->next;
            return;
        }
    }
}

static void free_reader (reader_t *reader)
{
    free (reader->sha256);
    free (reader->password);
    free (reader);
}

static void on_reply (void *context, const message_t *message, uint8_t **data, size_t size)
{
    reader_t *reader = context;
    if (reader->user)
        readers.handlers.reply (reader->user, message, data, size);
    else
        readers_drop (reader);   /* speaks without being asked */
}

static void on_ended (void *context, error_t why)
{
    reader_t *reader = context;
    void *user = reader->user;
    unlink_reader (reader);
    free_reader (reader);
    if (user)
        readers.handlers.ended (user, why);
}

static const child_handlers_t child_handlers = {on_reply, on_ended};

int readers_open (loop_t *loop, const size_t most [READERS_KINDS], const readers_handlers_t *handlers)
{
    readers.loop = loop;
    memcpy (readers.most, most, sizeof readers.most);
    readers.handlers = *handlers;
    sandbox_tell_missing ();
    return child_check_program ();
}

void readers_close (void)
{
    while (readers.first) {
        reader_t *reader = readers.first;
        readers.first = reader->next;
        child_destroy (&reader->child);
        free_reader (reader);
    }
}

/* -- the files folder ----------------------------------------------------------------------------- */

static bool is_sha256 (const char *text)
{
    return strlen (text) == SHA256_DIGITS && strspn (text, "0123456789abcdef") == SHA256_DIGITS;
}

static int open_file (const char *sha256)
{
    char path [MAX_PATH_BYTES];
    struct stat status;
    if (!is_sha256 (sha256))
        return error_set (ERROR_BAD_MESSAGE, "'sha256' is no SHA-256");
    snprintf (path, sizeof path, "%s/files/%s", settings_text (SETTING_DATA_DIR), sha256);
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return error_set (ERROR_FILE_NOT_FOUND, "The file's bytes are not in the files folder.");
    if (fd < 0)
        return error_set (ERROR_INTERNAL, "The file's bytes can't be opened: %s.", strerror (errno));
    if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode)) {
        close (fd);
        return error_set (ERROR_FILE_NOT_FOUND, "What lies in the files folder is no file.");
    }
    return fd;
}

/* -- taking and giving back ----------------------------------------------------------------------- */

static size_t count_alive (readers_kind_t kind)
{
    size_t count = 0;
    for (const reader_t *reader = readers.first; reader; reader = reader->next)
        count += reader->kind == kind && !reader->dropped;
    return count;
}

static bool is_idle (const reader_t *reader, readers_kind_t kind)
{
    return reader->kind == kind && !reader->user && !reader->dropped;
}

static reader_t *idle_one_of (readers_kind_t kind, const char *sha256, const char *password)
{
    for (reader_t *reader = readers.first; reader; reader = reader->next) {
        if (is_idle (reader, kind) && strcmp (reader->sha256, sha256) == 0
            && strcmp (reader->password, password) == 0)
            return reader;
    }
    return NULL;
}

static reader_t *longest_idle (readers_kind_t kind)
{
    reader_t *longest = NULL;
    for (reader_t *reader = readers.first; reader; reader = reader->next) {
        if (is_idle (reader, kind) && (!longest || reader->idle_since_ms < longest->idle_since_ms))
            longest = reader;
    }
    return longest;
}

bool readers_have_one (readers_kind_t kind)
{
    return count_alive (kind) < readers.most [kind] || longest_idle (kind);
}

/* Starts a reader, in the place of the one that is idle for longest when there are enough. */
static reader_t *start (readers_kind_t kind, const char *sha256, const char *password)
{
    int fd = open_file (sha256);
    if (fd < 0)
        return NULL;
    if (count_alive (kind) >= readers.most [kind] && longest_idle (kind))
        readers_drop (longest_idle (kind));
    reader_t *reader = calloc (1, sizeof *reader);
    if (reader) {
        *reader = (reader_t) {.kind = kind, .sha256 = strdup (sha256), .password = strdup (password)};
        if (reader->sha256 && reader->password)
            reader->child = child_start (readers.loop, fd, &child_handlers, reader);
    }
    close (fd);
    if (reader && reader->child) {
        if (kind == READERS_READ)
            child_yield (reader->child);
        reader->next = readers.first;
        readers.first = reader;
        return reader;
    }
    if (reader)
        free_reader (reader);
    return NULL;
}

reader_t *readers_take (readers_kind_t kind, const char *sha256, const char *password, void *user)
{
    error_set (ERROR_INTERNAL, NULL);
    reader_t *reader = idle_one_of (kind, sha256, password);
    if (!reader)
        reader = start (kind, sha256, password);
    if (reader)
        reader->user = user;
    return reader;
}

void readers_give_back (reader_t *reader)
{
    reader->user = NULL;
    reader->idle_since_ms = loop_now_ms ();
    child_allow (reader->child, 0);
}

void readers_drop (reader_t *reader)
{
    reader->user = NULL;
    reader->dropped = true;
    child_kill (reader->child, ERROR_NONE);
}

child_t *reader_child (reader_t *reader)
{
    return reader->child;
}

/* -- the clock ------------------------------------------------------------------------------------ */

void readers_tick (void)
{
    static const uint64_t longest [READERS_KINDS] = {IDLE_READ_MS, IDLE_DRAW_MS};
    uint64_t now = loop_now_ms ();
    for (reader_t *reader = readers.first; reader; reader = reader->next) {
        child_check (reader->child, now);
        if (is_idle (reader, reader->kind) && now - reader->idle_since_ms > longest [reader->kind])
            readers_drop (reader);
    }
}
