/* URLs: any target is taken apart or refused; what comes out has no control character and no malformed
 * text, and the parameters that pass the routes' tables are what these say. */
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checked.h"
#include "routes.h"
#include "utf8.h"

void fuzz_start (void) {}

static void check_text (const char *text, bool query)
{
    MUST (utf8_valid (text, strlen (text)));
    for (const char *c = text; *c; c++)
        MUST (((unsigned char) *c >= 0x20 && *c != 0x7F) || (query && strchr ("\t\r\n", *c)));
}

static void check_target (const target_t *target)
{
    MUST (target->segment_count <= MAX_SEGMENTS && target->pair_count <= MAX_QUERY_PAIRS);
    for (size_t i = 0; i < target->segment_count; i++)
        check_text (target->segments [i], false);
    for (size_t i = 0; i < target->pair_count; i++) {
        check_text (target->pairs [i].name, true);
        check_text (target->pairs [i].value, true);
        MUST (target_query (target, target->pairs [i].name));
    }
}

static void check_fields (const route_t *route, const target_t *target)
{
    for (size_t i = 0; i < route->field_count; i++) {
        const field_t *field = &route->fields [i];
        value_t value;
        const char *text = field->place == IN_PATH ? route_segment (route, target, field->name)
                         : target_query (target, field->name);
        MUST (field->place != IN_PATH || (text && *text));
        if (field->place <= IN_QUERY && field_check_text (field, text, &value) == 0)
            checked_value (field, &value);
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const char *const methods [] = {"GET", "POST", "DELETE", "HEAD", "PUT", ""};
    char allowed [64];
    target_t target;
    input_t input = {data, size};
    const char *method = methods [take_below (&input, COUNT_OF (methods))];
    char *raw = take_rest (&input, &size);
    if (target_parse (raw, &target) == 0) {
        check_target (&target);
        const route_t *route = route_find (routes, route_count, method, &target, allowed, sizeof allowed);
        if (route)
            check_fields (route, &target);
        else
            MUST (error_get () == ERROR_NOT_FOUND || (error_get () == ERROR_METHOD_NOT_ALLOWED && *allowed));
    } else
        MUST (error_get () == ERROR_BAD_REQUEST);
    target_free (&target);
    free (raw);
    return 0;
}

/* Every route, with each of its parameters. */
void fuzz_seeds (void)
{
    for (size_t i = 0; i < route_count; i++) {
        const route_t *route = &routes [i];
        char target [2048];
        size_t size = 1;
        target [0] = (char) (*route->method == 'G' ? 0 : *route->method == 'P' ? 1 : 2);
        for (const char *c = route->pattern; *c; c++) {
            target [size++] = *c == '{' ? '1' : *c;
            c += *c == '{' ? strcspn (c, "}") : 0;
        }
        for (size_t k = 0; k < route->field_count; k++) {
            const field_t *field = &route->fields [k];
            if (field->place == IN_QUERY)
                size += (size_t) snprintf (target + size, sizeof target - size, "%c%s=%s",
                                           memchr (target, '?', size) ? '&' : '?', field->name,
                                           field->standard ? field->standard : "1");
        }
        seed (target, size);
    }
    seed_text ("0http://host/v1/files/%66ile%2D1?after=%C3%84+b&limit=1e3#x");
}
