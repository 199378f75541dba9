/* route: targets taken apart, paths matched against patterns. */
#include "route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static int hex_digit (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_control (unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* Decodes in place. Line breaks and tabs are let through in queries only, where they are text. */
static int decode (char *text, bool query)
{
    char *out = text;
    for (const char *at = text; *at != 0; at++) {
        char c = *at;
        if (query && c == '+')
            c = ' ';
        else if (c == '%') {
            int high = hex_digit (at [1]), low = high < 0 ? -1 : hex_digit (at [2]);
            if (low < 0)
                return error_set (ERROR_BAD_REQUEST, "The URL has a '%%' without two hex digits after it.");
            c = (char) (high << 4 | low);
            at += 2;
        }
        if (c == 0 || (is_control ((unsigned char) c) && !(query && strchr ("\t\r\n", c))))
            return error_set (ERROR_BAD_REQUEST, "The URL holds a control character.");
        *out++ = c;
    }
    *out = 0;
    if (!utf8_valid (text, (size_t) (out - text)))
        return error_set (ERROR_BAD_REQUEST, "The URL is not UTF-8.");
    return 0;
}

/* "http://host/path", as a proxy's client may write it, is "/path". */
static char *path_of (char *text)
{
    char *scheme = strstr (text, "://");
    if (*text == '/' || scheme == NULL || scheme - text > 8)
        return text;
    return scheme + 3 + strcspn (scheme + 3, "/?");
}

static int parse_path (char *path, target_t *target)
{
    if (*path != '/')
        return error_set (ERROR_BAD_REQUEST, "The URL's path must begin with '/'.");
    if (path [1] == 0)
        return 0;
    for (char *next = path + 1; next != NULL;) {
        char *segment = next;
        next = strchr (segment, '/');
        if (next != NULL)
            *next++ = 0;
        if (target->segment_count == MAX_SEGMENTS)
            return error_set (ERROR_BAD_REQUEST, "The URL's path has more than %d parts.", MAX_SEGMENTS);
        if (decode (segment, false) != 0)
            return -1;
        target->segments [target->segment_count++] = segment;
    }
    return 0;
}

static int parse_query (char *query, target_t *target)
{
    for (char *next = query; next != NULL;) {
        char *pair = next;
        next = strchr (pair, '&');
        if (next != NULL)
            *next++ = 0;
        if (*pair == 0)
            continue;
        if (target->pair_count == MAX_QUERY_PAIRS)
            return error_set (ERROR_BAD_REQUEST, "The URL has more than %d parameters.", MAX_QUERY_PAIRS);
        char *value = strchr (pair, '=');
        if (value != NULL)
            *value++ = 0;
        if (decode (pair, true) != 0 || (value != NULL && decode (value, true) != 0))
            return -1;
        target->pairs [target->pair_count].name = pair;
        target->pairs [target->pair_count++].value = value == NULL ? "" : value;
    }
    return 0;
}

int target_parse (const char *raw, target_t *target)
{
    *target = (target_t) {.text = strdup (raw)};
    if (target->text == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    char *path = path_of (target->text);
    path [strcspn (path, "#")] = 0;
    char *query = strchr (path, '?');
    if (query != NULL)
        *query++ = 0;
    if (parse_path (path, target) != 0)
        return -1;
    return query == NULL ? 0 : parse_query (query, target);
}

void target_free (target_t *target)
{
    free (target->text);
    *target = (target_t) {0};
}

const char *target_query (const target_t *target, const char *name)
{
    for (size_t i = 0; i < target->pair_count; i++)
        if (strcmp (target->pairs [i].name, name) == 0)
            return target->pairs [i].value;
    return NULL;
}

/* Steps through a pattern's segments: *at is the rest after the slash, or NULL at its end. */
static size_t pattern_segment (const char **at, const char **segment)
{
    *segment = *at;
    size_t size = strcspn (*at, "/");
    *at = (*at) [size] == '/' ? *at + size + 1 : NULL;
    return size;
}

static const char *first_of (const char *pattern)
{
    return pattern [1] == 0 ? NULL : pattern + 1;
}

static bool path_matches (const char *pattern, const target_t *target)
{
    const char *at = first_of (pattern), *segment;
    for (size_t i = 0; i < target->segment_count; i++) {
        if (at == NULL)
            return false;
        size_t size = pattern_segment (&at, &segment);
        const char *given = target->segments [i];
        if (*segment == '{' ? *given == 0 : strlen (given) != size || memcmp (given, segment, size) != 0)
            return false;
    }
    return at == NULL;
}

static void allow (char *allowed, size_t size, const char *method)
{
    size_t used = strlen (allowed);
    snprintf (allowed + used, size - used, "%s%s%s", used > 0 ? ", " : "", method,
              strcmp (method, "GET") == 0 ? ", HEAD" : "");
}

const route_t *route_find (const route_t *routes, size_t count, const char *method,
                           const target_t *target, char *allowed, size_t size)
{
    const char *wanted = strcmp (method, "HEAD") == 0 ? "GET" : method;
    allowed [0] = 0;
    for (size_t i = 0; i < count; i++) {
        if (!path_matches (routes [i].pattern, target))
            continue;
        if (strcmp (routes [i].method, wanted) == 0)
            return &routes [i];
        allow (allowed, size, routes [i].method);
    }
    error_set (allowed [0] != 0 ? ERROR_METHOD_NOT_ALLOWED : ERROR_NOT_FOUND, NULL);
    return NULL;
}

const char *route_segment (const route_t *route, const target_t *target, const char *name)
{
    const char *at = first_of (route->pattern), *segment;
    for (size_t i = 0; at != NULL && i < target->segment_count; i++) {
        size_t size = pattern_segment (&at, &segment);
        if (*segment == '{' && size == strlen (name) + 2 && memcmp (segment + 1, name, size - 2) == 0)
            return target->segments [i];
    }
    return NULL;
}
