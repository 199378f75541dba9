/* What the tests of the answerer's library share: a temporary folder, files and pages to put in. */
#ifndef QUIRE_LIBRARY_FIXTURE_H
#define QUIRE_LIBRARY_FIXTURE_H

#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"

/* Below TMPDIR, when that is set. */
static inline char *folder_make (void)
{
    const char *above = getenv ("TMPDIR");
    char *folder = NULL;
    assert_true (asprintf (&folder, "%s/quire-test-XXXXXX", above ? above : "/tmp") > 0);
    assert_non_null (mkdtemp (folder));
    return folder;
}

static inline void remove_all (const char *path)
{
    DIR *folder = opendir (path);
    for (struct dirent *entry; folder != NULL && (entry = readdir (folder)) != NULL;) {
        size_t size = strlen (path) + strlen (entry->d_name) + 2;
        char *inner = malloc (size);
        snprintf (inner, size, "%s/%s", path, entry->d_name);
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            remove_all (inner);
        free (inner);
    }
    if (folder != NULL)
        closedir (folder);
    remove (path);
}

static inline const char *in_folder (const char *folder, const char *name)
{
    static char path [4] [4096];
    static int turn;
    char *result = path [turn++ % 4];
    snprintf (result, 4096, "%s/%s", folder, name);
    return result;
}

static inline void file_add (store_t *store, const char *id, const char *name, uint64_t created)
{
    char sha256 [80];
    snprintf (sha256, sizeof sha256, "sha-of-%s", name);
    add_file_message_t file = {.file_id = id, .sha256 = sha256, .name = name, .bytes = 100,
                               .purpose = "assistants", .created = created, .password = ""};
    assert_int_equal (store_add_file (store, &file), 0);
}

/* A page whose chunks are its lines. */
static inline page_outcome_t page_add (store_t *store, const char *file_id, uint32_t page, const char *text,
                                       const char *head)
{
    chunk_t chunks [16];
    size_t count = 0, size;
    uint32_t start = 0;
    for (const char *line = text; *line != '\0'; line += strspn (line, "\n")) {
        uint32_t length = (uint32_t) strcspn (line, "\n");
        start = (uint32_t) (line - text);
        chunks [count++] = (chunk_t) {start, start + length, 3};
        line += length;
    }
    word_t word = {.start = 0, .end = *text == '\0' ? 0 : 1, .quad = {0, 0, 10, 0, 10, 10, 0, 10}};
    void *packed = chunks_pack (chunks, count, &size);
    bytes_t packed_chunks = {packed, size};
    void *words = words_pack (&word, *text == '\0' ? 0 : 1, 100, 100, &size);
    page_message_t message = {
        .file_id = file_id, .page = page, .status = *text == '\0' ? PAGE_EMPTY : PAGE_TEXT, .reason = "",
        .width = 100, .height = 100, .text = text, .words = {words, size}, .chunks = packed_chunks, .head = head,
    };
    page_outcome_t outcome;
    uint32_t number;
    assert_int_equal (store_add_page (store, &message, &outcome, &number), 0);
    free (packed);
    free (words);
    return outcome;
}

/* A unit vector that points mostly along one axis. */
static inline void vector_along (float vector [EMBEDDING_WIDTH], unsigned axis)
{
    for (unsigned i = 0; i < EMBEDDING_WIDTH; i++)
        vector [i] = 0.01f;
    vector [axis % EMBEDDING_WIDTH] = 1;
    float sum = 0;
    for (unsigned i = 0; i < EMBEDDING_WIDTH; i++)
        sum += vector [i] * vector [i];
    for (unsigned i = 0; i < EMBEDDING_WIDTH; i++)
        vector [i] /= sqrtf (sum);
}

/* A list of strings in wire form, from a NULL-ended array. */
static inline strings_t strings_from (strings_builder_t *builder, const char *const *texts)
{
    for (; *texts != NULL; texts++)
        assert_int_equal (strings_add (builder, *texts, strlen (*texts)), 0);
    return strings_built (builder);
}

#endif
