/* Blobs: bytes stay while a file may have them and go when none has, in whichever order uploads and
 * deletions end; the sweep takes only what is old and what a believable list does not name. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "blobs.h"

#define OTHER "bytes of another file"

static char folder [] = "/tmp/quire-blobs-XXXXXX";
static loop_t *loop;

static int set_up (void **state UNUSED)
{
    strcpy (folder + strlen (folder) - 6, "XXXXXX");
    if (mkdtemp (folder) == NULL || (loop = loop_new ()) == NULL)
        return -1;
    return blobs_start (loop, folder);
}

static int tear_down (void **state UNUSED)
{
    char command [64];
    blobs_stop ();
    loop_destroy (&loop);
    snprintf (command, sizeof command, "rm -rf %s", folder);
    return system (command);
}

static void run (void)
{
    loop_run (loop);
    loop_restart (loop);
}

static void on_kept (void *context, const char *sha256)
{
    assert_non_null (sha256);
    strcpy (context, sha256);
    loop_stop (loop);
}

/* An upload up to where its row is asked for. */
static void keep (const char *text, char sha256 [SHA256_HEX])
{
    blob_writer_t *writer = blob_writer_new ();
    assert_non_null (writer);
    assert_int_equal (blob_write (writer, text, strlen (text)), 0);
    blob_keep (&writer, on_kept, sha256);
    run ();
}

static void path_of (const char *sha256, char path [160])
{
    snprintf (path, 160, "%s/files/%s", folder, sha256);
}

/* Is it there once all names that were to be removed are? Names are made and removed in order. */
static bool is_there (const char *sha256)
{
    char path [160], last [SHA256_HEX];
    keep ("bytes that come last", last);
    blob_settle (last, true);
    path_of (sha256, path);
    return access (path, F_OK) == 0;
}

static void test_deletion (void **state UNUSED)
{
    char sha256 [SHA256_HEX];
    keep ("some bytes", sha256);
    blob_settle (sha256, true);
    assert_true (is_there (sha256));
    uint64_t deletion = blob_deletion_begin ();
    blob_deletion_end (deletion, "");   /* another file has them */
    assert_true (is_there (sha256));
    deletion = blob_deletion_begin ();
    blob_deletion_end (deletion, sha256);
    assert_false (is_there (sha256));
}

/* What another deletion remembers of an upload is no reason to keep its bytes. */
static void test_deletion_while_another_is_under_way (void **state UNUSED)
{
    char sha256 [SHA256_HEX];
    uint64_t other = blob_deletion_begin ();
    keep ("some bytes", sha256);
    blob_settle (sha256, true);
    uint64_t deletion = blob_deletion_begin ();
    blob_deletion_end (deletion, sha256);
    assert_false (is_there (sha256));
    blob_deletion_end (other, "");
}

/* The same bytes come again while their last file is being deleted: the answer may be the older. */
static void test_upload_while_a_deletion_is_under_way (void **state UNUSED)
{
    char sha256 [SHA256_HEX];
    uint64_t deletion = blob_deletion_begin ();
    keep ("some bytes", sha256);
    blob_settle (sha256, true);
    blob_deletion_end (deletion, sha256);
    assert_true (is_there (sha256));

    deletion = blob_deletion_begin ();
    keep ("some bytes", sha256);
    blob_deletion_end (deletion, sha256);
    assert_true (is_there (sha256));
    blob_settle (sha256, false);
    assert_false (is_there (sha256));
}

static void test_upload_without_a_file (void **state UNUSED)
{
    char sha256 [SHA256_HEX];
    keep ("some bytes", sha256);
    blob_settle (sha256, false);
    assert_false (is_there (sha256));
}

/* A service that stops at once removes what it was about to. */
static void test_stop_finishes_removals (void **state UNUSED)
{
    char sha256 [SHA256_HEX], path [160];
    keep ("some bytes", sha256);
    blob_settle (sha256, true);
    blob_deletion_end (blob_deletion_begin (), sha256);
    blobs_stop ();
    path_of (sha256, path);
    assert_int_equal (access (path, F_OK), -1);
    assert_int_equal (blobs_start (loop, folder), 0);
}

/* -- the sweep ------------------------------------------------------------------------------- */

static void keep_old (const char *text, char sha256 [SHA256_HEX])
{
    char path [160];
    const struct timespec times [2] = {{0}, {0}};
    keep (text, sha256);
    blob_settle (sha256, true);
    path_of (sha256, path);
    assert_int_equal (utimensat (AT_FDCWD, path, times, 0), 0);
}

static void sweep (const char *known [], size_t count)
{
    char (*names) [SHA256_HEX] = calloc (count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++)
        strcpy (names [i], known [i]);
    blobs_sweep (&names, count, 3600);
    assert_null (names);
}

static void test_sweep (void **state UNUSED)
{
    char orphan [SHA256_HEX], other [SHA256_HEX], young [SHA256_HEX];
    keep_old ("some bytes", orphan);
    keep_old (OTHER, other);
    keep ("bytes that have just come", young);
    blob_settle (young, true);
    sweep ((const char *[]) {other}, 1);
    assert_false (is_there (orphan));
    assert_true (is_there (other));
    assert_true (is_there (young));
    char aside [SHA256_HEX + 8];
    snprintf (aside, sizeof aside, "orphans/%s", orphan);
    sweep ((const char *[]) {other}, 1);
    assert_true (is_there (aside));   /* for a week */
    sweep ((const char *[]) {other, orphan}, 2);
    assert_true (is_there (orphan));   /* the store knows it again */
}

/* An upload that has taken longer than that keeps its bytes. */
static void test_sweep_leaves_what_an_upload_holds (void **state UNUSED)
{
    char held [SHA256_HEX], other [SHA256_HEX], path [160];
    const struct timespec times [2] = {{0}, {0}};
    keep_old (OTHER, other);
    keep ("bytes of a slow upload", held);
    path_of (held, path);
    assert_int_equal (utimensat (AT_FDCWD, path, times, 0), 0);
    sweep ((const char *[]) {other}, 1);
    assert_true (is_there (held));
    blob_settle (held, true);
}

/* A store that names nothing, or less than it does not name, is not believed. */
static void test_sweep_after_a_loss (void **state UNUSED)
{
    char first [SHA256_HEX], second [SHA256_HEX], other [SHA256_HEX];
    keep_old ("some bytes", first);
    keep_old ("more bytes", second);
    keep_old (OTHER, other);
    sweep (NULL, 0);
    assert_true (is_there (first));
    sweep ((const char *[]) {other}, 1);
    assert_true (is_there (first));
    assert_true (is_there (second));
    assert_true (is_there (other));
}

/* Names that are no SHA-256 are not the gateway's. */
static void test_sweep_leaves_what_is_not_a_blob (void **state UNUSED)
{
    char other [SHA256_HEX], path [160];
    const struct timespec times [2] = {{0}, {0}};
    keep_old (OTHER, other);
    path_of ("README", path);
    close (open (path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal (utimensat (AT_FDCWD, path, times, 0), 0);
    sweep ((const char *[]) {other}, 1);
    assert_true (is_there ("README"));
}

int main (void)
{
#define TEST(test) cmocka_unit_test_setup_teardown (test, set_up, tear_down)
    const struct CMUnitTest tests [] = {
        TEST (test_deletion), TEST (test_deletion_while_another_is_under_way),
        TEST (test_upload_while_a_deletion_is_under_way), TEST (test_upload_without_a_file),
        TEST (test_stop_finishes_removals), TEST (test_sweep), TEST (test_sweep_after_a_loss),
        TEST (test_sweep_leaves_what_an_upload_holds),
        TEST (test_sweep_leaves_what_is_not_a_blob),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
