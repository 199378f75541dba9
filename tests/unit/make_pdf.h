/* PDFs for tests, written object by object. */
#ifndef QUIRE_TESTS_MAKE_PDF_H
#define QUIRE_TESTS_MAKE_PDF_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *content;      /* what is drawn; /F is Helvetica, /I the image */
    const char *attributes;   /* of the page, beside those that it must have; or NULL */
    const uint8_t *image;     /* grey pixels [height][width], or NULL */
    int width, height;
} pdf_spec_t;

#define PDF_MOST_OBJECTS 64

/* Writes a PDF with these pages to a temporary file that is gone when it is closed. */
static inline FILE *make_pdf (const pdf_spec_t *pages, int count)
{
    FILE *out = tmpfile ();
    long offsets [PDF_MOST_OBJECTS] = {0};
    int objects = 4 + 3 * count;
    if (!out || objects > PDF_MOST_OBJECTS)
        abort ();
    fputs ("%PDF-1.7\n", out);
    offsets [1] = ftell (out);
    fputs ("1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj\n", out);
    offsets [2] = ftell (out);
    fputs ("2 0 obj <</Type /Pages /Kids [", out);
    for (int i = 0; i < count; i++)
        fprintf (out, "%d 0 R ", 4 + 3 * i);
    fprintf (out, "] /Count %d /MediaBox [0 0 612 792]>> endobj\n", count);
    offsets [3] = ftell (out);
    fputs ("3 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding>> endobj\n", out);
    for (int i = 0; i < count; i++) {
        const pdf_spec_t *page = &pages [i];
        int number = 4 + 3 * i;
        offsets [number] = ftell (out);
        fprintf (out, "%d 0 obj <</Type /Page /Parent 2 0 R /Contents %d 0 R %s /Resources <</Font <</F 3 0 R>> "
                 "/XObject <</I %d 0 R>>>>>> endobj\n", number, number + 1,
                 page->attributes ? page->attributes : "", number + 2);
        offsets [number + 1] = ftell (out);
        fprintf (out, "%d 0 obj <</Length %zu>> stream\n%s\nendstream endobj\n", number + 1,
                 strlen (page->content), page->content);
        offsets [number + 2] = ftell (out);
        fprintf (out, "%d 0 obj <</Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray "
                 "/BitsPerComponent 8 /Length %d>> stream\n", number + 2, page->image ? page->width : 1,
                 page->image ? page->height : 1, page->image ? page->width * page->height : 1);
        fwrite (page->image ? page->image : (const uint8_t *) "\xFF", 1,
                page->image ? (size_t) page->width * (size_t) page->height : 1, out);
        fputs ("\nendstream endobj\n", out);
    }
    long xref = ftell (out);
    fprintf (out, "xref\n0 %d\n0000000000 65535 f \n", objects);
    for (int i = 1; i < objects; i++)
        fprintf (out, "%010ld 00000 %c \n", offsets [i], offsets [i] ? 'n' : 'f');
    fprintf (out, "trailer <</Size %d /Root 1 0 R /Info <</Title (A test \\(of titles\\))>>>>\nstartxref\n%ld\n%%%%EOF\n",
             objects, xref);
    fflush (out);
    return out;
}

#endif
