/* Highlights: joining the quads of words along their lines, whichever way these run. */
#include "highlight.h"

#include <math.h>
#include <string.h>

typedef struct {
    float x, y;
} point_t;

static point_t corner (const mark_t *quad, int i)
{
    return (point_t) {quad->corners [2 * i], quad->corners [2 * i + 1]};
}

static point_t minus (point_t a, point_t b)
{
    return (point_t) {a.x - b.x, a.y - b.y};
}

static float dot (point_t a, point_t b)
{
    return a.x * b.x + a.y * b.y;
}

static float length (point_t a)
{
    return sqrtf (dot (a, a));
}

/* Does `next` go on where `quad` ends: same direction, same line, not far? */
static bool goes_on (const mark_t *quad, const mark_t *next)
{
    point_t along = minus (corner (quad, 1), corner (quad, 0));
    point_t down = minus (corner (quad, 3), corner (quad, 0));
    point_t other = minus (corner (next, 1), corner (next, 0));
    float width = length (along), height = length (down), other_width = length (other);
    if (width <= 0 || height <= 0 || other_width <= 0)
        return false;
    if (dot (along, other) < 0.98f * width * other_width)
        return false;
    point_t gap = minus (corner (next, 0), corner (quad, 1));
    float forward = dot (gap, along) / width;
    point_t middle = {(corner (next, 0).x + corner (next, 3).x) / 2 - corner (quad, 0).x,
                      (corner (next, 0).y + corner (next, 3).y) / 2 - corner (quad, 0).y};
    float depth = dot (middle, down) / height;
    return forward > -height && forward < 1.5f * height && depth > 0.2f * height && depth < 0.8f * height;
}

/* Makes quad reach to the end of next. */
static void reach (mark_t *quad, const mark_t *next)
{
    memcpy (quad->corners + 2, next->corners + 2, 4 * sizeof (float));
}

static bool in_ranges (const word_t *word, const range_t *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (word->start < ranges [i].end && word->end > ranges [i].start)
            return true;
    return false;
}

size_t highlight_quads (const word_t *words, size_t word_count, const range_t *ranges,
                        size_t range_count, mark_t *quads)
{
    size_t count = 0;
    bool before = false;   /* the word before is marked too */
    for (size_t i = 0; i < word_count; i++) {
        bool marked = in_ranges (&words [i], ranges, range_count);
        mark_t quad;
        memcpy (quad.corners, words [i].quad, sizeof quad.corners);
        if (marked && before && goes_on (&quads [count - 1], &quad))
            reach (&quads [count - 1], &quad);
        else if (marked)
            quads [count++] = quad;
        before = marked;
    }
    return count;
}
