/* Canonical text: whatever glyphs stand on a page, its text is UTF-8 in NFC, every word has its range in
 * it, in order, and every limit is kept. Glyphs that another reader found can be added to it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "drawing.h"
#include "page.h"
#include "utf8.h"

void fuzz_start (void) {}

static void check_composed (const page_text_t *page)
{
    utf8proc_uint8_t *composed = utf8proc_NFC ((const utf8proc_uint8_t *) page->text);
    MUST (composed && strcmp ((const char *) composed, page->text) == 0);
    free (composed);
}

static void check_words (const page_text_t *page)
{
    MUST (page->word_count <= MAX_PAGE_WORDS);
    for (size_t i = 0; i < page->word_count; i++) {
        MUST (page->words [i].start < page->words [i].end && page->words [i].end <= page->length);
        MUST (i == 0 || page->words [i].start >= page->words [i - 1].end);
    }
}

/* All that is not white space belongs to a word. */
static void check_text (const page_text_t *page)
{
    size_t at = 0, word = 0;
    MUST (strlen (page->text) == page->size && page->size <= MAX_PAGE_TEXT_BYTES);
    MUST (utf8_valid (page->text, page->size) && utf8_length (page->text, page->size) == page->length);
    for (uint32_t position = 0; at < page->size; position++) {
        uint32_t c = utf8_next (page->text, page->size, &at);
        while (word < page->word_count && page->words [word].end <= position)
            word++;
        bool inside = word < page->word_count && page->words [word].start <= position;
        MUST (inside != (c == ' ' || c == '\t' || c == '\n'));
    }
    MUST (strlen (page->head) < MAX_HEAD_BYTES && utf8_valid (page->head, strlen (page->head)));
}

static void check_page (const layout_t *layout, bool with_words)
{
    page_text_t page;
    MUST (canonical_text (layout, with_words ? drawing_is_word : NULL, NULL, &page) == 0);
    check_text (&page);
    check_words (&page);
    check_composed (&page);
    page_text_free (&page);
    float readable = layout_readable (layout);
    MUST (readable >= 0 && readable <= 1);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    bool with_words = take_u8 (&input) % 2, added;
    layout_t layout = {0}, other = {0};
    drawing_read (&input, &layout);    /* up to its end mark */
    check_page (&layout, with_words);
    drawing_read (&input, &other);
    MUST (layout_add_missing (&layout, &other, &added) == 0);
    check_page (&layout, with_words);
    layout_free (&other);
    layout_free (&layout);
    return 0;
}

void fuzz_seeds (void)
{
    drawing_seeds ();
}
