/* Drafts: whatever JSON and text an answerer tells, in any order, the draft keeps its limits, and the
 * response and the completion made of it can be written. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "completion.h"
#include "error.h"
#include "response.h"

void fuzz_start (void) {}

typedef enum { TELLS_FOUND, TELLS_TEXT, TELLS_CITATION, TELLS_END, TELLS_COUNT } told_t;

static char *take_part (input_t *input)
{
    size_t size = take_u16 (input), length;
    input_t part = {input->data, size < input->size ? size : input->size};
    input->data += part.size;
    input->size -= part.size;
    return take_text (&part, &length);
}

static void tell_end (draft_t *draft, const char *text, uint8_t kind)
{
    static const char *const statuses [] = {"completed", "incomplete", "failed", "cancelled", ""};
    int result = draft_set_end (draft, &(answer_ended_message_t) {
        .status = statuses [kind % COUNT_OF (statuses)], .reason = kind & 8 ? "content_filter" : text, .message = text,
        .by = "llm", .model = text, .unsupported = kind & 16 ? text : "", .input_tokens = kind, .output_tokens = UINT32_MAX});
    MUST (result == 0 || error_get () == ERROR_BAD_MESSAGE);
}

static void tell (draft_t *draft, told_t what, const char *text, uint8_t kind)
{
    size_t size = draft->size;
    if (what == TELLS_FOUND && draft_add_found (draft, text) != 0)
        MUST (error_get () == ERROR_BAD_MESSAGE);
    if (what == TELLS_TEXT && draft_add_text (draft, text) != 0)
        MUST (draft->size == size && size + strlen (text) >= MAX_DRAFT_BYTES);
    if (what == TELLS_CITATION && draft_add_citation (draft, text) != 0)
        MUST (error_get () == ERROR_BAD_MESSAGE || yyjson_mut_arr_size (draft->citations) == MAX_CITATIONS);
    if (what == TELLS_END)
        tell_end (draft, text, kind);
    MUST (draft->size < MAX_DRAFT_BYTES && strlen (draft->text) == draft->size);
    MUST (yyjson_mut_is_arr (draft->queries) && yyjson_mut_is_arr (draft->results));
}

static void must_be_written (yyjson_mut_doc *document)
{
    char *json = yyjson_mut_write (document, 0, NULL);
    yyjson_doc *read = json == NULL ? NULL : yyjson_read (json, strlen (json), 0);
    MUST (yyjson_is_obj (yyjson_doc_get_root (read)));
    yyjson_doc_free (read);
    free (json);
    yyjson_mut_doc_free (document);
}

static void check_response (const draft_t *draft)
{
    response_t response = {.id = "resp_1", .search_id = "fs_1", .message_id = "msg_1"};
    yyjson_mut_doc *document = yyjson_mut_doc_new (NULL);
    response.asked = yyjson_mut_obj (document);
    yyjson_mut_val *object = response_object (&response, draft, true, document);
    response_hide_results (object);
    yyjson_mut_doc_set_root (document, object);
    must_be_written (document);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    draft_t draft;
    MUST (draft_begin (&draft) == 0);
    while (input.size > 0) {
        uint8_t kind = take_u8 (&input);
        char *text = take_part (&input);
        tell (&draft, kind % TELLS_COUNT, text, kind / TELLS_COUNT);
        free (text);
    }
    check_response (&draft);
    completion_t completion = {.id = "chatcmpl-1", .model = "quire"};
    if (draft.end) {
        must_be_written (completion_document (&completion, &draft));
        must_be_written (completion_usage_chunk (&completion, &draft));
    }
    draft_free (&draft);
    return 0;
}

/* The parts of an answer, each behind what it is and its size. */
static void seed_parts (const char *const parts [], const uint8_t kinds [], size_t count)
{
    char text [2048];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen (parts [i]);
        text [size++] = (char) kinds [i];
        text [size++] = (char) (length & 0xFF);
        text [size++] = (char) (length >> 8);
        memcpy (text + size, parts [i], length);
        size += length;
    }
    seed (text, size);
}

void fuzz_seeds (void)
{
    static const char *const parts [] = {
        "{\"search_query\":[\"q\"],\"data\":[{\"file_id\":\"f\",\"filename\":\"a\",\"content\":[{\"type\":\"text\",\"text\":\"t\"}]}]}",
        "It is [1].", "{\"type\":\"file_citation\",\"file_id\":\"f\",\"index\":6,\"boxes\":[[1,2,3,4]]}", "[[0,3]]",
    };
    seed_parts (parts, (const uint8_t []) {TELLS_FOUND, TELLS_TEXT, TELLS_CITATION, TELLS_END + TELLS_COUNT * 16}, 4);
    seed_parts (parts, (const uint8_t []) {TELLS_FOUND, TELLS_TEXT, TELLS_END + TELLS_COUNT * 1, TELLS_CITATION}, 4);
    seed_parts (parts + 1, (const uint8_t []) {TELLS_TEXT, TELLS_END + TELLS_COUNT * 2}, 2);
}
