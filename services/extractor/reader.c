/* quire-reader: reads or draws the pages of one PDF; the child process of an extractor.
 *
 *     quire-reader --child         serves an extractor: requests and replies on descriptor 3, the PDF
 *                                  is descriptor 4
 *     quire-reader FILE [N [M]]    prints what Quire reads on pages N to M as JSON, a line a page
 *
 * An extractor starts one for each file, so that a document which crashes, hangs or captures its
 * reader harms nothing else. Either way it opens everything that it ever needs and enters the sandbox
 * before it looks at the document. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "error.h"
#include "log.h"
#include "settings.h"
#include "frame.h"
#include "page_json.h"
#include "page_reader.h"
#include "reader_descriptors.h"
#include "sandbox.h"

#define EXIT_USAGE 2

static struct {
    page_reader_t *pages;    /* NULL until a page is to be read */
    pdf_t *pdf;              /* NULL until the first request */
} child;

/* -- requests ------------------------------------------------------------------------------------- */

static void reply (const message_t *message)
{
    if (frame_send (READER_SOCKET, message) != 0)
        exit (EXIT_SUCCESS);   /* nobody is there to read for */
}

static void reply_failed (uint64_t task)
{
    reply (&(message_t) {.id = MESSAGE_TASK_FAILED,
                         .task_failed = {task, error_get (), error_text ()}});
}

static void ocr_begins (void *context, uint32_t page)
{
    (void) context;
    reply (&(message_t) {.id = MESSAGE_OCR_BEGUN, .ocr_begun = {page}});
}

/* Opens the document at the first request; the extractor gives a child one file and password only. */
static bool is_open (const char *password)
{
    if (!child.pdf)
        child.pdf = pdf_open (READER_FILE, password);
    return child.pdf != NULL;
}

static void inspect (const inspect_file_message_t *request)
{
    if (!is_open (request->password)) {
        reply_failed (request->task);
        return;
    }
    reply (&(message_t) {.id = MESSAGE_FILE_INSPECTED, .file_inspected = {
        request->task, request->file_id, pdf_page_count (child.pdf), pdf_title (child.pdf),
        pdf_is_encrypted (child.pdf)}});
}

/* Sends a page that was read. Returns 0, or -1 with an error set. */
static int send_page (const char *file_id, uint32_t number, const page_read_t *page)
{
    size_t words_size = 0, chunks_size = 0;
    void *words = words_pack (page->text.words, page->text.word_count, page->width, page->height, &words_size);
    void *chunks = chunks_pack (page->chunks, page->chunk_count, &chunks_size);
    if (words && chunks)
        reply (&(message_t) {.id = MESSAGE_PAGE, .page = {
            .file_id = file_id, .page = number, .status = page->status, .reason = page->reason,
            .width = page->width, .height = page->height, .text = page->text.text,
            .words = {words, words_size}, .chunks = {chunks, chunks_size}, .head = page->text.head}});
    int result = words && chunks ? 0 : -1;
    free (words);
    free (chunks);
    return result;
}

static int extract_page (const char *file_id, uint32_t number)
{
    page_read_t page;
    int result = page_read (child.pages, child.pdf, number, &page);
    if (result == 0)
        result = send_page (file_id, number, &page);
    page_read_free (&page);
    return result;
}

static void extract (const extract_pages_message_t *request)
{
    bool ready = child.pages && is_open (request->password);
    for (uint32_t page = request->first; ready && page <= request->last && page != 0; page++)
        ready = extract_page (request->file_id, page) == 0;
    if (!ready)
        reply_failed (request->task);
}

static void draw (const draw_page_message_t *request)
{
    size_t quads = request->highlights.size / (8 * sizeof (float));
    float *places = malloc (quads * 8 * sizeof (float) + 1);
    uint8_t *png = NULL;
    size_t png_size = 0;
    if (places)
        memcpy (places, request->highlights.data, quads * 8 * sizeof (float));
    if (places && is_open (request->password)
        && pdf_draw (child.pdf, request->page, request->width, places, quads, &png, &png_size) == 0)
        reply (&(message_t) {.id = MESSAGE_PAGE_DRAWN, .page_drawn = {request->task, {png, png_size}}});
    else
        reply_failed (request->task);
    free (places);
    free (png);
}

static void handle (const message_t *request)
{
    if (request->id == MESSAGE_INSPECT_FILE)
        inspect (&request->inspect_file);
    else if (request->id == MESSAGE_EXTRACT_PAGES)
        extract (&request->extract_pages);
    else if (request->id == MESSAGE_DRAW_PAGE)
        draw (&request->draw_page);
}

static void serve (void)
{
    for (;;) {
        frame_t frame = {0};
        message_t request;
        if (frame_read (&frame, READER_SOCKET) != FRAME_WHOLE
            || message_decode (&request, frame.data, frame.size) != 0) {
            free (frame.data);
            return;
        }
        handle (&request);
        free (frame.data);
    }
}

/* What has happened before sandbox_enter needs files beside the document; what comes after does not. */
static int enter_sandbox (int descriptors, bool silent)
{
    return sandbox_enter (&(sandbox_t) {
        .memory = (size_t) settings_number (SETTING_EXTRACTOR_PAGE_MB) << 20,
        .descriptors = descriptors, .silent = silent});
}

/* Ends with its extractor. One that was gone before the signal was asked for sends none, but its end
 * of the socket is closed. */
static void die_with_parent (void)
{
    struct pollfd socket = {.fd = READER_SOCKET};
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (poll (&socket, 1, 0) != 0)
        _exit (0);
}

static int child_main (void)
{
    die_with_parent ();
    log_open ("reader", LEVEL_INFO);
    if (settings_load () != 0 || chdir ("/") != 0 || !(child.pages = page_reader_new (ocr_begins, NULL))
        || enter_sandbox (READER_FILE + 1, true) != 0) {
        log_error ("not_started", "why=\"%s\"", error_text ());
        return READER_NOT_STARTED;
    }
    serve ();
    pdf_close (&child.pdf);
    page_reader_destroy (&child.pages);
    return EXIT_SUCCESS;
}

/* -- from the command line ------------------------------------------------------------------------ */

static int complain (const char *path)
{
    fprintf (stderr, "quire-reader: %s: %s\n", path, error_text ());
    return EXIT_FAILURE;
}

static int print_pages (const char *path, page_reader_t *pages, pdf_t *pdf, uint32_t first, uint32_t last)
{
    for (uint32_t number = first; number <= last && number <= pdf_page_count (pdf); number++) {
        page_read_t page;
        int result = page_read (pages, pdf, number, &page);
        if (result == 0)
            result = page_json_print (stdout, number, &page);
        page_read_free (&page);
        if (result != 0)
            return complain (path);
    }
    return EXIT_SUCCESS;
}

static int command_main (const char *path, uint32_t first, uint32_t last)
{
    static char output [1 << 16];   /* one of the library's own would look at what it is for */
    int status = EXIT_FAILURE, fd = open (path, O_RDONLY | O_CLOEXEC);
    char *password = strdup (getenv ("QUIRE_PASSWORD") ? getenv ("QUIRE_PASSWORD") : "");
    page_reader_t *pages = NULL;
    pdf_t *pdf = NULL;
    log_open ("reader", LEVEL_WARNING);
    setvbuf (stdout, output, _IOFBF, sizeof output);
    if (fd < 0)
        error_set (ERROR_NOT_FOUND, "can't be opened: %s", strerror (errno));
    if (fd >= 0 && settings_load () == 0 && (pages = page_reader_new (NULL, NULL))
        && enter_sandbox (fd + 1, false) == 0 && (pdf = pdf_open (fd, password)))
        status = print_pages (path, pages, pdf, first, last);
    else
        complain (path);
    free (password);
    pdf_close (&pdf);
    page_reader_destroy (&pages);
    if (fd >= 0)
        close (fd);
    return status;
}

static uint32_t number_of (const char *text, uint32_t otherwise)
{
    return text ? (uint32_t) strtoul (text, NULL, 10) : otherwise;
}

/* OCR's library looks for this when it is loaded, and starts threads without it. */
static void be_one_thread (char *argv [])
{
    if (!getenv ("OMP_THREAD_LIMIT") && setenv ("OMP_THREAD_LIMIT", "1", 1) == 0)
        execv ("/proc/self/exe", argv);
}

int main (int argc, char *argv [])
{
    if (argc == 2 && strcmp (argv [1], "--child") == 0)
        return child_main ();
    if (argc < 2 || argc > 4 || argv [1] [0] == '-') {
        fprintf (stderr, "Usage: quire-reader FILE [PAGE [LAST]]\n\n"
                 "Prints what Quire reads on the pages of a PDF as JSON, a line a page.\n"
                 "A password is taken from QUIRE_PASSWORD.\n");
        return EXIT_USAGE;
    }
    be_one_thread (argv);
    uint32_t first = number_of (argc > 2 ? argv [2] : NULL, 1);
    uint32_t last = number_of (argc > 3 ? argv [3] : NULL, argc > 2 ? first : UINT32_MAX);
    return command_main (argv [1], first ? first : 1, last);
}
