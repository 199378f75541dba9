/* Filters: any text is a filter or refused; one that is taken matches the same inside a join of one, and
 * its opposite in a comparison matches the opposite. Attributes likewise. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "filter.h"

void fuzz_start (void) {}

#define ATTRIBUTES "{\"year\":2021,\"kind\":\"report\",\"draft\":false,\"price\":1.5}"

static bool matches (const char *json, const char *attributes, bool *taken)
{
    filter_t *filter = filter_parse (json);
    *taken = filter != NULL;
    if (!filter) {
        MUST (error_get () == ERROR_BAD_FIELD && strncmp (error_text (), "'filters'", 9) == 0);
        return false;
    }
    MUST (filter_lets_all (filter) == (*json == '\0'));
    bool result = filter_matches (filter, "file-1", "Best Buy.pdf", attributes);
    MUST (filter_matches (filter, "file-1", "Best Buy.pdf", attributes) == result);
    filter_destroy (&filter);
    return result;
}

/* A join of one is what it joins, unless it nests too deep or is too long. */
static void check_join (const char *type, const char *json, const char *attributes, bool result)
{
    size_t size = strlen (json) + 64;
    char *joined = malloc (size);
    bool taken;
    MUST (joined);
    snprintf (joined, size, "{\"type\":\"%s\",\"filters\":[%s]}", type, json);
    bool joined_result = matches (joined, attributes, &taken);
    MUST (!taken || joined_result == result);
    free (joined);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    input_t input = {data, data_size};
    size_t size;
    bool taken;
    char *json = take_rest (&input, &size), *second = memchr (json, '\n', size);
    if (second)
        *second++ = '\0';
    const char *attributes = second ? second : ATTRIBUTES;
    bool result = matches (json, attributes, &taken);
    if (taken && *json) {
        check_join ("and", json, attributes, result);
        check_join ("or", json, attributes, result);
    }
    if (attributes_check (attributes) != 0)
        MUST (error_get () == ERROR_BAD_FIELD);
    free (json);
    return 0;
}

void fuzz_seeds (void)
{
    static const char *const types [] = {"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"};
    static const char *const values [] = {"2021", "\"report\"", "false", "[1,true,\"report\",2021]"};
    for (size_t i = 0; i < COUNT_OF (types); i++) {
        for (size_t k = 0; k < COUNT_OF (values); k++) {
            char json [256];
            snprintf (json, sizeof json, "{\"type\":\"%s\",\"key\":\"%s\",\"value\":%s}", types [i], k % 2 ? "kind" : "year", values [k]);
            seed_text (json);
        }
    }
    seed_text ("{\"type\":\"or\",\"filters\":[{\"type\":\"eq\",\"key\":\"file_id\",\"value\":\"file-1\"},"
               "{\"type\":\"and\",\"filters\":[{\"type\":\"in\",\"key\":\"filename\",\"value\":[\"Best Buy.pdf\"]}]}]}");
    seed_text ("{\"type\":\"and\",\"filters\":[]}\n{\"a\":1,\"b\":\"x\",\"c\":true}");
    seed_text ("\n{\"a\":{}}");
}
