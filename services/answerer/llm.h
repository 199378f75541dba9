/* The language model: streams of answers from an OpenAI-compatible server. One thread of its own has
 * all of them (one libcurl multi, one pool of connections); what it hears is told on the loop's
 * thread. All calls are made there. */
#ifndef QUIRE_LLM_H
#define QUIRE_LLM_H

#include "llm_trouble.h"
#include "loop.h"

#define MAX_LLM_STREAM_BYTES (8u << 20)   /* that one stream may have on the wire */

/* How a stream ended. */
typedef struct {
    llm_trouble_t trouble;    /* LLM_FINE: the model has said all */
    bool cut_short, refused;  /* at its limit of tokens; it did not want to */
    bool has_usage;
    uint32_t input_tokens, output_tokens;
} llm_end_t;

typedef struct {
    void (*text) (void *context, const char *text);            /* what follows; UTF-8 */
    void (*ended) (void *context, const llm_end_t *end);       /* once, and then nothing more */
} llm_handler_t;

typedef struct llm_stream llm_stream_t;

/* Reads the settings. Is there a model? llm_is_set () says. 0, or -1 with BAD_FIELD. */
MUST_CHECK int llm_start (loop_t *loop);
void llm_stop (void);            /* streams that are open are not told of it */
bool llm_is_set (void);
const char *llm_model (void);

/* Sends the body. The handler is called later, never from inside. NULL with NO_MEMORY. */
MUST_CHECK llm_stream_t *llm_begin (const char *body, const llm_handler_t *handler, void *context);

/* Nobody wants it any more: its connection is closed and the handler not called again. */
void llm_cancel (llm_stream_t **stream);

#endif
