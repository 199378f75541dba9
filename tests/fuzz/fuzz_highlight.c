/* The parameter `highlight`: any text gives ranges, each with its start before its end, or is refused. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

void fuzz_start (void) {}

/* The ranges as text are read as the same ranges. */
static void come_back (const uint32_t *ranges, int count)
{
    char text [24 * MAX_HIGHLIGHTS] = "";
    uint32_t back [2 * MAX_HIGHLIGHTS];
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += (size_t) snprintf (text + size, sizeof text - size, "%s%u-%u", i ? "," : "", ranges [2 * i], ranges [2 * i + 1]);
    MUST (highlights_parse (text, back) == count);
    MUST (memcmp (back, ranges, 2 * (size_t) count * sizeof *back) == 0);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    char *text = take_rest (&input, &size);
    uint32_t *ranges = malloc (2 * MAX_HIGHLIGHTS * sizeof *ranges);
    MUST (ranges);
    int count = highlights_parse (text, ranges);
    MUST (count >= -1 && count <= MAX_HIGHLIGHTS && (count >= 0 || error_get () == ERROR_BAD_FIELD));
    for (int i = 0; i < count; i++)
        MUST (ranges [2 * i] < ranges [2 * i + 1]);
    if (count > 0)
        come_back (ranges, count);
    free (ranges);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    char many [6 * (MAX_HIGHLIGHTS + 1)] = "";
    seed_text ("10-52,60-75");
    seed_text ("0-2147483647");
    seed_text ("5-4,");
    for (int i = 0; i <= MAX_HIGHLIGHTS; i++)
        strcat (many, i ? ",1-2" : "1-2");
    seed_text (many);
}
