/* OCR: see ocr.h. Tesseract's LSTM engine, one thread (OMP_THREAD_LIMIT=1 in the environment). */
#include "ocr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <tesseract/capi.h>

#include "common/error.h"
#include "common/utf8.h"
#include "letters.h"

#define LEAST_CONFIDENCE        30.0f   /* of 100: words below are noise of pictures, mostly */
#define LEAST_CONFIDENCE_SYMBOL 60.0f   /* the same for words without letters and digits */
#define LINE_TO_SIZE            0.8f    /* the height of a line's box is about the font's size by this */
#define LEAST_CONTRAST          32      /* of 255 between the lightest and the darkest pixel */

struct ocr {
    TessBaseAPI *api;
};

/* -- lifetime ------------------------------------------------------------------------------------- */

ocr_t *ocr_new (const char *languages)
{
    ocr_t *ocr = calloc (1, sizeof *ocr);
    if (ocr)
        ocr->api = TessBaseAPICreate ();
    if (!ocr || !ocr->api) {
        free (ocr);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    TessBaseAPISetVariable (ocr->api, "debug_file", "/dev/null");
    if (TessBaseAPIInit2 (ocr->api, NULL, languages, OEM_LSTM_ONLY) != 0) {
        error_set (ERROR_MODEL_MISSING, "OCR data for '%s' is not installed (tesseract-ocr-…).", languages);
        ocr_destroy (&ocr);
        return NULL;
    }
    TessBaseAPISetPageSegMode (ocr->api, PSM_AUTO);
    return ocr;
}

void ocr_destroy (ocr_t **ocr)
{
    if (!*ocr)
        return;
    TessBaseAPIEnd ((*ocr)->api);
    TessBaseAPIDelete ((*ocr)->api);
    free (*ocr);
    *ocr = NULL;
}

/* -- words ---------------------------------------------------------------------------------------- */

typedef struct {
    float x0, y0, x1, y1;
} box_t;

static bool word_box (const TessResultIterator *at, float scale, box_t *box)
{
    int left, top, right, bottom;
    const TessPageIterator *page = TessResultIteratorGetPageIteratorConst (at);
    if (!TessPageIteratorBoundingBox (page, RIL_WORD, &left, &top, &right, &bottom))
        return false;
    *box = (box_t) {(float) left * scale, (float) top * scale, (float) right * scale, (float) bottom * scale};
    return true;
}

/* The direction of writing at an iterator's place. */
static void direction (TessResultIterator *at, float *dx, float *dy)
{
    static const float steps [4] [2] = {
        [ORIENTATION_PAGE_UP] = {1, 0}, [ORIENTATION_PAGE_RIGHT] = {0, 1},
        [ORIENTATION_PAGE_DOWN] = {-1, 0}, [ORIENTATION_PAGE_LEFT] = {0, -1},
    };
    TessOrientation orientation = ORIENTATION_PAGE_UP;
    TessWritingDirection writing;
    TessTextlineOrder order;
    float angle;
    TessPageIteratorOrientation (TessResultIteratorGetPageIterator (at), &orientation, &writing, &order, &angle);
    *dx = steps [orientation & 3] [0];
    *dy = steps [orientation & 3] [1];
}

/* The slice of a word's box that its letter number `index` of `count` has. */
static box_t slice (box_t word, float dx, float dy, size_t index, size_t count)
{
    float from = (float) index / (float) count, to = (float) (index + 1) / (float) count;
    if (dx < 0 || dy < 0) {
        float flipped = 1 - to;
        to = 1 - from;
        from = flipped;
    }
    float width = word.x1 - word.x0, height = word.y1 - word.y0;
    if (dx != 0)
        return (box_t) {word.x0 + from * width, word.y0, word.x0 + to * width, word.y1};
    return (box_t) {word.x0, word.y0 + from * height, word.x1, word.y0 + to * height};
}

static int add_glyph (layout_t *out, uint32_t code_point, box_t box)
{
    glyph_t glyph = {
        .code_point = code_point,
        .quad = {box.x0, box.y0, box.x1, box.y0, box.x1, box.y1, box.x0, box.y1},
    };
    return layout_add_glyph (out, &glyph);
}

static int add_word (layout_t *out, const char *text, box_t box)
{
    size_t size = strlen (text), index = 0, count = utf8_length (text, size);
    const layout_line_t *line = &out->lines [out->line_count - 1];
    float dx = line->dx, dy = line->dy;
    if (line->count > 0 && add_glyph (out, ' ', slice (box, dx, dy, 0, 1000)) != 0)
        return -1;
    for (size_t at = 0; at < size; index++) {
        uint32_t code_point = utf8_next (text, size, &at);
        if (add_glyph (out, code_point, slice (box, dx, dy, index, count)) != 0)
            return -1;
    }
    return 0;
}

static bool is_credible (const TessResultIterator *at, const char *text)
{
    float confidence = TessResultIteratorConfidence (at, RIL_WORD);
    size_t size = strlen (text);
    for (size_t i = 0; i < size;) {
        uint32_t c = utf8_next (text, size, &i);
        if (letter_is_letter (c) || letter_is_digit (c))
            return confidence >= LEAST_CONFIDENCE;
    }
    return confidence >= LEAST_CONFIDENCE_SYMBOL;
}

/* Begins a line, and a block, where the iterator stands at the beginning of one. */
static int begin (TessResultIterator *at, layout_t *out)
{
    const TessPageIterator *page = TessResultIteratorGetPageIteratorConst (at);
    if (TessPageIteratorIsAtBeginningOf (page, RIL_PARA))
        layout_end_block (out);
    if (!TessPageIteratorIsAtBeginningOf (page, RIL_TEXTLINE) && out->line_count > 0)
        return 0;
    float dx, dy;
    direction (at, &dx, &dy);
    return layout_begin_line (out, dx, dy, false);
}

static int take_word (TessResultIterator *at, float scale, layout_t *out)
{
    box_t box;
    if (begin (at, out) != 0)
        return -1;
    char *text = TessResultIteratorGetUTF8Text (at, RIL_WORD);
    int result = 0;
    if (text && is_credible (at, text) && word_box (at, scale, &box))
        result = add_word (out, text, box);
    TessDeleteText (text);
    return result;
}

/* -- sizes ---------------------------------------------------------------------------------------- */

/* How far a line reaches across the writing. */
static float line_height (const layout_t *layout, const layout_line_t *line)
{
    float low = INFINITY, high = -INFINITY;
    for (size_t i = line->first; i < line->first + line->count; i++) {
        for (int k = 0; k < 8; k += 2) {
            const float *corner = layout->glyphs [i].quad + k;
            float across = corner [1] * line->dx - corner [0] * line->dy;
            low = fminf (low, across);
            high = fmaxf (high, across);
        }
    }
    return line->count ? high - low : 0;
}

/* Gives all glyphs of a block one size, as boxes of single lines vary with their letters. */
static void set_sizes (layout_t *layout, size_t first_line)
{
    for (size_t begin = first_line, end; begin < layout->line_count; begin = end) {
        float sum = 0, lines = 0;
        for (end = begin; end < layout->line_count && (end == begin || !layout->lines [end].begins_block); end++) {
            sum += line_height (layout, &layout->lines [end]);
            lines += layout->lines [end].count > 0;
        }
        const layout_line_t *last = &layout->lines [end - 1];
        for (size_t i = layout->lines [begin].first; i < last->first + last->count; i++)
            layout->glyphs [i].size = LINE_TO_SIZE * sum / lines;
    }
}

/* -- reading -------------------------------------------------------------------------------------- */

static int take_words (ocr_t *ocr, float scale, layout_t *out)
{
    TessResultIterator *at = TessBaseAPIGetIterator (ocr->api);
    if (!at)
        return 0;   /* no text at all */
    int result = 0;
    size_t first_line = out->line_count;
    layout_end_block (out);
    do
        result = take_word (at, scale, out);
    while (result == 0 && TessResultIteratorNext (at, RIL_WORD));
    TessResultIteratorDelete (at);
    set_sizes (out, first_line);
    return result;
}

int ocr_read (ocr_t *ocr, const uint8_t *pixels, int width, int height, float dpi, layout_t *out)
{
    TessBaseAPISetImage (ocr->api, pixels, width, height, 1, width);
    TessBaseAPISetSourceResolution (ocr->api, (int) lrintf (fmaxf (dpi, 70)));
    int result = 0;
    if (TessBaseAPIRecognize (ocr->api, NULL) != 0)
        result = error_set (ERROR_PAGE_DAMAGED, NULL);
    else
        result = take_words (ocr, 72 / dpi, out);
    TessBaseAPIClear (ocr->api);
    return result;
}

bool ocr_is_blank (const uint8_t *pixels, int width, int height)
{
    uint8_t darkest = 255, lightest = 0;
    for (size_t i = 0; i < (size_t) width * (size_t) height; i++) {
        darkest = pixels [i] < darkest ? pixels [i] : darkest;
        lightest = pixels [i] > lightest ? pixels [i] : lightest;
    }
    return lightest - darkest < LEAST_CONTRAST;
}
