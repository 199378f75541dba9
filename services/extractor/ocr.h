/* OCR: reading the text of a picture of a page. Only ocr.c knows Tesseract and Leptonica. */
#ifndef QUIRE_OCR_H
#define QUIRE_OCR_H

#include "macros.h"
#include "layout.h"

typedef struct ocr ocr_t;

/* Opens the data of the languages ("eng+deu"); no file is opened after that. NULL with MODEL_MISSING
 * naming them, or NO_MEMORY. */
MUST_CHECK ocr_t *ocr_new (const char *languages);
void ocr_destroy (ocr_t **ocr);

/* To be called before a page is read; takes its time when it is the first. Returns 0, or -1 with
 * MODEL_MISSING. */
MUST_CHECK int ocr_load (ocr_t *ocr);

/* Reads a picture in shades of grey.
 * pixels    [height][width]   0 black
 * dpi       resolution; places in the layout are in points
 * out       an empty layout; layout_free it either way
 * A picture that lies on its side or its head is read as it is meant. Returns 0, or -1 with PAGE_DAMAGED (it could not be read) or NO_MEMORY. */
MUST_CHECK int ocr_read (ocr_t *ocr, const uint8_t *pixels, int width, int height, float dpi,
                         layout_t *out);

/* Is there nothing to see, so that OCR need not try? */
bool ocr_is_blank (const uint8_t *pixels, int width, int height);

#endif
