/* What a language model's server says: one event of a streamed chat completion, a whole one, or an
 * error, from JSON. Pure. */
#ifndef QUIRE_LLM_REPLY_H
#define QUIRE_LLM_REPLY_H

#include "llm_trouble.h"

typedef struct {
    bool done;               /* the stream's last event, [DONE] */
    char *text;              /* what follows in the answer, UTF-8, or NULL; freed by llm_reply_clear */
    bool finished;           /* the model has said all: */
    bool cut_short;          /* at its limit of tokens */
    bool refused;            /* the text, or this part of it, is a refusal */
    llm_trouble_t trouble;   /* or LLM_FINE */
    bool has_usage;
    uint32_t input_tokens, output_tokens;
} llm_reply_t;

/* Reads an event's data; malformed UTF-8 becomes U+FFFD. What is no JSON object is LLM_BAD_REPLY. */
void llm_reply_read (const char *data, size_t size, llm_reply_t *reply);
void llm_reply_clear (llm_reply_t *reply);

#endif
