/* A streamed response: whatever comes, it is the same answer however it is split, and what is told of it
 * lies inside of it. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "answer.h"

void fuzz_start (void) {}

typedef struct {
    size_t pieces, size, citations, unsupported;
    int outcome;
    outcome_t end;
    bool declined;
} told_t;

static int on_text (void *context, const char *text)
{
    told_t *told = context;
    told->pieces++;
    told->size += strlen (text);
    return 0;
}

static void on_citation (void *context, const citation_t *citation)
{
    told_t *told = context;
    told->citations += 1 + strlen (citation->file_name) + strlen (citation->quote);
}

static void on_unsupported (void *context, const char *text, size_t size)
{
    told_t *told = context;
    MUST (size > 0 || text);
    for (size_t i = 0; i < size; i++)   /* a sanitizer sees what lies outside */
        told->unsupported += (unsigned char) text [i];
}

static told_t hear (const uint8_t *data, size_t size, size_t cut)
{
    told_t told = {0};
    failure_t failure = {.outcome = OUTCOME_OK};
    answering_t *answering = answering_new (on_text, &told);
    MUST (answering);
    told.outcome = answering_feed (answering, (const char *) data, cut);
    if (told.outcome == 0)
        told.outcome = answering_feed (answering, (const char *) data + cut, size - cut);
    MUST (answering_size (answering) == told.size);
    MUST (answering_failure (answering, &failure) == (failure.outcome == OUTCOME_OK ? 0 : -1));
    told.end = failure.outcome;
    told.declined = answering_has_declined (answering);
    MUST (answering_note (answering) && answering_id (answering));
    answering_each_citation (answering, on_citation, &told);
    answering_each_unsupported (answering, on_unsupported, &told);
    answering_destroy (&answering);
    return told;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    size_t cut = take_u16 (&input);
    cut = cut < input.size ? cut : input.size;
    told_t whole = hear (input.data, input.size, input.size), split = hear (input.data, input.size, cut);
    MUST (whole.outcome == split.outcome && whole.pieces == split.pieces && whole.size == split.size);
    MUST (whole.citations == split.citations && whole.unsupported == split.unsupported);
    MUST (whole.end == split.end && whole.declined == split.declined);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("\x01\x01"
               "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\"}}\n\n"
               "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\xC3\x9C [1].\"}\n\n"
               "data: {\"type\":\"response.output_text.annotation.added\",\"annotation\":{\"filename\":\"a\","
               "\"page\":3,\"quote\":\"q\",\"passage\":1}}\n\n"
               "data: {\"type\":\"response.completed\",\"response\":{\"quire\":{\"declined\":1,\"message\":\"m\","
               "\"unsupported\":[[0,1],[2,9]]}}}\n\n");
    seed_text ("\x09\x01" "data: {\"type\":\"error\",\"message\":\"m\"}\n\n");
    seed_text ("\x05\x01" "data: {\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":\"r\"}}}\n\n");
}
