/* ranking: see ranking.h. */
#include "ranking.h"

#include <string.h>

#define DEFAULT_RANKER "fused"

static const field_t ranking_fields [] = {
    {.name = "ranker", .type = FIELD_TEXT, .max = 64, .standard = "auto", .what = "how passages are ranked"},
    {.name = "score_threshold", .type = FIELD_NUMBER, .max = 1, .standard = "0", .what = "least score"},
};

/* OpenAI's rankers have dated names, and 'none' is no ranking after the first; to Quire they all mean
 * its own. */
static const char *ranker_of (const char *name)
{
    static const char *const own [] = {"fused", "lexical", "dense"};
    for (size_t i = 0; i < COUNT_OF (own); i++)
        if (strcmp (name, own [i]) == 0)
            return own [i];
    bool of_openai = strcmp (name, "auto") == 0 || strcmp (name, "none") == 0
        || strncmp (name, "default", 7) == 0;
    return of_openai ? DEFAULT_RANKER : NULL;
}

int ranking_read (yyjson_val *options, ranking_t *ranking)
{
    value_t ranker, threshold;
    if (field_check_json (&ranking_fields [0], options, &ranker) != 0
        || field_check_json (&ranking_fields [1], options, &threshold) != 0)
        return -1;
    ranking->ranker = ranker_of (ranker.text);
    ranking->threshold = (float) threshold.number;
    return ranking->ranker != NULL ? 0 : error_set (ERROR_BAD_FIELD, "'ranker' must be one of: auto fused lexical dense.");
}
