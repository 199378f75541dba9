/* Allocation that fails when it is told to; preloaded into all roles, and heeded by one.
 *
 *     FAULT_ROLE   program name (quire-gateway) whose allocations may fail
 *     FAULT_FILE   two u32: every how many-th allocation fails (0: none), written by a test at any
 *                  time; and how many have failed */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, which stay reachable under these names. */
void *__libc_malloc (size_t size);
void *__libc_calloc (size_t count, size_t size);
void *__libc_realloc (void *block, size_t size);
void *__libc_memalign (size_t alignment, size_t size);

extern char *program_invocation_short_name;

static struct {
    volatile uint32_t every;
    uint32_t failed;
} *control;

__attribute__ ((constructor)) static void look_who_we_are (void)
{
    const char *role = getenv ("FAULT_ROLE"), *path = getenv ("FAULT_FILE");
    if (!role || !path || strcmp (role, program_invocation_short_name) != 0)
        return;
    int file = open (path, O_RDWR | O_CLOEXEC);
    void *mapped = mmap (NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        control = mapped;
    close (file);
}

static int fails (void)
{
    static uint32_t count;
    uint32_t every = control ? control->every : 0;
    if (every == 0 || __atomic_add_fetch (&count, 1, __ATOMIC_RELAXED) % every != 0)
        return 0;
    __atomic_add_fetch (&control->failed, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;
    return 1;
}

void *malloc (size_t size)
{
    return fails () ? NULL : __libc_malloc (size);
}

void *calloc (size_t count, size_t size)
{
    return fails () ? NULL : __libc_calloc (count, size);
}

void *realloc (void *block, size_t size)
{
    return fails () ? NULL : __libc_realloc (block, size);
}

void *memalign (size_t alignment, size_t size)
{
    return fails () ? NULL : __libc_memalign (alignment, size);
}

void *aligned_alloc (size_t alignment, size_t size)
{
    return memalign (alignment, size);
}

int posix_memalign (void **block, size_t alignment, size_t size)
{
    void *made = memalign (alignment, size);
    if (!made)
        return ENOMEM;
    *block = made;
    return 0;
}
