/* A parser that has been captured: pdf.h, for documents that say what it is to try.
 *
 *     %PDF-1.7 WHEN ACT
 *
 * WHEN is `open` (the file is being opened) or `read` (page 2 of 3 is being read). What is not stopped
 * says so in the text of the page. */
#define _GNU_SOURCE
#include "pdf.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "frame.h"
#include "reader_descriptors.h"

#define PAGES     3
#define EVIL_PAGE 2
#define STEP      (1u << 20)

extern char **environ;

struct pdf {
    char when [16], act [32];
};

static pid_t parent;

__attribute__ ((constructor)) static void remember_parent (void)
{
    parent = getppid ();
}

/* -- what it tries -------------------------------------------------------------------------------- */

static void open_passwd (void)
{
    if (open ("/etc/passwd", O_RDONLY) < 0)
        abort ();
}

static void write_file (void)
{
    if (open ("/tmp/quire-hostile-was-here", O_WRONLY | O_CREAT, 0600) < 0)
        abort ();
}

static void connect_out (void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons (80), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    if (connect (fd, (struct sockaddr *) &to, sizeof to) != 0)
        abort ();
}

static void start_process (void)
{
    while (fork () >= 0)
        ;
}

static void run_program (void)
{
    execl ("/bin/true", "true", (char *) NULL);
}

static void trace_parent (void)
{
    ptrace (PTRACE_SEIZE, parent, NULL, NULL);
}

static void kill_parent (void)
{
    kill (parent, SIGKILL);
}

static void raise_limits (void)
{
    setrlimit (RLIMIT_CPU, &(struct rlimit) {RLIM_INFINITY, RLIM_INFINITY});
}

static void make_code (void)
{
    mmap (NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void fill_disk (void)
{
    if (ftruncate (READER_FILE, 1L << 40) != 0)
        abort ();
}

static void write_elsewhere (void)
{
    for (int fd = READER_FILE + 1; fd < 1024; fd++) {
        if (write (fd, "anything", 8) > 0)
            abort ();
    }
}

static void send_elsewhere (void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons (80), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    sendto (READER_SOCKET, "anything", 8, 0, (struct sockaddr *) &to, sizeof to);
}

/* Takes memory until there is none, and uses it all the same. */
static void fill_memory (void)
{
    for (;;)
        memset (malloc (STEP), 1, STEP);
}

static int deeper (volatile char *above)
{
    volatile char here [4096];
    here [0] = *above;
    return here [0] == 1 ? 0 : deeper (here) + here [0];   /* it never is */
}

static void fill_stack (void)
{
    char top = 0;
    deeper (&top);
}

static void loop (void)
{
    for (volatile unsigned i = 0;; i++)
        ;
}

static void sleep_on (void)
{
    pause ();
}

/* These two are for the limits alone: abort () says that the kernel refused, which is as good as an end. */
static void start_one (void)
{
    pid_t child = fork ();
    if (child == 0)
        _exit (0);
    if (child < 0)
        abort ();
}

static void grow_file (void)
{
    int fd = open ("/tmp", O_WRONLY | O_TMPFILE, 0600);
    if (fd < 0 || write (fd, "anything", 8) <= 0)
        abort ();
}

/* Reads one byte too many: for a build that watches that. */
static void read_beyond (void)
{
    volatile size_t beyond = STEP;   /* or the compiler would see it */
    char *bytes = calloc (1, STEP);
    if (bytes && bytes [beyond] == 'x')
        abort ();
    free (bytes);
}

static void end (void)
{
    _exit (0);
}

/* As if no reader could start, so that it is tried again and again. */
static void say_not_started (void)
{
    _exit (READER_NOT_STARTED + 256);   /* of which the kernel keeps a byte */
}

static void reply_rubbish (void)
{
    char rubbish [64];
    memset (rubbish, 0xFF, sizeof rubbish);
    send (READER_SOCKET, rubbish, sizeof rubbish, MSG_NOSIGNAL);
    loop ();
}

static void reply_no_message (void)
{
    static const unsigned char frame [] = {4, 0, 0, 0, 1, 2, 3, 4};
    send (READER_SOCKET, frame, sizeof frame, MSG_NOSIGNAL);
    loop ();
}

static void reply_other_page (void)
{
    message_t page = {.id = MESSAGE_PAGE, .page = {
        .file_id = "file-of-another", .page = 99, .status = 1, .reason = "", .text = "", .head = ""}};
    if (frame_send (READER_SOCKET, &page) == 0)
        loop ();
}

/* Of one reply that never ends, a byte now and then. */
static void reply_slowly (void)
{
    static const unsigned char header [] = {0, 0, 0, 2};   /* 32 MB are to follow */
    send (READER_SOCKET, header, sizeof header, MSG_NOSIGNAL);
    for (;;) {
        for (volatile unsigned i = 0; i < 1000000; i++)
            ;
        send (READER_SOCKET, "x", 1, MSG_NOSIGNAL);
    }
}

static void reply_for_ever (void)
{
    message_t begun = {.id = MESSAGE_OCR_BEGUN, .ocr_begun = {EVIL_PAGE}};
    while (frame_send (READER_SOCKET, &begun) == 0)
        ;
}

static const struct { const char *name; void (*act) (void); } acts [] = {
    {"open_passwd", open_passwd}, {"write_file", write_file}, {"connect_out", connect_out},
    {"start_process", start_process}, {"run_program", run_program}, {"trace_parent", trace_parent},
    {"kill_parent", kill_parent}, {"raise_limits", raise_limits}, {"make_code", make_code},
    {"fill_disk", fill_disk}, {"write_elsewhere", write_elsewhere}, {"send_elsewhere", send_elsewhere},
    {"fill_memory", fill_memory}, {"fill_stack", fill_stack}, {"loop", loop}, {"sleep_on", sleep_on},
    {"start_one", start_one}, {"grow_file", grow_file}, {"read_beyond", read_beyond},
    {"end", end}, {"say_not_started", say_not_started},
    {"reply_rubbish", reply_rubbish}, {"reply_no_message", reply_no_message},
    {"reply_other_page", reply_other_page}, {"reply_slowly", reply_slowly}, {"reply_for_ever", reply_for_ever},
};

static void try (const pdf_t *pdf, const char *when)
{
    for (size_t i = 0; i < COUNT_OF (acts) && strcmp (pdf->when, when) == 0; i++) {
        if (strcmp (acts [i].name, pdf->act) == 0)
            acts [i].act ();
    }
}

/* What it has: variables, and descriptors beside the socket and the file that lead somewhere. */
static void tell (char *text, size_t size)
{
    int variables = 0, open = 0;
    while (environ && environ [variables])
        variables++;
    for (int fd = 0; fd < 1024; fd++)
        open += fcntl (fd, F_GETFL) >= 0;
    snprintf (text, size, "%d variables %d descriptors", variables, open);
}

/* -- pdf.h ---------------------------------------------------------------------------------------- */

pdf_t *pdf_open (int fd, const char *password UNUSED)
{
    char text [128] = "";
    pdf_t *pdf = calloc (1, sizeof *pdf);
    if (!pdf || pread (fd, text, sizeof text - 1, 0) < 0
        || sscanf (text, "%%PDF-1.7 %15s %31s", pdf->when, pdf->act) != 2) {
        error_set (ERROR_FILE_NOT_PDF, NULL);
        pdf_close (&pdf);
        return NULL;
    }
    try (pdf, "open");
    return pdf;
}

void pdf_close (pdf_t **pdf)
{
    free (*pdf);
    *pdf = NULL;
}

uint32_t pdf_page_count (const pdf_t *pdf UNUSED)
{
    return PAGES;
}

bool pdf_is_encrypted (const pdf_t *pdf UNUSED)
{
    return false;
}

const char *pdf_title (const pdf_t *pdf UNUSED)
{
    return "";
}

int pdf_read (pdf_t *pdf, uint32_t page, pdf_page_t *out)
{
    char text [64] = "a sound page";
    *out = (pdf_page_t) {.width = 612, .height = 792};
    if (page == EVIL_PAGE) {
        try (pdf, "read");
        snprintf (text, sizeof text, "was not stopped");
        if (strcmp (pdf->act, "tell") == 0)
            tell (text, sizeof text);
    }
    int result = layout_begin_line (&out->layout, 1, 0, false);
    for (size_t i = 0; text [i] && result == 0; i++) {
        float x = 72 + 6 * (float) i;
        glyph_t glyph = {(uint32_t) text [i], 12, false, {x, 72, x + 6, 72, x + 6, 84, x, 84}};
        result = layout_add_glyph (&out->layout, &glyph);
    }
    return result;
}

void pdf_page_free (pdf_page_t *page)
{
    layout_free (&page->layout);
}

int pdf_marks (pdf_t *pdf UNUSED, uint32_t page UNUSED, pdf_marks_t *out)
{
    *out = (pdf_marks_t) {0};
    return 0;
}

int pdf_render (pdf_t *pdf UNUSED, uint32_t page UNUSED, float dpi UNUSED, pdf_picture_t *out)
{
    *out = (pdf_picture_t) {0};
    return error_set (ERROR_PAGE_DAMAGED, NULL);
}

void pdf_picture_free (pdf_picture_t *picture UNUSED)
{
}

int pdf_draw (pdf_t *pdf, uint32_t page UNUSED, uint32_t width UNUSED, const float *quads UNUSED,
              size_t quad_count UNUSED, uint8_t **png UNUSED, size_t *png_size UNUSED)
{
    try (pdf, "draw");
    return error_set (ERROR_PAGE_DAMAGED, NULL);
}
