/* Retries. */
#include "retry.h"

#define FIRST_WAIT_MS   1000L
#define LONGEST_WAIT_MS 15000L

static bool may_pass (const answer_t *answer, bool has_answered)
{
    switch (answer->trouble) {
    case TROUBLE_NONE:
        return answer->status == 429 || (answer->status >= 502 && answer->status <= 504);
    case TROUBLE_UNREACHED: case TROUBLE_BROKEN:
        return has_answered;
    default:
        return false;
    }
}

long retry_wait_ms (retry_t *retry, const answer_t *answer, bool has_answered, long patience_s)
{
    if (!may_pass (answer, has_answered))
        return -1;
    unsigned doublings = retry->tries < 4 ? retry->tries : 4;
    long wait = FIRST_WAIT_MS << doublings;
    wait = wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS;
    if (answer->retry_after_s >= 0)
        wait = answer->retry_after_s <= patience_s ? answer->retry_after_s * 1000 : patience_s * 1000 + 1;
    if (wait > patience_s * 1000 - retry->waited_ms)
        return -1;
    retry->tries++;
    retry->waited_ms += wait;
    return wait;
}
