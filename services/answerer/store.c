/* The store's life: it is opened, made and brought up to date here; tables stand in store_schema.def.
 * WAL mode, every commit synced to the disk. */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "statement.h"
#include "sync_folder.h"

#define APPLICATION_ID 0x51756972   /* "Quir": this database is ours */
#define MAX_PATH       4096

/* By the version that they raise. */
static const char *const upgrades [STORE_VERSION] = {
#define UPGRADE(from, sql) [from] = sql,
#include "store_upgrades.def"
#undef UPGRADE
};

static const char *const schema [] = {
#define SCHEMA(sql) sql,
#include "store_schema.def"
#undef SCHEMA
};

static int make_schema (store_t *store)
{
    char versions [96];
    snprintf (versions, sizeof versions, "PRAGMA application_id = %d; PRAGMA user_version = %d",
              APPLICATION_ID, STORE_VERSION);
    if (connection_execute (store, "PRAGMA synchronous = FULL; BEGIN") != 0)
        return -1;
    for (size_t i = 0; i < COUNT_OF (schema); i++)
        if (connection_execute (store, schema [i]) != 0)
            return -1;
    return connection_execute (store, versions) != 0 ? -1 : connection_execute (store, "COMMIT");
}

/* A new store is made under another name and renamed when it is whole, so that an empty or half
 * file under the real name always means damage. */
static int make_new (const char *path)
{
    char unready [MAX_PATH], journal [MAX_PATH + 16];
    if (snprintf (unready, sizeof unready, "%s.new", path) >= (int) sizeof unready)
        return error_set (ERROR_STORE_FAILED, "store: the path %s is too long", path);
    snprintf (journal, sizeof journal, "%s-journal", unready);
    unlink (unready);
    unlink (journal);
    store_t *store = connection_open (unready, CONNECTION_MAKES);
    int result = store == NULL ? -1 : make_schema (store);
    connection_close (&store);
    if (result == 0 && rename (unready, path) != 0)
        result = error_set (ERROR_STORE_FAILED, "store: rename %s: %s", unready, strerror (errno));
    if (result == 0 && sync_folder_of (path) != 0)
        result = error_set (ERROR_STORE_FAILED, "store: sync the folder of %s: %s", path, strerror (errno));
    return result;
}

static int see_that_it_is_there (const char *path)
{
    struct stat info;
    if (stat (path, &info) == 0)
        return info.st_size > 0 ? 0 : error_set (ERROR_STORE_FAILED, "store: %s is empty, so it is damaged:"
            " restore it from a backup, or move it away to begin anew", path);
    if (errno != ENOENT)
        return error_set (ERROR_STORE_FAILED, "store: %s: %s", path, strerror (errno));
    char log [MAX_PATH + 8];
    snprintf (log, sizeof log, "%s-wal", path);
    if (stat (log, &info) == 0 && info.st_size > 0)
        return error_set (ERROR_STORE_FAILED, "store: %s is missing but its log %s is there:"
            " restore it from a backup, or move the log away to begin anew", path, log);
    return make_new (path);
}

static int upgrade (store_t *store, int64_t version)
{
    log_info ("store_upgraded", "from=%d to=%d", (int) version, STORE_VERSION);
    if (connection_execute (store, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE") != 0)
        return -1;
    for (; version < STORE_VERSION; version++)
        if (connection_execute (store, upgrades [version]) != 0)
            return -1;
    return connection_execute (store, "COMMIT");
}

static int check_version (store_t *store, const char *path, bool writer)
{
    int64_t application = 0, version = 0;
    if (connection_pragma (store, "PRAGMA application_id", &application) != 0
        || connection_pragma (store, "PRAGMA user_version", &version) != 0)
        return -1;
    if (application != APPLICATION_ID)
        return error_set (ERROR_STORE_FAILED, "store: %s is no store of Quire, or is damaged:"
                          " restore it from a backup, or move it away to begin anew", path);
    if (version < 1 || version > STORE_VERSION || (version < STORE_VERSION && !writer))
        return error_set (ERROR_STORE_FAILED, "store: %s has version %lld, this program knows %d:"
                          " run the version of Quire that wrote it", path, (long long) version, STORE_VERSION);
    return version < STORE_VERSION ? upgrade (store, version) : 0;
}

/* SQLite takes a page that is cut for one of zeros, which may be an empty one. (Pages that a log still
 * has may be missing in the file.) */
static int check_length (store_t *store, const char *path)
{
    struct stat info;
    char log [MAX_PATH + 8];
    int64_t pages = 0, page_bytes = 0;
    snprintf (log, sizeof log, "%s-wal", path);
    if (stat (log, &info) == 0 && info.st_size > 0)
        return 0;
    if (connection_pragma (store, "PRAGMA page_count", &pages) != 0
        || connection_pragma (store, "PRAGMA page_size", &page_bytes) != 0)
        return -1;
    if (stat (path, &info) == 0 && info.st_size >= pages * page_bytes)
        return 0;
    return error_set (ERROR_STORE_FAILED, "store: %s is shorter than it was, so it is damaged:"
                      " restore it from a backup, or move it away to begin anew", path);
}

static int prepare (store_t *store, const char *path, bool writer)
{
    if (check_version (store, path, writer) != 0 || (writer && check_length (store, path) != 0))
        return -1;
    return connection_execute (store, writer
        ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
          "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384"
        : "PRAGMA query_only = ON; PRAGMA cache_size = -4096");
}

store_t *store_open (const char *path, bool writer)
{
    if (writer && see_that_it_is_there (path) != 0)
        return NULL;
    store_t *store = connection_open (path, writer ? CONNECTION_WRITES : CONNECTION_READS);
    if (store != NULL && prepare (store, path, writer) != 0)
        connection_close (&store);
    return store;
}

void store_close (store_t **store)
{
    connection_close (store);
}

int store_identity (store_t *store, char identity [33])
{
    rows_t *s = statement_start (store, STATEMENT_META_GET, "t", "identity");
    int result = statement_step (store, s);
    if (result == 1)
        snprintf (identity, 33, "%s", column_text (s, 0));
    statement_finish (s);
    return result == 1 ? 0 : error_set (ERROR_STORE_FAILED, "store: its identity is missing: it is damaged");
}

int store_begin (store_t *store) { return statement_run (store, STATEMENT_BEGIN, ""); }
int store_commit (store_t *store) { return statement_run (store, STATEMENT_COMMIT, ""); }
int store_part_begin (store_t *store) { return statement_run (store, STATEMENT_PART_BEGIN, ""); }
int store_part_keep (store_t *store) { return statement_run (store, STATEMENT_PART_KEEP, ""); }

bool store_in_group (const store_t *store)
{
    return connection_in_group (store);
}

void store_rollback (store_t *store)
{
    if (store_in_group (store) && statement_run (store, STATEMENT_ROLLBACK, "") != 0)
        log_error ("store_rollback_failed", "error=\"%s\"", error_text ());
}

void store_part_drop (store_t *store)
{
    if (store_in_group (store)
        && (statement_run (store, STATEMENT_PART_DROP, "") != 0 || statement_run (store, STATEMENT_PART_KEEP, "") != 0))
        log_error ("store_part_drop_failed", "error=\"%s\"", error_text ());
}
