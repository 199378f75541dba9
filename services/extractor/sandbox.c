/* Sandbox: see sandbox.h. The only file that knows libseccomp.
 *
 * Three fences, each of which should do alone. Limits bound what the process may take. Landlock, with
 * no rule at all, takes every path and every connection from it. The filter of system calls knows
 * what computing needs, and the kernel kills the process at any other call: there is no call to open,
 * start, connect or look at anything. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

#include "error.h"
#include "reader_descriptors.h"
#include "sandbox_kernel.h"

#define SPARE_DESCRIPTORS 3   /* the PDF's stream has its own */

/* -- limits --------------------------------------------------------------------------------------- */

static int limit (int what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit ((__rlimit_resource_t) what, &now) != 0)
        return -1;
    if (now.rlim_max != RLIM_INFINITY && most > now.rlim_max)
        most = now.rlim_max;
    return setrlimit ((__rlimit_resource_t) what, &(struct rlimit) {most, most});
}

/* Bytes of addresses that the process has now. */
static rlim_t address_space (void)
{
    unsigned long pages = 0;
    FILE *statm = fopen ("/proc/self/statm", "re");
    if (!statm || fscanf (statm, "%lu", &pages) != 1)
        pages = 0;
    if (statm)
        fclose (statm);
    return (rlim_t) pages * (rlim_t) sysconf (_SC_PAGESIZE);
}

static int set_limits (const sandbox_t *sandbox)
{
    bool done = limit (RLIMIT_CORE, 0) == 0 && limit (RLIMIT_MEMLOCK, 0) == 0 && limit (RLIMIT_MSGQUEUE, 0) == 0
        && limit (RLIMIT_NOFILE, (rlim_t) (sandbox->descriptors + SPARE_DESCRIPTORS)) == 0
        && (SANITIZED || (limit (RLIMIT_NPROC, 0) == 0
                          && limit (RLIMIT_AS, address_space () + sandbox->memory) == 0
                          && prctl (PR_SET_DUMPABLE, 0) == 0));
    return done ? 0 : error_set (ERROR_INTERNAL, "A reader's limits can't be set: %s.", strerror (errno));
}

/* -- what was open -------------------------------------------------------------------------------- */

/* Opens what the standard streams are to lead to. Returns it, or -1 with INTERNAL. */
static int close_descriptors (const sandbox_t *sandbox)
{
    int nothing = syscall (SYS_close_range, sandbox->descriptors, ~0u, 0) == 0
        ? open ("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    if (nothing < 0)
        error_set (ERROR_INTERNAL, "A reader's descriptors can't be closed: %s.", strerror (errno));
    return nothing;
}

/* As late as can be, so that what went wrong could be told until then. */
static int close_streams (const sandbox_t *sandbox, int nothing)
{
    bool done = true;
    if (sandbox->silent && !SANITIZED) {
        done = limit (RLIMIT_FSIZE, 0) == 0;
        for (int fd = 0; fd <= STDERR_FILENO && done; fd++)
            done = dup2 (nothing, fd) == fd;
    }
    close (nothing);
    return done ? 0 : error_set (ERROR_INTERNAL, "A reader's streams can't be closed: %s.", strerror (errno));
}

/* -- Landlock ------------------------------------------------------------------------------------- */

/* Everything that this version can take away. */
static struct landlock_ruleset_attr all_rights (int version)
{
    static const uint64_t last_right [] = {
        0, LANDLOCK_ACCESS_FS_MAKE_SYM, LANDLOCK_ACCESS_FS_REFER, LANDLOCK_ACCESS_FS_TRUNCATE,
        LANDLOCK_ACCESS_FS_TRUNCATE, LANDLOCK_ACCESS_FS_IOCTL_DEV,
    };
    size_t known = COUNT_OF (last_right) - 1;
    uint64_t last = last_right [(size_t) version < known ? (size_t) version : known];
    return (struct landlock_ruleset_attr) {
        .handled_access_fs = 2 * last - 1,
        .handled_access_net = version >= 4 ? LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP : 0,
        .scoped = version >= 6 ? LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL : 0,
    };
}

/* What looks for leaks at the end of a sanitizer's build reads there. */
static int allow_proc (int ruleset)
{
    int folder = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR, .parent_fd = folder};
    long result = folder < 0 ? -1 : syscall (SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    if (folder >= 0)
        close (folder);
    return (int) result;
}

/* Older kernels know a shorter struct, and take a longer one when the rest of it is zero. */
static int enter_landlock (void)
{
    int version = sandbox_landlock ();
    if (version == 0)
        return 0;
    struct landlock_ruleset_attr rights = all_rights (version);
    int ruleset = (int) syscall (SYS_landlock_create_ruleset, &rights, sizeof rights, 0);
    long result = ruleset < 0 || (SANITIZED && allow_proc (ruleset) != 0) ? -1
                : syscall (SYS_landlock_restrict_self, ruleset, 0);
    if (result != 0)
        error_set (ERROR_INTERNAL, "Landlock can't be entered: %s.", strerror (errno));
    if (ruleset >= 0)
        close (ruleset);
    return (int) result;
}

/* -- system calls --------------------------------------------------------------------------------- */

/* Memory, time, the file. */
static const int free_calls [] = {
    SCMP_SYS (brk), SCMP_SYS (munmap), SCMP_SYS (mremap), SCMP_SYS (madvise), SCMP_SYS (futex),
    SCMP_SYS (sched_yield), SCMP_SYS (getrandom), SCMP_SYS (clock_gettime), SCMP_SYS (gettimeofday),
    SCMP_SYS (time), SCMP_SYS (read), SCMP_SYS (readv), SCMP_SYS (pread64), SCMP_SYS (lseek), SCMP_SYS (fstat),
    SCMP_SYS (dup), SCMP_SYS (close), SCMP_SYS (getpid), SCMP_SYS (gettid), SCMP_SYS (rt_sigprocmask),
    SCMP_SYS (rt_sigreturn), SCMP_SYS (restart_syscall),
};

typedef struct {
    int call;
    struct scmp_arg_cmp argument;
} bounded_call_t;

/* Calls that are harmless with these arguments only. */
static int add_bounded_calls (scmp_filter_ctx filter)
{
    const bounded_call_t calls [] = {
        {SCMP_SYS (mmap),     SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS (mprotect), SCMP_A2 (SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS (fcntl),    SCMP_A1 (SCMP_CMP_EQ, F_GETFL, 0)},
        {SCMP_SYS (tgkill),   SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t) getpid (), 0)},   /* abort */
        {SCMP_SYS (write),    SCMP_A0 (SCMP_CMP_LE, STDERR_FILENO, 0)},
        {SCMP_SYS (writev),   SCMP_A0 (SCMP_CMP_LE, STDERR_FILENO, 0)},
        {SCMP_SYS (exit_group), SCMP_A0 (SCMP_CMP_MASKED_EQ, 0xFF, EXIT_SUCCESS)},
        {SCMP_SYS (exit_group), SCMP_A0 (SCMP_CMP_MASKED_EQ, 0xFF, EXIT_FAILURE)},
    };
    int failed = 0;
    for (size_t i = 0; i < COUNT_OF (calls) && !failed; i++)
        failed = seccomp_rule_add_array (filter, SCMP_ACT_ALLOW, calls [i].call, 1, &calls [i].argument);
    return failed ? failed
         : seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (sendto), 2,
                             SCMP_A0 (SCMP_CMP_EQ, READER_SOCKET, 0), SCMP_A4 (SCMP_CMP_EQ, 0, 0));
}

static int enter_seccomp (void)
{
    if (!sandbox_seccomp ())
        return 0;
    scmp_filter_ctx filter = seccomp_init (SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return error_set (ERROR_INTERNAL, "No memory for the filter of system calls.");
    int failed = seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; i < COUNT_OF (free_calls) && !failed; i++)
        failed = seccomp_rule_add (filter, SCMP_ACT_ALLOW, free_calls [i], 0);
    if (!failed)
        failed = add_bounded_calls (filter);
    if (!failed)
        failed = seccomp_load (filter);
    seccomp_release (filter);
    return failed ? error_set (ERROR_INTERNAL, "System calls can't be filtered: %s.", strerror (-failed)) : 0;
}

/* -- entering ------------------------------------------------------------------------------------- */

int sandbox_enter (const sandbox_t *sandbox)
{
    tzset ();      /* reads a file when a time is first written in words */
    clearenv ();
    if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set (ERROR_INTERNAL, "A reader can't give up privileges: %s.", strerror (errno));
    int nothing = close_descriptors (sandbox);
    if (nothing < 0 || set_limits (sandbox) != 0 || enter_landlock () != 0 || close_streams (sandbox, nothing) != 0)
        return -1;
    int result = enter_seccomp ();
    if (result != 0 && sandbox->silent)
        _exit (READER_NOT_FILTERED);
    return result;
}
