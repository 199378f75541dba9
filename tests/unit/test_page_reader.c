/* The page reader: which pages are read by OCR, and how each ends in the ledger. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "error.h"
#include "make_pdf.h"
#include "page_reader.h"
#include "settings.h"

static char model_dir [] = "/tmp/quire-test-model-XXXXXX";
static uint32_t ocr_page;   /* the last one on which OCR began */

static void ocr_begins (void *context UNUSED, uint32_t page)
{
    ocr_page = page;
}

/* A folder with a vocabulary that knows letters. */
static int make_model (void **state UNUSED)
{
    char path [64];
    if (settings_load () != 0 || !mkdtemp (model_dir))
        return -1;
    snprintf (path, sizeof path, "%s/vocab.txt", model_dir);
    FILE *out = fopen (path, "w");
    if (!out)
        return -1;
    fputs ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", out);
    for (char c = 'a'; c <= 'z'; c++)
        fprintf (out, "%c\n##%c\n", c, c);
    fclose (out);
    settings_override (SETTING_MODEL_DIR, model_dir);
    return 0;
}

static int drop_model (void **state UNUSED)
{
    char path [64];
    snprintf (path, sizeof path, "%s/vocab.txt", model_dir);
    unlink (path);
    return rmdir (model_dir);
}

/* Draws content as a picture, as a scanner would. Turned a quarter to the right when asked. */
static pdf_picture_t scan (const char *content, bool turned)
{
    FILE *file = make_pdf (&(pdf_spec_t) {content, turned ? "/Rotate 90" : NULL, NULL, 0, 0}, 1);
    pdf_t *pdf = pdf_open (fileno (file), "");
    pdf_picture_t picture;
    assert_non_null (pdf);
    assert_int_equal (pdf_render (pdf, 1, 150, &picture), 0);
    pdf_close (&pdf);
    fclose (file);
    return picture;
}

static page_read_t read_page (const pdf_spec_t *spec)
{
    FILE *file = make_pdf (spec, 1);
    page_reader_t *reader = page_reader_new (ocr_begins, NULL);
    pdf_t *pdf = pdf_open (fileno (file), "");
    page_read_t page;
    assert_true (reader && pdf);
    ocr_page = 0;
    assert_int_equal (page_read (reader, pdf, 1, &page), 0);
    pdf_close (&pdf);
    page_reader_destroy (&reader);
    fclose (file);
    return page;
}

static const char letter [] = "BT /F 18 Tf 72 700 Td (Scanned letters stand on this page.) Tj "
    "0 -30 Td (The second line ends here.) Tj 0 -30 Td (So does the third one.) Tj ET";

static void takes_digital_text_as_it_is (void **state UNUSED)
{
    page_read_t page = read_page (&(pdf_spec_t) {"BT /F 12 Tf 72 700 Td (Digital text) Tj ET", NULL, NULL, 0, 0});
    assert_int_equal (page.status, PAGE_TEXT);
    assert_string_equal (page.text.text, "Digital text");
    assert_string_equal (page.reason, "");
    assert_int_equal (page.chunk_count, 1);
    assert_int_equal (ocr_page, 0);
    page_read_free (&page);
}

static void finds_empty_pages_without_ocr (void **state UNUSED)
{
    page_read_t page = read_page (&(pdf_spec_t) {"q Q", NULL, NULL, 0, 0});
    assert_int_equal (page.status, PAGE_EMPTY);
    assert_int_equal (page.chunk_count, 0);
    assert_int_equal (ocr_page, 0);
    page_read_free (&page);
}

static void reads_scans (void **state UNUSED)
{
    for (int turned = 0; turned < 2; turned++) {
        pdf_picture_t picture = scan (letter, turned);
        page_read_t page = read_page (&(pdf_spec_t) {
            turned ? "q 792 0 0 612 0 0 cm /I Do Q" : "q 612 0 0 792 0 0 cm /I Do Q",
            turned ? "/MediaBox [0 0 792 612]" : NULL, picture.pixels, picture.width, picture.height});
        assert_int_equal (page.status, PAGE_OCR);
        assert_int_equal (ocr_page, 1);
        assert_non_null (strstr (page.text.text, "Scanned letters stand on this page."));
        assert_non_null (strstr (page.text.text, "third one"));
        const float *quad = page.text.words [0].quad;
        assert_float_equal (quad [0], turned ? 792 - 78 : 72, 4);   /* of "Scanned" */
        assert_float_equal (quad [1], turned ? 72 : 78, 4);
        page_read_free (&page);
        pdf_picture_free (&picture);
    }
}

static void adds_a_scan_to_digital_text (void **state UNUSED)
{
    pdf_picture_t picture = scan (letter, false);
    page_read_t page = read_page (&(pdf_spec_t) {
        "q 612 0 0 792 0 0 cm /I Do Q BT /F 12 Tf 72 60 Td (Filed under 17) Tj ET", NULL,
        picture.pixels, picture.width, picture.height});
    assert_int_equal (page.status, PAGE_OCR);
    assert_non_null (strstr (page.text.text, "Filed under 17"));
    assert_non_null (strstr (page.text.text, "The second line ends here."));
    assert_ptr_equal (strstr (strstr (page.text.text, "Filed") + 1, "Filed"), NULL);   /* once */
    page_read_free (&page);
    pdf_picture_free (&picture);
}

static void ends_pictures_without_text_as_empty (void **state UNUSED)
{
    const uint8_t white [4] = {255, 255, 255, 255};
    page_read_t page = read_page (&(pdf_spec_t) {"q 612 0 0 792 0 0 cm /I Do Q", NULL, white, 2, 2});
    assert_int_equal (page.status, PAGE_EMPTY);
    page_read_free (&page);
    page = read_page (&(pdf_spec_t) {"100 100 300 300 re f", NULL, NULL, 0, 0});
    assert_int_equal (page.status, PAGE_EMPTY);
    page_read_free (&page);
}

static void does_without_ocr_when_told (void **state UNUSED)
{
    pdf_picture_t picture = scan (letter, false);
    const pdf_spec_t spec = {"q 612 0 0 792 0 0 cm /I Do Q", NULL, picture.pixels, picture.width, picture.height};
    settings_override (SETTING_EXTRACTOR_OCR, "off");
    page_read_t page = read_page (&spec);
    assert_int_equal (page.status, PAGE_EMPTY);
    assert_int_equal (ocr_page, 0);
    page_read_free (&page);
    settings_override (SETTING_EXTRACTOR_OCR, "auto");
    settings_override (SETTING_EXTRACTOR_OCR_LANGUAGE, "no_such_language");
    page = read_page (&spec);
    assert_int_equal (page.status, PAGE_EMPTY);
    assert_non_null (strstr (page.reason, "OCR"));
    settings_override (SETTING_EXTRACTOR_OCR_LANGUAGE, "eng");
    page_read_free (&page);
    pdf_picture_free (&picture);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (takes_digital_text_as_it_is),
        cmocka_unit_test (finds_empty_pages_without_ocr),
        cmocka_unit_test (reads_scans),
        cmocka_unit_test (adds_a_scan_to_digital_text),
        cmocka_unit_test (ends_pictures_without_text_as_empty),
        cmocka_unit_test (does_without_ocr_when_told),
    };
    return cmocka_run_group_tests (tests, make_model, drop_model);
}
