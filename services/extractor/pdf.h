/* PDF: opening a document, reading the glyphs of its pages, drawing them. Only pdf.c knows MuPDF.
 *
 * Pages count from 1. Places are in points of the page as it is shown: boxes, rotation and user
 * unit applied, origin at the upper left. */
#ifndef QUIRE_PDF_H
#define QUIRE_PDF_H

#include "macros.h"
#include "layout.h"

#define MAX_PICTURE_PIXELS 22000000u   /* as PNG, at worst 3 bytes each, it fits one message */
#define MAX_TITLE_BYTES    1024

typedef struct pdf pdf_t;

/* Opens the document that an open descriptor holds; the descriptor stays the caller's and is used
 * until pdf_close. A password that is not needed is not looked at. NULL with FILE_EMPTY,
 * FILE_NOT_PDF, FILE_DAMAGED, FILE_ENCRYPTED, FILE_WRONG_PASSWORD, FILE_NO_PAGES or NO_MEMORY. */
MUST_CHECK pdf_t *pdf_open (int fd, const char *password);
void pdf_close (pdf_t **pdf);

uint32_t pdf_page_count (const pdf_t *pdf);
bool pdf_is_encrypted (const pdf_t *pdf);
const char *pdf_title (const pdf_t *pdf);   /* from the metadata, well-formed UTF-8, or "" */

typedef struct {
    float width, height;
    layout_t layout;
    bool damaged;          /* not all of it could be read */
} pdf_page_t;

/* Reads the glyphs of a page. Returns 0, or -1 with PAGE_NOT_FOUND, PAGE_DAMAGED, PAGE_TOO_BIG or
 * NO_MEMORY. pdf_page_free it either way. */
MUST_CHECK int pdf_read (pdf_t *pdf, uint32_t page, pdf_page_t *out);
void pdf_page_free (pdf_page_t *page);

/* What a page shows beside text. */
typedef struct {
    bool marked;           /* anything at all is drawn on it */
    float image_share;     /* of the page's area that images cover, 0 to 1 */
} pdf_marks_t;
MUST_CHECK int pdf_marks (pdf_t *pdf, uint32_t page, pdf_marks_t *out);

/* A picture in shades of grey, a byte each, for reading by OCR. */
typedef struct {
    uint8_t *pixels;       /* [height][width] */
    int width, height;
    float dpi;             /* resolution; lower than asked for when the page is large */
} pdf_picture_t;
MUST_CHECK int pdf_render (pdf_t *pdf, uint32_t page, float dpi, pdf_picture_t *out);
void pdf_picture_free (pdf_picture_t *picture);

/* Draws a page as PNG, `width` pixels wide (less when it would have more than MAX_PICTURE_PIXELS),
 * with quads (8 numbers each, as in page.h) marked. The caller frees *png. Errors as pdf_read. */
MUST_CHECK int pdf_draw (pdf_t *pdf, uint32_t page, uint32_t width, const float *quads,
                         size_t quad_count, uint8_t **png, size_t *png_size);

#endif
