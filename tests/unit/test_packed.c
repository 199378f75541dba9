/* The file of packed weights: kept once, mapped by all, and never trusted. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "golden.h"
#include "model.h"
#include "packed.h"

#define NAME      "test.packed"
#define PIECES    3
#define HEADER    256   /* as in packed.c: what is before the first piece */
#define PROCESSES 6

static const size_t sizes [PIECES] = {4096, 100, 64};

static struct {
    char folder [64];
    char path [128], draft [128], model [128];
    char text [64];         /* what the model's file holds */
    packed_source_t source;
} f;

/* -- a small model and a folder of its own ------------------------------------------------------- */

static void file_put (const char *path, const void *data, size_t size)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_int_equal (fwrite (data, 1, size, file), size);
    assert_int_equal (fclose (file), 0);
}

static size_t file_get (const char *path, uint8_t *data, size_t size)
{
    FILE *file = fopen (path, "r");
    assert_non_null (file);
    size = fread (data, 1, size, file);
    fclose (file);
    return size;
}

static void model_put (const char *text)
{
    snprintf (f.text, sizeof f.text, "%s", text);
    file_put (f.model, f.text, strlen (f.text));
    assert_int_equal (stat (f.model, &f.source.status), 0);
    f.source.model = (bytes_t) {f.text, strlen (f.text)};
    f.source.digested = false;
}

static int set_up (void **state UNUSED)
{
    memset (&f, 0, sizeof f);
    strcpy (f.folder, "/tmp/quire-test-packed-XXXXXX");
    assert_non_null (mkdtemp (f.folder));
    snprintf (f.path, sizeof f.path, "%s/" NAME, f.folder);
    snprintf (f.draft, sizeof f.draft, "%s/" NAME ".new", f.folder);
    snprintf (f.model, sizeof f.model, "%s/model", f.folder);
    f.source.folders.paths [0] = f.folder;
    f.source.name = NAME;
    f.source.purpose = "this processor";
    model_put ("weights");
    return 0;
}

static size_t folder_empty (void)
{
    size_t count = 0;
    DIR *folder = opendir (f.folder);
    for (struct dirent *entry; (entry = readdir (folder));) {
        char path [512];
        snprintf (path, sizeof path, "%s/%s", f.folder, entry->d_name);
        count += entry->d_name [0] != '.' && unlink (path) == 0;
    }
    closedir (folder);
    return count;
}

static int tear_down (void **state UNUSED)
{
    folder_empty ();
    rmdir (f.folder);
    return 0;
}

/* -- filling and reading, as weights.c does ------------------------------------------------------ */

static int fill_and_keep (void)
{
    packed_t *packed = packed_new ();
    assert_non_null (packed);
    assert_false (packed_is_mapped (packed));
    for (size_t i = 0; i < PIECES; i++) {
        void *piece = packed_take (packed, sizes [i]);
        assert_non_null (piece);
        memset (piece, (int) ('a' + i), sizes [i]);
    }
    int result = packed_keep (packed, &f.source);
    packed_destroy (&packed);
    return result;
}

/* Is there a right file, and does it hold what was filled in? */
static bool is_right (void)
{
    packed_t *packed = packed_open (&f.source);
    if (!packed)
        return false;
    assert_true (packed_is_mapped (packed));
    for (size_t i = 0; i < PIECES; i++) {
        const char *piece = packed_take (packed, sizes [i]);
        assert_non_null (piece);
        assert_int_equal ((uintptr_t) piece % PACKED_ALIGNMENT, 0);
        for (size_t k = 0; k < sizes [i]; k++)
            assert_int_equal (piece [k], 'a' + i);
    }
    assert_true (packed_is_used_up (packed));
    packed_destroy (&packed);
    return true;
}

static void test_what_is_kept_is_found (void **state UNUSED)
{
    assert_false (is_right ());
    assert_int_equal (fill_and_keep (), 0);
    assert_true (is_right ());
    assert_int_equal (access (f.draft, F_OK), -1);
}

static void test_no_more_is_taken_than_there_is (void **state UNUSED)
{
    static const size_t too_much [] = {8192, MAX_PACKED_BYTES, SIZE_MAX - 8, SIZE_MAX};
    assert_int_equal (fill_and_keep (), 0);
    packed_t *packed = packed_open (&f.source);
    assert_non_null (packed);
    for (size_t i = 0; i < COUNT_OF (too_much); i++)
        assert_null (packed_take (packed, too_much [i]));
    assert_non_null (packed_take (packed, 4096));
    assert_false (packed_is_used_up (packed));
    packed_destroy (&packed);
}

/* -- wrong files --------------------------------------------------------------------------------- */

static void test_every_cut_and_every_flipped_byte_is_seen (void **state UNUSED)
{
    static uint8_t right [8192];
    assert_int_equal (fill_and_keep (), 0);
    size_t size = file_get (f.path, right, sizeof right);
    assert_int_equal (size, HEADER + 4096 + 128 + 64);
    for (size_t cut = 0; cut < size; cut += cut < 2 * HEADER ? 1 : 97) {
        file_put (f.path, right, cut);
        assert_false (is_right ());
    }
    for (size_t i = 0; i < size; i += i < HEADER ? 1 : 31) {
        right [i] ^= 0x40;
        file_put (f.path, right, size);
        assert_false (is_right ());
        right [i] ^= 0x40;
    }
    file_put (f.path, right, size);
    assert_true (is_right ());
    right [size] = 0;
    file_put (f.path, right, size + 1);
    assert_false (is_right ());
    assert_int_equal (fill_and_keep (), 0);     /* and it is replaced */
    assert_true (is_right ());
}

static void test_another_processor_has_another_file (void **state UNUSED)
{
    assert_int_equal (fill_and_keep (), 0);
    f.source.purpose = "another processor";
    assert_false (is_right ());
    assert_int_equal (fill_and_keep (), 0);
    assert_true (is_right ());
    f.source.purpose = "this processor";
    assert_false (is_right ());
}

static void test_the_model_is_known_by_its_bytes (void **state UNUSED)
{
    assert_int_equal (fill_and_keep (), 0);
    model_put ("weights");                      /* another file of the same bytes */
    assert_true (is_right ());
    assert_true (f.source.digested);
    assert_int_equal (fill_and_keep (), 0);
    f.source.digested = false;
    assert_true (is_right ());
    assert_false (f.source.digested);           /* the same file is not read again */
    assert_int_equal (unlink (f.model), 0);
    model_put ("WEIGHTS");
    assert_false (is_right ());
}

/* -- where it can't be kept ---------------------------------------------------------------------- */

static void test_the_first_folder_that_takes_it (void **state UNUSED)
{
    f.source.folders = (packed_folders_t) {{"/proc", f.folder}};
    assert_int_equal (fill_and_keep (), 0);
    assert_true (is_right ());
}

static void test_no_folder_takes_it (void **state UNUSED)
{
    f.source.folders = (packed_folders_t) {{"/proc", "/nowhere"}};
    assert_int_equal (fill_and_keep (), -1);
    assert_false (is_right ());
    f.source.folders = (packed_folders_t) {{NULL, NULL}};
    assert_int_equal (fill_and_keep (), -1);
    assert_false (is_right ());
}

/* A disk that has no room for all of it: what was there stays, and nothing is left behind. */
static void test_a_full_disk (void **state UNUSED)
{
    struct rlimit before, small;
    assert_int_equal (fill_and_keep (), 0);
    assert_int_equal (getrlimit (RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit) {1000, before.rlim_max};
    signal (SIGXFSZ, SIG_IGN);
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &small), 0);
    int result = fill_and_keep ();
    assert_int_equal (setrlimit (RLIMIT_FSIZE, &before), 0);
    assert_int_equal (result, -1);
    assert_int_equal (access (f.draft, F_OK), -1);
    assert_true (is_right ());
}

/* -- several at once ----------------------------------------------------------------------------- */

static void test_a_draft_of_one_that_was_killed (void **state UNUSED)
{
    static char longer [3 * 8192];
    file_put (f.draft, longer, sizeof longer);
    assert_int_equal (fill_and_keep (), 0);
    assert_true (is_right ());
}

/* One that writes for ever holds nobody up for ever. */
static void test_a_draft_that_is_being_written (void **state UNUSED)
{
    int fd = open (f.draft, O_WRONLY | O_CREAT, 0600);
    assert_true (fd >= 0);
    assert_int_equal (flock (fd, LOCK_EX), 0);
    assert_int_equal (fill_and_keep (), -1);
    close (fd);
    assert_int_equal (fill_and_keep (), 0);
    assert_true (is_right ());
}

static void test_all_write_at_once (void **state UNUSED)
{
    pid_t processes [PROCESSES];
    for (size_t i = 0; i < PROCESSES; i++) {
        processes [i] = fork ();
        if (processes [i] == 0)
            _exit (fill_and_keep () == 0 && is_right () ? 0 : 1);
        assert_true (processes [i] > 0);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal (waitpid (processes [i], &status, 0), processes [i]);
        assert_int_equal (status, 0);
    }
    assert_true (is_right ());
    assert_int_equal (folder_empty (), 2);      /* the model and the file */
}

/* -- the model itself ---------------------------------------------------------------------------- */

static void encode (precision_t precision, bool shared, const packed_folders_t *folders,
                    float vector [EMBEDDING_WIDTH])
{
    const golden_t *golden = golden_load ();
    model_t *model = model_load (golden_model_path ("model.safetensors"), precision, folders);
    assert_non_null (model);
    assert_int_equal (model_is_shared (model), shared);
    encoder_t *encoder = encoder_new (model);
    assert_non_null (encoder);
    assert_int_equal (encoder_encode (encoder, golden->ids, golden->id_count, vector), 0);
    encoder_destroy (&encoder);
    model_destroy (&model);
}

static void test_mapped_weights_give_the_same_bits (void **state UNUSED)
{
    for (precision_t precision = PRECISION_F32; precision <= PRECISION_INT8; precision++) {
        float own [EMBEDDING_WIDTH], made [EMBEDDING_WIDTH], found [EMBEDDING_WIDTH];
        encode (precision, false, NULL, own);
        encode (precision, true, &f.source.folders, made);
        encode (precision, true, &f.source.folders, found);
        assert_memory_equal (made, own, sizeof own);
        assert_memory_equal (found, own, sizeof own);
    }
    assert_int_equal (folder_empty (), 3);      /* the test's model, and a file a precision */
}

#define T(test) cmocka_unit_test_setup_teardown (test, set_up, tear_down)

int main (void)
{
    const struct CMUnitTest tests [] = {
        T (test_what_is_kept_is_found), T (test_no_more_is_taken_than_there_is),
        T (test_every_cut_and_every_flipped_byte_is_seen), T (test_another_processor_has_another_file),
        T (test_the_model_is_known_by_its_bytes), T (test_the_first_folder_that_takes_it),
        T (test_no_folder_takes_it), T (test_a_full_disk), T (test_a_draft_of_one_that_was_killed),
        T (test_a_draft_that_is_being_written), T (test_all_write_at_once),
        T (test_mapped_weights_give_the_same_bits),
    };
    return cmocka_run_group_tests_name ("packed", tests, NULL, NULL);
}
