/* A kernel that lacks something: runs a program with system calls that answer as if they were not known.
 *
 *     quire-old-kernel landlock PROGRAM [ARGUMENT…]   Landlock: not implemented
 *     quire-old-kernel filter PROGRAM [ARGUMENT…]     filters of system calls: known, but refused
 *     quire-old-kernel fences PROGRAM [ARGUMENT…]     Landlock and such filters: not implemented
 *
 * In plain BPF, since this filter is no fence, only a stand-in for a kernel that we don't have. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NUMBER         ((unsigned) offsetof (struct seccomp_data, nr))
#define FIRST_ARGUMENT ((unsigned) offsetof (struct seccomp_data, args [0]))   /* its low half */

#define LOAD(where)           BPF_STMT (BPF_LD | BPF_W | BPF_ABS, where)
#define SKIP_IF(value, steps) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, value, steps, 0)
#define SKIP_UNLESS(value, steps) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, value, 0, steps)
#define ANSWER(error)         BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW                 BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter without_landlock [] = {
    LOAD (NUMBER),
    SKIP_IF (SYS_landlock_create_ruleset, 3), SKIP_IF (SYS_landlock_add_rule, 2),
    SKIP_IF (SYS_landlock_restrict_self, 1),
    ALLOW,
    ANSWER (ENOSYS),
};

static struct sock_filter without_filters [] = {
    LOAD (NUMBER),
    SKIP_UNLESS (SYS_seccomp, 2), LOAD (FIRST_ARGUMENT), SKIP_IF (SECCOMP_SET_MODE_FILTER, 4),
    LOAD (NUMBER), SKIP_UNLESS (SYS_prctl, 3), LOAD (FIRST_ARGUMENT), SKIP_UNLESS (PR_SET_SECCOMP, 1),
    ANSWER (EINVAL),
    ALLOW,
};

static struct sock_filter without_fences [] = {
    LOAD (NUMBER),
    SKIP_IF (SYS_landlock_create_ruleset, 4), SKIP_IF (SYS_landlock_add_rule, 3),
    SKIP_IF (SYS_landlock_restrict_self, 2), SKIP_IF (SYS_seccomp, 1),
    ALLOW,
    ANSWER (ENOSYS),
};

#define PROGRAM(filter) {sizeof filter / sizeof *filter, filter}

static const struct { const char *lacks; struct sock_fprog program; } kernels [] = {
    {"landlock", PROGRAM (without_landlock)}, {"filter", PROGRAM (without_filters)},
    {"fences", PROGRAM (without_fences)},
};

/* NULL when there is no such kernel. */
static const struct sock_fprog *kernel_without (const char *what)
{
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
        if (strcmp (kernels [i].lacks, what) == 0)
            return &kernels [i].program;
    }
    return NULL;
}

int main (int argc, char *argv [])
{
    const struct sock_fprog *program = argc > 2 ? kernel_without (argv [1]) : NULL;
    if (!program) {
        fprintf (stderr, "Usage: quire-old-kernel landlock|filter|fences PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program) != 0) {
        perror ("quire-old-kernel: no filter");
        return 1;
    }
    execv (argv [2], argv + 2);
    perror (argv [2]);
    return 1;
}
