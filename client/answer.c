/* Answering: one step an event. Events that are not needed are passed over, as new kinds may come. */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"
#include "sse.h"
#include "text.h"
#include "utf8.h"

#define MAX_RESPONSE_ID 256

struct answering {
    int (*text) (void *context, const char *text);
    void *context;
    sse_t *reader;
    char id [MAX_RESPONSE_ID];
    char *said;                   /* the text so far */
    size_t size, capacity;
    yyjson_doc **citations;       /* events that hold one */
    size_t citation_count;
    yyjson_doc *end;              /* the event that ended it */
};

static const char *text_of (yyjson_val *object, const char *key)
{
    const char *text = yyjson_get_str (yyjson_obj_get (object, key));
    return text != NULL ? text : "";
}

static uint64_t number_of (yyjson_val *value)
{
    return yyjson_is_uint (value) ? yyjson_get_uint (value) : 0;
}

/* -- events ---------------------------------------------------------------------------------- */

static int add_text (answering_t *answering, const char *delta)
{
    size_t size = strlen (delta);
    if (size > MAX_ANSWER_TEXT - answering->size
        || text_append (&answering->said, &answering->size, &answering->capacity, delta, size) != 0)
        return -1;
    return answering->text != NULL ? answering->text (answering->context, delta) : 0;
}

/* Takes the event's document. */
static int add_citation (answering_t *answering, yyjson_doc **event)
{
    yyjson_doc **grown = realloc (answering->citations, (answering->citation_count + 1) * sizeof *grown);
    if (grown == NULL)
        return -1;
    answering->citations = grown;
    grown [answering->citation_count++] = *event;
    *event = NULL;
    return 0;
}

static bool is_end (const char *type)
{
    return strcmp (type, "response.completed") == 0 || strcmp (type, "response.incomplete") == 0
           || strcmp (type, "response.failed") == 0 || strcmp (type, "error") == 0;
}

static int take_event (answering_t *answering, yyjson_doc **event)
{
    yyjson_val *root = yyjson_doc_get_root (*event);
    const char *type = text_of (root, "type"), *id = text_of (yyjson_obj_get (root, "response"), "id");
    if (plain_is_id (id))
        snprintf (answering->id, sizeof answering->id, "%s", id);
    if (strcmp (type, "response.output_text.delta") == 0)
        return add_text (answering, text_of (root, "delta"));
    if (strcmp (type, "response.output_text.annotation.added") == 0)
        return add_citation (answering, event);
    if (is_end (type) && answering->end == NULL) {
        answering->end = *event;
        *event = NULL;
    }
    return 0;
}

static int on_event (void *context, const char *name UNUSED, const char *data, size_t size)
{
    yyjson_doc *event = yyjson_read (data, size, 0);
    int outcome = event == NULL ? -1 : take_event (context, &event);
    yyjson_doc_free (event);
    return outcome;
}

int answering_feed (void *answering, const char *data, size_t size)
{
    return sse_feed (((answering_t *) answering)->reader, data, size);
}

answering_t *answering_new (int (*text) (void *context, const char *text), void *context)
{
    answering_t *answering = calloc (1, sizeof *answering);
    if (answering == NULL)
        return NULL;
    answering->text = text;
    answering->context = context;
    answering->reader = sse_new (MAX_EVENT_BYTES, on_event, answering);
    if (answering->reader == NULL)
        answering_destroy (&answering);
    return answering;
}

void answering_destroy (answering_t **answering)
{
    if (*answering == NULL)
        return;
    sse_destroy (&(*answering)->reader);
    while ((*answering)->citation_count > 0)
        yyjson_doc_free ((*answering)->citations [--(*answering)->citation_count]);
    free ((*answering)->citations);
    yyjson_doc_free ((*answering)->end);
    free ((*answering)->said);
    free (*answering);
    *answering = NULL;
}

/* -- what it came to ------------------------------------------------------------------------- */

const char *answering_id (const answering_t *answering)
{
    return answering->id;
}

size_t answering_size (const answering_t *answering)
{
    return answering->size;
}

yyjson_val *answering_response (const answering_t *answering)
{
    return yyjson_obj_get (yyjson_doc_get_root (answering->end), "response");
}

/* Quire's own facts beside OpenAI's fields. */
static yyjson_val *facts_of (const answering_t *answering)
{
    return yyjson_obj_get (answering_response (answering), "quire");
}

int answering_failure (const answering_t *answering, failure_t *failure)
{
    yyjson_val *end = yyjson_doc_get_root (answering->end), *response = yyjson_obj_get (end, "response");
    const char *type = text_of (end, "type"), *note = text_of (yyjson_obj_get (response, "quire"), "message");
    if (end == NULL)
        return failure_set (failure, OUTCOME_REFUSED, "The answer broke off. Ask once more.");
    if (strcmp (type, "response.completed") == 0)
        return 0;
    if (strcmp (type, "response.incomplete") == 0)
        return failure_set (failure, OUTCOME_SOME_FAILED, "The answer is incomplete: %s", *note != 0 ? note
                            : text_of (yyjson_obj_get (response, "incomplete_details"), "reason"));
    yyjson_val *error = strcmp (type, "error") == 0 ? end : yyjson_obj_get (response, "error");
    const char *message = text_of (error, "message");
    return failure_set (failure, OUTCOME_REFUSED, "%s", *message != 0 ? message : "The service failed to answer.");
}

bool answering_has_declined (const answering_t *answering)
{
    yyjson_val *declined = yyjson_obj_get (facts_of (answering), "declined");
    return yyjson_get_bool (declined) || number_of (declined) != 0;
}

const char *answering_note (const answering_t *answering)
{
    return text_of (facts_of (answering), "message");
}

/* -- citations ------------------------------------------------------------------------------- */

size_t answering_citation_count (const answering_t *answering)
{
    return answering->citation_count;
}

/* A citation whose mark the service does not tell counts by its place. */
static citation_t citation_read (const answering_t *answering, size_t number)
{
    yyjson_val *annotation = yyjson_obj_get (yyjson_doc_get_root (answering->citations [number]), "annotation");
    yyjson_val *passage = yyjson_obj_get (annotation, "passage");
    const char *quote = text_of (annotation, "quote");
    return (citation_t) {.mark = passage != NULL ? number_of (passage) : number + 1,
                         .page = number_of (yyjson_obj_get (annotation, "page")),
                         .file_name = text_of (annotation, "filename"), .quote = quote,
                         .is_said = answering->said != NULL && strstr (answering->said, quote) != NULL};
}

static int compare_places (const citation_t *a, const citation_t *b)
{
    int order = (a->mark > b->mark) - (a->mark < b->mark);
    if (order == 0)
        order = strcmp (a->file_name, b->file_name);
    return order != 0 ? order : (a->page > b->page) - (a->page < b->page);
}

/* Those of one place stand together, in the order in which they came. Returns how many there are now. */
static size_t citation_insert (citation_t *sorted, size_t count, citation_t citation)
{
    size_t at = count;
    while (at > 0 && compare_places (sorted + at - 1, &citation) > 0)
        at--;
    for (size_t i = at; i > 0 && compare_places (sorted + i - 1, &citation) == 0; i--) {
        citation.goes_on = true;
        if (strcmp (sorted [i - 1].quote, citation.quote) == 0)
            return count;
    }
    memmove (sorted + at + 1, sorted + at, (count - at) * sizeof *sorted);
    sorted [at] = citation;
    return count + 1;
}

void answering_each_citation (const answering_t *answering, void (*take) (void *context, const citation_t *citation),
                              void *context)
{
    size_t count = 0;
    citation_t *sorted = malloc ((answering->citation_count + 1) * sizeof *sorted);
    if (sorted == NULL)
        return;
    for (size_t i = 0; i < answering->citation_count; i++)
        count = citation_insert (sorted, count, citation_read (answering, i));
    for (size_t i = 0; i < count; i++)
        take (context, sorted + i);
    free (sorted);
}

void answering_each_unsupported (const answering_t *answering,
                                 void (*take) (void *context, const char *text, size_t size), void *context)
{
    size_t i, count;
    yyjson_val *range, *ranges = yyjson_obj_get (facts_of (answering), "unsupported");
    yyjson_arr_foreach (ranges, i, count, range) {
        uint64_t from = number_of (yyjson_arr_get (range, 0)), to = number_of (yyjson_arr_get (range, 1));
        if (!yyjson_is_uint (yyjson_arr_get (range, 0)) || from >= to || to > answering->size)
            continue;
        size_t begin = utf8_offset (answering->said, answering->size, (uint32_t) from);
        size_t end = utf8_offset (answering->said, answering->size, (uint32_t) to);
        take (context, answering->said + begin, end - begin);
    }
}
