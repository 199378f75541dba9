/* Canonical text: what Quire says stands on a page, and where each word of it stands. Pure.
 *
 *   - UTF-8 in NFC; ligatures opened, control and formatting characters left out
 *   - words parted by one space; the lines of a paragraph by a space too, with words that a hyphen
 *     parted at the end of a line put together again
 *   - "\n" where a line was ended on purpose (a list, an address, the row of a table), "\t" between
 *     the cells of a row, a blank line between paragraphs
 *   - writing from right to left in logical order; ideographs without spaces, each a word
 *
 * A word that was parted at the end of a line has two entries, so that both its parts are marked. */
#ifndef QUIRE_CANONICAL_H
#define QUIRE_CANONICAL_H

#include "page.h"
#include "layout.h"

typedef struct {
    char *text;          /* UTF-8, NUL-terminated */
    size_t size;         /* bytes */
    uint32_t length;     /* code points */
    word_t *words;
    size_t word_count;
    char *head;          /* the first blocks and those that look like headings, a line each */
    bool cut;            /* a limit was reached; the rest of the page is missing */
} page_text_t;

/* Is this a word of the language? Decides whether a hyphen at the end of a line belongs to a word
 * ("well-known") or only parts it ("infor-mation"). */
typedef bool (is_word_t) (const void *context, const char *text, size_t size);

/* Turns a layout into text. is_word may be NULL: every such hyphen goes. Returns 0, or -1 with
 * NO_MEMORY. page_text_free it either way. */
MUST_CHECK int canonical_text (const layout_t *layout, is_word_t *is_word, const void *context,
                               page_text_t *out);
void page_text_free (page_text_t *page);

/* Which share of the layout's glyphs has a known character: 0 to 1; 1 for none at all. */
float layout_readable (const layout_t *layout);

#endif
