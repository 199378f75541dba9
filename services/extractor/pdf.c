/* PDF: see pdf.h. The only file that knows MuPDF.
 *
 * MuPDF reports errors by jumping out of fz_try. Between fz_try and fz_catch nothing returns, and
 * what is changed there and read afterwards is named in fz_var. */
#include "pdf.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mupdf/fitz.h>
#include <mupdf/pdf.h>

#include "error.h"
#include "utf8.h"

#define STORE_BYTES    (64u << 20)   /* of decoded fonts and images that MuPDF keeps */
#define HEADER_BYTES   1024          /* "%PDF-" stands within so many */
#define LEAST_HEIGHT   0.5f          /* of the font's size: a lower box of a glyph is wrong … */
#define MOST_HEIGHT    2.0f          /* … and so is a higher one */
#define ASCENT         0.8f          /* of the font's size, where the font does not say */
#define DESCENT        0.2f
#define LEAST_PAGE     1.0f          /* points */

static const float highlight_colour [3] = {1.0f, 0.90f, 0.35f};

struct pdf {
    fz_context *ctx;
    FILE *file;
    pdf_document *document;
    uint32_t pages;
    bool encrypted;
    char *title;
};

/* -- errors --------------------------------------------------------------------------------------- */

static void drop_text (void *user, const char *message)
{
    (void) user;
    (void) message;   /* may hold text of the document */
}

/* Turns what fz_catch caught into an error of ours; `code` unless memory was short. */
static int caught (pdf_t *pdf, error_t code)
{
    bool memory = fz_caught (pdf->ctx) == FZ_ERROR_SYSTEM && fz_caught_errno (pdf->ctx) == ENOMEM;
    fz_ignore_error (pdf->ctx);
    return error_set (memory ? ERROR_PAGE_TOO_BIG : code, NULL);
}

/* -- opening -------------------------------------------------------------------------------------- */

static bool has_header (FILE *file)
{
    char start [HEADER_BYTES];
    rewind (file);
    size_t size = fread (start, 1, sizeof start, file);
    rewind (file);
    for (size_t i = 0; i + 5 <= size; i++) {
        if (memcmp (start + i, "%PDF-", 5) == 0)
            return true;
    }
    return false;
}

static int open_file (pdf_t *pdf, int fd)
{
    struct stat status;
    if (fstat (fd, &status) != 0)
        return error_set (ERROR_FILE_DAMAGED, "The file could not be read: %s.", strerror (errno));
    if (status.st_size == 0)
        return error_set (ERROR_FILE_EMPTY, NULL);
    int copy = dup (fd);
    pdf->file = copy < 0 ? NULL : fdopen (copy, "rb");
    if (!pdf->file) {
        if (copy >= 0)
            close (copy);
        return error_set (ERROR_NO_MEMORY, NULL);
    }
    return 0;
}

static int open_document (pdf_t *pdf)
{
    bool header = has_header (pdf->file);
    fz_stream *stream = NULL;
    int result = 0;
    fz_var (stream);
    fz_try (pdf->ctx) {
        stream = fz_open_file_ptr_no_close (pdf->ctx, pdf->file);
        pdf->document = pdf_open_document_with_stream (pdf->ctx, stream);
    }
    fz_always (pdf->ctx)
        fz_drop_stream (pdf->ctx, stream);
    fz_catch (pdf->ctx) {
        bool cipher = strstr (fz_caught_message (pdf->ctx), "crypt") != NULL;
        result = caught (pdf, header ? ERROR_FILE_DAMAGED : ERROR_FILE_NOT_PDF);
        if (cipher)
            result = error_set (ERROR_FILE_ENCRYPTED, "The PDF is encrypted in a way that Quire can't undo.");
    }
    return result;
}

static int unlock (pdf_t *pdf, const char *password)
{
    int result = 0;
    fz_var (result);
    fz_try (pdf->ctx) {
        pdf->encrypted = pdf_dict_get (pdf->ctx, pdf_trailer (pdf->ctx, pdf->document), PDF_NAME (Encrypt)) != NULL;
        if (pdf_needs_password (pdf->ctx, pdf->document)) {
            if (!password || !*password)
                result = error_set (ERROR_FILE_ENCRYPTED, NULL);
            else if (!pdf_authenticate_password (pdf->ctx, pdf->document, password))
                result = error_set (ERROR_FILE_WRONG_PASSWORD, NULL);
        }
    }
    fz_catch (pdf->ctx)
        result = caught (pdf, ERROR_FILE_DAMAGED);
    return result;
}

static int count_pages (pdf_t *pdf)
{
    int pages = 0, result = 0;
    fz_var (pages);
    fz_var (result);
    fz_try (pdf->ctx)
        pages = pdf_count_pages (pdf->ctx, pdf->document);
    fz_catch (pdf->ctx)
        result = caught (pdf, ERROR_FILE_DAMAGED);
    if (result == 0 && pages < 1)   /* of what had to be repaired, nothing is left */
        result = error_set (pdf_was_repaired (pdf->ctx, pdf->document) ? ERROR_FILE_DAMAGED : ERROR_FILE_NO_PAGES, NULL);
    pdf->pages = result == 0 ? (uint32_t) pages : 0;
    return result;
}

/* The title is a nicety: what goes wrong with it is not told. */
static int read_title (pdf_t *pdf)
{
    char title [MAX_TITLE_BYTES] = "";
    fz_try (pdf->ctx)
        fz_lookup_metadata (pdf->ctx, &pdf->document->super, FZ_META_INFO_TITLE, title, sizeof title);
    fz_catch (pdf->ctx)
        fz_ignore_error (pdf->ctx);
    title [sizeof title - 1] = '\0';
    size_t size = strlen (title);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char) title [i] < ' ' || title [i] == 0x7F)
            title [i] = ' ';
    }
    pdf->title = utf8_repair (title, size);
    return pdf->title ? 0 : -1;
}

pdf_t *pdf_open (int fd, const char *password)
{
    pdf_t *pdf = calloc (1, sizeof *pdf);
    if (pdf)
        pdf->ctx = fz_new_context (NULL, NULL, STORE_BYTES);
    if (!pdf || !pdf->ctx) {
        free (pdf);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    fz_set_warning_callback (pdf->ctx, drop_text, NULL);
    fz_set_error_callback (pdf->ctx, drop_text, NULL);
    if (open_file (pdf, fd) != 0 || open_document (pdf) != 0 || unlock (pdf, password) != 0
        || count_pages (pdf) != 0 || read_title (pdf) != 0)
        pdf_close (&pdf);
    return pdf;
}

void pdf_close (pdf_t **pdf)
{
    if (!*pdf)
        return;
    pdf_drop_document ((*pdf)->ctx, (*pdf)->document);
    fz_drop_context ((*pdf)->ctx);
    if ((*pdf)->file)
        fclose ((*pdf)->file);
    free ((*pdf)->title);
    free (*pdf);
    *pdf = NULL;
}

uint32_t pdf_page_count (const pdf_t *pdf)
{
    return pdf->pages;
}

bool pdf_is_encrypted (const pdf_t *pdf)
{
    return pdf->encrypted;
}

const char *pdf_title (const pdf_t *pdf)
{
    return pdf->title;
}

/* -- pages ---------------------------------------------------------------------------------------- */

static float finite_or (float value, float otherwise)
{
    return isfinite (value) ? value : otherwise;
}

/* Loads a page and its place. NULL with an error set. */
static fz_page *load_page (pdf_t *pdf, uint32_t number, fz_rect *bounds)
{
    fz_page *page = NULL;
    fz_var (page);
    if (number < 1 || number > pdf->pages) {
        error_set (ERROR_PAGE_NOT_FOUND, NULL);
        return NULL;
    }
    fz_try (pdf->ctx) {
        page = fz_load_page (pdf->ctx, &pdf->document->super, (int) number - 1);
        *bounds = fz_bound_page (pdf->ctx, page);
    }
    fz_catch (pdf->ctx) {
        caught (pdf, ERROR_PAGE_DAMAGED);
        fz_drop_page (pdf->ctx, page);
        page = NULL;
    }
    bounds->x0 = finite_or (bounds->x0, 0);
    bounds->y0 = finite_or (bounds->y0, 0);
    bounds->x1 = fmaxf (finite_or (bounds->x1, 0), bounds->x0 + LEAST_PAGE);
    bounds->y1 = fmaxf (finite_or (bounds->y1, 0), bounds->y0 + LEAST_PAGE);
    return page;
}

/* Runs a page through a device and closes that. What can't be drawn is passed over; returns -1 when
 * the run ended early. */
static int run_page (pdf_t *pdf, fz_page *page, fz_device *device, fz_matrix place)
{
    fz_cookie cookie = {0};
    int result = 0;
    fz_var (result);
    fz_try (pdf->ctx)
        fz_run_page (pdf->ctx, page, device, place, &cookie);
    fz_catch (pdf->ctx)
        result = caught (pdf, ERROR_PAGE_DAMAGED);
    fz_try (pdf->ctx)
        fz_close_device (pdf->ctx, device);
    fz_catch (pdf->ctx)
        result = caught (pdf, ERROR_PAGE_DAMAGED);
    return result;
}

/* -- glyphs --------------------------------------------------------------------------------------- */

static bool font_is_bold (fz_context *ctx, fz_font *font)
{
    static const char *const words [] = {"Bold", "bold", "BOLD", "Medi", "Black", "Heavy", "CMBX"};
    if (fz_font_is_bold (ctx, font))
        return true;
    const char *name = fz_font_name (ctx, font);
    for (size_t i = 0; i < COUNT_OF (words); i++) {
        if (strstr (name, words [i]))
            return !strstr (name, "Medium");
    }
    return false;
}

/* Builds a glyph's box around its origin, for fonts whose ascent and descent can't be right. */
static void rebuild_quad (const fz_stext_char *character, fz_point direction, float size, float quad [8])
{
    float along0 = INFINITY, along1 = -INFINITY;
    for (int i = 0; i < 8; i += 2) {
        float along = quad [i] * direction.x + quad [i + 1] * direction.y;
        along0 = fminf (along0, along);
        along1 = fmaxf (along1, along);
    }
    float base = character->origin.y * direction.x - character->origin.x * direction.y;
    float across [2] = {base - ASCENT * size, base + DESCENT * size}, along [2] = {along0, along1};
    static const int corner [4] [2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};   /* along, across */
    for (int i = 0; i < 4; i++) {
        float a = along [corner [i] [0]], c = across [corner [i] [1]];
        quad [2 * i] = a * direction.x - c * direction.y;
        quad [2 * i + 1] = a * direction.y + c * direction.x;
    }
}

/* Fills a glyph's box, in points from the page's upper left. False when it has no place on it. */
static bool place_glyph (const fz_stext_char *character, const fz_stext_line *line, fz_rect bounds,
                         glyph_t *glyph)
{
    fz_quad q = character->quad;
    float quad [8] = {q.ul.x, q.ul.y, q.ur.x, q.ur.y, q.lr.x, q.lr.y, q.ll.x, q.ll.y};
    float height = hypotf (q.ul.x - q.ll.x, q.ul.y - q.ll.y);
    bool odd = !(height >= LEAST_HEIGHT * glyph->size && height <= MOST_HEIGHT * glyph->size);
    if (odd && line->wmode == 0 && isfinite (glyph->size) && glyph->size > 0)
        rebuild_quad (character, line->dir, glyph->size, quad);
    float x = 0, y = 0;
    for (int i = 0; i < 8; i += 2) {
        glyph->quad [i] = quad [i] - bounds.x0;
        glyph->quad [i + 1] = quad [i + 1] - bounds.y0;
        x += glyph->quad [i] / 4;
        y += glyph->quad [i + 1] / 4;
    }
    return x >= 0 && y >= 0 && x <= bounds.x1 - bounds.x0 && y <= bounds.y1 - bounds.y0;
}

static int add_line (pdf_t *pdf, layout_t *layout, const fz_stext_line *line, fz_rect bounds)
{
    float length = hypotf (line->dir.x, line->dir.y);
    bool sound = isfinite (length) && length > 0;
    if (layout_begin_line (layout, sound ? line->dir.x / length : 1, sound ? line->dir.y / length : 0,
                           line->wmode != 0) != 0)
        return -1;
    fz_font *font = NULL;
    bool bold = false;
    for (const fz_stext_char *c = line->first_char; c; c = c->next) {
        if (c->font != font) {
            font = c->font;
            bold = font && font_is_bold (pdf->ctx, font);
        }
        glyph_t glyph = {.code_point = (uint32_t) c->c, .size = finite_or (c->size, 1), .bold = bold};
        if (place_glyph (c, line, bounds, &glyph) && layout_add_glyph (layout, &glyph) != 0)
            return -1;
    }
    return 0;
}

static int add_blocks (pdf_t *pdf, layout_t *layout, const fz_stext_page *text, fz_rect bounds)
{
    for (const fz_stext_block *block = text->first_block; block; block = block->next) {
        if (block->type != FZ_STEXT_BLOCK_TEXT)
            continue;
        for (const fz_stext_line *line = block->u.t.first_line; line; line = line->next) {
            if (add_line (pdf, layout, line, bounds) != 0)
                return -1;
        }
        layout_end_block (layout);
    }
    return 0;
}

/* Runs a page into structured text. Returns 0, -1 with nothing made, or 1 when the page is damaged
 * but something could be read. */
static int run_text (pdf_t *pdf, fz_page *page, fz_rect bounds, int flags, fz_stext_page **text)
{
    fz_stext_options options = {.flags = flags, .scale = 1};
    fz_device *device = NULL;
    int result = 0;
    fz_var (device);
    fz_var (result);
    fz_try (pdf->ctx) {
        *text = fz_new_stext_page (pdf->ctx, bounds);
        device = fz_new_stext_device (pdf->ctx, *text, &options);
        if (run_page (pdf, page, device, fz_identity) != 0)
            result = (*text)->first_block ? 1 : -1;
    }
    fz_always (pdf->ctx)
        fz_drop_device (pdf->ctx, device);
    fz_catch (pdf->ctx)
        result = caught (pdf, ERROR_PAGE_DAMAGED);
    return result;
}

int pdf_read (pdf_t *pdf, uint32_t number, pdf_page_t *out)
{
    *out = (pdf_page_t) {0};
    fz_rect bounds = {0};
    fz_page *page = load_page (pdf, number, &bounds);
    if (!page)
        return -1;
    out->width = bounds.x1 - bounds.x0;
    out->height = bounds.y1 - bounds.y0;
    fz_stext_page *text = NULL;
    int result = run_text (pdf, page, bounds, FZ_STEXT_CLIP, &text);
    out->damaged = result != 0;
    if (result >= 0)
        result = add_blocks (pdf, &out->layout, text, bounds);
    fz_drop_stext_page (pdf->ctx, text);
    fz_drop_page (pdf->ctx, page);
    return result;
}

void pdf_page_free (pdf_page_t *page)
{
    layout_free (&page->layout);
}

/* -- marks ---------------------------------------------------------------------------------------- */

static float area (fz_rect rect)
{
    return rect.x1 > rect.x0 && rect.y1 > rect.y0 ? (rect.x1 - rect.x0) * (rect.y1 - rect.y0) : 0;
}

static float image_area (const fz_stext_page *text, fz_rect bounds)
{
    float sum = 0;
    for (const fz_stext_block *block = text->first_block; block; block = block->next) {
        if (block->type == FZ_STEXT_BLOCK_IMAGE)
            sum += area (fz_intersect_rect (block->bbox, bounds));
    }
    return sum;
}

/* The box of everything that is drawn. */
static fz_rect marked_box (pdf_t *pdf, fz_page *page)
{
    fz_rect box = fz_empty_rect;
    fz_device *device = NULL;
    fz_var (device);
    fz_try (pdf->ctx) {
        device = fz_new_bbox_device (pdf->ctx, &box);
        run_page (pdf, page, device, fz_identity);
    }
    fz_always (pdf->ctx)
        fz_drop_device (pdf->ctx, device);
    fz_catch (pdf->ctx)
        fz_ignore_error (pdf->ctx);
    return box;
}

int pdf_marks (pdf_t *pdf, uint32_t number, pdf_marks_t *out)
{
    *out = (pdf_marks_t) {0};
    fz_rect bounds = {0};
    fz_page *page = load_page (pdf, number, &bounds);
    if (!page)
        return -1;
    fz_stext_page *text = NULL;
    int result = run_text (pdf, page, bounds, FZ_STEXT_CLIP | FZ_STEXT_PRESERVE_IMAGES, &text);
    if (result >= 0) {
        out->image_share = fminf (1, image_area (text, bounds) / area (bounds));
        out->marked = text->first_block != NULL
            || area (fz_intersect_rect (marked_box (pdf, page), bounds)) > 0;
    }
    fz_drop_stext_page (pdf->ctx, text);
    fz_drop_page (pdf->ctx, page);
    return result < 0 ? -1 : 0;
}

/* -- pictures ------------------------------------------------------------------------------------- */

/* Draws a page onto a new white pixmap. NULL with an error set. */
static fz_pixmap *draw (pdf_t *pdf, fz_page *page, fz_rect bounds, float scale, fz_colorspace *colours)
{
    fz_pixmap *pixmap = NULL;
    fz_device *device = NULL;
    fz_var (pixmap);
    fz_var (device);
    fz_matrix place = fz_pre_translate (fz_scale (scale, scale), -bounds.x0, -bounds.y0);
    int width = (int) fmaxf (1, roundf ((bounds.x1 - bounds.x0) * scale));
    int height = (int) fmaxf (1, roundf ((bounds.y1 - bounds.y0) * scale));
    fz_try (pdf->ctx) {
        pixmap = fz_new_pixmap (pdf->ctx, colours, width, height, NULL, 0);
        fz_clear_pixmap_with_value (pdf->ctx, pixmap, 0xFF);
        device = fz_new_draw_device (pdf->ctx, place, pixmap);
        run_page (pdf, page, device, fz_identity);
    }
    fz_always (pdf->ctx)
        fz_drop_device (pdf->ctx, device);
    fz_catch (pdf->ctx) {
        caught (pdf, ERROR_PAGE_DAMAGED);
        fz_drop_pixmap (pdf->ctx, pixmap);
        pixmap = NULL;
    }
    return pixmap;
}

/* The scale wanted, or the largest that keeps the picture within MAX_PICTURE_PIXELS. */
static float bounded_scale (fz_rect bounds, float scale)
{
    float most = sqrtf ((float) MAX_PICTURE_PIXELS / area (bounds));
    float longest = fmaxf (bounds.x1 - bounds.x0, bounds.y1 - bounds.y0);
    return fminf (fminf (scale, most), 32000 / longest);
}

/* Adds a quad to a path, turned the same way round as all others so that overlaps stay filled. */
static void add_quad (fz_context *ctx, fz_path *path, const float *q)
{
    float turn = (q [2] - q [0]) * (q [5] - q [1]) - (q [3] - q [1]) * (q [4] - q [0]);
    static const int forth [4] = {0, 2, 4, 6}, back [4] = {0, 6, 4, 2};
    const int *order = turn >= 0 ? forth : back;
    fz_moveto (ctx, path, q [order [0]], q [order [0] + 1]);
    for (int i = 1; i < 4; i++)
        fz_lineto (ctx, path, q [order [i]], q [order [i] + 1]);
    fz_closepath (ctx, path);
}

static bool quad_is_sound (const float *quad, float limit)
{
    for (int i = 0; i < 8; i++) {
        if (!isfinite (quad [i]) || fabsf (quad [i]) > limit)
            return false;
    }
    return true;
}

/* Lays colour over the quads as a marker pen does: what is dark stays dark. */
static int mark (pdf_t *pdf, fz_pixmap *pixmap, float scale, const float *quads, size_t quad_count)
{
    fz_device *device = NULL;
    fz_path *path = NULL;
    int result = 0;
    fz_var (device);
    fz_var (path);
    fz_var (result);
    fz_try (pdf->ctx) {
        path = fz_new_path (pdf->ctx);
        for (size_t i = 0; i < quad_count; i++) {
            if (quad_is_sound (quads + 8 * i, 1e6f))
                add_quad (pdf->ctx, path, quads + 8 * i);
        }
        device = fz_new_draw_device (pdf->ctx, fz_identity, pixmap);
        fz_rect all = fz_rect_from_irect (fz_pixmap_bbox (pdf->ctx, pixmap));
        fz_begin_group (pdf->ctx, device, all, fz_device_rgb (pdf->ctx), 0, 0, FZ_BLEND_MULTIPLY, 1);
        fz_fill_path (pdf->ctx, device, path, 0, fz_scale (scale, scale), fz_device_rgb (pdf->ctx),
                      highlight_colour, 1, fz_default_color_params);
        fz_end_group (pdf->ctx, device);
        fz_close_device (pdf->ctx, device);
    }
    fz_always (pdf->ctx) {
        fz_drop_device (pdf->ctx, device);
        fz_drop_path (pdf->ctx, path);
    }
    fz_catch (pdf->ctx)
        result = caught (pdf, ERROR_PAGE_DAMAGED);
    return result;
}

static int encode_png (pdf_t *pdf, fz_pixmap *pixmap, uint8_t **png, size_t *png_size)
{
    fz_buffer *buffer = NULL;
    unsigned char *data = NULL;
    int result = 0;
    fz_var (buffer);
    fz_var (result);
    fz_try (pdf->ctx) {
        buffer = fz_new_buffer_from_pixmap_as_png (pdf->ctx, pixmap, fz_default_color_params);
        *png_size = fz_buffer_storage (pdf->ctx, buffer, &data);
        *png = malloc (*png_size + 1);
        if (*png)
            memcpy (*png, data, *png_size);
        else
            result = error_set (ERROR_NO_MEMORY, NULL);
    }
    fz_always (pdf->ctx)
        fz_drop_buffer (pdf->ctx, buffer);
    fz_catch (pdf->ctx)
        result = caught (pdf, ERROR_PAGE_DAMAGED);
    return result;
}

int pdf_draw (pdf_t *pdf, uint32_t number, uint32_t width, const float *quads, size_t quad_count,
              uint8_t **png, size_t *png_size)
{
    fz_rect bounds = {0};
    fz_page *page = load_page (pdf, number, &bounds);
    if (!page)
        return -1;
    float scale = bounded_scale (bounds, (float) width / (bounds.x1 - bounds.x0));
    fz_pixmap *pixmap = draw (pdf, page, bounds, scale, fz_device_rgb (pdf->ctx));
    int result = pixmap ? 0 : -1;
    if (result == 0 && quad_count > 0)
        result = mark (pdf, pixmap, scale, quads, quad_count);
    if (result == 0)
        result = encode_png (pdf, pixmap, png, png_size);
    fz_drop_pixmap (pdf->ctx, pixmap);
    fz_drop_page (pdf->ctx, page);
    return result;
}

/* Copies a grey pixmap's rows without the padding behind them. */
static int copy_pixels (pdf_t *pdf, fz_pixmap *pixmap, pdf_picture_t *out)
{
    out->width = fz_pixmap_width (pdf->ctx, pixmap);
    out->height = fz_pixmap_height (pdf->ctx, pixmap);
    out->pixels = malloc ((size_t) out->width * (size_t) out->height);
    if (!out->pixels)
        return error_set (ERROR_NO_MEMORY, NULL);
    const unsigned char *row = fz_pixmap_samples (pdf->ctx, pixmap);
    for (int y = 0; y < out->height; y++, row += fz_pixmap_stride (pdf->ctx, pixmap))
        memcpy (out->pixels + (size_t) y * (size_t) out->width, row, (size_t) out->width);
    return 0;
}

int pdf_render (pdf_t *pdf, uint32_t number, float dpi, pdf_picture_t *out)
{
    *out = (pdf_picture_t) {0};
    fz_rect bounds = {0};
    fz_page *page = load_page (pdf, number, &bounds);
    if (!page)
        return -1;
    float scale = bounded_scale (bounds, dpi / 72);
    out->dpi = scale * 72;
    fz_pixmap *pixmap = draw (pdf, page, bounds, scale, fz_device_gray (pdf->ctx));
    int result = pixmap ? copy_pixels (pdf, pixmap, out) : -1;
    fz_drop_pixmap (pdf->ctx, pixmap);
    fz_drop_page (pdf->ctx, page);
    return result;
}

void pdf_picture_free (pdf_picture_t *picture)
{
    free (picture->pixels);
    *picture = (pdf_picture_t) {0};
}
