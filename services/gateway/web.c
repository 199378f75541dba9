/* web: the page's files, with a tag each so that a browser asks only whether they have changed. */
#include "web.h"

#include <stdio.h>
#include <string.h>

#include "api.h"
#include "settings.h"

/* Only what comes from here is loaded or run; pictures may also be made by the page itself. */
#define CONTENT_POLICY "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; " \
                       "frame-ancestors %s; form-action 'self'"

static char content_policy [MAX_POLICY];

int web_policy (const char *ancestors, char out [MAX_POLICY])
{
    for (const char *at = ancestors; *at != 0; at++)
        if (*at <= 0x20 ? *at != ' ' : *at >= 0x7f || *at == ';' || *at == ',')
            return error_set (ERROR_BAD_FIELD, "%s holds something else than sites parted by blanks.",
                              settings_variable (SETTING_GATEWAY_FRAME_ANCESTORS));
    if (*ancestors == 0 || snprintf (out, MAX_POLICY, CONTENT_POLICY, ancestors) >= MAX_POLICY)
        return error_set (ERROR_BAD_FIELD, "%s is empty or too long.",
                          settings_variable (SETTING_GATEWAY_FRAME_ANCESTORS));
    return 0;
}

int web_start (void)
{
    return web_policy (settings_text (SETTING_GATEWAY_FRAME_ANCESTORS), content_policy);
}

static const struct {
    const char *ending, *type;
} types [] = {
    {".html", "text/html; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"}, {".mjs", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"}, {".png", "image/png"}, {".ico", "image/vnd.microsoft.icon"},
    {".json", "application/json"}, {".woff2", "font/woff2"}, {".txt", "text/plain; charset=utf-8"},
};

const char *web_type (const char *name)
{
    size_t size = strlen (name);
    for (size_t i = 0; i < COUNT_OF (types); i++) {
        size_t ending = strlen (types [i].ending);
        if (size > ending && strcmp (name + size - ending, types [i].ending) == 0)
            return types [i].type;
    }
    return "application/octet-stream";
}

static const web_file_t *file_lookup (const char *name)
{
    const web_file_t *file = web_files;
    while (file->name != NULL && strcmp (file->name, name) != 0)
        file++;
    return file->name == NULL ? NULL : file;
}

static void tag_make (const web_file_t *file, char out [32])
{
    uint64_t value = 14695981039346656037u;
    for (const uint8_t *at = file->data; at < file->end; at++)
        value = (value ^ *at) * 1099511628211u;
    snprintf (out, 32, "\"%016llx\"", (unsigned long long) value);
}

bool web_answer (request_t *request, const char *name)
{
    char tag [32];
    const web_file_t *file = file_lookup (name);
    const char *known = request_header (request, "If-None-Match");
    if (file == NULL)
        return false;
    tag_make (file, tag);
    request_add_header (request, "ETag", tag);
    request_add_header (request, "Cache-Control", "no-cache");
    request_add_header (request, "Content-Security-Policy", content_policy);
    request_add_header (request, "Referrer-Policy", "same-origin");
    if (known != NULL && strstr (known, tag) != NULL)
        request_answer_empty (request, 304);
    else
        request_answer_static (request, web_type (name), file->data, (size_t) (file->end - file->data));
    return true;
}

void api_web_page (request_t *request)
{
    if (!web_answer (request, "index.html"))
        request_fail (request, ERROR_NOT_FOUND, "This server was built without its web page. The API is at /v1.", NULL);
}
