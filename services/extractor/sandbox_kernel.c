/* What the kernel has for a sandbox: see sandbox_kernel.h. */
#include "sandbox_kernel.h"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

int sandbox_landlock (void)
{
    long version = syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int) version : 0;
}

bool sandbox_seccomp (void)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return !SANITIZED && syscall (SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

void sandbox_tell_missing (void)
{
    if (sandbox_landlock () == 0)
        log_warning ("no_landlock", "readers are held by seccomp and limits alone");
    if (!sandbox_seccomp ())
        log_warning ("no_seccomp", "readers are held by Landlock and limits alone");
}
