/* PDF: opening what can be opened, saying why not; glyphs where they stand; pictures. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "canonical.h"
#include "error.h"
#include "make_pdf.h"
#include "pdf.h"

/* Opens a document of pages like these. */
static pdf_t *open_pages (const pdf_spec_t *pages, int count)
{
    FILE *file = make_pdf (pages, count);
    pdf_t *pdf = pdf_open (fileno (file), "");
    assert_non_null (pdf);
    fclose (file);   /* the document has its own descriptor */
    return pdf;
}

static pdf_t *open_page (const char *content, const char *attributes)
{
    return open_pages (&(pdf_spec_t) {content, attributes, NULL, 0, 0}, 1);
}

static pdf_t *open_data (const char *name, const char *password)
{
    char path [4096];
    snprintf (path, sizeof path, "%s/data/%s", TESTS_DIR, name);
    int fd = open (path, O_RDONLY);
    assert_true (fd >= 0);
    pdf_t *pdf = pdf_open (fd, password);
    close (fd);
    return pdf;
}

static error_t why_not_open (const char *bytes, size_t size)
{
    FILE *file = tmpfile ();
    assert_non_null (file);
    fwrite (bytes, 1, size, file);
    fflush (file);
    pdf_t *pdf = pdf_open (fileno (file), "");
    error_t why = pdf ? ERROR_NONE : error_get ();
    pdf_close (&pdf);
    fclose (file);
    return why;
}

static page_text_t text_of (pdf_t *pdf, uint32_t number, pdf_page_t *page)
{
    page_text_t text;
    assert_int_equal (pdf_read (pdf, number, page), 0);
    assert_int_equal (canonical_text (&page->layout, NULL, NULL, &text), 0);
    return text;
}

static void expect_text (pdf_t *pdf, const char *expected)
{
    pdf_page_t page;
    page_text_t text = text_of (pdf, 1, &page);
    assert_string_equal (text.text, expected);
    page_text_free (&text);
    pdf_page_free (&page);
}

static void says_why_a_file_can_not_be_opened (void **state UNUSED)
{
    char no_pages [2048], torn [] = "%PDF-1.4\n1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n"
        "3 0 obj <</Length 600>> stream\nBT /F 12 Tf 72 700 Td (Tor";
    FILE *file = make_pdf (NULL, 0);
    rewind (file);
    size_t size = fread (no_pages, 1, sizeof no_pages, file);
    fclose (file);
    assert_int_equal (why_not_open ("", 0), ERROR_FILE_EMPTY);
    assert_int_equal (why_not_open ("Dear Sir,", 9), ERROR_FILE_NOT_PDF);
    assert_int_equal (why_not_open ("\0\0\0", 3), ERROR_FILE_NOT_PDF);
    assert_int_equal (why_not_open ("%PDF-1.4\nnothing more", 21), ERROR_FILE_DAMAGED);
    assert_int_equal (why_not_open (no_pages, size), ERROR_FILE_NO_PAGES);
    assert_int_equal (why_not_open (torn, sizeof torn - 1), ERROR_FILE_DAMAGED);   /* its pages are lost */
}

static void opens_with_the_right_password (void **state UNUSED)
{
    static const char *const locked [] = {"password.pdf", "password_rc4.pdf"};
    for (size_t i = 0; i < COUNT_OF (locked); i++) {
        assert_null (open_data (locked [i], ""));
        assert_int_equal (error_get (), ERROR_FILE_ENCRYPTED);
        assert_null (open_data (locked [i], "wrong"));
        assert_int_equal (error_get (), ERROR_FILE_WRONG_PASSWORD);
        pdf_t *pdf = open_data (locked [i], "secret");
        assert_non_null (pdf);
        assert_true (pdf_is_encrypted (pdf));
        expect_text (pdf, "Behind a password");
        pdf_close (&pdf);
    }
}

static void needs_no_password_where_it_is_empty (void **state UNUSED)
{
    pdf_t *pdf = open_data ("empty_password.pdf", "");
    assert_non_null (pdf);
    assert_true (pdf_is_encrypted (pdf));
    expect_text (pdf, "Behind a password");
    pdf_close (&pdf);
    pdf = open_data ("empty_password.pdf", "one that is not needed");
    assert_non_null (pdf);
    pdf_close (&pdf);
}

static void repairs_a_torn_file (void **state UNUSED)
{
    char bytes [8192];
    FILE *file = make_pdf (&(pdf_spec_t) {"BT /F 12 Tf 72 700 Td (Torn) Tj ET", NULL, NULL, 0, 0}, 1);
    rewind (file);
    size_t size = fread (bytes, 1, sizeof bytes, file);
    fclose (file);
    assert_int_equal (why_not_open (bytes, size - 150), ERROR_NONE);   /* without its table of objects */
}

static void knows_pages_and_title (void **state UNUSED)
{
    const pdf_spec_t pages [3] = {{"", NULL, NULL, 0, 0}, {"", NULL, NULL, 0, 0}, {"", NULL, NULL, 0, 0}};
    pdf_page_t page;
    pdf_t *pdf = open_pages (pages, 3);
    assert_int_equal (pdf_page_count (pdf), 3);
    assert_string_equal (pdf_title (pdf), "A test (of titles)");
    assert_false (pdf_is_encrypted (pdf));
    assert_int_equal (pdf_read (pdf, 4, &page), -1);
    assert_int_equal (error_get (), ERROR_PAGE_NOT_FOUND);
    assert_int_equal (pdf_read (pdf, 0, &page), -1);
    pdf_close (&pdf);
}

/* The first word's upper left on a page with these attributes. */
static void expect_place (const char *content, const char *attributes, float width, float height,
                          float x, float y)
{
    pdf_page_t page;
    pdf_t *pdf = open_page (content, attributes);
    page_text_t text = text_of (pdf, 1, &page);
    assert_float_equal (page.width, width, 0.1);
    assert_float_equal (page.height, height, 0.1);
    assert_true (text.word_count > 0);
    assert_float_equal (text.words [0].quad [0], x, 3);
    assert_float_equal (text.words [0].quad [1], y, 3);
    page_text_free (&text);
    pdf_page_free (&page);
    pdf_close (&pdf);
}

static void finds_words_where_they_are_shown (void **state UNUSED)
{
    static const char word [] = "BT /F 10 Tf 100 700 Td (Word) Tj ET";
    expect_place (word, "", 612, 792, 100, 792 - 710);
    expect_place (word, "/Rotate 90", 792, 612, 710, 100);
    expect_place (word, "/Rotate 180", 612, 792, 512, 710);
    expect_place (word, "/Rotate 270", 792, 612, 792 - 710, 512);
    expect_place (word, "/MediaBox [50 500 350 800]", 300, 300, 50, 90);
    expect_place (word, "/CropBox [90 590 290 790]", 200, 200, 10, 80);
    expect_place (word, "/UserUnit 2", 1224, 1584, 200, 2 * (792 - 710));
    expect_place ("BT /F 10 Tf 0 1 -1 0 300 200 Tm (Upwards) Tj ET", "", 612, 792, 290, 592);
}

static void leaves_out_what_lies_beside_the_page (void **state UNUSED)
{
    pdf_t *pdf = open_page ("BT /F 10 Tf 100 700 Td (Shown) Tj 900 0 Td (Beside) Tj -900 300 Td (Above) Tj ET", NULL);
    expect_text (pdf, "Shown");
    pdf_close (&pdf);
}

static void marks_what_a_page_shows (void **state UNUSED)
{
    const uint8_t grey [4] = {0, 128, 128, 0};
    const pdf_spec_t pages [3] = {
        {"", NULL, NULL, 0, 0}, {"10 10 100 100 re f", NULL, NULL, 0, 0},
        {"q 306 0 0 792 0 0 cm /I Do Q", NULL, grey, 2, 2},
    };
    pdf_marks_t marks;
    pdf_t *pdf = open_pages (pages, 3);
    assert_int_equal (pdf_marks (pdf, 1, &marks), 0);
    assert_false (marks.marked);
    assert_int_equal (pdf_marks (pdf, 2, &marks), 0);
    assert_true (marks.marked && marks.image_share == 0);
    assert_int_equal (pdf_marks (pdf, 3, &marks), 0);
    assert_true (marks.marked);
    assert_float_equal (marks.image_share, 0.5, 0.01);
    pdf_close (&pdf);
}

/* A PNG's width and height stand at fixed places. */
static uint32_t png_number (const uint8_t *png, size_t at)
{
    return (uint32_t) png [at] << 24 | (uint32_t) png [at + 1] << 16 | (uint32_t) png [at + 2] << 8 | png [at + 3];
}

static void draws_pictures_of_bounded_size (void **state UNUSED)
{
    static const struct { const char *attributes; uint32_t width, least, most; } cases [] = {
        {"", 1000, 1000, 1000}, {"", 16, 16, 16}, {"", 4000, 3900, 4000},
        {"/MediaBox [0 0 14400 14400]", 4000, 4000, 4000},
        {"/MediaBox [0 0 10 14400]", 4000, 20, 30}, {"/MediaBox [0 0 14400 1]", 1000, 1000, 1000},
    };
    for (size_t i = 0; i < COUNT_OF (cases); i++) {
        uint8_t *png = NULL;
        size_t size;
        pdf_t *pdf = open_page ("BT /F 24 Tf 5 5 Td (Word) Tj ET", cases [i].attributes);
        assert_int_equal (pdf_draw (pdf, 1, cases [i].width, NULL, 0, &png, &size), 0);
        assert_memory_equal (png, "\x89PNG", 4);
        assert_in_range (png_number (png, 16), cases [i].least, cases [i].most);
        assert_true ((uint64_t) png_number (png, 16) * png_number (png, 20) <= MAX_PICTURE_PIXELS * 1.01);
        free (png);
        pdf_close (&pdf);
    }
}

static void draws_highlights_that_can_be (void **state UNUSED)
{
    const float quads [3] [8] = {
        {100, 80, 200, 80, 200, 100, 100, 100}, {NAN, 0, 1, 0, 1, 1, 0, 1},
        {-1e30f, 0, 1e30f, 0, 1e30f, INFINITY, 0, 1},
    };
    uint8_t *plain = NULL, *marked = NULL;
    size_t plain_size, marked_size;
    pdf_t *pdf = open_page ("BT /F 24 Tf 100 700 Td (Word) Tj ET", NULL);
    assert_int_equal (pdf_draw (pdf, 1, 300, NULL, 0, &plain, &plain_size), 0);
    assert_int_equal (pdf_draw (pdf, 1, 300, &quads [0] [0], 3, &marked, &marked_size), 0);
    assert_true (plain_size != marked_size || memcmp (plain, marked, plain_size) != 0);
    free (plain);
    free (marked);
    pdf_close (&pdf);
}

static void highlights_as_a_marker_pen_does (void **state UNUSED)
{
    pdf_t *pdf = open_page ("0 0 306 792 re f", NULL);   /* the left half is black */
    const float quad [8] = {0, 0, 612, 0, 612, 792, 0, 792};
    pdf_picture_t picture;
    uint8_t *png = NULL;
    size_t size;
    assert_int_equal (pdf_draw (pdf, 1, 100, quad, 1, &png, &size), 0);
    assert_int_equal (pdf_render (pdf, 1, 72, &picture), 0);   /* rendering knows no highlights */
    assert_int_equal (picture.width, 612);
    assert_int_equal (picture.pixels [0], 0);
    assert_int_equal (picture.pixels [611], 255);
    pdf_picture_free (&picture);
    free (png);
    pdf_close (&pdf);
}

static void reads_the_same_twice (void **state UNUSED)
{
    pdf_page_t first, second;
    pdf_t *pdf = open_page ("BT /F 10 Tf 100 700 Td (The same text) Tj 0 -12 Td (twice) Tj ET", NULL);
    page_text_t once = text_of (pdf, 1, &first), again = text_of (pdf, 1, &second);
    assert_string_equal (once.text, again.text);
    assert_int_equal (once.word_count, again.word_count);
    assert_memory_equal (once.words, again.words, once.word_count * sizeof *once.words);
    page_text_free (&once);
    page_text_free (&again);
    pdf_page_free (&first);
    pdf_page_free (&second);
    pdf_close (&pdf);
}

int main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (says_why_a_file_can_not_be_opened),
        cmocka_unit_test (opens_with_the_right_password),
        cmocka_unit_test (needs_no_password_where_it_is_empty),
        cmocka_unit_test (repairs_a_torn_file),
        cmocka_unit_test (knows_pages_and_title),
        cmocka_unit_test (finds_words_where_they_are_shown),
        cmocka_unit_test (leaves_out_what_lies_beside_the_page),
        cmocka_unit_test (marks_what_a_page_shows),
        cmocka_unit_test (draws_pictures_of_bounded_size),
        cmocka_unit_test (draws_highlights_that_can_be),
        cmocka_unit_test (highlights_as_a_marker_pen_does),
        cmocka_unit_test (reads_the_same_twice),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
