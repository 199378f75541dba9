/* Clean text: see clean.h. */
#include "clean.h"

#include <stdlib.h>

#include "error.h"
#include "utf8.h"

bool clean_removes (uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges [] = {
        {0x0000, 0x0008}, {0x000B, 0x001F}, {0x007F, 0x009F},   /* controls, but for tab and line feed */
        {0x00AD, 0x00AD}, {0x034F, 0x034F},                     /* soft hyphen, grapheme joiner */
        {0x061C, 0x061C}, {0x115F, 0x1160}, {0x17B4, 0x17B5},   /* Arabic letter mark, fillers */
        {0x180B, 0x180F},                                       /* Mongolian selectors */
        {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   /* zero-width, bidirectional */
        {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},   /* filler, variation, byte order mark */
        {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB},                     /* filler, annotations */
        {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
        {0xE0000, 0xE0FFF},                                     /* tags, variation */
    };
    for (size_t i = 0; i < COUNT_OF (ranges); i++)
        if (c >= ranges [i].first && c <= ranges [i].last)
            return true;
    return false;
}

char *clean_text (const char *text, size_t size)
{
    char *copy = malloc (size * 3 + 1);   /* a malformed byte becomes three */
    size_t length = 0;
    if (copy == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    for (size_t at = 0; at < size;) {
        uint32_t c = utf8_next (text, size, &at);
        if (!clean_removes (c))
            length += utf8_put (c, copy + length);
    }
    copy [length] = '\0';
    return copy;
}
