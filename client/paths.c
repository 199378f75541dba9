/* Paths: folders are walked by fts, which holds one folder's names at a time. */
#define _GNU_SOURCE   /* fts_open */
#include "paths.h"

#include <errno.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static int add (paths_t *paths, const char *path, uint64_t bytes, const char *why, failure_t *failure)
{
    if (paths->count == MAX_PATHS)
        return failure_set (failure, OUTCOME_USAGE, "These are more than %u files. Add them in parts.", MAX_PATHS);
    failure_set (failure, OUTCOME_LOCAL, "There is not enough memory.");
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity * 2 + 16;
        path_t *grown = realloc (paths->items, capacity * sizeof *grown);
        if (grown == NULL)
            return -1;
        paths->items = grown;
        paths->capacity = capacity;
    }
    path_t item = {.path = strdup (path), .bytes = bytes, .failure = why != NULL ? malloc (sizeof (failure_t)) : NULL};
    if (item.path == NULL || (why != NULL && item.failure == NULL)) {
        free (item.path);
        free (item.failure);
        return -1;
    }
    if (why != NULL)
        failure_set (item.failure, OUTCOME_SOME_FAILED, "%s", why);
    paths->items [paths->count++] = item;
    return 0;
}

/* A file that was named, or found below a folder. */
static int add_file (paths_t *paths, const char *path, const struct stat *status, failure_t *failure)
{
    const char *why = !S_ISREG (status->st_mode) ? "It is neither a file nor a folder."
                      : access (path, R_OK) != 0 ? strerror (errno) : status->st_size == 0 ? "It is empty." : NULL;
    return add (paths, path, (uint64_t) status->st_size, why, failure);
}

/* -- folders --------------------------------------------------------------------------------- */

static bool has_pdf_name (const FTSENT *entry)
{
    return entry->fts_namelen > 4 && strcasecmp (entry->fts_name + entry->fts_namelen - 4, ".pdf") == 0;
}

static int compare_names (const FTSENT **one, const FTSENT **other)
{
    return strcmp ((*one)->fts_name, (*other)->fts_name);
}

static int take_entry (paths_t *paths, FTS *walk, FTSENT *entry, failure_t *failure)
{
    struct stat status;
    if (entry->fts_level > 0 && entry->fts_name [0] == '.') {
        fts_set (walk, entry, FTS_SKIP);
        return 0;
    }
    switch (entry->fts_info) {
    case FTS_F:
        return has_pdf_name (entry) ? add_file (paths, entry->fts_path, entry->fts_statp, failure) : 0;
    case FTS_SL: case FTS_SLNONE:   /* a link: to a file it counts as one */
        if (!has_pdf_name (entry))
            return 0;
        if (stat (entry->fts_path, &status) != 0)
            return add (paths, entry->fts_path, 0, strerror (errno), failure);
        return S_ISREG (status.st_mode) ? add_file (paths, entry->fts_path, &status, failure) : 0;
    case FTS_DNR: case FTS_ERR: case FTS_NS:
        return add (paths, entry->fts_path, 0, strerror (entry->fts_errno), failure);
    default:
        return 0;
    }
}

static int add_folder (paths_t *paths, const char *path, failure_t *failure)
{
    /* With the slash a link that was named is followed. */
    char *root = malloc (strlen (path) + 2);
    if (root == NULL)
        return failure_set (failure, OUTCOME_LOCAL, "There is not enough memory.");
    sprintf (root, "%s%s", path, path [strlen (path) - 1] == '/' ? "" : "/");
    FTS *walk = fts_open ((char *const []) {root, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);
    free (root);
    if (walk == NULL)
        return add (paths, path, 0, strerror (errno), failure);
    size_t before = paths->count;
    int outcome = 0;
    for (FTSENT *entry; outcome == 0 && (entry = fts_read (walk)) != NULL;)
        outcome = take_entry (paths, walk, entry, failure);
    fts_close (walk);
    if (outcome == 0 && paths->count == before)
        outcome = add (paths, path, 0, "There is no *.pdf in this folder.", failure);
    return outcome;
}

int paths_find (char *const operands [], size_t count, paths_t *paths, failure_t *failure)
{
    *paths = (paths_t) {0};
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        int outcome = stat (operands [i], &status) != 0 ? add (paths, operands [i], 0, strerror (errno), failure)
                      : S_ISDIR (status.st_mode) ? add_folder (paths, operands [i], failure)
                      : add_file (paths, operands [i], &status, failure);
        if (outcome != 0)
            return -1;
    }
    return 0;
}

void paths_free (paths_t *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free (paths->items [i].path);
        free (paths->items [i].failure);
    }
    free (paths->items);
    *paths = (paths_t) {0};
}
