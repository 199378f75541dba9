/* image: a page's picture: where the passage stands (answerer), then the drawing (extractor). */
#include "image.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "draws.h"

#define MAX_OFFSET 0x7fffffffu
#define MAX_ETAG   80
#define BLOB_TAG   16   /* hex digits of the blob's name that a tag holds */

/* -- ranges ---------------------------------------------------------------------------------- */

/* Reads a number and what must follow it, or the end. Returns where it goes on, or NULL. */
static const char *offset_read (const char *at, char follower, bool may_end, uint32_t *out)
{
    uint64_t value = 0;
    if (!isdigit ((unsigned char) *at))
        return NULL;
    for (; isdigit ((unsigned char) *at); at++)
        if ((value = value * 10 + (uint64_t) (*at - '0')) > MAX_OFFSET)
            return NULL;
    *out = (uint32_t) value;
    if (*at == 0)
        return may_end ? at : NULL;
    return *at == follower ? at + 1 : NULL;
}

int highlights_parse (const char *text, uint32_t *out)
{
    int count = 0;
    for (const char *at = text; *at != 0; count++) {
        if (count == MAX_HIGHLIGHTS)
            return error_set (ERROR_BAD_FIELD, "'highlight' has more than %d ranges.", MAX_HIGHLIGHTS);
        uint32_t *range = out + 2 * count;
        at = offset_read (at, '-', false, &range [0]);
        if (at != NULL)
            at = offset_read (at, ',', true, &range [1]);
        if (at == NULL || range [0] >= range [1])
            return error_set (ERROR_BAD_FIELD, "'highlight' must be ranges of the page's text such as "
                              "10-52,60-75, each start before its end.");
    }
    return count;
}

/* -- the picture ----------------------------------------------------------------------------- */

static void on_drawn (void *context, bytes_t png, error_t error, const char *text)
{
    request_t *request = context;
    if (png.data == NULL) {
        request_fail (request, error, text, NULL);
        return;
    }
    char *copy = malloc (png.size + 1);
    if (copy == NULL) {
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
        return;
    }
    memcpy (copy, png.data, png.size);
    request_add_header (request, "ETag", request_kept (request));
    request_add_header (request, "Cache-Control", "private, max-age=3600");
    request_answer_taken (request, 200, "image/png", &copy, png.size);
}

/* The same blob, page, width and marks give the same picture. */
static char *tag_new (const request_t *request, const char *sha256)
{
    uint32_t marks = 2166136261u;
    char *tag = calloc (1, MAX_ETAG);
    for (const char *at = request_text (request, "highlight"); *at != 0; at++)
        marks = (marks ^ (unsigned char) *at) * 16777619u;
    if (tag != NULL)
        snprintf (tag, MAX_ETAG, "\"%.*s-%lld-%lld-%08x\"", BLOB_TAG, sha256,
                  (long long) request_integer (request, "page"), (long long) request_integer (request, "width"), marks);
    return tag;
}

/* Answers without drawing when the page can't be drawn, or the client has the picture. */
static bool answered_without (request_t *request, const located_message_t *located)
{
    const char *known = request_header (request, "If-None-Match");
    const char *tag = request_kept (request);
    if (tag == NULL)
        request_fail (request, ERROR_NO_MEMORY, NULL, NULL);
    else if (located->pages == 0)
        request_fail (request, ERROR_PAGE_NOT_READ, NULL, "page");
    else if (request_integer (request, "page") > located->pages)
        request_fail (request, ERROR_PAGE_NOT_FOUND, NULL, "page");
    else if (known != NULL && strstr (known, tag) != NULL) {
        request_add_header (request, "ETag", tag);
        request_answer_empty (request, 304);
    } else
        return false;
    return true;
}

static void on_located (void *context, const ask_answer_t *answer)
{
    request_t *request = context;
    if (answer->message == NULL || answer->message->id != MESSAGE_LOCATED) {
        api_fail (request, answer);
        return;
    }
    const located_message_t *located = &answer->message->located;
    request_keep (request, tag_new (request, located->sha256), free);
    if (answered_without (request, located))
        return;
    draw_page_message_t page = {.sha256 = located->sha256, .password = located->password,
                                .page = (uint32_t) request_integer (request, "page"),
                                .width = (uint32_t) request_integer (request, "width"),
                                .highlights = located->quads};
    draw_page (&page, on_drawn, request);
}

static void put_u32 (uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out [i] = (uint8_t) (value >> 8 * i);
}

void api_get_page_image (request_t *request)
{
    uint32_t ranges [2 * MAX_HIGHLIGHTS];
    uint8_t packed [sizeof ranges];
    int count = highlights_parse (request_text (request, "highlight"), ranges);
    if (count < 0) {
        request_fail (request, error_get (), error_text (), "highlight");
        return;
    }
    for (int i = 0; i < 2 * count; i++)
        put_u32 (packed + 4 * i, ranges [i]);
    message_t message = {.id = MESSAGE_LOCATE,
                         .locate = {.file_id = request_text (request, "file_id"),
                                    .page = (uint32_t) request_integer (request, "page"),
                                    .ranges = {packed, 8 * (size_t) count}}};
    ask (&message, on_located, request);
}
