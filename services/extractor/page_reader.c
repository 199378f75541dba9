/* The page reader: see page_reader.h.
 *
 * Digital text is taken as it is. A page without any, or with little of it on a large image, or
 * with text whose characters are not known, is looked at by OCR too. */
#include "page_reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk.h"
#include "error.h"
#include "log.h"
#include "settings.h"
#include "ocr.h"

#define OCR_DPI          300.0f
#define LITTLE_TEXT      200     /* code points: so few on a large image may not be all there is */
#define LARGE_IMAGE      0.5f    /* of the page's area */
#define LEAST_READABLE   0.5f    /* of the glyphs: with fewer known ones the text is no text */
#define MAX_PATH_BYTES   4096

struct page_reader {
    vocabulary_t *vocabulary;
    int32_t unknown;         /* the id of [UNK] */
    ocr_t *ocr;              /* NULL when it is not wanted, or its data is missing */
    bool ocr_wanted;
    ocr_begins_t *ocr_begins;
    void *context;
};

/* -- lifetime ------------------------------------------------------------------------------------- */

/* A word longer than the tokenizer takes is unknown to it, whatever the vocabulary. */
static int32_t unknown_piece (const vocabulary_t *vocabulary)
{
    char word [128];
    int32_t ids [3];
    memset (word, 'a', sizeof word);
    word_pieces (vocabulary, word, sizeof word, ids, COUNT_OF (ids));
    return ids [1];
}

page_reader_t *page_reader_new (ocr_begins_t *ocr_begins, void *context)
{
    page_reader_t *reader = calloc (1, sizeof *reader);
    if (!reader) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    char path [MAX_PATH_BYTES];
    snprintf (path, sizeof path, "%s/vocab.txt", settings_text (SETTING_MODEL_DIR));
    reader->vocabulary = vocabulary_load (path);
    if (!reader->vocabulary) {
        page_reader_destroy (&reader);
        return NULL;
    }
    reader->unknown = unknown_piece (reader->vocabulary);
    reader->ocr_wanted = strcmp (settings_text (SETTING_EXTRACTOR_OCR), "off") != 0;
    if (reader->ocr_wanted && !(reader->ocr = ocr_new (settings_text (SETTING_EXTRACTOR_OCR_LANGUAGE))))
        log_warning ("ocr_missing", "why=\"%s\"", error_text ());
    reader->ocr_begins = ocr_begins;
    reader->context = context;
    return reader;
}

void page_reader_destroy (page_reader_t **reader)
{
    if (!*reader)
        return;
    ocr_destroy (&(*reader)->ocr);
    vocabulary_destroy (&(*reader)->vocabulary);
    free (*reader);
    *reader = NULL;
}

/* -- text ----------------------------------------------------------------------------------------- */

/* A word of the language is one that the vocabulary holds whole. */
static bool is_word (const void *context, const char *text, size_t size)
{
    const page_reader_t *reader = context;
    int32_t ids [3];
    return word_pieces (reader->vocabulary, text, size, ids, COUNT_OF (ids)) == COUNT_OF (ids)
        && ids [1] != reader->unknown;
}

static int make_text (page_reader_t *reader, const layout_t *layout, page_read_t *out)
{
    page_text_free (&out->text);
    return canonical_text (layout, is_word, reader, &out->text);
}

static int fail (page_read_t *out, error_t code)
{
    if (code == ERROR_NO_MEMORY)
        return -1;
    out->status = PAGE_FAILED;
    out->reason = error_default (code);
    return 0;
}

/* -- OCR ------------------------------------------------------------------------------------------ */

/* Does the page show something that its digital text does not tell? */
static bool needs_ocr (pdf_t *pdf, uint32_t page, const page_text_t *text)
{
    pdf_marks_t marks;
    if (text->length >= LITTLE_TEXT || pdf_marks (pdf, page, &marks) != 0)
        return false;
    return text->length == 0 ? marks.marked : marks.image_share >= LARGE_IMAGE;
}

static int recognise (page_reader_t *reader, pdf_t *pdf, uint32_t page, layout_t *found)
{
    pdf_picture_t picture;
    int result = pdf_render (pdf, page, OCR_DPI, &picture);
    if (result == 0 && !ocr_is_blank (picture.pixels, picture.width, picture.height))
        result = ocr_read (reader->ocr, picture.pixels, picture.width, picture.height, picture.dpi, found);
    pdf_picture_free (&picture);
    return result;
}

/* Adds what OCR finds and the layout has not. */
static int add_by_ocr (page_reader_t *reader, pdf_t *pdf, uint32_t page, layout_t *layout, page_read_t *out)
{
    if (!reader->ocr || ocr_load (reader->ocr) != 0) {
        out->reason = "The page may hold text as a picture, but the data for OCR is not installed.";
        return 0;
    }
    if (reader->ocr_begins)
        reader->ocr_begins (reader->context, page);
    layout_t found = {0};
    int result = recognise (reader, pdf, page, &found);
    bool added = false;
    if (result == 0)
        result = layout_add_missing (layout, &found, &added);
    if (result == 0 && added)
        result = make_text (reader, layout, out);
    if (result == 0 && added && out->text.length > 0)
        out->status = PAGE_OCR;
    layout_free (&found);
    return result;
}

/* -- reading -------------------------------------------------------------------------------------- */

static void judge (page_read_t *out, bool damaged)
{
    if (out->text.cut)
        out->reason = "The page has more text than Quire takes; the rest was left out.";
    else if (damaged)
        out->reason = "Part of the page is damaged and could not be read.";
    if (out->status == 0)
        out->status = out->text.length > 0 ? PAGE_TEXT : PAGE_EMPTY;
}

static int read_layout (page_reader_t *reader, pdf_t *pdf, uint32_t page, pdf_page_t *read, page_read_t *out)
{
    if (make_text (reader, &read->layout, out) != 0)
        return -1;
    bool unreadable = layout_readable (&read->layout) < LEAST_READABLE;
    if (reader->ocr_wanted && (unreadable || needs_ocr (pdf, page, &out->text))) {
        layout_t nothing = {0};
        if (add_by_ocr (reader, pdf, page, unreadable ? &nothing : &read->layout, out) != 0
            && out->text.length == 0)
            fail (out, error_get ());
        layout_free (&nothing);
    }
    judge (out, read->damaged);
    out->chunks = chunk_text (reader->vocabulary, out->text.text, out->text.size, &out->chunk_count);
    return out->chunks ? 0 : -1;
}

int page_read (page_reader_t *reader, pdf_t *pdf, uint32_t page, page_read_t *out)
{
    *out = (page_read_t) {.reason = ""};
    pdf_page_t read;
    int result = pdf_read (pdf, page, &read);
    out->width = read.width;
    out->height = read.height;
    if (result == 0)
        result = read_layout (reader, pdf, page, &read, out);
    else
        result = fail (out, error_get ());
    pdf_page_free (&read);
    return result;
}

void page_read_free (page_read_t *page)
{
    page_text_free (&page->text);
    free (page->chunks);
    page->chunks = NULL;
}
