/* Frames between an extractor and its child, and the check of the pages in them: what a child sends
 * is whole and makes sense, or is refused. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame.h"
#include "page.h"
#include "page_check.h"

static int ends [2];

static int open_pair (void **state UNUSED)
{
    if (socketpair (AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return -1;
    return fcntl (ends [0], F_SETFL, O_NONBLOCK);
}

static int close_pair (void **state UNUSED)
{
    close (ends [0]);
    if (ends [1] >= 0)
        close (ends [1]);
    return 0;
}

static void takes_a_frame_byte_by_byte (void **state UNUSED)
{
    frame_t frame = {0};
    message_t message = {.id = MESSAGE_OCR_BEGUN, .ocr_begun = {17}}, back;
    size_t size;
    uint8_t *bytes = frame_make (&message, &size);
    assert_non_null (bytes);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal (frame_read (&frame, ends [0]), FRAME_PARTIAL);
        assert_int_equal (write (ends [1], bytes + i, 1), 1);
    }
    assert_int_equal (frame_read (&frame, ends [0]), FRAME_WHOLE);
    assert_int_equal (message_decode (&back, frame.data, frame.size), 0);
    assert_int_equal (back.ocr_begun.page, 17);
    free (frame.data);
    free (bytes);
}

static void takes_frames_one_after_another (void **state UNUSED)
{
    for (uint32_t page = 1; page <= 3; page++)
        assert_int_equal (frame_send (ends [1], &(message_t) {.id = MESSAGE_OCR_BEGUN, .ocr_begun = {page}}), 0);
    for (uint32_t page = 1; page <= 3; page++) {
        frame_t frame = {0};
        message_t back;
        assert_int_equal (frame_read (&frame, ends [0]), FRAME_WHOLE);
        assert_int_equal (message_decode (&back, frame.data, frame.size), 0);
        assert_int_equal (back.ocr_begun.page, page);
        free (frame.data);
    }
}

static void refuses_a_length_without_end (void **state UNUSED)
{
    frame_t frame = {0};
    assert_int_equal (write (ends [1], "\xFF\xFF\xFF\xFF", 4), 4);
    assert_int_equal (frame_read (&frame, ends [0]), FRAME_BROKEN);
    assert_null (frame.data);
}

static void tells_when_the_other_end_is_gone (void **state UNUSED)
{
    frame_t frame = {0};
    assert_int_equal (write (ends [1], "\x08\0\0\0half", 8), 8);
    close (ends [1]);
    ends [1] = -1;
    assert_int_equal (frame_read (&frame, ends [0]), FRAME_CLOSED);
    free (frame.data);
}

static void checks_pages (void **state UNUSED)
{
    word_t word = {0, 4, {0, 0, 9, 0, 9, 9, 0, 9}};
    chunk_t chunk = {0, 4, 3};
    size_t words_size, chunks_size;
    void *words = words_pack (&word, 1, 100, 100, &words_size), *chunks = chunks_pack (&chunk, 1, &chunks_size);
    const page_message_t good = {
        .file_id = "file-1", .page = 7, .status = PAGE_TEXT, .reason = "", .width = 100, .height = 100,
        .text = "Word", .words = {words, words_size}, .chunks = {chunks, chunks_size}, .head = "Word",
    };
    assert_int_equal (page_check (&good, 7), 0);
    assert_int_equal (page_check (&good, 8), -1);
    page_message_t bad [7];
    for (size_t i = 0; i < COUNT_OF (bad); i++)
        bad [i] = good;
    bad [0].status = 0;
    bad [1].status = PAGE_STATUS_END;
    bad [2].width = NAN;
    bad [3].height = -1;
    bad [4].text = "Wor";
    bad [5].words.size--;
    bad [6].chunks.size--;
    for (size_t i = 0; i < COUNT_OF (bad); i++)
        assert_int_equal (page_check (&bad [i], 7), -1);
    free (words);
    free (chunks);
}

int main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, open_pair, close_pair)
    const struct CMUnitTest tests [] = {
        TEST (takes_a_frame_byte_by_byte),
        TEST (takes_frames_one_after_another),
        TEST (refuses_a_length_without_end),
        TEST (tells_when_the_other_end_is_gone),
        TEST (checks_pages),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
