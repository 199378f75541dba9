/* The job board, over hiredis. */
#include "job_board.h"

#include <ctype.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "error.h"
#include "log.h"
#include "lookup.h"
#include "loop.h"
#include "settings.h"
#include "utf8.h"

#define MAX_URL_PART LOOKUP_MAX_HOST
#define MAX_KEY      160
#define MAX_ELEMENTS (1 << 20)  /* of a list that Redis sends: memory is taken for all before they come */
#define JOB_LIFE_S   "604800"   /* a job that nobody touches for a week is forgotten */

/* -- addresses ------------------------------------------------------------------------------- */

typedef struct {
    bool tls, local;
    char host [MAX_URL_PART];   /* or the path of the socket */
    int port, database;
    char user [MAX_URL_PART], password [MAX_URL_PART];
} board_address_t;

struct job_board {
    board_address_t address;
    lookup_t *lookup;           /* of the host */
    redisSSLContext *tls;
    redisContext *redis, *watch;
    redisReply *event;          /* the one that job_board_next lent */
    uint64_t rest_until_ms;     /* it did not answer: ask again then */
    char why [128];             /* the last connection could not be had */
    bool was_lost, was_asked, only_looks;
};

/* Copies [from, to) with %41 opened. Returns 0, or -1 when it is too long. */
static int part_copy (const char *from, const char *to, char out [MAX_URL_PART])
{
    size_t length = 0;
    while (from < to) {
        if (length + 1 >= MAX_URL_PART)
            return -1;
        unsigned value;
        if (*from == '%' && to - from > 2 && isxdigit ((unsigned char) from [1])
            && isxdigit ((unsigned char) from [2]) && sscanf (from + 1, "%2x", &value) == 1) {
            out [length++] = (char) value;
            from += 3;
        } else {
            out [length++] = *from++;
        }
    }
    out [length] = '\0';
    return 0;
}

/* [user:password@], as Redis URLs have it: a lone word before @ is the password. */
static int credentials_parse (const char *from, const char *at, board_address_t *address)
{
    const char *colon = memchr (from, ':', (size_t) (at - from));
    if (colon && part_copy (from, colon, address->user) != 0)
        return -1;
    return part_copy (colon ? colon + 1 : from, at, address->password);
}

static int network_parse (const char *rest, board_address_t *address)
{
    const char *at = strrchr (rest, '@');
    if (at && credentials_parse (rest, at, address) != 0)
        return -1;
    const char *host = at ? at + 1 : rest;
    const char *slash = strchr (host, '/');
    const char *end = slash ? slash : host + strlen (host);
    const char *colon = *host == '[' ? strchr (host, ']') : host;
    colon = colon ? memchr (colon, ':', (size_t) (end - colon)) : NULL;
    const char *first = *host == '[' ? host + 1 : host;
    const char *last = *host == '[' ? memchr (host, ']', (size_t) (end - host)) : colon ? colon : end;
    if (!last || part_copy (first, last, address->host) != 0 || !*address->host)
        return -1;
    address->port = colon ? atoi (colon + 1) : 6379;
    address->database = slash ? atoi (slash + 1) : 0;
    return address->port > 0 && address->port < 65536 ? 0 : -1;
}

static int address_parse (const char *url, board_address_t *address)
{
    *address = (board_address_t) {0};
    if (strncmp (url, "unix://", 7) == 0) {
        address->local = true;
        return url [7] ? part_copy (url + 7, url + strlen (url), address->host) : -1;
    }
    address->tls = strncmp (url, "rediss://", 9) == 0;
    if (!address->tls && strncmp (url, "redis://", 8) != 0)
        return -1;
    return network_parse (strstr (url, "://") + 3, address);
}

/* -- connections ----------------------------------------------------------------------------- */

job_board_t *job_board_new (const char *url)
{
    job_board_t *board = calloc (1, sizeof *board);
    if (!board) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    if (address_parse (url, &board->address) != 0) {
        free (board);
        error_set (ERROR_BAD_FIELD, "REDIS_URL is not of the form redis://[user:password@]host:port[/n], "
                   "rediss://… or unix://path");
        return NULL;
    }
    if ((board->lookup = lookup_new (board->address.host)) == NULL) {
        job_board_destroy (&board);
        return NULL;
    }
    if (board->address.tls) {
        const char *ca = settings_text (SETTING_REDIS_CA);
        redisInitOpenSSL ();
        board->tls = redisCreateSSLContext (*ca ? ca : NULL, *ca ? NULL : "/etc/ssl/certs", NULL, NULL,
                                            board->address.host, NULL);
    }
    if (board->address.tls && !board->tls) {
        job_board_destroy (&board);
        error_set (ERROR_BAD_FIELD, "the certificates that %s names can't be read",
                   settings_variable (SETTING_REDIS_CA));
    }
    return board;
}

void job_board_destroy (job_board_t **board_p)
{
    job_board_t *board = *board_p;
    if (!board)
        return;
    freeReplyObject (board->event);
    redisFree (board->redis);
    redisFree (board->watch);
    if (board->tls)
        redisFreeSSLContext (board->tls);
    lookup_destroy (&board->lookup);
    free (board);
    *board_p = NULL;
}

void job_board_only_look (job_board_t *board)
{
    board->only_looks = true;
}

static bool reply_is_fine (const redisReply *reply)
{
    return reply && reply->type != REDIS_REPLY_ERROR;
}

static bool command_is_fine (redisContext *redis, int count, const char *words [])
{
    redisReply *reply = redisCommandArgv (redis, count, words, NULL);
    bool fine = reply_is_fine (reply);
    if (reply && !fine)
        log_warning ("board_refused", "command=%s why=\"%.100s\"", words [0], reply->str);
    freeReplyObject (reply);
    return fine;
}

static bool sign_in (const board_address_t *address, redisContext *redis)
{
    const char *with_user [] = {"AUTH", address->user, address->password};
    const char *without [] = {"AUTH", address->password};
    char number [16];
    snprintf (number, sizeof number, "%d", address->database);
    const char *select [] = {"SELECT", number};
    if (*address->password
        && !(*address->user ? command_is_fine (redis, 3, with_user) : command_is_fine (redis, 2, without)))
        return false;
    return !address->database || command_is_fine (redis, 2, select);
}

/* Tries the host's addresses one after the other. What hiredis is given is no name: it would wait for
 * the name server without a limit. NULL, or a connection that may have failed. */
static redisContext *network_connect (job_board_t *board, struct timeval wait)
{
    lookup_address_t addresses [LOOKUP_MAX_ADDRESSES];
    const char *why;
    int count = lookup_addresses (board->lookup, BOARD_CONNECT_MS, addresses, &why);
    if (count == 0)
        snprintf (board->why, sizeof board->why, "%s", why);
    redisContext *redis = NULL;
    for (int i = 0; i < count && (!redis || redis->err); i++) {
        redisFree (redis);
        redis = redisConnectWithTimeout (addresses [i], board->address.port, wait);
    }
    return redis;
}

static redisContext *connection_open (job_board_t *board)
{
    const board_address_t *address = &board->address;
    const struct timeval wait = {.tv_usec = BOARD_CONNECT_MS * 1000}, reply = {.tv_sec = BOARD_REPLY_MS / 1000};
    redisContext *redis = address->local ? redisConnectUnixWithTimeout (address->host, wait)
                                         : network_connect (board, wait);
    if (!redis)
        return NULL;
    if (redis->reader)
        redis->reader->maxelements = MAX_ELEMENTS;
    if (!redis->err && redisSetTimeout (redis, wait) == REDIS_OK
        && (!board->tls || redisInitiateSSLWithContext (redis, board->tls) == REDIS_OK)
        && sign_in (address, redis) && redisSetTimeout (redis, reply) == REDIS_OK)
        return redis;
    snprintf (board->why, sizeof board->why, "%s", redis->err ? redis->errstr : "it does not take the password");
    redisFree (redis);
    return NULL;
}

static int board_away (job_board_t *board)
{
    if (board->redis || board->rest_until_ms == 0)
        log_warning ("board_away", "why=\"%s\"", board->redis && board->redis->err
                     ? board->redis->errstr : *board->why ? board->why : "it does not answer");
    *board->why = '\0';
    redisFree (board->redis);
    board->redis = NULL;
    board->was_asked = true;
    board->rest_until_ms = loop_now_ms () + BOARD_REST_MS;
    return error_set (ERROR_BOARD_AWAY, NULL);
}

/* The board is known by a mark that we leave on it: when the mark is not there, the board is a new
 * or emptied one. One that was asked before, by an earlier connection or in vain, may not know what was
 * changed. */
static void mark_check (job_board_t *board)
{
    if (board->only_looks)
        return;
    const char *words [] = {"SET", "quire:board", "1", "NX"};
    redisReply *reply = redisCommandArgv (board->redis, 4, words, NULL);
    if ((reply && reply->type == REDIS_REPLY_STATUS) || board->was_asked)
        board->was_lost = true;
    freeReplyObject (reply);
}

static int board_connect (job_board_t *board)
{
    if (board->redis && !board->redis->err)
        return 0;
    if (loop_now_ms () < board->rest_until_ms)
        return error_set (ERROR_BOARD_AWAY, NULL);
    redisFree (board->redis);
    board->redis = connection_open (board);
    if (!board->redis)
        return board_away (board);
    mark_check (board);
    board->was_asked = true;
    board->rest_until_ms = 0;
    return 0;
}

/* Runs one command. The caller frees the reply; NULL with BOARD_AWAY. */
static redisReply *board_ask (job_board_t *board, int count, const char *words [])
{
    if (board_connect (board) != 0)
        return NULL;
    redisReply *reply = redisCommandArgv (board->redis, count, words, NULL);
    if (reply_is_fine (reply))
        return reply;
    if (reply)
        log_warning ("board_refused", "command=%s why=\"%.100s\"", words [0], reply->str);
    freeReplyObject (reply);
    board_away (board);
    return NULL;
}

bool job_board_answers (job_board_t *board)
{
    const char *words [] = {"EXISTS", "quire:board"};
    redisReply *reply = board_ask (board, 2, words);
    bool answers = reply != NULL;
    if (answers && reply->integer == 0)   /* emptied behind our back */
        mark_check (board);
    freeReplyObject (reply);
    return answers;
}

bool job_board_was_lost (job_board_t *board)
{
    bool was_lost = board->was_lost;
    board->was_lost = false;
    return was_lost;
}

/* -- jobs ------------------------------------------------------------------------------------ */

const char *job_state_name (job_state_t state)
{
    static const char *const names [] = {"", "queued", "reading", "indexing", "completed", "failed", "deleted"};
    return (size_t) state < COUNT_OF (names) ? names [state] : "";
}

static job_state_t job_state_by_name (const char *name)
{
    for (job_state_t state = JOB_QUEUED; state <= JOB_DELETED; state++)
        if (strcmp (job_state_name (state), name) == 0)
            return state;
    return 0;
}

bool job_state_allowed (job_state_t from, job_state_t to)
{
    if (from == JOB_DELETED)
        return to == JOB_DELETED;
    if (from == JOB_COMPLETED || from == JOB_FAILED)
        return to == from || to == JOB_DELETED;
    return to >= from;
}

/* The fields of a job as text, in the order of the names. */
enum { FIELD_STATE, FIELD_NAME, FIELD_PAGES, FIELD_DONE, FIELD_CHUNKS, FIELD_VECTORS, FIELD_REASON, FIELD_COUNT };
static const char *const field_names [FIELD_COUNT] = {
    "state", "filename", "pages", "pages_done", "chunks", "vectors", "reason",
};

typedef struct {
    const char *value [FIELD_COUNT];   /* NULL: not known */
    char numbers [FIELD_COUNT] [24];
} job_fields_t;

static void number_set (job_fields_t *fields, int field, int64_t value)
{
    if (value < 0)
        return;
    snprintf (fields->numbers [field], sizeof fields->numbers [field], "%lld", (long long) value);
    fields->value [field] = fields->numbers [field];
}

static void fields_make (job_fields_t *fields, const job_progress_t *progress)
{
    *fields = (job_fields_t) {0};
    if (progress->state)
        fields->value [FIELD_STATE] = job_state_name (progress->state);
    fields->value [FIELD_NAME] = progress->name;
    fields->value [FIELD_REASON] = progress->reason != NULL && *progress->reason != 0 ? progress->reason : NULL;
    number_set (fields, FIELD_PAGES, progress->pages);
    number_set (fields, FIELD_DONE, progress->pages_done);
    number_set (fields, FIELD_CHUNKS, progress->chunks);
    number_set (fields, FIELD_VECTORS, progress->vectors);
}

/* The text of a value, or NULL when there is none, or it is no text. */
static const char *value_text (const redisReply *value)
{
    return value->type == REDIS_REPLY_STRING && utf8_valid (value->str, value->len) ? value->str : NULL;
}

/* Fills in what the change does not name from what stands on the board; a state never goes back. */
static void fields_complete (job_fields_t *fields, const redisReply *known)
{
    for (int i = 0; i < FIELD_COUNT && (size_t) i < known->elements; i++) {
        const char *value = value_text (known->element [i]);
        if (!value)
            continue;
        if (i == FIELD_STATE && fields->value [i]
            && !job_state_allowed (job_state_by_name (value), job_state_by_name (fields->value [i])))
            fields->value [i] = value;
        if (!fields->value [i])
            fields->value [i] = value;
    }
}

static void text_add (yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *value)
{
    if (value)
        yyjson_mut_obj_add_str (doc, object, name, value);
    else
        yyjson_mut_obj_add_null (doc, object, name);
}

static char *event_make (const char *file_id, const job_fields_t *fields)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (doc);
    yyjson_mut_doc_set_root (doc, root);
    yyjson_mut_obj_add_str (doc, root, "file_id", file_id);
    text_add (doc, root, "filename", fields->value [FIELD_NAME]);
    text_add (doc, root, "state", fields->value [FIELD_STATE]);
    for (int i = FIELD_PAGES; i <= FIELD_VECTORS; i++)
        yyjson_mut_obj_add_int (doc, root, field_names [i], fields->value [i] ? atoll (fields->value [i]) : 0);
    text_add (doc, root, "reason", fields->value [FIELD_REASON]);
    char *json = yyjson_mut_write (doc, 0, NULL);
    yyjson_mut_doc_free (doc);
    return json;
}

static redisReply *job_read (job_board_t *board, const char *key)
{
    const char *words [2 + FIELD_COUNT] = {"HMGET", key};
    memcpy (words + 2, field_names, sizeof field_names);
    return board_ask (board, COUNT_OF (words), words);
}

static int job_write (job_board_t *board, const char *key, const char *file_id, const job_fields_t *fields)
{
    const char *words [2 + 2 * FIELD_COUNT] = {"HSET", key};
    int count = 2;
    for (int i = 0; i < FIELD_COUNT; i++)
        if (fields->value [i]) {
            words [count++] = field_names [i];
            words [count++] = fields->value [i];
        }
    char *event = event_make (file_id, fields);
    if (!event)
        return error_set (ERROR_NO_MEMORY, NULL);
    const char *add [] = {"SADD", "quire:jobs", file_id};
    const char *life [] = {"EXPIRE", key, JOB_LIFE_S};
    const char *tell [] = {"PUBLISH", "quire:events", event};
    redisAppendCommandArgv (board->redis, count, words, NULL);
    redisAppendCommandArgv (board->redis, COUNT_OF (add), add, NULL);
    redisAppendCommandArgv (board->redis, COUNT_OF (life), life, NULL);
    redisAppendCommandArgv (board->redis, COUNT_OF (tell), tell, NULL);
    bool fine = true;
    for (int i = 0; i < 4 && fine; i++) {
        redisReply *reply = NULL;
        fine = redisGetReply (board->redis, (void **) &reply) == REDIS_OK && reply_is_fine (reply);
        freeReplyObject (reply);
    }
    free (event);
    return fine ? 0 : board_away (board);
}

int job_board_update (job_board_t *board, const char *file_id, job_progress_t progress)
{
    char key [MAX_KEY];
    snprintf (key, sizeof key, "quire:job:%s", file_id);
    redisReply *known = job_read (board, key);
    if (!known)
        return -1;
    job_fields_t fields;
    fields_make (&fields, &progress);
    fields_complete (&fields, known);
    int outcome = job_write (board, key, file_id, &fields);
    freeReplyObject (known);
    return outcome;
}

int job_board_remove (job_board_t *board, const char *file_id)
{
    char job [MAX_KEY], attempts [MAX_KEY];
    snprintf (job, sizeof job, "quire:job:%s", file_id);
    snprintf (attempts, sizeof attempts, "quire:attempts:%s", file_id);
    const char *forget [] = {"SREM", "quire:jobs", file_id};
    const char *drop [] = {"DEL", job, attempts};
    redisReply *forgotten = board_ask (board, COUNT_OF (forget), forget);
    redisReply *dropped = forgotten ? board_ask (board, COUNT_OF (drop), drop) : NULL;
    bool fine = dropped != NULL;
    freeReplyObject (forgotten);
    freeReplyObject (dropped);
    return fine ? 0 : -1;
}

int job_board_list (job_board_t *board, void (*job) (void *context, const char *file_id), void *context)
{
    const char *words [] = {"SMEMBERS", "quire:jobs"};
    redisReply *reply = board_ask (board, COUNT_OF (words), words);
    if (!reply)
        return -1;
    for (size_t i = 0; i < reply->elements; i++)
        if (reply->element [i]->type == REDIS_REPLY_STRING)
            job (context, reply->element [i]->str);
    freeReplyObject (reply);
    return 0;
}

/* The part of a key behind its kind, or NULL for a key that belongs to no file. */
static const char *file_of_key (const redisReply *key)
{
    static const char *const kinds [] = {"quire:job:", "quire:attempts:"};
    for (size_t i = 0; i < COUNT_OF (kinds); i++)
        if (key->type == REDIS_REPLY_STRING && strncmp (key->str, kinds [i], strlen (kinds [i])) == 0)
            return key->str + strlen (kinds [i]);
    return NULL;
}

int job_board_traces (job_board_t *board, void (*trace) (void *context, const char *file_id), void *context)
{
    char cursor [24] = "0";
    do {
        const char *words [] = {"SCAN", cursor, "MATCH", "quire:*", "COUNT", "1000"};
        redisReply *reply = board_ask (board, COUNT_OF (words), words);
        if (!reply)
            return -1;
        const redisReply *keys = reply->elements == 2 ? reply->element [1] : NULL;
        snprintf (cursor, sizeof cursor, "%s", keys && reply->element [0]->str ? reply->element [0]->str : "0");
        for (size_t i = 0; keys && i < keys->elements; i++)
            if (file_of_key (keys->element [i]))
                trace (context, file_of_key (keys->element [i]));
        freeReplyObject (reply);
    } while (strcmp (cursor, "0") != 0);
    return job_board_list (board, trace, context);
}

/* The tries stay for as long as a job may, and not at all for a file that has none: it was finished or
 * deleted while one more try of it was on its way. */
static void attempts_settle (job_board_t *board, const char *file_id, const char *key)
{
    const char *ask [] = {"SISMEMBER", "quire:jobs", file_id};
    const char *life [] = {"EXPIRE", key, JOB_LIFE_S}, *drop [] = {"DEL", key};
    redisReply *job = board_ask (board, COUNT_OF (ask), ask);
    bool is_job = job && job->integer != 0;
    freeReplyObject (job);
    freeReplyObject (is_job ? board_ask (board, COUNT_OF (life), life) : board_ask (board, COUNT_OF (drop), drop));
}

int job_board_attempt (job_board_t *board, const char *file_id, uint32_t first, uint32_t last)
{
    char key [MAX_KEY], range [32];
    snprintf (key, sizeof key, "quire:attempts:%s", file_id);
    snprintf (range, sizeof range, "%u-%u", first, last);
    const char *count [] = {"HINCRBY", key, range, "1"};
    redisReply *reply = board_ask (board, COUNT_OF (count), count);
    if (!reply)
        return -1;
    int tries = (int) reply->integer;
    freeReplyObject (reply);
    attempts_settle (board, file_id, key);
    return tries;
}

/* -- watching -------------------------------------------------------------------------------- */

int job_board_watch (job_board_t *board)
{
    redisFree (board->watch);
    board->watch = connection_open (board);
    const char *words [] = {"SUBSCRIBE", "quire:events"};
    if (!board->watch || !command_is_fine (board->watch, 2, words)) {
        redisFree (board->watch);
        board->watch = NULL;
        return error_set (ERROR_BOARD_AWAY, NULL);
    }
    if (!board->address.local)
        redisEnableKeepAlive (board->watch);
    board->watch->flags &= ~REDIS_BLOCK;   /* from here on only what has arrived is read */
    fcntl (board->watch->fd, F_SETFL, fcntl (board->watch->fd, F_GETFL) | O_NONBLOCK);
    return board->watch->fd;
}

/* The text of a message reply, or NULL for a reply of another kind. */
static const char *event_text (const redisReply *reply)
{
    bool is_event = reply->elements == 3 && reply->element [2]->type == REDIS_REPLY_STRING;
    return is_event ? reply->element [2]->str : NULL;
}

const char *job_board_next (job_board_t *board, bool *closed)
{
    *closed = board->watch == NULL;
    freeReplyObject (board->event);
    board->event = NULL;
    while (board->watch && !board->event) {
        redisReply *reply = NULL;
        if (redisGetReplyFromReader (board->watch, (void **) &reply) != REDIS_OK) {
            *closed = true;
            return NULL;
        }
        if (!reply) {
            *closed = redisBufferRead (board->watch) != REDIS_OK;
            if (*closed || redisGetReplyFromReader (board->watch, (void **) &reply) != REDIS_OK || !reply)
                return NULL;
        }
        if (event_text (reply))
            board->event = reply;
        else
            freeReplyObject (reply);
    }
    return board->event ? event_text (board->event) : NULL;
}
