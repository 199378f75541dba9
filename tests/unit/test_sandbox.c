/* The sandbox from inside: a process enters it, tries one thing, and tells what became of it. With the
 * filter of system calls it does not live to tell; without (a sanitizer's build) Landlock and the
 * limits have to hold by themselves. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "sandbox.h"
#include "sandbox_kernel.h"

#define DESCRIPTORS 5


/* -- what is tried: each returns 0, or -1 with errno set ------------------------------------------- */

static int open_a_file (void)
{
    return open ("/etc/passwd", O_RDONLY) < 0 ? -1 : 0;
}

static int list_a_folder (void)
{
    return open ("/", O_RDONLY | O_DIRECTORY) < 0 ? -1 : 0;
}

static int make_a_file (void)
{
    return open ("/tmp/quire-sandbox-was-here", O_WRONLY | O_CREAT, 0600) < 0 ? -1 : 0;
}

static int make_a_folder (void)
{
    return mkdir ("/tmp/quire-sandbox-was-here", 0700);
}

static int remove_a_file (void)
{
    return unlink ("/tmp/quire-sandbox-was-here");
}

static int run_a_program (void)
{
    return execl ("/bin/true", "true", (char *) NULL);
}

static int connect_somewhere (void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons (9), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    return connect (socket (AF_INET, SOCK_STREAM, 0), (struct sockaddr *) &to, sizeof to);
}

static int signal_the_parent (void)
{
    return kill (getppid (), 0);
}

/* -- trying ---------------------------------------------------------------------------------------- */

/* Runs it in a sandboxed child. Returns the child's status. */
static int attempt (int (*what) (void))
{
    pid_t child = fork ();
    int status;
    assert_true (child >= 0);
    if (child == 0) {
        if (sandbox_enter (&(sandbox_t) {.memory = 64 << 20, .descriptors = DESCRIPTORS, .silent = true}) != 0)
            _exit (255);
        _exit (what () == 0 ? 0 : errno);
    }
    assert_int_equal (waitpid (child, &status, 0), child);
    return status;
}

static void expect_stopped (int (*what) (void), int landlock, int why)
{
    int status = attempt (what);
    if (sandbox_seccomp ()) {
        assert_true (WIFSIGNALED (status));
        assert_int_equal (WTERMSIG (status), SIGSYS);
    } else if (sandbox_landlock () >= landlock) {
        assert_true (WIFEXITED (status));
        assert_int_equal (WEXITSTATUS (status), why);
    }
}

/* A kernel (or emulator) with neither fence is said in the extractor's log, and can't be tried. */
static void skip_without_fences (void)
{
    if (!sandbox_seccomp () && sandbox_landlock () == 0)
        skip ();
}

static void opens_nothing (void **state UNUSED)
{
    skip_without_fences ();
    expect_stopped (open_a_file, 1, EACCES);
    expect_stopped (list_a_folder, 1, EACCES);
    expect_stopped (run_a_program, 1, EACCES);
}

static void changes_nothing (void **state UNUSED)
{
    skip_without_fences ();
    expect_stopped (make_a_file, 1, EACCES);
    expect_stopped (make_a_folder, 1, EACCES);
    fclose (fopen ("/tmp/quire-sandbox-was-here", "w"));
    expect_stopped (remove_a_file, 1, EACCES);
    assert_int_equal (unlink ("/tmp/quire-sandbox-was-here"), 0);
}

static void reaches_nobody (void **state UNUSED)
{
    skip_without_fences ();
    expect_stopped (connect_somewhere, 4, EACCES);
    expect_stopped (signal_the_parent, 6, EPERM);
}

/* -- what it is left with ---------------------------------------------------------------------------- */

static int has_no_variables (void)
{
    return getenv ("PATH") ? (errno = EEXIST, -1) : 0;
}

static int has_no_other_descriptors (void)
{
    for (int fd = DESCRIPTORS; fd < 1024; fd++) {
        if (fcntl (fd, F_GETFL) >= 0)
            return errno = EEXIST, -1;
    }
    return 0;
}

static int computes (void)
{
    char *memory = malloc (16 << 20);
    if (!memory)
        return -1;
    memset (memory, 1, 16 << 20);
    free (memory);
    return 0;
}

static int takes_too_much_memory (void)
{
    return malloc ((size_t) 65 << 20) ? (errno = EEXIST, -1) : 0;
}

static void is_left_with_little (void **state UNUSED)
{
    setenv ("PATH", "/bin", 1);
    int outside = open ("/tmp", O_RDONLY | O_DIRECTORY);
    assert_true (fcntl (outside, F_DUPFD, 200) >= 200);
    assert_int_equal (attempt (has_no_variables), 0);
    assert_int_equal (attempt (has_no_other_descriptors), 0);
    assert_int_equal (attempt (computes), 0);
}

static void is_held_to_its_memory (void **state UNUSED)
{
    if (!sandbox_seccomp ())
        skip ();              /* a sanitizer's build knows no limit of memory */
    assert_int_equal (attempt (takes_too_much_memory), 0);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (opens_nothing),
        cmocka_unit_test (changes_nothing),
        cmocka_unit_test (reaches_nobody),
        cmocka_unit_test (is_left_with_little),
        cmocka_unit_test (is_held_to_its_memory),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
