/* A page's whole way: whatever is drawn on it is read, cut into chunks, packed, sent, checked, stored and
 * found again as it was, and every chunk can be marked on it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "chunk.h"
#include "drawing.h"
#include "frame.h"
#include "highlight.h"
#include "page_check.h"
#include "store.h"
#include "utf8.h"

#define NUMBER   3

static vocabulary_t *vocabulary;
static store_t *store;

void fuzz_start (void)
{
    const add_file_message_t file = {.file_id = "file-1", .sha256 = "00", .name = "a.pdf", .bytes = 1,
                                     .purpose = "assistants", .created = 1, .password = ""};
    vocabulary = vocabulary_load (fuzz_vocabulary_path ());
    store = store_open (fuzz_new_path ("store.sqlite"), true);
    MUST (vocabulary && store && store_begin (store) == 0 && store_add_file (store, &file) == 0);
    MUST (store_set_inspected (store, "file-1", 10, "Title") == 0 && store_commit (store) == 0);
}

typedef struct {
    page_text_t text;
    chunk_t *chunks;
    size_t chunk_count, seen;
    float width, height;
} made_t;

/* As quire-reader sends it; the frame's message. The caller frees it. */
static uint8_t *send_page (const made_t *made, size_t *size)
{
    size_t words_size, chunks_size;
    void *words = words_pack (made->text.words, made->text.word_count, made->width, made->height, &words_size);
    void *chunks = chunks_pack (made->chunks, made->chunk_count, &chunks_size);
    const message_t message = {.id = MESSAGE_PAGE, .page = {
        .file_id = "file-1", .page = NUMBER, .status = made->text.length ? PAGE_TEXT : PAGE_EMPTY, .reason = "",
        .width = made->width, .height = made->height, .text = made->text.text, .words = {words, words_size},
        .chunks = {chunks, chunks_size}, .head = made->text.head}};
    uint8_t *frame = frame_make (&message, size);
    MUST (frame);
    *size -= FRAME_HEADER;
    memmove (frame, frame + FRAME_HEADER, *size);
    free (words);
    free (chunks);
    return frame;
}

/* The words in a chunk are marked, and it has some. */
static void check_marks (const made_t *made, const word_t *words, size_t count, const chunk_row_t *row)
{
    mark_t *quads = malloc (count * sizeof *quads + 1);
    const range_t range = {row->start, row->end};
    MUST (quads);
    size_t marks = highlight_quads (words, count, &range, 1, quads);
    MUST (marks > 0 && marks <= count);
    for (size_t i = 0; i < marks; i++) {
        for (int k = 0; k < 8; k++)
            MUST (quads [i].corners [k] >= 0 && quads [i].corners [k] <= (k % 2 ? made->height : made->width));
    }
    free (quads);
}

static void on_waiting (void *context, const chunk_row_t *row)
{
    made_t *made = context;
    const chunk_t *chunk = &made->chunks [made->seen++];
    size_t from = utf8_offset (made->text.text, made->text.size, chunk->start);
    size_t to = utf8_offset (made->text.text, made->text.size, chunk->end);
    MUST (made->seen <= made->chunk_count && row->start == chunk->start && row->end == chunk->end);
    MUST (row->text_size == to - from && memcmp (row->text, made->text.text + from, to - from) == 0);
}

static void on_chunk (void *context, const chunk_row_t *row)
{
    made_t *made = context;
    check_marks (made, made->text.words, made->text.word_count, row);
}

/* The places are those that a page keeps: not finer than 1/65535, and on it. */
static void check_stored (made_t *made, uint32_t file)
{
    page_row_t page;
    size_t count;
    MUST (store_get_page (store, file, NUMBER, &page) == 0);
    MUST (page.text_size == made->text.size && strcmp (page.text, made->text.text) == 0);
    MUST (strcmp (page.head, made->text.head) == 0 && page.chunks == made->chunk_count);
    uint32_t number = page.number;
    word_t *words = words_unpack (page.packed_words, page.width, page.height, made->text.length, &count);
    MUST (words && count == made->text.word_count);
    for (size_t i = 0; i < count; i++)
        MUST (words [i].start == made->text.words [i].start && words [i].end == made->text.words [i].end);
    free (made->text.words);
    made->text.words = words;
    MUST (store_list_waiting (store, CHUNK_WAITING, 0, MAX_PAGE_CHUNKS, on_waiting, made) == 0);
    MUST (made->seen == made->chunk_count);
    MUST (store_list_chunks (store, number, on_chunk, made) == 0);
}

static void go (made_t *made)
{
    size_t size;
    message_t message;
    page_outcome_t outcome;
    uint32_t file;
    uint8_t *data = send_page (made, &size);
    MUST (message_decode (&message, data, size) == 0 && page_check (&message.page, NUMBER) == 0);
    MUST (store_begin (store) == 0);
    MUST (store_add_page (store, &message.page, &outcome, &file) == 0 && outcome == PAGE_STORED);
    check_stored (made, file);
    MUST (store_add_page (store, &message.page, &outcome, &file) == 0 && outcome == PAGE_DUPLICATE);
    store_rollback (store);
    free (data);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    layout_t layout = {0};
    made_t made = {.width = 1 + take_u8 (&input) * 8, .height = 792};
    drawing_read (&input, &layout);
    MUST (canonical_text (&layout, drawing_is_word, NULL, &made.text) == 0);
    made.chunks = chunk_text (vocabulary, made.text.text, made.text.size, &made.chunk_count);
    MUST (made.chunks);
    go (&made);
    free (made.chunks);
    page_text_free (&made.text);
    layout_free (&layout);
    return 0;
}

void fuzz_seeds (void)
{
    drawing_seeds ();
}
