/* Letters: see letters.h. The tables are Unicode's, by utf8proc. */
#include "letters.h"

#include <string.h>

#include <utf8proc.h>

typedef struct {
    uint32_t first, last;
} range_t;

static bool among (uint32_t code_point, const range_t *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (code_point >= ranges [i].first && code_point <= ranges [i].last)
            return true;
    }
    return false;
}

static bool is_ideograph (uint32_t c)
{
    static const range_t ranges [] = {
        {0x2E80, 0x2FFF},     /* CJK radicals */
        {0x3001, 0x30FF},     /* CJK punctuation, Hiragana, Katakana */
        {0x3100, 0x312F},     /* Bopomofo */
        {0x3190, 0x4DBF},     /* Kanbun to extension A */
        {0x4E00, 0x9FFF},     /* unified ideographs */
        {0xF900, 0xFAFF},     /* compatibility ideographs */
        {0xFF01, 0xFFEF},     /* full-width and half-width forms (Latin ones are opened first) */
        {0x20000, 0x3FFFD},   /* extensions B and later */
    };
    return c >= 0x2E80 && among (c, ranges, COUNT_OF (ranges));
}

static bool is_private (uint32_t c)
{
    return (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xF0000 && c <= 0x10FFFF);
}

static bool is_dropped (uint32_t c)
{
    static const range_t ranges [] = {
        {0x0000, 0x001F}, {0x007F, 0x009F},   /* control */
        {0x034F, 0x034F}, {0x061C, 0x061C},   /* grapheme joiner, Arabic letter mark */
        {0x200B, 0x200B}, {0x200E, 0x200F},   /* zero-width space, direction marks */
        {0x202A, 0x202E}, {0x2060, 0x206F},   /* embedding, word joiner, isolates */
        {0xFDD0, 0xFDEF}, {0xFE00, 0xFE0F},   /* no characters, variation selectors */
        {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFC},   /* byte order mark, interlinear annotation */
        {0xE0000, 0xE0FFF},                   /* tags, variation selectors */
    };
    return among (c, ranges, COUNT_OF (ranges)) || (c & 0xFFFE) == 0xFFFE;
}

static bool is_space (uint32_t c)
{
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680
        || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F
        || c == 0x205F || c == 0x3000;
}

letter_kind_t letter_kind (uint32_t c)
{
    if (c > ' ' && c < 0x7F)
        return LETTER_PLAIN;
    if (is_space (c))
        return LETTER_SPACE;
    if (is_dropped (c))
        return LETTER_DROPPED;
    if (is_private (c))
        return LETTER_PRIVATE;
    return is_ideograph (c) ? LETTER_IDEOGRAPH : LETTER_PLAIN;
}

static bool is_presentation_form (uint32_t c)
{
    return (c >= 0xFB00 && c <= 0xFB4F) || (c >= 0xFB50 && c <= 0xFDFF) || (c >= 0xFE70 && c <= 0xFEFC);
}

static bool is_full_width_latin (uint32_t c)
{
    return (c >= 0xFF10 && c <= 0xFF19) || (c >= 0xFF21 && c <= 0xFF3A) || (c >= 0xFF41 && c <= 0xFF5A);
}

size_t letter_open (uint32_t c, uint32_t out [MAX_OPENED])
{
    out [0] = c;
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        out [0] = LETTER_UNKNOWN;
    else if (is_full_width_latin (c))
        out [0] = c - 0xFEE0;
    else if (is_presentation_form (c)) {
        int boundary = 0;
        utf8proc_ssize_t count = utf8proc_decompose_char ((utf8proc_int32_t) c, (utf8proc_int32_t *) out,
            MAX_OPENED, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &boundary);
        if (count > 0 && count <= MAX_OPENED)
            return (size_t) count;
        out [0] = c;
    }
    return 1;
}

/* Puts combining marks into canonical order: a stable sort by class between characters of class 0. */
static void order_marks (utf8proc_int32_t *code_points, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        utf8proc_int32_t c = code_points [i];
        utf8proc_propval_t class = utf8proc_get_property (c)->combining_class;
        size_t at = i;
        for (; class && at > 0; at--) {
            if (utf8proc_get_property (code_points [at - 1])->combining_class <= class)
                break;
            code_points [at] = code_points [at - 1];
        }
        code_points [at] = c;
    }
}

size_t letters_compose (const uint32_t *code_points, size_t count, uint32_t *out)
{
    bool plain = true;
    for (size_t i = 0; i < count; i++)
        plain = plain && code_points [i] < 0x300;
    if (plain) {
        memcpy (out, code_points, count * sizeof *out);
        return count;
    }
    utf8proc_int32_t *opened = (utf8proc_int32_t *) out;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        int boundary = 0;
        utf8proc_ssize_t more = utf8proc_decompose_char ((utf8proc_int32_t) code_points [i], opened + size,
            MAX_COMPOSED, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        if (more < 1 || more > MAX_COMPOSED)
            opened [size++] = (utf8proc_int32_t) code_points [i];
        else
            size += (size_t) more;
    }
    order_marks (opened, size);
    utf8proc_ssize_t composed = utf8proc_normalize_utf32 (opened, (utf8proc_ssize_t) size,
                                                          UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return composed < 0 ? size : (size_t) composed;
}

bool letters_stay_apart (uint32_t before, uint32_t after)
{
    if (after < 0x300)
        return true;
    if (after > 0x10FFFF || utf8proc_get_property ((utf8proc_int32_t) after)->combining_class != 0)
        return false;
    const uint32_t pair [2] = {before, after};
    uint32_t composed [2 * MAX_COMPOSED];
    return letters_compose (pair, 2, composed) == 2 && composed [0] == before && composed [1] == after;
}

uint32_t letter_combining (uint32_t accent)
{
    static const struct { uint16_t accent, mark; } table [] = {
        {0x0060, 0x0300}, {0x00A8, 0x0308}, {0x00AF, 0x0304}, {0x00B4, 0x0301}, {0x00B8, 0x0327},
        {0x02C6, 0x0302}, {0x02C7, 0x030C}, {0x02D8, 0x0306}, {0x02D9, 0x0307}, {0x02DA, 0x030A},
        {0x02DB, 0x0328}, {0x02DC, 0x0303}, {0x02DD, 0x030B},
    };
    for (size_t i = 0; i < COUNT_OF (table); i++) {
        if (table [i].accent == accent)
            return table [i].mark;
    }
    return 0;
}

static utf8proc_category_t category (uint32_t c)
{
    return c > 0x10FFFF ? UTF8PROC_CATEGORY_CN : utf8proc_category ((utf8proc_int32_t) c);
}

bool letter_is_letter (uint32_t c)
{
    utf8proc_category_t kind = category (c);
    return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool letter_is_lower (uint32_t c)
{
    return category (c) == UTF8PROC_CATEGORY_LL;
}

bool letter_is_digit (uint32_t c)
{
    return category (c) == UTF8PROC_CATEGORY_ND;
}

bool letter_is_mark (uint32_t c)
{
    utf8proc_category_t kind = category (c);
    return kind >= UTF8PROC_CATEGORY_MN && kind <= UTF8PROC_CATEGORY_ME;
}

bool letter_is_hyphen (uint32_t c)
{
    return c == '-' || c == 0xAD || c == 0x2010;
}

bool letter_is_right_to_left (uint32_t c)
{
    if (c < 0x590 || c > 0x10FFFF)
        return false;
    utf8proc_propval_t bidi = utf8proc_get_property ((utf8proc_int32_t) c)->bidi_class;
    return bidi == UTF8PROC_BIDI_CLASS_R || bidi == UTF8PROC_BIDI_CLASS_AL;
}

bool letter_ends_sentence (uint32_t c)
{
    return c != 0 && (c < 0x80 ? strchr (".!?", (int) c) != NULL
                               : c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0x2026 || c == 0x061F
                                     || c == 0x06D4 || c == 0x0964 || c == 0x0965);
}
