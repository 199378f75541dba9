/* What can go wrong with a language model's server, and what is done about it. Pure. */
#ifndef QUIRE_LLM_TROUBLE_H
#define QUIRE_LLM_TROUBLE_H

#include "macros.h"

#define MAX_RETRIES        2
#define RETRY_MS           300u     /* before the first retry, about; twice as long before the next */
#define MAX_RETRY_AFTER_MS 10000u   /* a server that wants more patience than this is not asked again */

typedef enum {
#define TROUBLE(NAME, name, retry, words) LLM_##NAME,
#include "llm_trouble.def"
#undef TROUBLE
    LLM_TROUBLE_COUNT
} llm_trouble_t;

const char *llm_trouble_name (llm_trouble_t trouble);    /* "llm_busy"; "" for none */
const char *llm_trouble_words (llm_trouble_t trouble);   /* for the user: why the LLM did not answer */

/* From an HTTP status, or the code of an error that came inside a stream. */
llm_trouble_t llm_trouble_of_status (long status);

/* How long to wait before trying again, in ms, or -1: don't. attempts: made so far; retry_after_ms: as
 * the server said, 0 when it said nothing; chance: any random number. */
int64_t llm_retry_ms (llm_trouble_t trouble, unsigned attempts, uint64_t retry_after_ms, uint32_t chance);

#endif
