/* guard: API keys and questions a minute. */
#include "guard.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "log.h"
#include "metrics.h"
#include "rates.h"
#include "settings.h"
#include "site.h"

/* What needs no key: health checks, and the page (its other files are no routes). What the page shows
 * it asks for with a key. */
static const char *const open_routes [] = {"healthz", "readyz", "webPage"};

static const char *const questions [] = {"searchVectorStore", "createEmbeddings", "createResponse",
                                         "createChatCompletion"};

#define MAX_SECONDS 24   /* digits of a number of seconds */

enum { ASKER_ADDRESS = 1, ASKER_KEY };

static struct {
    keys_t *keys;      /* NULL: none is wanted */
    rates_t *rates;    /* NULL: no limit */
    networks_t proxies;
} guard;

/* -- settings -------------------------------------------------------------------------------- */

/* What a setting holds is told by its own name; a key itself never is. */
static int fail (setting_t setting)
{
    char why [MAX_ERROR_TEXT];
    snprintf (why, sizeof why, "%s", error_text ());
    return error_set (error_get (), "%s: %s", settings_variable (setting), why);
}

/* Keys that are named but empty are a mistake that would open the door. */
static int keys_start (void)
{
    if (!settings_given (SETTING_API_KEYS))
        return 0;
    guard.keys = keys_new (settings_text (SETTING_API_KEYS));
    return guard.keys == NULL ? fail (SETTING_API_KEYS) : 0;
}

int guard_start (void)
{
    long per_minute = settings_number (SETTING_GATEWAY_QUESTIONS_PER_MINUTE);
    if (keys_start () != 0)
        return -1;
    if (networks_parse (settings_text (SETTING_GATEWAY_TRUSTED_PROXIES), &guard.proxies) != 0)
        return fail (SETTING_GATEWAY_TRUSTED_PROXIES);
    if (per_minute > 0 && (guard.rates = rates_new ((unsigned) per_minute)) == NULL)
        return -1;
    log_info ("guard", "api_keys=%zu questions_per_minute=%ld trusted_proxies=%zu",
              guard.keys == NULL ? 0 : keys_count (guard.keys), per_minute, guard.proxies.count);
    return 0;
}

void guard_stop (void)
{
    keys_destroy (&guard.keys);
    rates_destroy (&guard.rates);
}

const networks_t *guard_proxies (void)
{
    return &guard.proxies;
}

/* -- requests -------------------------------------------------------------------------------- */

static bool is_among (const route_t *route, const char *const *names, size_t count)
{
    for (size_t i = 0; route != NULL && i < count; i++)
        if (strcmp (route->name, names [i]) == 0)
            return true;
    return false;
}

bool guard_wants_key (const route_t *route)
{
    return guard.keys != NULL && !is_among (route, open_routes, COUNT_OF (open_routes));
}

bool guard_is_question (const route_t *route)
{
    return is_among (route, questions, COUNT_OF (questions));
}

/* A page of another site whose name is made to lead here (DNS rebinding) is asked from by the browser of
 * somebody who may reach this server. Keys it has none; where none is wanted, the name tells it. MCP has a
 * stricter rule of its own, by Origin, which a browser sends with each POST. */
static int check_host (const request_t *request, const route_t *route)
{
    const char *host = request_header (request, "Host");
    if (guard.keys != NULL || is_among (route, open_routes, COUNT_OF (open_routes)) || request_is_from_proxy (request)
        || (route != NULL && route->body == BODY_RPC) || site_is_own (host, settings_text (SETTING_GATEWAY_HOSTS)))
        return 0;
    char base [MAX_SITE];   /* of what is no host nothing is said again */
    site_base (host, "http", base);
    metric_add (METRIC_HTTP_HOSTS_REFUSED, 1);
    return error_set (ERROR_HOST_NOT_KNOWN, "This server is not known by the name '%.100s'. Ask it by its address, or"
                      " have who runs it name it in %s (*: any name), or set API keys.",
                      *base == 0 ? "?" : base + strlen ("http://"), settings_variable (SETTING_GATEWAY_HOSTS));
}

static int refuse_key (request_t *request, bool given)
{
    metric_add (METRIC_HTTP_KEYS_REFUSED, 1);
    request_add_header (request, "WWW-Authenticate", given ? "Bearer realm=\"quire\", error=\"invalid_token\""
                                                           : "Bearer realm=\"quire\"");
    return error_set (ERROR_INVALID_API_KEY, "%s", given
        ? "This API key is not one that the server knows. Check it, or ask who runs the server for one."
        : error_default (ERROR_INVALID_API_KEY));
}

/* Who asks: the key, so that one key's askers share its rate wherever they are, or else the address. */
static asker_t asker_of (const request_t *request, int key)
{
    asker_t asker = {{key >= 0 ? ASKER_KEY : ASKER_ADDRESS}};
    address_t address = request_address (request), house = address_of_house (&address);
    if (key >= 0)
        memcpy (asker.bytes + 1, &key, sizeof key);
    else
        memcpy (asker.bytes + 1, house.bytes, sizeof house.bytes);
    return asker;
}

/* seconds: gets when to come back. */
static int count_question (const request_t *request, int key, char seconds [MAX_SECONDS])
{
    asker_t asker = asker_of (request, key);
    uint64_t wait_ms = rates_take (guard.rates, &asker, loop_now_ms ());
    if (wait_ms == 0)
        return 0;
    metric_add (METRIC_HTTP_RATE_LIMITED, 1);
    snprintf (seconds, MAX_SECONDS, "%llu", (unsigned long long) (wait_ms + 999) / 1000);
    return error_set (ERROR_RATE_LIMIT_EXCEEDED, "More than %ld questions a minute. Try again in %s s.",
                      settings_number (SETTING_GATEWAY_QUESTIONS_PER_MINUTE), seconds);
}

static int admit_question (request_t *request, int key)
{
    char seconds [MAX_SECONDS];
    if (count_question (request, key, seconds) == 0)
        return 0;
    request_add_header (request, "Retry-After", seconds);
    return -1;
}

int guard_count_question (request_t *request)
{
    char seconds [MAX_SECONDS];
    int key = guard.keys == NULL ? -1 : keys_find (guard.keys, request_header (request, "Authorization"));
    return guard.rates == NULL ? 0 : count_question (request, key, seconds);
}

int guard_admit (request_t *request, const route_t *route)
{
    const char *authorization = request_header (request, "Authorization");
    int key = -1;
    if (check_host (request, route) != 0)
        return -1;
    if (guard_wants_key (route)) {
        key = keys_find (guard.keys, authorization);
        if (key < 0)
            return refuse_key (request, authorization != NULL);
    }
    return guard.rates != NULL && guard_is_question (route) ? admit_question (request, key) : 0;
}
