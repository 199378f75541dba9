/* Ranking: OpenAI's ranking options, as Quire understands them. Pure. */
#ifndef QUIRE_GATEWAY_RANKING_H
#define QUIRE_GATEWAY_RANKING_H

#include "field.h"

typedef struct {
    const char *ranker;   /* fused, lexical or dense */
    float threshold;
} ranking_t;

/* options: the object, or NULL. Returns 0, or -1 with BAD_FIELD. */
MUST_CHECK int ranking_read (yyjson_val *options, ranking_t *ranking);

#endif
