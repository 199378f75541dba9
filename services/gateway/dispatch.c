/* dispatch: rules for ranges, workers and turns. */
#include "dispatch.h"

#define FIRST_REST_MS   1000
#define LONGEST_REST_MS 64000

/* -- tasks ----------------------------------------------------------------------------------- */

verdict_t dispatch_verdict (range_t range, int tries, uint32_t losses)
{
    if (tries < MAX_TRIES)
        return VERDICT_TRY;
    if (range.last > range.first)
        return VERDICT_PART;
    return losses >= MAX_TRIES ? VERDICT_GIVE_UP : VERDICT_TRY;
}

failure_t dispatch_failure (range_t range, error_t error)
{
    bool of_file = error == ERROR_FILE_EMPTY || (error >= ERROR_FILE_NOT_PDF && error <= ERROR_FILE_TOO_MANY_PAGES);
    bool of_page = error >= ERROR_PAGE_DAMAGED && error <= ERROR_READER_DIED;
    if (of_file || (of_page && range.first == 0))
        return FAILURE_OF_FILE;
    return of_page ? FAILURE_OF_PAGE : FAILURE_OF_SERVICE;
}

uint64_t dispatch_rest_ms (uint32_t failures)
{
    uint64_t rest = FIRST_REST_MS;
    for (uint32_t i = 1; i < failures && rest < LONGEST_REST_MS; i++)
        rest *= 2;
    return rest;
}

void range_part (range_t range, range_t halves [2])
{
    uint32_t middle = range.first + (range.last - range.first) / 2;
    halves [0] = (range_t) {range.first, middle};
    halves [1] = (range_t) {middle + 1, range.last};
}

size_t range_cut (range_t range, uint32_t pages, range_t *out, size_t capacity)
{
    size_t count = 0;
    for (uint32_t first = range.first; first <= range.last && count < capacity; first += pages) {
        uint32_t left = range.last - first;
        out [count++] = (range_t) {first, left < pages ? range.last : first + pages - 1};
        if (left < pages)
            break;
    }
    return count;
}

/* The end of the free pages that begin at `first`: those before the next taken range. */
static uint32_t free_until (uint32_t first, uint32_t last, const range_t *taken, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (taken [i].first > first && taken [i].first <= last)
            last = taken [i].first - 1;
    return last;
}

static const range_t *range_with (uint32_t page, const range_t *taken, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (taken [i].first <= page && page <= taken [i].last)
            return &taken [i];
    return NULL;
}

size_t range_subtract (range_t range, const range_t *taken, size_t count, range_t *out, size_t capacity)
{
    size_t pieces = 0;
    uint32_t first = range.first;
    while (first <= range.last && pieces < capacity) {
        const range_t *hit = range_with (first, taken, count);
        uint32_t last = hit != NULL ? hit->last : free_until (first, range.last, taken, count);
        if (hit == NULL)
            out [pieces++] = (range_t) {first, last};
        if (last >= range.last)
            break;
        first = last + 1;
    }
    return pieces;
}

static size_t fewest_tasks (const worker_t *workers, size_t count)
{
    size_t fewest = 0;
    for (size_t i = 1; i < count; i++)
        if (workers [i].tasks < workers [fewest].tasks)
            fewest = i;
    return fewest;
}

int dispatch_choose (const worker_t *workers, const bool *held, size_t count, bool suspect,
                     bool suspect_waits)
{
    int best = -1;
    uint32_t most = 0;
    size_t kept_free = suspect_waits ? fewest_tasks (workers, count) : count;
    for (size_t i = 0; i < count; i++) {
        uint32_t room = workers [i].credit > workers [i].tasks ? workers [i].credit - workers [i].tasks : 0;
        if (room <= most || held [i] || (suspect ? workers [i].tasks > 0 : i == kept_free))
            continue;
        best = (int) i;
        most = room;
    }
    return best;
}

/* -- turns ----------------------------------------------------------------------------------- */

static void lane_list (queue_t *queue, lane_t *lane)
{
    if (lane->listed)
        return;
    lane->listed = true;
    lane->next = NULL;
    *(queue->last != NULL ? &queue->last->next : &queue->first) = lane;
    queue->last = lane;
}

void queue_put (queue_t *queue, lane_t *lane, turn_t *turn)
{
    turn->next = NULL;
    *(lane->last != NULL ? &lane->last->next : &lane->first) = turn;
    lane->last = turn;
    lane_list (queue, lane);
}

void queue_put_first (queue_t *queue, lane_t *lane, turn_t *turn)
{
    turn->next = lane->first;
    lane->first = turn;
    if (lane->last == NULL)
        lane->last = turn;
    lane_list (queue, lane);
}

static lane_t *lane_take (queue_t *queue)
{
    lane_t *lane = queue->first;
    if (lane == NULL)
        return NULL;
    queue->first = lane->next;
    if (queue->first == NULL)
        queue->last = NULL;
    lane->listed = false;
    return lane;
}

turn_t *queue_take (queue_t *queue)
{
    lane_t *lane = lane_take (queue);
    if (lane == NULL)
        return NULL;
    turn_t *turn = lane->first;
    lane->first = turn->next;
    if (lane->first == NULL)
        lane->last = NULL;
    else
        lane_list (queue, lane);   /* behind the others: they have their turn first */
    return turn;
}

void queue_drop_lane (queue_t *queue, lane_t *lane)
{
    lane_t *before = NULL;
    for (lane_t *at = queue->first; lane->listed && at != NULL; before = at, at = at->next) {
        if (at != lane)
            continue;
        *(before != NULL ? &before->next : &queue->first) = lane->next;
        if (queue->last == lane)
            queue->last = before;
        break;
    }
    *lane = (lane_t) {0};
}
