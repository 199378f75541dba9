/* Prompts: what a language model is sent, as the body of an OpenAI chat completion. Pure.
 *
 * Passages stand numbered, each between fences that carry a random word, so that no document can
 * forge one. The question stands last. Everything fits a budget of tokens, which are counted so that
 * no common tokenizer needs more. */
#ifndef QUIRE_PROMPT_H
#define QUIRE_PROMPT_H

#include "sources.h"
#include "turns.h"

#define MAX_SAMPLING_BYTES 65536u

typedef struct {
    const char *model;
    const char *instructions;    /* of the caller, or "" */
    const char *sampling;        /* JSON, or ""; prompt_check has seen it */
    const char *fence;           /* a random word */
    uint32_t budget;             /* tokens of the prompt */
    uint32_t most_output;        /* tokens of the answer, unless the caller wants fewer */
} prompt_options_t;

typedef struct {
    char *body;                  /* JSON; the caller frees it */
    bool shown [MAX_SEARCH_RESULTS + 1];   /* by number: which passages the model sees */
    uint32_t tokens;             /* of the prompt, as counted */
} prompt_t;

/* Are these sampling options as an `answer` may have them? 0, or -1 with BAD_FIELD; param gets which. */
MUST_CHECK int prompt_check (const char *sampling, const char **param);

/* Returns 0, or -1 with NO_MEMORY. */
MUST_CHECK int prompt_make (const sources_t *sources, const turns_t *turns, const prompt_options_t *options,
                            prompt_t *prompt);
void prompt_clear (prompt_t *prompt);

/* How many tokens a text has, rather too many than too few. */
uint32_t prompt_tokens (const char *text, size_t size);

#endif
