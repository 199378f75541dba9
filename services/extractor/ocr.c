/* OCR: see ocr.h. Tesseract's LSTM engine, one thread (OMP_THREAD_LIMIT=1 in the environment).
 *
 * Loading a language takes as long as reading a dozen pages of digital text, so it waits until a page
 * needs OCR. By then no file can be opened any more: its data is mapped at the start. */
#define _GNU_SOURCE   /* memmem */
#include "ocr.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>

#include "error.h"
#include "utf8.h"
#include "letters.h"

#define DATA_FOLDER             "/usr/share/tesseract-ocr/5/tessdata"   /* of Debian's packages */
#define MAX_PATH_BYTES          512
#define CONFIGURATION_BYTES     4096    /* a language's settings stand within so many of its data */
#define LEAST_LINE_CONFIDENCE   45.0f   /* of 100: lines below are noise of pictures, mostly … */
#define LEAST_WORD_CONFIDENCE   70.0f   /* … but for words above this one */
#define LEAST_SYMBOL_CONFIDENCE 60.0f   /* of words without letters and digits, in any line */
#define TURN_CONFIDENCE         55.0f   /* with less on average the page may lie on its side … */
#define TURN_WORDS              8       /* … when there are as many words */
#define LINE_TO_SIZE            0.8f    /* the height of a line's box is about the font's size by this */
#define LEAST_CONTRAST          32      /* of 255 between the lightest and the darkest pixel */

struct ocr {
    TessBaseAPI *api;
    char *languages;
    void *data;              /* of the language that is still to be loaded; NULL when all are */
    size_t size;
};

/* -- lifetime ------------------------------------------------------------------------------------- */

/* Maps a language's data, if that is a language alone and needs no other. */
static void map_data (ocr_t *ocr)
{
    static const char needs_others [] = "tessedit_load_sublangs";
    char path [MAX_PATH_BYTES];
    struct stat status;
    snprintf (path, sizeof path, DATA_FOLDER "/%s.traineddata", ocr->languages);
    int fd = strpbrk (ocr->languages, "+~/") ? -1 : open (path, O_RDONLY | O_CLOEXEC);
    void *data = fd >= 0 && fstat (fd, &status) == 0 && status.st_size > CONFIGURATION_BYTES
        ? mmap (NULL, (size_t) status.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        close (fd);
    if (data == MAP_FAILED)
        return;
    ocr->size = (size_t) status.st_size;
    if (memmem (data, CONFIGURATION_BYTES, needs_others, sizeof needs_others - 1))
        munmap (data, ocr->size);
    else
        ocr->data = data;
}

static int not_installed (const ocr_t *ocr)
{
    return error_set (ERROR_MODEL_MISSING, "OCR data for '%s' is not installed (tesseract-ocr-…).", ocr->languages);
}

ocr_t *ocr_new (const char *languages)
{
    ocr_t *ocr = calloc (1, sizeof *ocr);
    if (ocr) {
        ocr->api = TessBaseAPICreate ();
        ocr->languages = strdup (languages);
    }
    if (!ocr || !ocr->api || !ocr->languages) {
        ocr_destroy (&ocr);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    setMsgSeverity (L_SEVERITY_NONE);   /* Leptonica does not write to our log */
    map_data (ocr);
    if (!ocr->data && TessBaseAPIInit2 (ocr->api, NULL, languages, OEM_LSTM_ONLY) != 0) {
        not_installed (ocr);
        ocr_destroy (&ocr);
        return NULL;
    }
    return ocr;
}

static void unmap_data (ocr_t *ocr)
{
    if (ocr->data)
        munmap (ocr->data, ocr->size);
    ocr->data = NULL;
}

int ocr_load (ocr_t *ocr)
{
    if (ocr->data && TessBaseAPIInit5 (ocr->api, ocr->data, (int) ocr->size, ocr->languages, OEM_LSTM_ONLY,
                                       NULL, 0, NULL, NULL, 0, 0) != 0)
        return not_installed (ocr);
    unmap_data (ocr);
    TessBaseAPISetPageSegMode (ocr->api, PSM_AUTO);
    return 0;
}

void ocr_destroy (ocr_t **ocr)
{
    if (!*ocr)
        return;
    unmap_data (*ocr);
    if ((*ocr)->api) {
        TessBaseAPIEnd ((*ocr)->api);
        TessBaseAPIDelete ((*ocr)->api);
    }
    free ((*ocr)->languages);
    free (*ocr);
    *ocr = NULL;
}

/* -- words ---------------------------------------------------------------------------------------- */

typedef struct {
    float x0, y0, x1, y1;
} box_t;

/* One reading of a picture: what was found, and how sure Tesseract is of it. */
typedef struct {
    layout_t layout;
    float scale;             /* points a pixel */
    float line_confidence;   /* of the current line */
    double sum;              /* of the words' confidences */
    size_t words;
} reading_t;

static bool word_box (const TessResultIterator *at, float scale, box_t *box)
{
    int left, top, right, bottom;
    const TessPageIterator *page = TessResultIteratorGetPageIteratorConst (at);
    if (!TessPageIteratorBoundingBox (page, RIL_WORD, &left, &top, &right, &bottom))
        return false;
    *box = (box_t) {(float) left * scale, (float) top * scale, (float) right * scale, (float) bottom * scale};
    return true;
}

/* The direction of writing at an iterator's place. Tesseract takes lines that run down the page for
 * vertical writing on an upright page. */
static void direction (TessResultIterator *at, float *dx, float *dy)
{
    static const float steps [4] [2] = {
        [ORIENTATION_PAGE_UP] = {1, 0}, [ORIENTATION_PAGE_RIGHT] = {0, 1},
        [ORIENTATION_PAGE_DOWN] = {-1, 0}, [ORIENTATION_PAGE_LEFT] = {0, -1},
    };
    TessOrientation orientation = ORIENTATION_PAGE_UP;
    TessWritingDirection writing = WRITING_DIRECTION_LEFT_TO_RIGHT;
    TessTextlineOrder order;
    float angle;
    TessPageIteratorOrientation (TessResultIteratorGetPageIterator (at), &orientation, &writing, &order, &angle);
    unsigned quarters = (unsigned) orientation + (writing == WRITING_DIRECTION_TOP_TO_BOTTOM);
    *dx = steps [quarters & 3] [0];
    *dy = steps [quarters & 3] [1];
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

static bool has_letters (const char *text)
{
    size_t size = strlen (text);
    for (size_t i = 0; i < size;) {
        uint32_t c = utf8_next (text, size, &i);
        if (letter_is_letter (c) || letter_is_digit (c))
            return true;
    }
    return false;
}

/* Tesseract is often unsure of single words that are right, so a word counts by its line too. */
static bool is_credible (const reading_t *reading, float confidence, const char *text)
{
    if (!has_letters (text))
        return confidence >= LEAST_SYMBOL_CONFIDENCE && reading->line_confidence >= LEAST_LINE_CONFIDENCE;
    return confidence >= LEAST_WORD_CONFIDENCE || reading->line_confidence >= LEAST_LINE_CONFIDENCE;
}

/* Begins a line, and a block, where the iterator stands at the beginning of one. */
static int begin (TessResultIterator *at, reading_t *reading)
{
    const TessPageIterator *page = TessResultIteratorGetPageIteratorConst (at);
    if (TessPageIteratorIsAtBeginningOf (page, RIL_PARA))
        layout_end_block (&reading->layout);
    if (!TessPageIteratorIsAtBeginningOf (page, RIL_TEXTLINE) && reading->layout.line_count > 0)
        return 0;
    float dx, dy;
    direction (at, &dx, &dy);
    reading->line_confidence = TessResultIteratorConfidence (at, RIL_TEXTLINE);
    return layout_begin_line (&reading->layout, dx, dy, false);
}

static int take_word (TessResultIterator *at, reading_t *reading)
{
    box_t box;
    char *text = TessResultIteratorGetUTF8Text (at, RIL_WORD);
    if (!text)
        return 0;
    if (begin (at, reading) != 0) {
        TessDeleteText (text);
        return -1;
    }
    float confidence = TessResultIteratorConfidence (at, RIL_WORD);
    int result = 0;
    if (has_letters (text)) {
        reading->sum += confidence;
        reading->words++;
    }
    if (is_credible (reading, confidence, text) && word_box (at, reading->scale, &box))
        result = add_word (&reading->layout, text, box);
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
static void set_sizes (layout_t *layout)
{
    for (size_t begin = 0, end; begin < layout->line_count; begin = end) {
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

/* -- pictures that lie on their side ---------------------------------------------------------------- */

typedef struct {
    const uint8_t *pixels;
    int width, height;
} picture_t;

/* Turns a picture a quarter to the right. The caller frees its pixels; NULL without memory. */
static picture_t turn_picture (picture_t from)
{
    uint8_t *turned = malloc ((size_t) from.width * (size_t) from.height + 1);
    for (int y = 0; turned && y < from.height; y++) {
        for (int x = 0; x < from.width; x++)
            turned [(size_t) x * (size_t) from.height + (size_t) (from.height - 1 - y)]
                = from.pixels [(size_t) y * (size_t) from.width + (size_t) x];
    }
    return (picture_t) {turned, from.height, from.width};
}

/* Turns what was found a quarter back to the left. height: of the picture before it was turned, in
 * points. */
static void turn_back (layout_t *layout, float height)
{
    for (size_t i = 0; i < layout->glyph_count; i++) {
        float *quad = layout->glyphs [i].quad;
        for (int k = 0; k < 8; k += 2) {
            float x = quad [k];
            quad [k] = quad [k + 1];
            quad [k + 1] = height - x;
        }
    }
    for (size_t i = 0; i < layout->line_count; i++) {
        layout_line_t *line = &layout->lines [i];
        float dx = line->dx;
        line->dx = line->dy;
        line->dy = -dx;
    }
}

/* -- reading -------------------------------------------------------------------------------------- */

static int take_words (ocr_t *ocr, reading_t *reading)
{
    TessResultIterator *at = TessBaseAPIGetIterator (ocr->api);
    if (!at)
        return 0;   /* no text at all */
    int result = 0;
    do
        result = take_word (at, reading);
    while (result == 0 && TessResultIteratorNext (at, RIL_WORD));
    TessResultIteratorDelete (at);
    set_sizes (&reading->layout);
    return result;
}

static int read_once (ocr_t *ocr, picture_t picture, float dpi, reading_t *reading)
{
    *reading = (reading_t) {.scale = 72 / dpi};
    TessBaseAPISetImage (ocr->api, picture.pixels, picture.width, picture.height, 1, picture.width);
    TessBaseAPISetSourceResolution (ocr->api, (int) lrintf (fmaxf (dpi, 70)));
    int result = 0;
    if (TessBaseAPIRecognize (ocr->api, NULL) != 0)
        result = error_set (ERROR_PAGE_DAMAGED, NULL);
    else
        result = take_words (ocr, reading);
    TessBaseAPIClear (ocr->api);
    return result;
}

static double mean (const reading_t *reading)
{
    return reading->words ? reading->sum / (double) reading->words : 0;
}

/* Keeps the surer of two readings in *best and frees the other. */
static void keep_better (reading_t *best, reading_t *other)
{
    bool better = other->words >= TURN_WORDS && mean (other) > mean (best);
    reading_t worse = better ? *best : *other;
    if (better)
        *best = *other;
    layout_free (&worse.layout);
}

/* Reads the picture as it lies on each of its other sides. */
static int read_turned (ocr_t *ocr, picture_t upright, float dpi, reading_t *best)
{
    picture_t picture = upright;
    float heights [4] = {(float) upright.height * 72 / dpi};
    int result = 0;
    for (int turns = 1; turns < 4 && result == 0; turns++) {
        picture_t turned = turn_picture (picture);
        heights [turns] = (float) turned.height * 72 / dpi;
        if (picture.pixels != upright.pixels)
            free ((void *) picture.pixels);
        picture = turned;
        reading_t reading = {0};
        result = turned.pixels ? read_once (ocr, turned, dpi, &reading) : error_set (ERROR_NO_MEMORY, NULL);
        for (int back = turns; back > 0; back--)
            turn_back (&reading.layout, heights [back - 1]);
        keep_better (best, &reading);
    }
    if (picture.pixels != upright.pixels)
        free ((void *) picture.pixels);
    return result;
}

int ocr_read (ocr_t *ocr, const uint8_t *pixels, int width, int height, float dpi, layout_t *out)
{
    reading_t reading;
    picture_t picture = {pixels, width, height};
    int result = read_once (ocr, picture, dpi, &reading);
    if (result == 0 && reading.words >= TURN_WORDS && mean (&reading) < TURN_CONFIDENCE)
        result = read_turned (ocr, picture, dpi, &reading);
    *out = reading.layout;
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
