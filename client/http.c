/* HTTP by libcurl: one multi handle, one easy handle a request. */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "text.h"
#include "version.h"

#define CONNECT_S 10

typedef struct transfer {
    struct transfer *next, **link;
    CURL *easy;
    curl_mime *form;
    struct curl_slist *headers;
    int (*data) (void *context, const char *data, size_t size);
    void (*sent) (void *context, uint64_t bytes, uint64_t total);
    void (*done) (void *context, const answer_t *answer);
    void *context;
    trouble_t refused;   /* why on_data took no more */
    char *body;
    size_t size, capacity;
    char why [CURL_ERROR_SIZE];
} transfer_t;

struct http {
    CURLM *multi;
    transfer_t *transfers;
    char *url;
    char *authorization;   /* the header, or NULL */
    bool is_local;
    int wake_fd;
};

/* -- one transfer ---------------------------------------------------------------------------- */

static void transfer_destroy (http_t *http, transfer_t *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next != NULL)
        transfer->next->link = transfer->link;
    curl_multi_remove_handle (http->multi, transfer->easy);
    curl_easy_cleanup (transfer->easy);
    curl_mime_free (transfer->form);
    curl_slist_free_all (transfer->headers);
    free (transfer->body);
    free (transfer);
}

static int body_keep (transfer_t *transfer, const char *data, size_t size)
{
    if (size > MAX_KEPT_BYTES - transfer->size)
        return -1;
    return text_append (&transfer->body, &transfer->size, &transfer->capacity, data, size);
}

static size_t on_data (char *data, size_t one, size_t size, void *context)
{
    transfer_t *transfer = context;
    long status = 0;
    curl_easy_getinfo (transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    bool is_taken = transfer->data != NULL && status == 200;
    size *= one;
    if (is_taken ? transfer->data (transfer->context, data, size) == 0 : body_keep (transfer, data, size) == 0)
        return size;
    transfer->refused = is_taken ? TROUBLE_TAKER : TROUBLE_TOO_LONG;
    return CURL_WRITEFUNC_ERROR;
}

static int on_progress (void *context, curl_off_t down_total UNUSED, curl_off_t down UNUSED, curl_off_t total,
                        curl_off_t sent)
{
    transfer_t *transfer = context;
    transfer->sent (transfer->context, (uint64_t) sent, (uint64_t) total);
    return 0;
}

static int form_make (transfer_t *transfer, const request_t *request)
{
    transfer->form = curl_mime_init (transfer->easy);
    if (transfer->form == NULL)
        return -1;
    curl_mimepart *purpose = curl_mime_addpart (transfer->form);
    curl_mime_name (purpose, "purpose");
    curl_mime_data (purpose, "assistants", CURL_ZERO_TERMINATED);
    if (request->password != NULL) {
        curl_mimepart *password = curl_mime_addpart (transfer->form);
        curl_mime_name (password, "password");
        curl_mime_data (password, request->password, CURL_ZERO_TERMINATED);
    }
    curl_mimepart *file = curl_mime_addpart (transfer->form);
    curl_mime_name (file, "file");
    curl_mime_type (file, "application/pdf");
    curl_mime_filedata (file, request->file);   /* what is wrong with it is told when it is sent */
    curl_mime_filename (file, request->file_name);
    curl_easy_setopt (transfer->easy, CURLOPT_MIMEPOST, transfer->form);
    return 0;
}

static int header_add (transfer_t *transfer, const char *header)
{
    struct curl_slist *longer = curl_slist_append (transfer->headers, header);
    if (longer == NULL)
        return -1;
    transfer->headers = longer;
    return 0;
}

static int body_set (transfer_t *transfer, const request_t *request)
{
    curl_easy_setopt (transfer->easy, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->file != NULL)
        return form_make (transfer, request);
    if (request->json == NULL)
        return 0;
    curl_easy_setopt (transfer->easy, CURLOPT_COPYPOSTFIELDS, request->json);
    return header_add (transfer, "Content-Type: application/json");
}

static int options_set (const http_t *http, transfer_t *transfer, const request_t *request)
{
    char url [MAX_URL_BYTES + 8192];
    if (snprintf (url, sizeof url, "%s%s", http->url, request->path) >= (int) sizeof url)
        return -1;
    CURL *easy = transfer->easy;
    curl_easy_setopt (easy, CURLOPT_URL, url);
    curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt (easy, CURLOPT_USERAGENT, "quire/" QUIRE_VERSION);
    curl_easy_setopt (easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT, (long) CONNECT_S);
    curl_easy_setopt (easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt (easy, CURLOPT_LOW_SPEED_TIME, request->silence_s);
    curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, transfer->why);
    curl_easy_setopt (easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt (easy, CURLOPT_WRITEDATA, transfer);
    if (http->is_local)
        curl_easy_setopt (easy, CURLOPT_NOPROXY, "*");
    /* On a connection that is used again and breaks, libcurl would send once more by itself, and a file
     * would be there twice. */
    curl_easy_setopt (easy, CURLOPT_FRESH_CONNECT, strcmp (request->method, "POST") == 0 ? 1L : 0L);
    if (request->sent != NULL) {
        curl_easy_setopt (easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt (easy, CURLOPT_XFERINFODATA, transfer);
        curl_easy_setopt (easy, CURLOPT_NOPROGRESS, 0L);
    }
    if (http->authorization != NULL && header_add (transfer, http->authorization) != 0)
        return -1;
    if (body_set (transfer, request) != 0)
        return -1;
    curl_easy_setopt (easy, CURLOPT_HTTPHEADER, transfer->headers);
    return 0;
}

int http_start (http_t *http, const request_t *request)
{
    transfer_t *transfer = calloc (1, sizeof *transfer);
    CURL *easy = transfer == NULL ? NULL : curl_easy_init ();
    if (easy == NULL) {
        free (transfer);
        return -1;
    }
    transfer->easy = easy;
    transfer->data = request->data;
    transfer->sent = request->sent;
    transfer->done = request->done;
    transfer->context = request->context;
    transfer->next = http->transfers;
    transfer->link = &http->transfers;
    if (transfer->next != NULL)
        transfer->next->link = &transfer->next;
    http->transfers = transfer;
    if (options_set (http, transfer, request) != 0 || curl_multi_add_handle (http->multi, easy) != CURLM_OK) {
        transfer_destroy (http, transfer);
        return -1;
    }
    return 0;
}

void http_cancel (http_t *http, const void *context)
{
    for (transfer_t *transfer = http->transfers, *next; transfer != NULL; transfer = next) {
        next = transfer->next;
        if (transfer->context == context)
            transfer_destroy (http, transfer);
    }
}

void http_cancel_all (http_t *http)
{
    while (http->transfers != NULL)
        transfer_destroy (http, http->transfers);
}

/* -- turning --------------------------------------------------------------------------------- */

static trouble_t trouble_of (const transfer_t *transfer, CURLcode code)
{
    if (transfer->refused != TROUBLE_NONE)
        return transfer->refused;
    switch (code) {
    case CURLE_OK:
        return TROUBLE_NONE;
    case CURLE_COULDNT_RESOLVE_PROXY: case CURLE_COULDNT_RESOLVE_HOST: case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR: case CURLE_PEER_FAILED_VERIFICATION:
        return TROUBLE_UNREACHED;
    case CURLE_READ_ERROR: case CURLE_ABORTED_BY_CALLBACK:
        return TROUBLE_FILE;
    default:
        return TROUBLE_BROKEN;
    }
}

static void transfer_end (http_t *http, transfer_t *transfer, CURLcode code)
{
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo (transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo (transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    const char *why = *transfer->why != 0 ? transfer->why : curl_easy_strerror (code);
    answer_t answer = {.trouble = trouble_of (transfer, code), .why = why, .status = (int) status,
                       .body = transfer->body != NULL ? transfer->body : "", .size = transfer->size,
                       .retry_after_s = retry_after > 0 ? (long) retry_after : -1};
    transfer->done (transfer->context, &answer);
    transfer_destroy (http, transfer);
}

void http_turn (http_t *http, int timeout_ms)
{
    struct curl_waitfd wake = {.fd = http->wake_fd, .events = CURL_WAIT_POLLIN};
    int left = 0;
    curl_multi_poll (http->multi, &wake, http->wake_fd >= 0 ? 1 : 0, timeout_ms < 0 ? 60000 : timeout_ms, NULL);
    curl_multi_perform (http->multi, &left);
    for (CURLMsg *told; (told = curl_multi_info_read (http->multi, &left)) != NULL;) {
        char *transfer = NULL;
        CURLcode code = told->data.result;   /* told is gone once its handle is */
        curl_easy_getinfo (told->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer_end (http, (transfer_t *) transfer, code);
    }
}

/* -- the service ----------------------------------------------------------------------------- */

static bool host_is_local (const char *host)
{
    return strcmp (host, "localhost") == 0 || strncmp (host, "127.", 4) == 0 || strcmp (host, "[::1]") == 0;
}

static int url_refuse (failure_t *failure, const char *url, const char *why)
{
    return failure_set (failure, OUTCOME_USAGE, "The service's address '%.200s' can't be used: %s. "
                        "It must be like http://localhost:7860 (QUIRE_URL or --url).", url, why);
}

/* http or https, a host, perhaps a port and a path; a final /v1, as OpenAI's clients want it, is dropped. */
static int url_check (http_t *http, CURLU *parts, const char *url, failure_t *failure)
{
    char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL;
    int outcome = -1;
    CURLUcode code = strlen (url) > MAX_URL_BYTES ? CURLUE_MALFORMED_INPUT
                                                  : curl_url_set (parts, CURLUPART_URL, url, 0);
    if (code == CURLUE_OK && curl_url_get (parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK)
        curl_url_get (parts, CURLUPART_HOST, &host, 0);
    curl_url_get (parts, CURLUPART_USER, &user, 0);
    curl_url_get (parts, CURLUPART_QUERY, &query, 0);
    if (host == NULL)
        url_refuse (failure, user != NULL ? "..." : url, curl_url_strerror (code));
    else if (strcmp (scheme, "http") != 0 && strcmp (scheme, "https") != 0)
        url_refuse (failure, "...", "it is neither http nor https");
    else if (user != NULL)
        url_refuse (failure, "...", "it holds a user's name; a key belongs into QUIRE_API_KEY");
    else if (query != NULL)
        url_refuse (failure, url, "it has a query");
    else {
        http->is_local = host_is_local (host);
        outcome = 0;
    }
    curl_free (scheme);
    curl_free (host);
    curl_free (user);
    curl_free (query);
    return outcome;
}

static void tail_drop (char *url, const char *tail)
{
    size_t size = strlen (url), tail_size = strlen (tail);
    if (size >= tail_size && strcmp (url + size - tail_size, tail) == 0)
        url [size - tail_size] = 0;
}

static int url_set (http_t *http, const char *url, failure_t *failure)
{
    CURLU *parts = curl_url ();
    char *whole = NULL;
    int outcome = parts == NULL ? -1 : url_check (http, parts, url, failure);
    if (outcome == 0 && curl_url_get (parts, CURLUPART_URL, &whole, 0) == CURLUE_OK) {
        tail_drop (whole, "/");
        tail_drop (whole, "/v1");
        tail_drop (whole, "/");
        http->url = strdup (whole);
    }
    curl_free (whole);
    curl_url_cleanup (parts);
    return outcome;
}

static int key_set (http_t *http, const char *key, failure_t *failure)
{
    for (const char *at = key; *at != 0; at++)
        if (*at < '!' || *at > '~')
            return failure_set (failure, OUTCOME_USAGE, "The API key holds a character that no key has: a blank, "
                                "a line end, or one beyond ASCII.");
    if (strlen (key) > MAX_KEY_BYTES)
        return failure_set (failure, OUTCOME_USAGE, "The API key is longer than %d bytes.", MAX_KEY_BYTES);
    size_t size = sizeof "Authorization: Bearer " + strlen (key);
    http->authorization = *key != 0 ? malloc (size) : NULL;
    if (http->authorization != NULL)
        snprintf (http->authorization, size, "Authorization: Bearer %s", key);
    return 0;
}

http_t *http_new (const char *url, const char *key, int wake_fd, failure_t *failure)
{
    failure_set (failure, OUTCOME_LOCAL, "There is not enough memory.");
    http_t *http = calloc (1, sizeof *http);
    if (http == NULL || curl_global_init (CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free (http);
        return NULL;
    }
    http->wake_fd = wake_fd;
    http->multi = curl_multi_init ();
    if (http->multi != NULL && url_set (http, url, failure) == 0 && key_set (http, key, failure) == 0
        && http->url != NULL && (*key == 0 || http->authorization != NULL))
        return http;
    http_destroy (&http);
    return NULL;
}

void http_destroy (http_t **http)
{
    if (*http == NULL)
        return;
    http_cancel_all (*http);
    curl_multi_cleanup ((*http)->multi);
    free ((*http)->url);
    free ((*http)->authorization);
    free (*http);
    *http = NULL;
    curl_global_cleanup ();
}

const char *http_url (const http_t *http)
{
    return http->url;
}

char *http_encode (const char *text)
{
    char *encoded = curl_easy_escape (NULL, text, 0), *copy = encoded == NULL ? NULL : strdup (encoded);
    curl_free (encoded);
    return copy;
}
