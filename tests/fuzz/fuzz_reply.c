/* What a reader sends to its extractor: any bytes, in any pieces, give the same messages and the same
 * end; a page that passes the check keeps every limit. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "frame.h"
#include "page.h"
#include "page_check.h"
#include "utf8.h"

void fuzz_start (void) {}

#define ASKED_PAGE 7

/* What came of a stream of bytes. */
typedef struct {
    size_t messages, bytes, pages;
    frame_state_t end;       /* of the last frame; WHOLE: it held no message */
} outcome_t;

static void check_page (const page_message_t *page)
{
    size_t count, size = strlen (page->text);
    uint32_t length = utf8_length (page->text, size);
    MUST (page->page == ASKED_PAGE && *page_status_name (page->status) != 'w');
    MUST (page->width >= 0 && page->width < 1e7f && page->height >= 0 && page->height < 1e7f);
    MUST (size <= MAX_PAGE_TEXT_BYTES && strlen (page->head) <= MAX_HEAD_BYTES && strlen (page->reason) <= MAX_ERROR_TEXT);
    word_t *words = words_unpack (page->words, page->width, page->height, length, &count);
    MUST (words && count <= MAX_PAGE_WORDS);
    chunk_t *chunks = chunks_unpack (page->chunks, length, &count);
    MUST (chunks && count <= MAX_PAGE_CHUNKS);
    free (words);
    free (chunks);
}

/* Takes the frame's message. False when it is none. */
static bool take_message (frame_t *frame, outcome_t *outcome)
{
    message_t message;
    MUST (frame->size == frame->wanted && frame->size <= MAX_MESSAGE_BYTES);
    bool sound = message_decode (&message, frame->data, frame->size) == 0;
    if (sound) {
        outcome->messages++;
        outcome->bytes += frame->size;
    }
    if (sound && message.id == MESSAGE_PAGE && page_check (&message.page, ASKED_PAGE) == 0) {
        outcome->pages++;
        check_page (&message.page);
    }
    free (frame->data);
    *frame = (frame_t) {0};
    return sound;
}

/* Reads what there is. True when more may come. */
static bool read_on (int fd, frame_t *frame, outcome_t *outcome)
{
    while ((outcome->end = frame_read (frame, fd)) == FRAME_WHOLE) {
        if (!take_message (frame, outcome))
            return false;
    }
    return outcome->end == FRAME_PARTIAL;
}

/* Sends the bytes in pieces whose sizes follow from `pieces`, 0: all at once. */
static outcome_t receive (const uint8_t *data, size_t size, uint32_t pieces)
{
    int ends [2];
    frame_t frame = {0};
    outcome_t outcome = {0};
    bool open = true;
    MUST (socketpair (AF_UNIX, SOCK_STREAM, 0, ends) == 0 && fcntl (ends [0], F_SETFL, O_NONBLOCK) == 0);
    for (size_t at = 0, step; open && at < size; at += step) {
        pieces = pieces * 1664525u + (pieces ? 1013904223u : 0);
        step = pieces ? 1 + (pieces >> 24) % 64 : size;
        step = step < size - at ? step : size - at;
        MUST (send (ends [1], data + at, step, MSG_NOSIGNAL) == (ssize_t) step);
        open = read_on (ends [0], &frame, &outcome);
    }
    close (ends [1]);
    if (open)
        MUST (!read_on (ends [0], &frame, &outcome));
    close (ends [0]);
    free (frame.data);
    return outcome;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    uint32_t pieces = take_u32 (&input) | 1;
    outcome_t at_once = receive (input.data, input.size, 0), in_pieces = receive (input.data, input.size, pieces);
    MUST (at_once.messages == in_pieces.messages && at_once.bytes == in_pieces.bytes);
    MUST (at_once.pages == in_pieces.pages && at_once.end == in_pieces.end);
    return 0;
}

static size_t add_frame (uint8_t *stream, size_t at, const message_t *message)
{
    size_t size;
    uint8_t *frame = frame_make (message, &size);
    MUST (frame);
    memcpy (stream + at, frame, size);
    free (frame);
    return at + size;
}

void fuzz_seeds (void)
{
    static const word_t words [2] = {{0, 3, {0, 0, 9, 0, 9, 9, 0, 9}}, {4, 8, {10, 0, 19, 0, 19, 9, 10, 9}}};
    static const chunk_t chunk = {0, 8, 4};
    uint8_t stream [2048] = {0, 1, 2, 3};
    size_t words_size, chunks_size;
    void *packed_words = words_pack (words, 2, 100, 100, &words_size);
    void *packed_chunks = chunks_pack (&chunk, 1, &chunks_size);
    const message_t page = {.id = MESSAGE_PAGE, .page = {
        .file_id = "file-1", .page = ASKED_PAGE, .status = PAGE_OCR, .reason = "", .width = 100, .height = 100,
        .text = "The page", .words = {packed_words, words_size}, .chunks = {packed_chunks, chunks_size}, .head = "The page"}};
    size_t size = add_frame (stream, 4, &(message_t) {.id = MESSAGE_OCR_BEGUN, .ocr_begun = {ASKED_PAGE}});
    seed (stream, size);
    size = add_frame (stream, size, &page);
    seed (stream, size);
    size = add_frame (stream, size, &(message_t) {.id = MESSAGE_TASK_FAILED, .task_failed = {1, 2, "why"}});
    seed (stream, size);
    size = add_frame (stream, 4, &(message_t) {.id = MESSAGE_FILE_INSPECTED, .file_inspected = {1, "file-1", 3, "Title", 0}});
    size = add_frame (stream, size, &(message_t) {.id = MESSAGE_PAGE_DRAWN, .page_drawn = {1, {"png", 3}}});
    seed (stream, size);
    free (packed_words);
    free (packed_chunks);
}
