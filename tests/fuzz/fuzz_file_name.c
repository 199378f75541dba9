/* File names: whatever a client sends becomes a name of whole characters, short enough, without a path,
 * that stays as it is when it is cleaned again. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "multipart.h"
#include "utf8.h"

void fuzz_start (void) {}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char out [MAX_FILE_NAME + 1], again [MAX_FILE_NAME + 1];
    input_t input = {data, size};
    uint8_t *name = take_bytes (&input, size, &size);
    memset (out, 'x', sizeof out);
    file_name_clean ((char *) name, size, out);
    size_t kept = strnlen (out, sizeof out);
    MUST (kept > 0 && kept <= MAX_FILE_NAME && utf8_valid (out, kept));
    MUST (!strpbrk (out, "/\\") && strcmp (out, ".") != 0 && strcmp (out, "..") != 0);
    for (size_t i = 0; i < kept; i++)
        MUST ((unsigned char) out [i] >= 0x20 && out [i] != 0x7F);
    MUST (out [0] != ' ' && out [kept - 1] != ' ');
    file_name_clean (out, kept, again);
    MUST (strcmp (out, again) == 0);
    free (name);
    return 0;
}

void fuzz_seeds (void)
{
    static const char *const names [] = {
        "report.pdf", "../../etc/passwd", "C:\\Users\\me\\r.pdf", "  spaced name.pdf  ", "line\nbreak\t.pdf",
        "\u202Efdp.exe", "\xFF\xFE.pdf", "...", "\u00E9\u20AC\U0001F427.p\u00E9df",
    };
    char longer [600] = "";
    for (size_t i = 0; i < COUNT_OF (names); i++)
        seed_text (names [i]);
    for (size_t i = 0; i < 100; i++)
        strcat (longer, "\u20AC");
    seed_text (strcat (longer, ".pdf"));
}
