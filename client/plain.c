/* Plain text: character by character. */
#include "plain.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "utf8.h"

#define REPLACEMENT 0xFFFDu
#define ELLIPSIS    "…"

static bool is_control (uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

bool plain_is_unfit (uint32_t c)
{
    return is_control (c) || c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E)
           || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE007F);
}

static bool is_space (uint32_t c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == 0x2028 || c == 0x2029 || c == 0xA0;
}

/* What stands for an unfit character. */
static uint32_t sign_of (uint32_t c)
{
    return c < 0x20 ? 0x2400 + c : c == 0x7F ? 0x2421 : REPLACEMENT;
}

char *plain_copy (const char *text, size_t size, plain_mode_t mode)
{
    char *out = malloc (size * 3 + 1);   /* one byte becomes a sign of three */
    size_t used = 0;
    if (out == NULL)
        return NULL;
    for (size_t at = 0; at < size;) {
        uint32_t c = utf8_next (text, size, &at);
        if (mode == PLAIN_RUN && is_space (c)) {
            if (used > 0 && out [used - 1] != ' ')
                out [used++] = ' ';
            continue;
        }
        bool stays = mode == PLAIN_LINES && (c == '\n' || c == '\t');
        used += utf8_put (!stays && plain_is_unfit (c) ? sign_of (c) : c, out + used);
    }
    while (mode == PLAIN_RUN && used > 0 && out [used - 1] == ' ')
        used--;
    out [used] = 0;
    return out;
}

void plain_write (FILE *out, const char *text, plain_mode_t mode)
{
    char *plain = plain_copy (text, strlen (text), mode);
    if (plain != NULL)
        fputs (plain, out);
    free (plain);
}

bool plain_is_id (const char *text)
{
    for (const char *at = text; *at != 0; at++)
        if (!isalnum ((unsigned char) *at) && *at != '-' && *at != '_')
            return false;
    return *text != 0;
}

/* -- widths ---------------------------------------------------------------------------------- */

size_t plain_width (const char *text)
{
    size_t size = strlen (text), width = 0;
    for (size_t at = 0; at < size;)
        width += (size_t) utf8proc_charwidth ((utf8proc_int32_t) utf8_next (text, size, &at));
    return width;
}

size_t plain_fit (const char *text, size_t width)
{
    size_t size = strlen (text), fits = 0, used = 0;
    for (size_t at = 0; at < size;) {
        used += (size_t) utf8proc_charwidth ((utf8proc_int32_t) utf8_next (text, size, &at));
        if (used > width)
            break;
        fits = at;
    }
    return fits;
}

/* The shortest beginning without which at most `width` columns remain. */
static size_t tail_begin (const char *text, size_t width)
{
    size_t size = strlen (text), at = 0;
    while (at < size && plain_width (text + at) > width)
        utf8_next (text, size, &at);
    for (size_t next = at; at < size; at = next)
        if (utf8proc_charwidth ((utf8proc_int32_t) utf8_next (text, size, &next)) > 0)
            break;   /* before it were marks whose letter is gone */
    return at;
}

void plain_pad (FILE *out, const char *text, size_t width)
{
    size_t whole = plain_width (text), used = whole;
    if (whole <= width)
        fputs (text, out);
    else if (width > 0) {
        size_t tail_width = (width - 1) / 3, head = plain_fit (text, width - 1 - tail_width);
        const char *tail = text + tail_begin (text, tail_width);
        fprintf (out, "%.*s" ELLIPSIS "%s", (int) head, text, tail);
        char *beginning = strndup (text, head);
        used = (beginning != NULL ? plain_width (beginning) : 0) + 1 + plain_width (tail);
        free (beginning);
    } else
        used = 0;
    fprintf (out, "%*s", (int) (width - used), "");
}

void plain_wrap (FILE *out, const char *text, size_t width, size_t indent)
{
    size_t room = width > indent ? width - indent : 1;
    for (size_t size; *text != 0; text += size + strspn (text + size, " ")) {
        size = width == 0 ? strlen (text) : plain_fit (text, room);
        if (text [size] != 0 && text [size] != ' ') {
            size_t border = size;
            while (border > 0 && text [border - 1] != ' ')
                border--;
            size = border > 0 ? border : size;   /* a word that is longer than a line is cut */
        }
        if (size == 0)
            utf8_next (text, strlen (text), &size);   /* a character that is wider than a line */
        size_t end = size;
        while (end > 0 && text [end - 1] == ' ')
            end--;
        fprintf (out, "%*s%.*s\n", (int) indent, "", (int) end, text);
    }
}

/* -- JSON ------------------------------------------------------------------------------------ */

void plain_json (FILE *out, const char *json, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t from = at;
        uint32_t c = utf8_next (json, size, &at);
        if (!plain_is_unfit (c))
            fwrite (json + from, 1, at - from, out);
        else if (c < 0x10000)
            fprintf (out, "\\u%04x", (unsigned) c);
        else
            fprintf (out, "\\u%04x\\u%04x", (unsigned) (0xD7C0 + (c >> 10)), (unsigned) (0xDC00 + (c & 0x3FF)));
    }
}
