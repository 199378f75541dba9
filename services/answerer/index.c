/* The vector index, on FAISS (exact, inner product): the only file that knows it.
 *
 * FAISS numbers vectors by position; beside it stand the chunk, page and file of each position.
 * Removing closes the gaps in order, in FAISS and here alike. A search scans short forms of the vectors
 * (dot.h) and looks up those that may be among the best, so that what it tells is exact. On the disk: a header with a sum
 * over everything, the names of the positions, the vectors. FAISS's own form is not used, since its
 * reader believes the lengths in a file. */
#include "index.h"

#include <errno.h>
#include <faiss/c_api/IndexFlat_c.h>
#include <faiss/c_api/Index_c.h>
#include <faiss/c_api/error_c.h>
#include <faiss/c_api/impl/AuxIndexStructures_c.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dot.h"
#include "error.h"
#include "log.h"
#include "sync_folder.h"

_Static_assert (DOT_WIDTH == INDEX_WIDTH, "vectors of one width");

#define INDEX_VERSION 2
#define NOT_ALLOWED   (-2.0f)
#define ROUNDING      1e-4f         /* of sums in another order */
#define MAX_PATH      4096
#define HUGE_PAGE     (2u << 20)
#define MAX_VECTORS   (64u << 20)   /* a header that claims more is damaged */

typedef struct {
    uint32_t chunk, page, file;
} name_t;

struct index {
    FaissIndex *vectors;
    name_t *names;              /* [capacity], of each position */
    dot_short_t *shorts;        /* [capacity], in huge pages */
    float most_lacking;         /* of them all */
    size_t count, capacity;
    bool changed;
    pthread_rwlock_t lock;      /* a waiting change goes before new searches */
};

typedef struct {
    char magic [8];
    uint32_t version, width;
    uint64_t count, sum;
    char identity [40];
} header_t;

static const char magic [8] = "quireidx";

static int fail (const char *tried)
{
    return error_set (ERROR_INTERNAL, "vector index: %s: %s", tried, faiss_get_last_error ());
}

/* -- life ----------------------------------------------------------------------------------- */

static int empty (index_t *index)
{
    faiss_Index_free (index->vectors);
    index->vectors = NULL;
    index->count = 0;
    return faiss_IndexFlatIP_new_with ((FaissIndexFlatIP **) &index->vectors, INDEX_WIDTH) == 0
        ? 0 : fail ("make");
}

static int init_lock (pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init (&attributes);
    pthread_rwlockattr_setkind_np (&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    int result = pthread_rwlock_init (lock, &attributes);
    pthread_rwlockattr_destroy (&attributes);
    return result == 0 ? 0 : error_set (ERROR_NO_MEMORY, NULL);
}

index_t *index_new (void)
{
    index_t *index = calloc (1, sizeof *index);
    if (index == NULL || init_lock (&index->lock) != 0) {
        free (index);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    if (empty (index) != 0)
        index_destroy (&index);
    return index;
}

void index_destroy (index_t **index)
{
    if (*index == NULL)
        return;
    faiss_Index_free ((*index)->vectors);
    pthread_rwlock_destroy (&(*index)->lock);
    free ((*index)->names);
    free ((*index)->shorts);
    free (*index);
    *index = NULL;
}

size_t index_count (const index_t *index)
{
    return __atomic_load_n (&index->count, __ATOMIC_RELAXED);
}

bool index_changed (const index_t *index)
{
    return index->changed;
}

static const float *vectors_of (const index_t *index, size_t *size)
{
    float *vectors;
    faiss_IndexFlat_xb ((FaissIndexFlat *) index->vectors, &vectors, size);
    return vectors;
}

/* Room for so many short forms, in whole huge pages: a scan over small ones waits as long for where
 * they lie as for the vectors. */
static dot_short_t *new_shorts (size_t capacity)
{
    size_t size = (capacity * sizeof (dot_short_t) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    dot_short_t *shorts = aligned_alloc (HUGE_PAGE, size);
    if (shorts != NULL)
        madvise (shorts, size, MADV_HUGEPAGE);   /* where it can't be had, small ones do */
    return shorts;
}

/* Makes room for so many. What is there stays, also when it fails. */
static int reserve (index_t *index, size_t capacity)
{
    if (capacity <= index->capacity)
        return 0;
    name_t *names = realloc (index->names, capacity * sizeof *names);
    if (names != NULL)
        index->names = names;
    dot_short_t *shorts = new_shorts (capacity);
    if (shorts != NULL) {
        if (index->count > 0)
            memcpy (shorts, index->shorts, index->count * sizeof *shorts);
        free (index->shorts);
        index->shorts = shorts;
    }
    if (names == NULL || shorts == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    index->capacity = capacity;
    return 0;
}

static void shorten (index_t *index, size_t position, const float *vector)
{
    float lacking = dot_shorten (vector, &index->shorts [position]);
    index->most_lacking = lacking > index->most_lacking ? lacking : index->most_lacking;
}

/* -- on the disk ---------------------------------------------------------------------------- */

/* A sum that any changed, missing or moved word changes. */
static uint64_t sum_words (uint64_t sum, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i += sizeof (uint64_t)) {
        uint64_t word = 0;
        memcpy (&word, bytes + i, size - i < sizeof word ? size - i : sizeof word);
        sum = (sum ^ word) * UINT64_C (0x9E3779B97F4A7C15);
        sum ^= sum >> 29;
    }
    return sum;
}

/* Of the names and the vectors. */
static uint64_t sum_of (uint64_t count, const void *names, const void *vectors)
{
    uint64_t sum = sum_words (count, names, count * sizeof (name_t));
    return sum_words (sum, vectors, count * INDEX_WIDTH * sizeof (float));
}

static header_t header_for (const char *identity, uint64_t count, uint64_t sum)
{
    header_t header = {.version = INDEX_VERSION, .width = INDEX_WIDTH, .count = count, .sum = sum};
    memcpy (header.magic, magic, sizeof magic);
    snprintf (header.identity, sizeof header.identity, "%s", identity);
    return header;
}

/* Is it a whole file of this store, with nothing changed in it? */
static bool is_whole (const uint8_t *file, size_t size, const char *identity, header_t *header)
{
    if (size < sizeof *header)
        return false;
    memcpy (header, file, sizeof *header);
    header_t wanted = header_for (identity, header->count, header->sum);
    if (memcmp (&wanted, header, sizeof wanted) != 0 || header->count > MAX_VECTORS
        || size != sizeof *header + header->count * (sizeof (name_t) + INDEX_WIDTH * sizeof (float)))
        return false;
    const uint8_t *names = file + sizeof *header;
    return sum_of (header->count, names, names + header->count * sizeof (name_t)) == header->sum;
}

/* Takes over what a whole file holds. */
static int take_over (index_t *index, const uint8_t *file, const header_t *header)
{
    size_t count = header->count, names_size = count * sizeof (name_t);
    if (count == 0)
        return 0;
    if (reserve (index, count) != 0)
        return -1;
    memcpy (index->names, file + sizeof *header, names_size);
    const void *vectors = file + sizeof *header + names_size;
    if (faiss_Index_add (index->vectors, (idx_t) count, vectors) != 0)
        return fail ("load");
    index->count = count;
    size_t size;
    const float *loaded = vectors_of (index, &size);
    for (size_t i = 0; i < count; i++)
        shorten (index, i, loaded + i * INDEX_WIDTH);
    return 0;
}

/* The file's bytes, or NULL when there are none. The caller unmaps them. */
static uint8_t *map_file (const char *path, size_t *size)
{
    struct stat info;
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    void *file = MAP_FAILED;
    if (fd >= 0 && fstat (fd, &info) == 0 && info.st_size > 0) {
        *size = (size_t) info.st_size;
        file = mmap (NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0)
        close (fd);
    return file == MAP_FAILED ? NULL : file;
}

int index_load (index_t *index, const char *path, const char *identity)
{
    size_t size = 0;
    header_t header;
    uint8_t *file = map_file (path, &size);
    if (file == NULL)
        return 0;
    int result = is_whole (file, size, identity, &header);
    if (result == 0)
        log_warning ("index_unusable", "path=%s", path);
    else if (empty (index) != 0 || take_over (index, file, &header) != 0)
        result = -1;
    munmap (file, size);
    return result;
}

static int write_whole (const index_t *index, FILE *file, const char *identity)
{
    size_t size;
    const float *vectors = vectors_of (index, &size);
    header_t header = header_for (identity, index->count, sum_of (index->count, index->names, vectors));
    if (fwrite (&header, sizeof header, 1, file) != 1
        || (index->count > 0
            && (fwrite (index->names, sizeof (name_t), index->count, file) != index->count
                || fwrite (vectors, sizeof *vectors, size, file) != size))
        || fflush (file) != 0 || fsync (fileno (file)) != 0)
        return error_set (errno == ENOSPC ? ERROR_DISK_FULL : ERROR_INTERNAL,
                          "vector index: write: %s", strerror (errno));
    return 0;
}

/* Only the changing thread calls this, so nothing changes meanwhile, and searches go on. */
int index_save (index_t *index, const char *path, const char *identity)
{
    char unready [MAX_PATH];
    if (snprintf (unready, sizeof unready, "%s.new", path) >= (int) sizeof unready)
        return error_set (ERROR_INTERNAL, "vector index: the path %s is too long", path);
    FILE *file = fopen (unready, "wb");
    if (file == NULL)
        return error_set (errno == ENOSPC ? ERROR_DISK_FULL : ERROR_INTERNAL,
                          "vector index: open %s: %s", unready, strerror (errno));
    int result = write_whole (index, file, identity);
    if (fclose (file) != 0 && result == 0)
        result = error_set (ERROR_INTERNAL, "vector index: close %s: %s", unready, strerror (errno));
    if (result == 0 && rename (unready, path) != 0)
        result = error_set (ERROR_INTERNAL, "vector index: rename %s: %s", unready, strerror (errno));
    if (result != 0) {
        unlink (unready);
        return -1;
    }
    if (sync_folder_of (path) != 0)
        log_warning ("folder_not_synced", "path=%s error=\"%s\"", path, strerror (errno));
    index->changed = false;
    return 0;
}

/* -- changes -------------------------------------------------------------------------------- */

int index_add (index_t *index, uint32_t chunk, uint32_t page, uint32_t file, const float *vector)
{
    pthread_rwlock_wrlock (&index->lock);
    int result = index->count < index->capacity ? 0 : reserve (index, index->capacity * 3 / 2 + 1024);
    if (result == 0 && faiss_Index_add (index->vectors, 1, vector) != 0)
        result = fail ("add");
    if (result == 0) {
        index->names [index->count] = (name_t) {chunk, page, file};
        shorten (index, index->count, vector);
        __atomic_store_n (&index->count, index->count + 1, __ATOMIC_RELAXED);
        index->changed = true;
    }
    pthread_rwlock_unlock (&index->lock);
    return result;
}

static int remove_marked (index_t *index, const uint8_t *marks)
{
    FaissIDSelectorBitmap *selector;
    size_t removed = 0;
    if (faiss_IDSelectorBitmap_new (&selector, (index->count + 7) / 8, marks) != 0)
        return fail ("select");
    int result = faiss_Index_remove_ids (index->vectors, (FaissIDSelector *) selector, &removed);
    faiss_IDSelector_free ((FaissIDSelector *) selector);
    if (result != 0)
        return fail ("remove");
    size_t kept = 0;
    for (size_t i = 0; i < index->count; i++)
        if (!(marks [i / 8] >> (i % 8) & 1)) {
            index->shorts [kept] = index->shorts [i];
            index->names [kept++] = index->names [i];
        }
    __atomic_store_n (&index->count, kept, __ATOMIC_RELAXED);
    index->changed = true;
    return 0;
}

/* Removes the positions for which unwanted says so. */
static int remove_where (index_t *index, bool (*unwanted) (const void *context, const name_t *name),
                         const void *context)
{
    uint8_t *marks = calloc (index->count / 8 + 1, 1);
    if (marks == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    size_t marked = 0;
    for (size_t i = 0; i < index->count; i++)
        if (unwanted (context, &index->names [i])) {
            marks [i / 8] |= (uint8_t) (1u << (i % 8));
            marked++;
        }
    pthread_rwlock_wrlock (&index->lock);
    int result = marked == 0 ? 0 : remove_marked (index, marks);
    pthread_rwlock_unlock (&index->lock);
    free (marks);
    return result;
}

static bool is_of_file (const void *context, const name_t *name)
{
    return name->file == *(const uint32_t *) context;
}

int index_remove_file (index_t *index, uint32_t file)
{
    return remove_where (index, is_of_file, &file);
}

static int compare_ids (const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *) left, b = *(const uint32_t *) right;
    return (a > b) - (a < b);
}

typedef struct {
    const uint32_t *ids;
    size_t count;
} id_list_t;

static bool is_unknown (const void *context, const name_t *name)
{
    const id_list_t *list = context;
    return list->count == 0
        || bsearch (&name->chunk, list->ids, list->count, sizeof *list->ids, compare_ids) == NULL;
}

static int64_t keep_missing (const index_t *index, uint32_t *ids, size_t count)
{
    uint32_t *present = malloc ((index->count + 1) * sizeof *present);
    if (present == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    for (size_t i = 0; i < index->count; i++)
        present [i] = index->names [i].chunk;
    qsort (present, index->count, sizeof *present, compare_ids);
    int64_t missing = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        while (at < index->count && present [at] < ids [i])
            at++;
        if (at == index->count || present [at] != ids [i])
            ids [missing++] = ids [i];
    }
    free (present);
    return missing;
}

int64_t index_keep_only (index_t *index, uint32_t *ids, size_t count)
{
    id_list_t list = {ids, count};
    if (remove_where (index, is_unknown, &list) != 0)
        return -1;
    return keep_missing (index, ids, count);
}

void index_list (const index_t *index, index_entry_handler_t *handler, void *context)
{
    size_t size;
    const float *vectors = vectors_of (index, &size);
    for (size_t i = 0; i < index->count; i++) {
        const name_t *name = &index->names [i];
        handler (context, &(index_entry_t) {name->chunk, name->page, name->file, vectors + i * INDEX_WIDTH});
    }
}

/* -- searching ------------------------------------------------------------------------------ */

/* Neighbours are mostly of one file, so runs are scored with one call each. */
static void score_run (const index_scan_t *scan, const dot_question_t *question, size_t start, size_t end)
{
    if (end > start)
        dot_many_short (scan->about + start, question, scan->index->shorts + start, end - start);
}

static void score_allowed (index_scan_t *scan, const number_set_t *allowed)
{
    dot_question_t question;
    scan->off = dot_shorten_question (scan->question, &question) + scan->index->most_lacking + ROUNDING;
    size_t start = 0, count = scan->index->count;
    for (size_t i = 0; i < count && allowed != NULL; i++)
        if (!number_set_has (allowed, scan->index->names [i].file)) {
            score_run (scan, &question, start, i);
            scan->about [i] = NOT_ALLOWED;
            start = i + 1;
        }
    score_run (scan, &question, start, count);
}

int index_scan (index_t *index, const float *question, const number_set_t *allowed, index_scan_t *scan)
{
    pthread_rwlock_rdlock (&index->lock);
    *scan = (index_scan_t) {.index = index, .question = question,
                            .about = malloc ((index->count + 1) * sizeof (float))};
    if (scan->about == NULL) {
        pthread_rwlock_unlock (&index->lock);
        return error_set (ERROR_NO_MEMORY, NULL);
    }
    score_allowed (scan, allowed);
    return 0;
}

void index_scan_end (index_scan_t *scan)
{
    if (scan->about == NULL)
        return;
    free (scan->about);
    scan->about = NULL;
    pthread_rwlock_unlock (&scan->index->lock);
}

static index_hit_t hit_at (const index_scan_t *scan, size_t i)
{
    size_t size;
    const name_t *name = &scan->index->names [i];
    index_hit_t hit = {.chunk = name->chunk, .page = name->page, .file = name->file};
    dot_many (&hit.cosine, scan->question, vectors_of (scan->index, &size) + i * INDEX_WIDTH, 1);
    return hit;
}

/* -- the best: heaps with the worst of the best on top -------------------------------------- */

static void sift_down (index_hit_t *heap, size_t count, size_t at)
{
    for (;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2 && child < count; child++)
            if (heap [child].cosine < heap [least].cosine)
                least = child;
        if (least == at)
            return;
        index_hit_t moved = heap [at];
        heap [at] = heap [least];
        heap [least] = moved;
        at = least;
    }
}

static size_t keep_best (index_hit_t *heap, size_t found, size_t capacity, const index_hit_t *hit)
{
    if (found < capacity) {
        heap [found++] = *hit;
        for (size_t at = found == capacity ? found / 2 : 0; at-- > 0;)
            sift_down (heap, found, at);
    } else if (hit->cosine > heap [0].cosine) {
        heap [0] = *hit;
        sift_down (heap, found, 0);
    }
    return found;
}

static int compare_hits (const void *left, const void *right)
{
    const index_hit_t *a = left, *b = right;
    if (a->cosine != b->cosine)
        return a->cosine < b->cosine ? 1 : -1;
    return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

/* About how near is the last of so many best? */
static float about_last (const index_scan_t *scan, index_hit_t *heap, size_t capacity)
{
    size_t found = 0;
    for (size_t i = 0; i < scan->index->count; i++) {
        if (scan->about [i] <= NOT_ALLOWED || (found == capacity && scan->about [i] <= heap [0].cosine))
            continue;
        index_hit_t hit = {.cosine = scan->about [i]};
        found = keep_best (heap, found, capacity, &hit);
    }
    return found == capacity ? heap [0].cosine : NOT_ALLOWED;
}

/* What is among the best in truth may seem less, and the last of the best that seem so be less. */
size_t index_scan_best (const index_scan_t *scan, index_hit_t *hits, size_t capacity)
{
    if (capacity == 0)
        return 0;
    size_t found = 0;
    float least = about_last (scan, hits, capacity) - 2 * scan->off;
    for (size_t i = 0; i < scan->index->count; i++) {
        if (scan->about [i] <= NOT_ALLOWED || scan->about [i] < least)
            continue;
        index_hit_t hit = hit_at (scan, i);
        found = keep_best (hits, found, capacity, &hit);
    }
    qsort (hits, found, sizeof *hits, compare_hits);
    return found;
}

void index_scan_pages (const index_scan_t *scan, const number_set_t *pages, index_hit_handler_t *handler,
                       void *context)
{
    for (size_t i = 0; i < scan->index->count; i++) {
        if (scan->about [i] <= NOT_ALLOWED || !number_set_has (pages, scan->index->names [i].page))
            continue;
        index_hit_t hit = hit_at (scan, i);
        handler (context, &hit);
    }
}
