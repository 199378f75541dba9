/* Sources: see sources.h. Runs on any thread that has a reader; afterwards it needs none. */
#include "sources.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "error.h"
#include "filter.h"
#include "highlight.h"
#include "utf8.h"

struct sources {
    char *json;
    yyjson_doc *doc;            /* json, read: the sources' ids and names lie in it */
    source_t items [MAX_SEARCH_RESULTS];
    size_t count;
    source_page_t pages [MAX_SEARCH_RESULTS];
    size_t page_count, bytes;
    uint32_t reading;
};

/* -- searching several stores ---------------------------------------------------------------- */

typedef struct {
    yyjson_doc *docs [MAX_ANSWER_STORES];
    size_t count;
    yyjson_val *results [MAX_ANSWER_STORES * MAX_SEARCH_RESULTS];
    size_t result_count;
} found_t;

static double score_of (yyjson_val *result)
{
    return yyjson_get_num (yyjson_obj_get (result, "score"));
}

static int compare_results (const void *left, const void *right)
{
    double a = score_of (*(yyjson_val *const *) left), b = score_of (*(yyjson_val *const *) right);
    return (a < b) - (a > b);
}

/* The same passage of a file that is in two stores. */
static bool is_same (yyjson_val *a, yyjson_val *b)
{
    return yyjson_equals (yyjson_obj_get (a, "file_id"), yyjson_obj_get (b, "file_id"))
        && yyjson_equals (yyjson_obj_get (a, "page"), yyjson_obj_get (b, "page"))
        && yyjson_equals (yyjson_obj_get (a, "start"), yyjson_obj_get (b, "start"));
}

static void take_results (found_t *found, yyjson_val *data)
{
    size_t i, most;
    yyjson_val *result;
    yyjson_arr_foreach (data, i, most, result) {
        bool known = false;
        for (size_t k = 0; k < found->result_count && !known; k++)
            known = is_same (found->results [k], result);
        if (!known && found->result_count < COUNT_OF (found->results))
            found->results [found->result_count++] = result;
    }
}

static void add_sum (yyjson_mut_doc *doc, yyjson_mut_val *indexed, const found_t *found, const char *name)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < found->count; i++)
        sum += yyjson_get_uint (yyjson_obj_get (yyjson_obj_get (yyjson_doc_get_root (found->docs [i]), "indexed"),
                                                name));
    yyjson_mut_obj_add_uint (doc, indexed, name, sum);
}

static bool is_indexed_by_words (const found_t *found)
{
    for (size_t i = 0; i < found->count; i++)
        if (!yyjson_get_bool (yyjson_ptr_get (yyjson_doc_get_root (found->docs [i]), "/indexed/words")))
            return false;
    return true;
}

/* The results of all stores as those of one. */
static char *join (found_t *found, size_t limit)
{
    yyjson_mut_doc *doc = yyjson_doc_mut_copy (found->docs [0], NULL);
    yyjson_mut_val *root = yyjson_mut_doc_get_root (doc);
    qsort (found->results, found->result_count, sizeof *found->results, compare_results);
    yyjson_mut_val *data = yyjson_mut_obj_get (root, "data");
    yyjson_mut_arr_clear (data);
    for (size_t i = 0; i < found->result_count && i < limit; i++)
        yyjson_mut_arr_append (data, yyjson_val_mut_copy (doc, found->results [i]));
    yyjson_mut_val *indexed = yyjson_mut_obj_get (root, "indexed");
    yyjson_mut_obj_clear (indexed);
    add_sum (doc, indexed, found, "chunks");
    add_sum (doc, indexed, found, "vectors");
    add_sum (doc, indexed, found, "vectors_failed");
    yyjson_mut_obj_add_bool (doc, indexed, "words", is_indexed_by_words (found));
    char *json = yyjson_mut_write (doc, 0, NULL);
    yyjson_mut_doc_free (doc);
    if (json == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    return json;
}

/* One store's results, read as well. */
static char *search_store (reader_t *reader, index_t *index, const search_message_t *search, const float *vectors,
                           yyjson_doc **doc, const char **param)
{
    char *json = search_run (reader, index, search, vectors, param);
    *doc = json == NULL ? NULL : yyjson_read (json, strlen (json), 0);
    if (json != NULL && *doc == NULL) {
        free (json);
        json = NULL;
        error_set (ERROR_NO_MEMORY, NULL);
    }
    return json;
}

static char *search_stores (reader_t *reader, index_t *index, const answer_message_t *request,
                            search_message_t *search, const float *vectors, const char **param)
{
    found_t *found = calloc (1, sizeof *found);
    char *json = NULL;
    size_t cursor = 0;
    if (found == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    while (found != NULL && (search->store_id = strings_next (request->store_ids, &cursor)) != NULL) {
        free (json);
        json = search_store (reader, index, search, vectors, &found->docs [found->count], param);
        if (json == NULL)
            break;
        take_results (found, yyjson_obj_get (yyjson_doc_get_root (found->docs [found->count++]), "data"));
    }
    if (json != NULL && found->count > 1) {
        free (json);
        json = join (found, request->limit);
    }
    for (size_t i = 0; found != NULL && i < found->count; i++)
        yyjson_doc_free (found->docs [i]);
    free (found);
    return json;
}

/* -- pages ----------------------------------------------------------------------------------- */

static const source_page_t *page_of (const sources_t *sources, const source_t *source)
{
    for (size_t i = 0; i < sources->page_count; i++)
        if (sources->pages [i].page == source->page && strcmp (sources->pages [i].file_id, source->file_id) == 0)
            return &sources->pages [i];
    return NULL;
}

static int keep_page (sources_t *sources, const source_t *source, const page_row_t *row)
{
    size_t size = row->text_size, words_size = row->packed_words.size;
    source_page_t *page = &sources->pages [sources->page_count];
    *page = (source_page_t) {.file_id = source->file_id, .page = source->page, .text = malloc (size + 1),
                             .size = size, .words = malloc (words_size + 1), .words_size = words_size,
                             .width = row->width, .height = row->height};
    sources->page_count++;
    if (page->text == NULL || page->words == NULL)
        return error_set (ERROR_NO_MEMORY, NULL);
    memcpy (page->text, row->text, size);
    page->text [size] = '\0';
    if (words_size > 0)
        memcpy (page->words, row->packed_words.data, words_size);
    sources->bytes += size + words_size;
    return 0;
}

/* A page that is gone since the search found it is no failure. */
static int read_page (sources_t *sources, store_t *store, const source_t *source)
{
    file_row_t file;
    page_row_t page;
    if (store_get_file (store, source->file_id, &file) != 0)
        return error_get () == ERROR_FILE_NOT_FOUND ? 0 : -1;
    if (store_get_page (store, file.number, source->page, &page) != 0)
        return error_get () == ERROR_PAGE_NOT_READ ? 0 : -1;
    if (sources->bytes + page.text_size + page.packed_words.size > MAX_SOURCE_BYTES)
        return 0;
    return keep_page (sources, source, &page);
}

static int place (sources_t *sources, store_t *store, source_t *source)
{
    source->on = page_of (sources, source);
    if (source->on == NULL && read_page (sources, store, source) != 0)
        return -1;
    source->on = page_of (sources, source);
    if (source->on != NULL) {
        source->from = utf8_offset (source->on->text, source->on->size, source->start);
        source->to = utf8_offset (source->on->text, source->on->size, source->end);
    }
    return 0;
}

/* -- what is still being read ---------------------------------------------------------------- */

typedef struct {
    const filter_t *filter;
    uint32_t count;
} reading_t;

static void count_reading (void *context, const scope_row_t *row)
{
    reading_t *reading = context;
    reading->count += filter_matches (reading->filter, row->id, row->name, row->attributes);
}

/* Counts the files that the question is asked of and that are still being read. A store that is gone since
 * has none. */
static int find_reading (sources_t *sources, store_t *store, const answer_message_t *request)
{
    filter_t *filter = filter_parse (request->filters);
    reading_t reading = {.filter = filter};
    size_t cursor = 0;
    int result = filter == NULL ? -1 : 0;
    for (const char *id; result == 0 && (id = strings_next (request->store_ids, &cursor)) != NULL;) {
        uint32_t number;
        if (store_find_store (store, id, &number) == 0)
            result = store_list_reading (store, number, count_reading, &reading);
    }
    filter_destroy (&filter);
    sources->reading = reading.count;
    return result;
}

/* -- life ------------------------------------------------------------------------------------ */

static uint32_t number_in (yyjson_val *result, const char *name)
{
    return (uint32_t) yyjson_get_uint (yyjson_obj_get (result, name));
}

static int read_all (sources_t *sources, store_t *store)
{
    size_t i, most;
    yyjson_val *result, *data = yyjson_obj_get (yyjson_doc_get_root (sources->doc), "data");
    yyjson_arr_foreach (data, i, most, result) {
        if (sources->count == COUNT_OF (sources->items))
            break;
        source_t *source = &sources->items [sources->count++];
        *source = (source_t) {
            .file_id = yyjson_get_str (yyjson_obj_get (result, "file_id")),
            .filename = yyjson_get_str (yyjson_obj_get (result, "filename")),
            .page = number_in (result, "page"), .start = number_in (result, "start"),
            .end = number_in (result, "end"), .score = (float) score_of (result),
        };
        if (place (sources, store, source) != 0)
            return -1;
    }
    return 0;
}

sources_t *sources_find (reader_t *reader, index_t *index, const answer_message_t *request, strings_t queries,
                         const float *vectors, const char **param)
{
    search_message_t search = {.queries = queries, .limit = request->limit, .filters = request->filters,
                               .ranker = request->ranker, .threshold = request->threshold};
    sources_t *sources = calloc (1, sizeof *sources);
    if (sources == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    sources->json = search_stores (reader, index, request, &search, vectors, param);
    if (sources->json != NULL) {
        sources->doc = yyjson_read (sources->json, strlen (sources->json), 0);
        if (sources->doc == NULL)
            error_set (ERROR_NO_MEMORY, NULL);
    }
    if (sources->doc == NULL || read_all (sources, reader->store) != 0
        || find_reading (sources, reader->store, request) != 0)
        sources_destroy (&sources);
    return sources;
}

void sources_destroy (sources_t **sources_p)
{
    sources_t *sources = *sources_p;
    if (sources == NULL)
        return;
    for (size_t i = 0; i < sources->page_count; i++) {
        free (sources->pages [i].text);
        free (sources->pages [i].words);
    }
    yyjson_doc_free (sources->doc);
    free (sources->json);
    free (sources);
    *sources_p = NULL;
}

const char *sources_json (const sources_t *sources) { return sources->json; }
size_t sources_count (const sources_t *sources) { return sources->count; }
uint32_t sources_reading (const sources_t *sources) { return sources->reading; }

const source_t *sources_get (const sources_t *sources, size_t number)
{
    return number == 0 || number > sources->count ? NULL : &sources->items [number - 1];
}

/* -- citations ------------------------------------------------------------------------------- */

static double rounded (float value)
{
    return round ((double) value * 100) / 100;
}

static void add_box (yyjson_mut_doc *doc, yyjson_mut_val *boxes, const mark_t *quad)
{
    float least [2], most [2];
    yyjson_mut_val *box = yyjson_mut_arr_add_arr (doc, boxes);
    for (int axis = 0; axis < 2; axis++) {
        least [axis] = most [axis] = quad->corners [axis];
        for (int i = axis; i < 8; i += 2) {
            least [axis] = fminf (least [axis], quad->corners [i]);
            most [axis] = fmaxf (most [axis], quad->corners [i]);
        }
    }
    for (int i = 0; i < 4; i++)
        yyjson_mut_arr_add_real (doc, box, rounded (i < 2 ? least [i] : most [i - 2]));
}

static int add_boxes (yyjson_mut_doc *doc, yyjson_mut_val *boxes, const source_page_t *page, range_t range)
{
    size_t count, quad_count;
    word_t *words = words_unpack ((bytes_t) {page->words, page->words_size}, page->width, page->height, UINT32_MAX,
                                  &count);
    if (words == NULL)
        return -1;
    mark_t *quads = malloc ((count + 1) * sizeof *quads);
    quad_count = quads == NULL ? 0 : highlight_quads (words, count, &range, 1, quads);
    for (size_t i = 0; i < quad_count; i++)
        add_box (doc, boxes, &quads [i]);
    free (words);
    bool done = quads != NULL;
    free (quads);
    return done ? 0 : error_set (ERROR_NO_MEMORY, NULL);
}

char *sources_citation (const sources_t *sources, size_t number, size_t from, size_t to, uint32_t index)
{
    const source_t *source = sources_get (sources, number);
    const source_page_t *page = source->on;
    range_t range = {.start = utf8_length (page->text, from)};
    range.end = range.start + utf8_length (page->text + from, to - from);
    yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (doc);
    yyjson_mut_doc_set_root (doc, root);
    yyjson_mut_obj_add_str (doc, root, "type", "file_citation");
    yyjson_mut_obj_add_str (doc, root, "file_id", source->file_id);
    yyjson_mut_obj_add_str (doc, root, "filename", source->filename);
    yyjson_mut_obj_add_uint (doc, root, "index", index);
    yyjson_mut_obj_add_uint (doc, root, "page", source->page);
    yyjson_mut_obj_add_strn (doc, root, "quote", page->text + from, to - from);
    yyjson_mut_obj_add_uint (doc, root, "start", range.start);
    yyjson_mut_obj_add_uint (doc, root, "end", range.end);
    yyjson_mut_val *boxes = yyjson_mut_obj_add_arr (doc, root, "boxes");
    yyjson_mut_obj_add_uint (doc, root, "passage", number);
    char *json = NULL;
    if (add_boxes (doc, boxes, page, range) == 0 && (json = yyjson_mut_write (doc, 0, NULL)) == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    yyjson_mut_doc_free (doc);
    return json;
}
