/* The page reader: one page of an open document in, what the ledger keeps of it out. */
#ifndef QUIRE_PAGE_READER_H
#define QUIRE_PAGE_READER_H

#include "canonical.h"
#include "page.h"
#include "pdf.h"

typedef struct page_reader page_reader_t;

/* Called before OCR, which may take long, is begun. */
typedef void (ocr_begins_t) (void *context, uint32_t page);

/* Loads the vocabulary from MODEL_DIR and opens the data of OCR; no file is opened after that. NULL
 * with MODEL_MISSING or NO_MEMORY. */
MUST_CHECK page_reader_t *page_reader_new (ocr_begins_t *ocr_begins, void *context);
void page_reader_destroy (page_reader_t **reader);

typedef struct {
    page_status_t status;
    const char *reason;      /* for the user; "" when there is nothing to say */
    float width, height;
    page_text_t text;
    chunk_t *chunks;
    size_t chunk_count;
} page_read_t;

/* Reads a page. Whatever is wrong with the page ends in its status; -1 means that the reader itself
 * failed (NO_MEMORY). page_read_free it either way. */
MUST_CHECK int page_read (page_reader_t *reader, pdf_t *pdf, uint32_t page, page_read_t *out);
void page_read_free (page_read_t *page);

#endif
