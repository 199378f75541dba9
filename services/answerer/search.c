/* A search, from the request to its JSON. */
#include "search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "error.h"
#include "filter.h"
#include "fusion.h"
#include "log.h"
#include "question.h"
#include "stored_object.h"
#include "utf8.h"

/* How much evidence of each kind is looked at. Pages beyond are never among the best fifty in
 * practice: each list alone is several times as long as the longest answer. */
#define EVIDENCE_PAGES  300
#define EVIDENCE_HEADS  200
#define EVIDENCE_CHUNKS 400
#define EVIDENCE_FILES  64
#define EVIDENCE_DENSE  300
/* Passages beyond the limit, in place of those whose file was deleted a moment ago. */
#define SPARE_PASSAGES  50
#define MAX_SHARES      (4u << 20)   /* pages whose share of numbers a reader remembers */
#define MAX_CANDIDATES  (EVIDENCE_PAGES + EVIDENCE_HEADS + EVIDENCE_CHUNKS + EVIDENCE_DENSE)

/* -- which files ---------------------------------------------------------------------------- */

typedef struct {
    const filter_t *filter;
    uint32_t store;
    number_set_t files;
    bool all;             /* the set is every file there is */
    bool out_of_memory;
    uint64_t chunks, vectors, vectors_failed;
    bool words;           /* all of it can be found by its words */
} scope_t;

static void take_file (void *context, const scope_row_t *row)
{
    scope_t *scope = context;
    if (!filter_matches (scope->filter, row->id, row->name, row->attributes))
        return;
    scope->out_of_memory |= number_set_add (&scope->files, row->number) != 0;
    scope->chunks += row->chunks;
    scope->vectors += row->vectors;
    scope->vectors_failed += row->vectors_failed;
}

static int find_scope (store_t *store, const char *store_id, scope_t *scope)
{
    size_t files = 0;
    if (store_find_store (store, store_id, &scope->store) != 0
        || store_list_scope (store, scope->store, take_file, scope) != 0
        || store_count_files (store, &files) != 0)
        return -1;
    scope->all = files == scope->files.count;
    return scope->out_of_memory ? error_set (ERROR_NO_MEMORY, NULL) : 0;
}

/* The full-text index follows the store within a second, but for when it is made anew. */
static int find_words (reader_t *reader, scope_t *scope)
{
    uint64_t pruned, last;
    if (store_journal (reader->store, &pruned, &last) != 0)
        return -1;
    scope->words = lexical_reader_applied (reader->lexical) >= last;
    return 0;
}

static const number_set_t *allowed_files (const scope_t *scope)
{
    return scope->all ? NULL : &scope->files;
}

/* -- evidence for one question -------------------------------------------------------------- */

typedef struct {
    page_evidence_t pages [MAX_CANDIDATES];   /* ascending, until they are ranked */
    size_t page_count;
    chunk_evidence_t *chunks;
    size_t chunk_count, chunk_capacity;
    bool out_of_memory;
} evidence_t;

static int compare_page_numbers (const void *left, const void *right)
{
    const page_evidence_t *a = left, *b = right;
    return (a->page > b->page) - (a->page < b->page);
}

static void add_candidate (evidence_t *evidence, uint32_t page, uint32_t file)
{
    if (evidence->page_count < MAX_CANDIDATES)
        evidence->pages [evidence->page_count++] = (page_evidence_t) {.page = page, .file = file};
}

static void sort_candidates (evidence_t *evidence)
{
    size_t kept = 0;
    qsort (evidence->pages, evidence->page_count, sizeof *evidence->pages, compare_page_numbers);
    for (size_t i = 0; i < evidence->page_count; i++)
        if (kept == 0 || evidence->pages [kept - 1].page != evidence->pages [i].page)
            evidence->pages [kept++] = evidence->pages [i];
    evidence->page_count = kept;
}

static page_evidence_t *candidate (evidence_t *evidence, uint32_t page)
{
    page_evidence_t wanted = {.page = page};
    return evidence->page_count == 0 ? NULL
        : bsearch (&wanted, evidence->pages, evidence->page_count, sizeof wanted, compare_page_numbers);
}

static void add_chunk (evidence_t *evidence, chunk_evidence_t chunk)
{
    if (evidence->chunk_count == evidence->chunk_capacity) {
        size_t capacity = evidence->chunk_capacity * 2 + 256;
        chunk_evidence_t *chunks = realloc (evidence->chunks, capacity * sizeof *chunks);
        if (chunks == NULL) {
            evidence->out_of_memory = true;
            return;
        }
        evidence->chunks = chunks;
        evidence->chunk_capacity = capacity;
    }
    evidence->chunks [evidence->chunk_count++] = chunk;
}

static void take_dense (void *context, const index_hit_t *hit)
{
    evidence_t *evidence = context;
    page_evidence_t *page = candidate (evidence, hit->page);
    if (page == NULL)
        return;
    page->cosine = fmaxf (page->cosine, hit->cosine);
    add_chunk (evidence, (chunk_evidence_t) {.chunk = hit->chunk, .page = hit->page, .cosine = hit->cosine});
}

static void find_candidates (evidence_t *evidence, const lexical_hits_t *lexical, const index_scan_t *scan)
{
    static const lexical_kind_t kinds [] = {LEXICAL_PAGES, LEXICAL_HEADS, LEXICAL_CHUNKS};
    for (size_t k = 0; k < COUNT_OF (kinds); k++)
        for (size_t i = 0; i < lexical->counts [kinds [k]]; i++)
            add_candidate (evidence, lexical->hits [kinds [k]] [i].page, lexical->hits [kinds [k]] [i].file);
    if (scan != NULL) {
        index_hit_t best [EVIDENCE_DENSE];
        size_t count = index_scan_best (scan, best, EVIDENCE_DENSE);
        for (size_t i = 0; i < count; i++)
            add_candidate (evidence, best [i].page, best [i].file);
    }
    sort_candidates (evidence);
}

static int weigh_dense (evidence_t *evidence, const index_scan_t *scan)
{
    number_set_t pages = {0};
    for (size_t i = 0; i < evidence->page_count; i++)
        evidence->out_of_memory |= number_set_add (&pages, evidence->pages [i].page) != 0;
    index_scan_pages (scan, &pages, take_dense, evidence);
    number_set_clear (&pages);
    return evidence->out_of_memory ? error_set (ERROR_NO_MEMORY, NULL) : 0;
}

static int compare_chunks (const void *left, const void *right)
{
    const chunk_evidence_t *a = left, *b = right;
    if (a->page != b->page)
        return a->page < b->page ? -1 : 1;
    return (a->chunk > b->chunk) - (a->chunk < b->chunk);
}

/* The same chunk may stand there twice, from each index once: joins these. */
static void join_chunks (evidence_t *evidence)
{
    size_t kept = 0;
    if (evidence->chunk_count > 0)
        qsort (evidence->chunks, evidence->chunk_count, sizeof *evidence->chunks, compare_chunks);
    for (size_t i = 0; i < evidence->chunk_count; i++) {
        chunk_evidence_t *chunk = &evidence->chunks [i];
        if (kept > 0 && evidence->chunks [kept - 1].chunk == chunk->chunk) {
            evidence->chunks [kept - 1].bm25 += chunk->bm25;
            evidence->chunks [kept - 1].cosine += chunk->cosine;
        } else {
            evidence->chunks [kept++] = *chunk;
        }
    }
    evidence->chunk_count = kept;
}

static void weigh_lexical (evidence_t *evidence, const lexical_hits_t *lexical)
{
    for (size_t i = 0; i < lexical->counts [LEXICAL_PAGES]; i++)
        candidate (evidence, lexical->hits [LEXICAL_PAGES] [i].page)->page_bm25
            = lexical->hits [LEXICAL_PAGES] [i].score;
    for (size_t i = 0; i < lexical->counts [LEXICAL_HEADS]; i++)
        candidate (evidence, lexical->hits [LEXICAL_HEADS] [i].page)->head_bm25
            = lexical->hits [LEXICAL_HEADS] [i].score;
    for (size_t i = 0; i < lexical->counts [LEXICAL_CHUNKS]; i++) {
        const lexical_hit_t *hit = &lexical->hits [LEXICAL_CHUNKS] [i];
        page_evidence_t *page = candidate (evidence, hit->page);
        page->chunk_bm25 = fmaxf (page->chunk_bm25, hit->score);
        add_chunk (evidence, (chunk_evidence_t) {.chunk = hit->number, .page = hit->page, .bm25 = hit->score});
    }
}

static float score_of_file (const lexical_hits_t *lexical, lexical_kind_t kind, uint32_t file)
{
    for (size_t i = 0; i < lexical->counts [kind]; i++)
        if (lexical->hits [kind] [i].file == file)
            return lexical->hits [kind] [i].score;
    return 0;
}

static void weigh_files (evidence_t *evidence, const lexical_hits_t *lexical)
{
    for (size_t i = 0; i < evidence->page_count; i++) {
        page_evidence_t *page = &evidence->pages [i];
        page->name_share = score_of_file (lexical, LEXICAL_NAMES, page->file);
        page->card_bm25 = score_of_file (lexical, LEXICAL_CARDS, page->file);
    }
}

/* Makes room in what a reader remembers; where there is none, or beyond, pages are looked up each time. */
static void remember_to (reader_t *reader, uint32_t page)
{
    size_t count = reader->share_count * 3 / 2 + page + 1;
    count = count < MAX_SHARES ? count : MAX_SHARES;
    float *shares = page < count ? realloc (reader->shares, count * sizeof *shares) : NULL;
    if (shares == NULL)
        return;
    for (size_t i = reader->share_count; i < count; i++)
        shares [i] = NAN;
    reader->shares = shares;
    reader->share_count = count;
}

/* A page that is gone from the store meanwhile has none; it is left out later. */
static int number_share (reader_t *reader, uint32_t page, float *share)
{
    page_row_t row;
    if (page < reader->share_count && !isnan (reader->shares [page])) {
        *share = reader->shares [page];
        return 0;
    }
    if (store_get_page_facts (reader->store, page, &row) != 0)
        return error_get () == ERROR_PAGE_NOT_READ ? 0 : -1;
    *share = row.number_share;
    if (page >= reader->share_count)
        remember_to (reader, page);
    if (page < reader->share_count)
        reader->shares [page] = row.number_share;
    return 0;
}

/* Looks up the number shares, but only of pages that may come among the first `limit` by them: a share
 * is at most 1. The pages must be ranked without. */
static int weigh_numbers (evidence_t *evidence, reader_t *reader, size_t limit)
{
    float least = evidence->page_count > limit ? evidence->pages [limit].score : 0;
    for (size_t i = 0; i < evidence->page_count; i++) {
        page_evidence_t *page = &evidence->pages [i];
        if (page->score * (1 + fusion_weights.numbers) < least)
            break;
        if (number_share (reader, page->page, &page->number_share) != 0)
            return -1;
    }
    return 0;
}

/* -- ranking -------------------------------------------------------------------------------- */

typedef struct {
    reader_t *reader;
    index_t *index;
    const scope_t *scope;
    ranker_t ranker;
    size_t limit;
} search_t;

static int find_lexical (const search_t *search, const char *question, size_t size, lexical_hits_t *hits)
{
    if (search->ranker == RANKER_DENSE)
        return 0;
    bool many = search->scope->files.count > 1;
    *hits = (lexical_hits_t) {.limits = {
        [LEXICAL_PAGES] = EVIDENCE_PAGES, [LEXICAL_HEADS] = EVIDENCE_HEADS,
        [LEXICAL_CHUNKS] = EVIDENCE_CHUNKS, [LEXICAL_CARDS] = many ? EVIDENCE_FILES : 0,
        [LEXICAL_NAMES] = EVIDENCE_FILES,
    }};
    if (lexical_search (search->reader->lexical, question, size, allowed_files (search->scope), hits) == 0)
        return 0;
    if (error_get () != ERROR_INTERNAL)
        return -1;
    log_error ("texts_damaged", "text=\"%s\"", error_text ());
    search->reader->texts_damaged = true;   /* go on with what the vectors say */
    lexical_hits_free (hits);
    return 0;
}

static int gather (const search_t *search, evidence_t *evidence, const lexical_hits_t *lexical,
                   const float *vector)
{
    index_scan_t scan = {0};
    bool dense = vector != NULL && search->ranker != RANKER_LEXICAL;
    if (dense && index_scan (search->index, vector, allowed_files (search->scope), &scan) != 0)
        return -1;
    find_candidates (evidence, lexical, dense ? &scan : NULL);
    int result = dense ? weigh_dense (evidence, &scan) : 0;
    index_scan_end (&scan);
    return result;
}

/* Is there a chunk of the page among the first count, which are in order? */
static bool has_chunk (const evidence_t *evidence, size_t count, uint32_t page)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (evidence->chunks [middle].page < page)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && evidence->chunks [low].page == page;
}

static void take_first_chunk (void *context, const chunk_row_t *row)
{
    chunk_evidence_t *first = context;
    if (first->chunk == 0)
        first->chunk = row->id;
}

/* A page may have been found by its head alone, before it has vectors: then its first chunk stands
 * for it. */
static int add_first_chunks (const search_t *search, evidence_t *evidence)
{
    size_t before = evidence->chunk_count;
    for (size_t i = 0; i < evidence->page_count && i < search->limit; i++) {
        chunk_evidence_t first = {.page = evidence->pages [i].page};
        if (has_chunk (evidence, before, first.page))
            continue;
        if (store_list_chunks (search->reader->store, first.page, take_first_chunk, &first) != 0)
            return -1;
        if (first.chunk != 0)
            add_chunk (evidence, first);
    }
    join_chunks (evidence);
    return evidence->out_of_memory ? error_set (ERROR_NO_MEMORY, NULL) : 0;
}

static int64_t rank (const search_t *search, const char *question, const float *vector,
                     evidence_t *evidence, const lexical_hits_t *lexical, passage_t *passages)
{
    question_facts_t facts = {
        .ranker = search->ranker, .many_files = search->scope->files.count > 1,
        .quantity = search->ranker != RANKER_DENSE && terms_ask_quantity (question, strlen (question)),
        .full_bm25 = lexical->full_score,
    };
    if (gather (search, evidence, lexical, vector) != 0)
        return -1;
    weigh_lexical (evidence, lexical);
    join_chunks (evidence);
    if (facts.many_files)
        weigh_files (evidence, lexical);
    if (evidence->out_of_memory)
        return error_set (ERROR_NO_MEMORY, NULL);
    fusion_rank (evidence->pages, evidence->page_count, facts, &fusion_weights);
    if (facts.quantity) {
        if (weigh_numbers (evidence, search->reader, search->limit) != 0)
            return -1;
        fusion_rank (evidence->pages, evidence->page_count, facts, &fusion_weights);
    }
    if (add_first_chunks (search, evidence) != 0)
        return -1;
    return (int64_t) fusion_cut (evidence->pages, evidence->page_count, evidence->chunks,
                                 evidence->chunk_count, search->ranker, passages, search->limit);
}

static int64_t find_and_rank (const search_t *search, const char *question, const float *vector,
                              evidence_t *evidence, passage_t *passages)
{
    lexical_hits_t lexical = {0};
    int64_t count = find_lexical (search, question, strlen (question), &lexical);
    if (count == 0)
        count = rank (search, question, vector, evidence, &lexical, passages);
    lexical_hits_free (&lexical);
    return count;
}

/* Ranks for one question. Returns how many passages it wrote, or -1. */
static int64_t search_one (const search_t *search, const char *question, const float *vector,
                           passage_t *passages)
{
    int64_t count = -1;
    char *asked = strdup (question);
    evidence_t *evidence = calloc (1, sizeof *evidence);
    if (asked != NULL && evidence != NULL) {
        question_blank_form (asked, strlen (asked));
        count = find_and_rank (search, asked, vector, evidence, passages);
        free (evidence->chunks);
    } else {
        error_set (ERROR_NO_MEMORY, NULL);
    }
    free (evidence);
    free (asked);
    return count;
}

/* -- telling -------------------------------------------------------------------------------- */

typedef struct {
    uint32_t chunk;
    chunk_row_t row;
} wanted_chunk_t;

static void take_wanted_chunk (void *context, const chunk_row_t *row)
{
    wanted_chunk_t *wanted = context;
    if (row->id == wanted->chunk)
        wanted->row = *row;
}

static void add_text (yyjson_mut_doc *doc, yyjson_mut_val *result, const page_row_t *page,
                      const chunk_row_t *chunk)
{
    size_t start = utf8_offset (page->text, page->text_size, chunk->start);
    size_t end = utf8_offset (page->text, page->text_size, chunk->end);
    yyjson_mut_val *content = yyjson_mut_obj_add_arr (doc, result, "content");
    yyjson_mut_val *part = yyjson_mut_arr_add_obj (doc, content);
    yyjson_mut_obj_add_str (doc, part, "type", "text");
    yyjson_mut_obj_add_strncpy (doc, part, "text", page->text + start, end - start);
}

static void add_place (yyjson_mut_doc *doc, yyjson_mut_val *result, uint32_t page, const chunk_row_t *chunk)
{
    char highlight [32];
    snprintf (highlight, sizeof highlight, "%u-%u", chunk->start, chunk->end);
    yyjson_mut_obj_add_uint (doc, result, "page", page);
    yyjson_mut_obj_add_uint (doc, result, "start", chunk->start);
    yyjson_mut_obj_add_uint (doc, result, "end", chunk->end);
    yyjson_mut_obj_add_strcpy (doc, result, "highlight", highlight);
}

/* As scores are told, so that a client's threshold may be one. */
static double told_score (float score)
{
    return round ((double) score * 1e6) / 1e6;
}

/* Adds a passage, or nothing when its file or page has been deleted meanwhile. */
static int tell_passage (const search_t *search, const passage_t *passage, yyjson_mut_doc *doc,
                         yyjson_mut_val *data)
{
    store_t *store = search->reader->store;
    wanted_chunk_t wanted = {.chunk = passage->chunk};
    store_file_row_t file;
    page_row_t page;
    if (store_list_chunks (store, passage->page, take_wanted_chunk, &wanted) != 0)
        return -1;
    if (wanted.row.id == 0)
        return 0;
    if (store_get_store_file_by_number (store, search->scope->store, wanted.row.file, &file) != 0)
        return error_get () == ERROR_FILE_NOT_FOUND ? 0 : -1;
    yyjson_mut_val *result = yyjson_mut_obj (doc);
    yyjson_mut_obj_add_strcpy (doc, result, "file_id", file.file.id);
    yyjson_mut_obj_add_strcpy (doc, result, "filename", file.file.name);
    yyjson_mut_obj_add_real (doc, result, "score", told_score (passage->score));
    add_stored_object (doc, result, "attributes", file.attributes);
    if (store_get_page_by_number (store, passage->page, &page) != 0)
        return error_get () == ERROR_PAGE_NOT_READ ? 0 : -1;
    add_text (doc, result, &page, &wanted.row);
    add_place (doc, result, page.page, &wanted.row);
    yyjson_mut_arr_append (data, result);
    return 0;
}

static char *write_json (yyjson_mut_doc *doc)
{
    char *json = yyjson_mut_write (doc, 0, NULL);
    if (json == NULL)
        error_set (ERROR_NO_MEMORY, NULL);
    return json;
}

static char *tell (const search_t *search, const search_message_t *request, bool dense,
                   const passage_t *passages, size_t count)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new (NULL);
    yyjson_mut_val *root = yyjson_mut_obj (doc);
    yyjson_mut_doc_set_root (doc, root);
    yyjson_mut_obj_add_str (doc, root, "object", "vector_store.search_results.page");
    yyjson_mut_val *queries = yyjson_mut_obj_add_arr (doc, root, "search_query");
    size_t cursor = 0;
    for (const char *query; (query = strings_next (request->queries, &cursor)) != NULL;)
        yyjson_mut_arr_add_str (doc, queries, query);
    yyjson_mut_val *data = yyjson_mut_obj_add_arr (doc, root, "data");
    int result = 0;
    for (size_t i = 0; i < count && result == 0 && yyjson_mut_arr_size (data) < request->limit; i++)
        if (told_score (passages [i].score) >= told_score (request->threshold))
            result = tell_passage (search, &passages [i], doc, data);
    yyjson_mut_obj_add_bool (doc, root, "has_more", false);
    yyjson_mut_obj_add_null (doc, root, "next_page");
    yyjson_mut_val *indexed = yyjson_mut_obj_add_obj (doc, root, "indexed");
    yyjson_mut_obj_add_uint (doc, indexed, "chunks", search->scope->chunks);
    yyjson_mut_obj_add_uint (doc, indexed, "vectors", search->scope->vectors);
    yyjson_mut_obj_add_uint (doc, indexed, "vectors_failed", search->scope->vectors_failed);
    yyjson_mut_obj_add_bool (doc, indexed, "words", search->scope->words);
    yyjson_mut_obj_add_bool (doc, root, "dense", dense);
    char *json = result == 0 ? write_json (doc) : NULL;
    yyjson_mut_doc_free (doc);
    return json;
}

/* -- the whole ------------------------------------------------------------------------------ */

static int fail (const char **param, const char *name, error_t error, const char *text)
{
    *param = name;
    return error_set (error, "%s", text);
}

static bool is_blank (const char *text)
{
    return text [strspn (text, " \t\r\n")] == '\0';
}

int search_check (const search_message_t *request, const char **param)
{
    ranker_t ranker;
    size_t cursor = 0;
    if (request->queries.count == 0)
        return fail (param, "query", ERROR_QUESTION_EMPTY, error_default (ERROR_QUESTION_EMPTY));
    if (request->queries.count > MAX_QUERIES)
        return fail (param, "query", ERROR_BAD_FIELD, "'query' has more questions than a search takes.");
    for (const char *query; (query = strings_next (request->queries, &cursor)) != NULL;)
        if (is_blank (query))
            return fail (param, "query", ERROR_QUESTION_EMPTY, error_default (ERROR_QUESTION_EMPTY));
    if (request->limit == 0 || request->limit > MAX_SEARCH_RESULTS)
        return fail (param, "max_num_results", ERROR_BAD_FIELD, "'max_num_results' must be 1 to 50.");
    if (!ranker_named (request->ranker, &ranker))
        return fail (param, "ranking_options", ERROR_BAD_FIELD, "'ranker' must be fused, lexical or dense.");
    return 0;
}

static char *search_all (const search_t *search, const search_message_t *request, const float *vectors)
{
    size_t capacity = request->queries.count * search->limit, count = 0, cursor = 0, i = 0;
    passage_t *passages = malloc (capacity * sizeof *passages);
    if (passages == NULL) {
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    char *json = NULL;
    int64_t found = 0;
    for (const char *query; found >= 0 && (query = strings_next (request->queries, &cursor)) != NULL; i++) {
        found = search_one (search, query, vectors == NULL ? NULL : vectors + i * EMBEDDING_WIDTH,
                            passages + count);
        count += found > 0 ? (size_t) found : 0;
    }
    if (found >= 0) {
        count = i > 1 ? fusion_join (passages, count) : count;
        json = tell (search, request, vectors != NULL && search->ranker != RANKER_LEXICAL, passages, count);
    }
    free (passages);
    return json;
}

char *search_run (reader_t *reader, index_t *index, const search_message_t *request,
                  const float *vectors, const char **param)
{
    if (search_check (request, param) != 0)
        return NULL;
    filter_t *filter = filter_parse (request->filters);
    if (filter == NULL) {
        *param = "filters";
        return NULL;
    }
    scope_t scope = {.filter = filter};
    search_t search = {.reader = reader, .index = index, .scope = &scope,
                       .limit = request->limit + SPARE_PASSAGES};
    (void) ranker_named (request->ranker, &search.ranker);
    char *json = NULL;
    if (store_hold (reader->store) == 0) {   /* else each of some hundred rows takes the store's locks */
        if (find_scope (reader->store, request->store_id, &scope) == 0 && find_words (reader, &scope) == 0)
            json = search_all (&search, request, vectors);
        store_release (reader->store);
    }
    number_set_clear (&scope.files);
    filter_destroy (&filter);
    return json;
}
