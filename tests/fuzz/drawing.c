/* Drawings: see drawing.h. */
#include "drawing.h"

#include <string.h>

#define MAX_REPEATED 20000   /* glyphs of one drawing, so that no input takes long */

/* What a byte below ' ' says; all others are glyphs. */
enum {
    DRAW_END, DRAW_LINE, DRAW_BLOCK, DRAW_SIZE, DRAW_BOLD, DRAW_MOVE, DRAW_TURN, DRAW_WILD, DRAW_REPEAT,
    DRAW_JUMP, DRAW_UPRIGHT,
};

typedef struct {
    layout_t *layout;
    float x, y, dx, dy, size;
    bool bold, vertical;
    glyph_t last;
    size_t repeated;
} pen_t;

static void put (pen_t *pen, const glyph_t *glyph)
{
    if (pen->layout->line_count == 0)
        MUST (layout_begin_line (pen->layout, pen->dx, pen->dy, pen->vertical) == 0);
    MUST (layout_add_glyph (pen->layout, glyph) == 0);
    pen->last = *glyph;
}

/* Half as wide as the font is high, along the writing. */
static void put_letter (pen_t *pen, uint32_t code_point)
{
    float w = pen->size / 2, h = pen->size;
    float ax = pen->dx * w, ay = pen->dy * w, bx = -pen->dy * h, by = pen->dx * h;
    put (pen, &(glyph_t) {
        .code_point = code_point, .size = pen->size, .bold = pen->bold,
        .quad = {pen->x, pen->y, pen->x + ax, pen->y + ay, pen->x + ax + bx, pen->y + ay + by, pen->x + bx, pen->y + by}});
    pen->x += ax;
    pen->y += ay;
}

static void put_wild (pen_t *pen, input_t *input)
{
    glyph_t glyph = {.code_point = take_u32 (input), .bold = pen->bold};
    glyph.size = take_f32 (input);
    for (int k = 0; k < 8; k++)
        glyph.quad [k] = take_f32 (input);
    put (pen, &glyph);
}

static void repeat (pen_t *pen, size_t times)
{
    glyph_t last = pen->last;
    for (size_t i = 0; i < times && pen->repeated < MAX_REPEATED; i++, pen->repeated++)
        put (pen, &last);
}

static void begin_line (pen_t *pen)
{
    pen->x = 50;
    pen->y += 1.2f * pen->size;
    MUST (layout_begin_line (pen->layout, pen->dx, pen->dy, pen->vertical) == 0);
}

static void turn (pen_t *pen, uint8_t where)
{
    static const float directions [] [2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}, {0.8f, 0.6f}, {0, 0}};
    const float *direction = directions [where % COUNT_OF (directions)];
    pen->dx = direction [0];
    pen->dy = direction [1];
}

/* From 0x80 on two bytes more give the code point, so that all scripts are near. */
static uint32_t code_point (uint8_t first, input_t *input)
{
    return first < 0x80 ? first : (uint32_t) (first - 0x80) << 12 | (take_u16 (input) & 0xFFF);
}

static void command (pen_t *pen, uint8_t what, input_t *input)
{
    switch (what) {
    case DRAW_LINE: begin_line (pen); break;
    case DRAW_BLOCK: layout_end_block (pen->layout); break;
    case DRAW_SIZE: pen->size = (float) (1 + take_u8 (input)) / 4; break;
    case DRAW_BOLD: pen->bold = !pen->bold; break;
    case DRAW_MOVE: pen->x += (float) (int8_t) take_u8 (input); break;
    case DRAW_TURN: turn (pen, take_u8 (input)); break;
    case DRAW_WILD: put_wild (pen, input); break;
    case DRAW_REPEAT: repeat (pen, take_u16 (input)); break;
    case DRAW_JUMP: pen->y += (float) (int8_t) take_u8 (input); break;
    case DRAW_UPRIGHT: pen->vertical = !pen->vertical; break;
    default: break;
    }
}

void drawing_read (input_t *input, layout_t *layout)
{
    pen_t pen = {.layout = layout, .x = 50, .y = 100, .dx = 1, .size = 10};
    while (input->size > 0) {
        uint8_t what = take_u8 (input);
        if (what == DRAW_END)
            return;
        if (what < ' ')
            command (&pen, what, input);
        else
            put_letter (&pen, code_point (what, input));
    }
}

bool drawing_is_word (const void *context UNUSED, const char *text, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char) text [i];
    return sum % 2;
}

#define LINE  "\1"
#define BLOCK "\2"

void drawing_seeds (void)
{
    static const char two [] = "\1Some text\0" LINE "Some text\11\x7F" LINE "stamp";
    static const char wild [] = "\1\7A\0\0\0\0\0\x20\x41\0\0\x48\x42\0\0\xC8\x42\0\0\x5C\x42\0\0\xC8\x42\0\0\x5C\x42"
                                "\0\0\xDC\x42\0\0\x48\x42\0\0\xDC\x42 x";
    static const char marks [] = "\1e\x80\1\3 o\x80\xA8\0u \x83\x4B\0\x83\x99\0 \x8F\3\xB\x8F\xFF\xD \x84\x2D\xE\x86\x87\5";
    seed_text ("\1" LINE "Here is the infor-" LINE "mation you wanted." LINE "- item" LINE "1. item");
    seed_text ("\1\3\x50\4" LINE "Heading\4\3\x27" BLOCK LINE "Year\5\x40Sales" LINE "2019\5\x40" "350");
    seed_text ("\1\6\3upwards\6\1downwards" LINE "word\6\2turned" BLOCK LINE "......... 12");
    seed_text ("\1" LINE "a\10\x70\7b " LINE "x\10\x10\1");
    seed (two, sizeof two - 1);
    seed (wild, sizeof wild - 1);
    seed (marks, sizeof marks - 1);
}
