/* Page check: see page_check.h. */
#include "page_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "page.h"
#include "utf8.h"

static bool is_size (float points)
{
    return isfinite (points) && points >= 0 && points < 1e7f;
}

int page_check (const page_message_t *page, uint32_t number)
{
    size_t size = strlen (page->text), count = 0;
    if (page->page != number || page->status == 0 || page->status >= PAGE_STATUS_END
        || page->status == PAGE_TIMED_OUT || !is_size (page->width) || !is_size (page->height)
        || size > MAX_PAGE_TEXT_BYTES || strlen (page->head) > MAX_HEAD_BYTES
        || strlen (page->reason) > MAX_ERROR_TEXT)
        return error_set (ERROR_BAD_MESSAGE, NULL);
    uint32_t length = utf8_length (page->text, size);
    word_t *words = words_unpack (page->words, page->width, page->height, length, &count);
    chunk_t *chunks = words ? chunks_unpack (page->chunks, length, &count) : NULL;
    int result = words && chunks ? 0 : -1;
    free (words);
    free (chunks);
    return result;
}
