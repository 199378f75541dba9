/* A reader's whole reply, in a real child process: whatever it sends, the extractor hears only messages
 * that are whole, and that it has ended, once, with what a child can end with. */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "page_check.h"
#include "settings.h"

#define LONGEST_MS 5000
#define ASKED_PAGE 7

static loop_t *loop;

typedef struct {
    child_t *child;
    size_t replies, ends;
    error_t why;
} heard_t;

void fuzz_start (void)
{
    signal (SIGPIPE, SIG_IGN);   /* as the loop does */
    MUST (settings_load () == 0 && (loop = loop_new ()) != NULL);
    MUST (child_check_program () == 0);
}

/* Takes what it may take; kills what makes no sense. */
static void on_reply (void *context, const message_t *message, uint8_t **data, size_t size)
{
    heard_t *heard = context;
    MUST (heard->ends == 0 && size >= 2 && message->id < MESSAGE_COUNT);
    heard->replies++;
    if (message->id == MESSAGE_PAGE && page_check (&message->page, ASKED_PAGE) != 0)
        child_kill (heard->child, ERROR_READER_BAD_REPLY);
    else if (message->id == MESSAGE_PAGE) {
        free (*data);
        *data = NULL;
    }
}

static void on_ended (void *context, error_t why)
{
    heard_t *heard = context;
    MUST (heard->ends++ == 0);
    heard->why = why;
    loop_stop (loop);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const child_handlers_t handlers = {on_reply, on_ended};
    heard_t heard = {0};
    const message_t request = {.id = MESSAGE_EXTRACT_PAGES, .extract_pages = {1, "file-1", "00", "", ASKED_PAGE, ASKED_PAGE}};
    int file = open (fuzz_file (data, size), O_RDONLY | O_CLOEXEC);
    heard.child = child_start (loop, file, &handlers, &heard);
    MUST (file >= 0 && heard.child && child_ask (heard.child, &request, LONGEST_MS) == 0);
    close (file);
    loop_run (loop);
    loop_restart (loop);
    MUST (heard.ends == 1 && (heard.why == ERROR_READER_DIED || heard.why == ERROR_READER_BAD_REPLY));
    MUST (heard.replies <= size / 6);
    return 0;
}

static size_t add_frame (uint8_t *stream, size_t at, const message_t *message)
{
    size_t size;
    uint8_t *data = message_encode (message, &size);
    MUST (data);
    for (unsigned i = 0; i < 4; i++)
        stream [at + i] = (uint8_t) (size >> 8 * i);
    memcpy (stream + at + 4, data, size);
    free (data);
    return at + 4 + size;
}

void fuzz_seeds (void)
{
    uint8_t stream [1024];
    size_t size = add_frame (stream, 0, &(message_t) {.id = MESSAGE_OCR_BEGUN, .ocr_begun = {ASKED_PAGE}});
    size = add_frame (stream, size, &(message_t) {.id = MESSAGE_PAGE, .page = {
        .file_id = "file-1", .page = ASKED_PAGE, .status = 3, .reason = "", .width = 100, .height = 100, .text = "", .head = ""}});
    seed (stream, size);
    seed (stream, size - 3);
    size = add_frame (stream, size, &(message_t) {.id = MESSAGE_TASK_FAILED, .task_failed = {1, 2, "why"}});
    seed (stream, size);
    seed ("\xFF\xFF\xFF\xFF", 4);
}
