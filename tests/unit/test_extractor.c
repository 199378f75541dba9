/* The extractor as a process, between a gateway and an answerer that this test plays: pages are
 * reported when they are committed, credit is kept, what hangs or dies costs a page, and nothing is
 * lost when the answerer comes back. */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel.h"
#include "error.h"
#include "log.h"
#include "make_pdf.h"
#include "page.h"
#include "settings.h"
#include "loop_fixture.h"

#define TOO_LONG_MS 600000
#define MOST_PAGES  32

static struct {
    char folder [64], extract_address [128], pages_address [128];
    pid_t extractor;
    loop_t *loop;
    channel_t *extract, *pages;
    peer_t *worker;                /* the extractor on the link `extract` */

    /* what has come */
    uint32_t statuses [MOST_PAGES + 1];   /* of the pages by number, 0: not come */
    char reason [MAX_ERROR_TEXT + 1];     /* of the last page that failed */
    uint32_t came, uncommitted, most_uncommitted, came_again;
    uint64_t inspected, drawn, failed;   /* numbers of the last tasks */
    uint64_t extracted;                  /* a bit for each task */
    uint32_t pages_of_file, error;
    char title [64];

    /* what is done about it */
    bool commits;
    uint32_t outcome;
} f;

/* -- the gateway and the answerer ------------------------------------------------------------------- */

static void on_worker (void *context UNUSED, peer_t *peer)
{
    f.worker = peer;
}

static void on_worker_lost (void *context UNUSED, peer_t *peer UNUSED)
{
    f.worker = NULL;
}

static void on_result (void *context UNUSED, peer_t *peer UNUSED, const message_t *message)
{
    if (message->id == MESSAGE_FILE_INSPECTED) {
        f.inspected = message->file_inspected.task;
        f.pages_of_file = message->file_inspected.pages;
        snprintf (f.title, sizeof f.title, "%s", message->file_inspected.title);
    } else if (message->id == MESSAGE_PAGES_EXTRACTED)
        f.extracted |= 1u << message->pages_extracted.task;
    else if (message->id == MESSAGE_PAGE_DRAWN) {
        assert_memory_equal (message->page_drawn.png.data, "\x89PNG", 4);
        f.drawn = message->page_drawn.task;
    } else if (message->id == MESSAGE_TASK_FAILED) {
        f.failed = message->task_failed.task;
        f.error = message->task_failed.error;
    }
}

static void commit (const char *file_id, uint32_t page)
{
    message_t committed = {.id = MESSAGE_PAGE_COMMITTED, .page_committed = {file_id, page, f.outcome}};
    assert_int_equal (channel_send (f.pages, channel_first_peer (f.pages), &committed), 0);
    f.uncommitted--;
}

static void on_page (void *context UNUSED, peer_t *peer UNUSED, const message_t *message)
{
    const page_message_t *page = &message->page;
    assert_int_equal (message->id, MESSAGE_PAGE);
    assert_in_range (page->page, 1, MOST_PAGES);
    f.came_again += f.statuses [page->page] != 0;
    f.statuses [page->page] = page->status;
    if (page->status == PAGE_FAILED)
        snprintf (f.reason, sizeof f.reason, "%s", page->reason);
    f.came++;
    f.uncommitted++;
    f.most_uncommitted = f.uncommitted > f.most_uncommitted ? f.uncommitted : f.most_uncommitted;
    if (f.commits)
        commit (page->file_id, page->page);
}

static const channel_handlers_t extract_handlers = {on_worker, on_worker_lost, on_result};
static const channel_handlers_t pages_handlers = {NULL, NULL, on_page};

static void wait_until (bool (*enough) (void))
{
    loop_wait (f.loop, enough, 5, TOO_LONG_MS);
}

static void bind_pages (uint32_t credit)
{
    f.pages = channel_bind (f.loop, "pages", f.pages_address, (channel_offer_t) {credit, 0}, &pages_handlers, NULL);
    assert_non_null (f.pages);
}

static void give (message_t task)
{
    assert_int_equal (channel_send (f.extract, f.worker, &task), 0);
}

/* -- files -------------------------------------------------------------------------------------------- */

/* Files are named by a letter here, 64 of it, where they should be named by their SHA-256. */
static const char *name_of (char letter)
{
    static char name [65];
    memset (name, letter, 64);
    return name;
}

static void put_file (char letter, const char *bytes, size_t size)
{
    char path [256];
    snprintf (path, sizeof path, "%s/files/%s", f.folder, name_of (letter));
    FILE *out = fopen (path, "w");
    assert_non_null (out);
    fwrite (bytes, 1, size, out);
    fclose (out);
}

static void put_pages (char letter, int count)
{
    static char bytes [65536];
    pdf_spec_t pages [16];
    for (int i = 0; i < count; i++)
        pages [i] = (pdf_spec_t) {"BT /F 12 Tf 72 700 Td (A page of words) Tj ET", NULL, NULL, 0, 0};
    FILE *file = make_pdf (pages, count);
    rewind (file);
    size_t size = fread (bytes, 1, sizeof bytes, file);
    fclose (file);
    put_file (letter, bytes, size);
}

/* Three pages of words. Those from `first` to `last` draw ten forms that draw ten forms, so many
 * levels deep. */
static void put_forms (char letter, int levels, int first, int last)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&bytes, &size);
    fputs ("%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n"
           "2 0 obj <</Type /Pages /Count 3 /Kids [3 0 R 4 0 R 5 0 R] /MediaBox [0 0 612 792]>> endobj\n", out);
    for (int page = 3; page <= 5; page++)
        fprintf (out, "%d 0 obj <</Type /Page /Parent 2 0 R /Contents %d 0 R /Resources <</XObject <</A 10 0 R>> "
                 "/Font <</F <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>>>>>>> endobj\n"
                 "%d 0 obj <</Length 60>> stream\n%-60s\nendstream endobj\n", page, page + 3, page + 3,
                 page - 2 < first || page - 2 > last ? "BT /F 12 Tf 72 700 Td (A page of words) Tj ET"
                 : "BT /F 12 Tf 72 700 Td (A page of words) Tj ET /A Do");
    for (int level = 10; level < 10 + levels; level++)
        fprintf (out, "%d 0 obj <</Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 60 /Resources <</XObject "
                 "<</A %d 0 R>>>>>> stream\n%-60s\nendstream endobj\n", level, level + 1,
                 "/A Do /A Do /A Do /A Do /A Do /A Do /A Do /A Do /A Do /A Do");
    fprintf (out, "%d 0 obj <</Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 10>> stream\n0 0 1 1 re\nendstream endobj\n"
             "trailer <</Root 1 0 R>>\n%%%%EOF\n", 10 + levels);
    fclose (out);
    put_file (letter, bytes, size);
    free (bytes);
}

/* Three pages, of which the second never ends. */
static void put_bomb (char letter)
{
    put_forms (letter, 10, 2, 2);
}

/* -- the process -------------------------------------------------------------------------------------- */

static const char *page_ms;   /* a time that no page takes here, unless a test wants one that some do */

static void make_folder (void)
{
    char path [128];
    strcpy (f.folder, "/tmp/quire-test-extractor-XXXXXX");
    assert_non_null (mkdtemp (f.folder));
    snprintf (path, sizeof path, "%s/files", f.folder);
    assert_int_equal (mkdir (path, 0700), 0);
    snprintf (path, sizeof path, "%s/vocab.txt", f.folder);
    FILE *out = fopen (path, "w");
    assert_non_null (out);
    fputs ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\npage\nof\nwords\n", out);
    fclose (out);
    snprintf (f.extract_address, sizeof f.extract_address, "ipc://%s/extract", f.folder);
    snprintf (f.pages_address, sizeof f.pages_address, "ipc://%s/pages", f.folder);
}

/* The programs stand in bin/ of the build folder, two folders above this one. */
static void start_extractor (void)
{
    char path [4096];
    ssize_t size = readlink ("/proc/self/exe", path, sizeof path - 64);
    assert_true (size > 0);
    path [size] = '\0';
    strcpy (strrchr (path, '/'), "/../../bin/quire-extractor");
    setenv ("QUIRE_DATA_DIR", f.folder, 1);
    setenv ("QUIRE_MODEL_DIR", f.folder, 1);
    setenv ("QUIRE_EXTRACTOR_EXTRACT_CONNECT", f.extract_address, 1);
    setenv ("QUIRE_EXTRACTOR_PAGES_CONNECT", f.pages_address, 1);
    setenv ("QUIRE_EXTRACTOR_CHILDREN", "2", 1);
    setenv ("QUIRE_EXTRACTOR_PAGE_MS", page_ms, 1);
    setenv ("QUIRE_EXTRACTOR_OCR", "off", 1);
    setenv ("QUIRE_LOG_LEVEL", "error", 1);
    f.extractor = fork ();
    assert_true (f.extractor >= 0);
    if (f.extractor == 0) {
        execl (path, path, (char *) NULL);
        _exit (127);
    }
}

static bool is_there (void)
{
    return f.worker && channel_first_peer (f.pages);
}

static int begin (void **state)
{
    page_ms = *state ? *state : "60000";
    memset (&f, 0, sizeof f);
    f.commits = true;
    make_folder ();
    channel_identify ("gateway", (uint64_t) getpid ());
    f.loop = loop_new ();
    assert_non_null (f.loop);
    f.extract = channel_bind (f.loop, "extract", f.extract_address, (channel_offer_t) {0, 0}, &extract_handlers, NULL);
    assert_non_null (f.extract);
    bind_pages (4);
    start_extractor ();
    wait_until (is_there);
    return 0;
}

static int end (void **state UNUSED)
{
    int status;
    char command [128];
    kill (f.extractor, SIGTERM);
    assert_int_equal (waitpid (f.extractor, &status, 0), f.extractor);
    channel_destroy (&f.extract);
    channel_destroy (&f.pages);
    loop_destroy (&f.loop);
    snprintf (command, sizeof command, "rm -r %s", f.folder);
    assert_int_equal (system (command), 0);
    return WIFEXITED (status) && WEXITSTATUS (status) == 0 ? 0 : -1;
}

static message_t extract_task (uint64_t number, char letter, uint32_t first, uint32_t last)
{
    return (message_t) {.id = MESSAGE_EXTRACT_PAGES, .extract_pages = {number, "file-1", name_of (letter), "", first, last}};
}

/* -- tests -------------------------------------------------------------------------------------------- */

static bool has_inspected (void) { return f.inspected == 1; }
static bool has_failed (void)    { return f.failed != 0; }
static bool has_extracted (void) { return f.extracted & 1u << 2; }
static bool has_drawn (void)     { return f.drawn == 3; }
static bool four_came (void)     { return f.came >= 4; }
static bool eight_came (void)    { return f.came >= 8; }

static void inspects_files (void **state UNUSED)
{
    put_pages ('a', 7);
    give ((message_t) {.id = MESSAGE_INSPECT_FILE, .inspect_file = {1, "file-1", name_of ('a'), ""}});
    wait_until (has_inspected);
    assert_int_equal (f.pages_of_file, 7);
    assert_string_equal (f.title, "A test (of titles)");
}

static void says_why_a_file_fails (void **state UNUSED)
{
    static const struct { char letter; const char *bytes; error_t why; } cases [] = {
        {'a', "", ERROR_FILE_EMPTY}, {'b', "Dear Sir", ERROR_FILE_NOT_PDF},
        {'c', "%PDF-1.4 ", ERROR_FILE_DAMAGED}, {'d', NULL, ERROR_FILE_NOT_FOUND},
        {'.', NULL, ERROR_BAD_MESSAGE},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        f.failed = 0;
        if (cases [i].bytes)
            put_file (cases [i].letter, cases [i].bytes, strlen (cases [i].bytes));
        give ((message_t) {.id = MESSAGE_INSPECT_FILE, .inspect_file = {1, "file-1", name_of (cases [i].letter), ""}});
        wait_until (has_failed);
        assert_int_equal (f.error, cases [i].why);
    }
}

static void refuses_ranges_that_can_not_be (void **state UNUSED)
{
    static const uint32_t ranges [] [2] = {{0, 3}, {5, 4}, {1, UINT32_MAX}};
    put_pages ('a', 1);
    for (size_t i = 0; i < COUNT_OF (ranges); i++) {
        f.failed = 0;
        give (extract_task (2, 'a', ranges [i] [0], ranges [i] [1]));
        wait_until (has_failed);
        assert_int_equal (f.error, ERROR_BAD_MESSAGE);
    }
}

static void reports_a_range_when_it_is_committed (void **state UNUSED)
{
    put_pages ('a', 4);
    f.commits = false;
    give (extract_task (2, 'a', 1, 4));
    wait_until (four_came);
    give ((message_t) {.id = MESSAGE_DRAW_PAGE, .draw_page = {3, name_of ('a'), "", 1, 200, {NULL, 0}}});
    wait_until (has_drawn);   /* a picture does not wait for pages */
    assert_int_equal (f.extracted, 0);
    for (uint32_t page = 1; page <= 4; page++) {
        assert_int_equal (f.statuses [page], PAGE_TEXT);
        commit ("file-1", page);
    }
    wait_until (has_extracted);
}

static void keeps_to_the_credit (void **state UNUSED)
{
    put_pages ('a', 12);
    f.commits = false;
    give (extract_task (2, 'a', 1, 6));
    give (extract_task (4, 'a', 7, 12));
    wait_until (four_came);
    give ((message_t) {.id = MESSAGE_DRAW_PAGE, .draw_page = {3, name_of ('a'), "", 1, 200, {NULL, 0}}});
    wait_until (has_drawn);
    assert_int_equal (f.came, 4);
    f.commits = true;
    for (uint32_t page = 1; page <= 12; page++) {
        if (f.statuses [page])
            commit ("file-1", page);
    }
    wait_until (has_extracted);
    assert_int_equal (f.most_uncommitted, 4);
    assert_int_equal (f.came_again, 0);
}

static void sends_again_what_was_not_committed (void **state UNUSED)
{
    put_pages ('a', 6);
    f.commits = false;
    give (extract_task (2, 'a', 1, 6));
    wait_until (four_came);
    channel_destroy (&f.pages);
    f.commits = true;
    f.uncommitted = 0;
    bind_pages (4);
    wait_until (has_extracted);
    assert_int_equal (f.came_again, 4);
    assert_int_equal (f.came, 10);
}

static void stops_when_the_file_is_gone (void **state UNUSED)
{
    put_pages ('a', 12);
    f.outcome = 2;
    give (extract_task (2, 'a', 1, 12));
    wait_until (has_extracted);
    assert_true (f.came < 12);
}

static void forgets_a_file (void **state UNUSED)
{
    put_pages ('a', 12);
    f.commits = false;
    give (extract_task (4, 'a', 1, 12));
    wait_until (four_came);
    give ((message_t) {.id = MESSAGE_FORGET_FILE, .forget_file = {"file-1"}});
    give ((message_t) {.id = MESSAGE_DRAW_PAGE, .draw_page = {3, name_of ('a'), "", 1, 200, {NULL, 0}}});
    wait_until (has_drawn);   /* so it has forgotten: commits come over another link and might come first */
    f.commits = true;
    for (uint32_t page = 1; page <= 4; page++)
        commit ("file-1", page);
    memset (f.statuses, 0, sizeof f.statuses);
    give ((message_t) {.id = MESSAGE_EXTRACT_PAGES, .extract_pages = {2, "file-2", name_of ('a'), "", 5, 8}});
    wait_until (has_extracted);
    assert_int_equal (f.came, 8);        /* four of each file */
    assert_int_equal (f.extracted, 1u << 2);   /* and no answer for the first */
}

static void gives_up_a_page_that_takes_too_long (void **state UNUSED)
{
    put_bomb ('a');
    give (extract_task (2, 'a', 1, 3));
    wait_until (has_extracted);
    assert_int_equal (f.statuses [1], PAGE_TEXT);
    assert_int_equal (f.statuses [2], PAGE_TIMED_OUT);
    assert_int_equal (f.statuses [3], PAGE_TEXT);
}

/* The process that the extractor has started to read, by looking at all. 0: none. */
static pid_t find_reader (void)
{
    pid_t found = 0;
    DIR *all = opendir ("/proc");
    for (struct dirent *entry; all && (entry = readdir (all));) {
        char path [300], line [300] = "";
        int parent = 0;
        snprintf (path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = atoi (entry->d_name) > 0 ? fopen (path, "r") : NULL;
        if (!file)
            continue;
        if (fgets (line, sizeof line, file) && strstr (line, "(quire-reader)")
            && sscanf (strrchr (line, ')'), ") %*c %d", &parent) == 1 && parent == f.extractor)
            found = atoi (entry->d_name);
        fclose (file);
    }
    if (all)
        closedir (all);
    return found;
}

static pid_t killed;   /* the last reader that a test has killed */

static bool reader_runs (void)
{
    pid_t reader = find_reader ();
    return reader != 0 && reader != killed;
}

static void kill_reader (int signal)
{
    wait_until (reader_runs);
    killed = find_reader ();
    kill (killed, signal);
}

static void loses_one_page_when_its_readers_die (void **state UNUSED)
{
    static const struct { int signal; error_t why; } cases [] = {
        {SIGSEGV, ERROR_READER_DIED}, {SIGKILL, ERROR_READER_KILLED},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        f.extracted = 0;
        put_bomb ('a');
        give (extract_task (2, 'a', 2, 3));
        kill_reader (cases [i].signal);
        kill_reader (cases [i].signal);
        wait_until (has_extracted);
        assert_int_equal (f.statuses [2], PAGE_FAILED);
        assert_string_equal (f.reason, error_default (cases [i].why));
        assert_int_equal (f.statuses [3], PAGE_TEXT);
    }
}

static bool one_came (void)   { return f.came >= 1; }
static bool two_came (void)   { return f.came >= 2; }

/* Each page takes so long that its reader is killed while it reads it. */
static void loses_nothing_when_each_page_loses_a_reader (void **state UNUSED)
{
    put_forms ('a', 4, 1, 3);
    give (extract_task (2, 'a', 1, 3));
    kill_reader (SIGKILL);
    wait_until (one_came);
    killed = 0;             /* the one that has read page 1 goes on with page 2 */
    kill_reader (SIGKILL);
    wait_until (two_came);
    killed = 0;
    kill_reader (SIGSEGV);
    wait_until (has_extracted);
    for (uint32_t page = 1; page <= 3; page++)
        assert_int_equal (f.statuses [page], PAGE_TEXT);
    assert_int_equal (f.came, 3);
}

static void leaves_no_reader_behind (void **state UNUSED)
{
    put_bomb ('a');
    give (extract_task (2, 'a', 2, 2));
    wait_until (reader_runs);
    pid_t reader = find_reader ();
    kill (f.extractor, SIGKILL);
    int status;
    assert_int_equal (waitpid (f.extractor, &status, 0), f.extractor);
    while (kill (reader, 0) == 0)   /* dies with its parent */
        usleep (1000);
    start_extractor ();             /* for `end` */
    f.worker = NULL;
    wait_until (is_there);
}

static void reads_on_after_many_pages (void **state UNUSED)
{
    put_pages ('a', 8);
    put_pages ('b', 8);
    give (extract_task (4, 'a', 1, 4));
    give (extract_task (5, 'b', 5, 8));
    wait_until (eight_came);
    give (extract_task (2, 'b', 1, 8));
    wait_until (has_extracted);
    assert_int_equal (f.came, 16);
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, begin, end)
    const struct CMUnitTest tests [] = {
        TEST (inspects_files),
        TEST (says_why_a_file_fails),
        TEST (refuses_ranges_that_can_not_be),
        TEST (reports_a_range_when_it_is_committed),
        TEST (keeps_to_the_credit),
        TEST (sends_again_what_was_not_committed),
        TEST (stops_when_the_file_is_gone),
        TEST (forgets_a_file),
        cmocka_unit_test_prestate_setup_teardown (gives_up_a_page_that_takes_too_long, begin, end, "3000"),
        TEST (loses_one_page_when_its_readers_die),
        TEST (loses_nothing_when_each_page_loses_a_reader),
        TEST (leaves_no_reader_behind),
        TEST (reads_on_after_many_pages),
    };
    log_open ("test", LEVEL_ERROR);
    if (settings_load () != 0)
        return 1;
    return cmocka_run_group_tests (tests, NULL, NULL);
}
