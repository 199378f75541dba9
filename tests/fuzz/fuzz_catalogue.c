/* What an answerer is asked: any messages, one after another, are answered by a message whose JSON is
 * well-formed; what failed is taken back, and the store stays usable. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "catalogue.h"
#include "error.h"
#include "settings.h"


static store_t *store;

static void add_page (void)
{
    static const word_t words [2] = {{0, 3, {10, 10, 30, 10, 30, 20, 10, 20}}, {4, 8, {32, 10, 60, 10, 60, 20, 32, 20}}};
    static const chunk_t chunk = {0, 8, 4};
    page_outcome_t outcome;
    uint32_t number;
    size_t words_size, chunks_size;
    void *packed_words = words_pack (words, 2, 100, 100, &words_size), *packed_chunks = chunks_pack (&chunk, 1, &chunks_size);
    const page_message_t page = {
        .file_id = "file-1", .page = 1, .status = PAGE_TEXT, .reason = "", .width = 100, .height = 100, .text = "The page",
        .words = {packed_words, words_size}, .chunks = {packed_chunks, chunks_size}, .head = "The page"};
    MUST (store_add_page (store, &page, &outcome, &number) == 0);
    free (packed_words);
    free (packed_chunks);
}

/* A shelf of two files, the first with a page. */
void fuzz_start (void)
{
    MUST (settings_load () == 0);
    store = store_open (fuzz_new_path ("store.sqlite"), true);
    MUST (store && store_begin (store) == 0);
    for (int i = 1; i <= 2; i++) {
        const char id [] = {'f', 'i', 'l', 'e', '-', (char) ('0' + i), '\0'};
        const add_file_message_t file = {.file_id = id, .sha256 = "00", .name = "a.pdf", .bytes = 1,
                                         .purpose = "assistants", .created = 1, .password = ""};
        MUST (store_add_file (store, &file) == 0);
    }
    MUST (store_set_inspected (store, "file-1", 2, "Title") == 0);
    add_page ();
    MUST (store_commit (store) == 0);
}

static void check_answer (const message_t *request, const answer_t *answer)
{
    size_t size;
    message_t back;
    uint8_t *data = message_encode (&answer->message, &size);
    MUST (data && message_decode (&back, data, size) == 0);
    MUST (request_number (&back) == request_number (request));
    if (back.id == MESSAGE_RESULT) {
        yyjson_doc *json = yyjson_read (back.result.json, strlen (back.result.json), 0);
        MUST (yyjson_is_obj (yyjson_doc_get_root (json)));
        yyjson_doc_free (json);
    }
    if (back.id == MESSAGE_REQUEST_FAILED)
        MUST (back.request_failed.error > 0 && back.request_failed.error < ERROR_COUNT && *back.request_failed.message
              && back.request_failed.error != ERROR_STORE_FAILED && back.request_failed.error != ERROR_NO_MEMORY);
    free (data);
}

/* As the writer does it: what failed is taken back. */
static void ask (const message_t *request)
{
    answer_t answer;
    MUST (store_part_begin (store) == 0);
    if (catalogue_answer (store, request, &answer) == 0)
        MUST (store_part_keep (store) == 0);
    else
        store_part_drop (store);
    check_answer (request, &answer);
    answer_clear (&answer);
}

static void hand_in (const page_message_t *page)
{
    page_outcome_t outcome;
    uint32_t number;
    MUST (store_part_begin (store) == 0);
    if (store_add_page (store, page, &outcome, &number) == 0)
        MUST (store_part_keep (store) == 0);
    else {
        MUST (error_get () == ERROR_BAD_MESSAGE);
        store_part_drop (store);
    }
}

/* A row for each of so many pages takes its time, by right. */
static bool is_long (const message_t *message)
{
    return message->id == MESSAGE_SET_INSPECTED && message->set_inspected.pages > 100
        && message->set_inspected.pages <= MAX_FILE_PAGES;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    store_counts_t counts;
    MUST (store_begin (store) == 0);
    while (input.size > 0) {
        size_t message_size = take_u16 (&input);
        uint8_t *bytes = take_bytes (&input, message_size, &message_size);
        message_t message;
        if (message_decode (&message, bytes, message_size) == 0) {
            if (message.id == MESSAGE_PAGE)
                hand_in (&message.page);
            else if (catalogue_knows (message.id) && !is_long (&message))
                ask (&message);
        }
        free (bytes);
    }
    MUST (store_count (store, &counts) == 0);
    store_rollback (store);
    return 0;
}

static const char *example (const char *field)
{
    static const struct { const char *field, *value; } values [] = {
        {"file_id", "file-1"}, {"store_id", "default"}, {"batch_id", ""}, {"metadata", "{\"a\":\"b\"}"},
        {"attributes", "{\"year\":2021}"}, {"status", ""}, {"after", ""}, {"before", ""}, {"purpose", "assistants"},
        {"response", "{\"id\":\"resp_1\"}"}, {"input", "[]"}, {"response_id", "resp_1"}, {"previous", ""},
        {"text", "The page"}, {"head", "The page"},
    };
    for (size_t i = 0; i < COUNT_OF (values); i++) {
        if (strcmp (values [i].field, field) == 0)
            return values [i].value;
    }
    return "x";
}

static size_t add_message (uint8_t *out, size_t at, const message_t *message)
{
    size_t size;
    uint8_t *data = message_encode (message, &size);
    MUST (data);
    out [at] = (uint8_t) size;
    out [at + 1] = (uint8_t) (size >> 8);
    memcpy (out + at + 2, data, size);
    free (data);
    return at + 2 + size;
}

/* Every question that the catalogue knows, each twice, as an answer may change the next. */
void fuzz_seeds (void)
{
    strings_builder_t files = {0};
    uint8_t out [8192];
    MUST (strings_add (&files, "file-1", 6) == 0);
#define VALUE_u32(field)     1
#define VALUE_u64(field)     1
#define VALUE_f32(field)     100
#define VALUE_string(field)  example (field)
#define VALUE_bytes(field)   (bytes_t) {"\0\0\0\0\5\0\0\0", 8}
#define VALUE_strings(field) strings_built (&files)
#define F(type, field, what) m->field = VALUE_##type (#field);
#define MESSAGE(NAME, name, from, to, FIELDS) \
    if (catalogue_knows (MESSAGE_##NAME)) { \
        message_t message = {.id = MESSAGE_##NAME}; \
        name##_message_t *m = &message.name; \
        FIELDS (F) \
        seed (out, add_message (out, add_message (out, 0, &message), &message)); \
    }
#include "messages.def"
#undef MESSAGE
#undef F
    strings_free (&files);
}
