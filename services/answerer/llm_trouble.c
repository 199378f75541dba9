/* Trouble with a language model's server: see llm_trouble.h. */
#include "llm_trouble.h"

static const struct {
    const char *name;
    bool again;
    const char *words;
} troubles [LLM_TROUBLE_COUNT] = {
#define TROUBLE(NAME, name, retry, words) [LLM_##NAME] = {name, retry, words},
#include "llm_trouble.def"
#undef TROUBLE
};

const char *llm_trouble_name (llm_trouble_t trouble) { return troubles [trouble].name; }
const char *llm_trouble_words (llm_trouble_t trouble) { return troubles [trouble].words; }

llm_trouble_t llm_trouble_of_status (long status)
{
    switch (status) {
    case 401: return LLM_KEY_REFUSED;
    case 402: return LLM_NO_CREDIT;
    case 403: return LLM_FORBIDDEN;
    case 404: return LLM_NOT_FOUND;
    case 413: return LLM_TOO_LONG;
    case 408: case 425: return LLM_UNWELL;
    case 429: return LLM_BUSY;
    default:  return status >= 500 && status < 600 ? LLM_UNWELL : status >= 400 && status < 500 ? LLM_REJECTED : LLM_BAD_REPLY;
    }
}

int64_t llm_retry_ms (llm_trouble_t trouble, unsigned attempts, uint64_t retry_after_ms, uint32_t chance)
{
    if (!troubles [trouble].again || attempts > MAX_RETRIES || retry_after_ms > MAX_RETRY_AFTER_MS)
        return -1;
    uint64_t wait = (uint64_t) RETRY_MS << (attempts > 0 ? attempts - 1 : 0);
    wait = wait / 2 + chance % wait;   /* half to one and a half of it, so that not all come back together */
    return (int64_t) (wait > retry_after_ms ? wait : retry_after_ms + chance % RETRY_MS);
}
