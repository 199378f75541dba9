/* Bars: name, state, bar, per cent, amount. */
#include "bar.h"

#include <string.h>

#include "plain.h"

#define STATE_WIDTH     9
#define BAR_WIDTH       20
#define MOST_NAME_WIDTH 32
#define EIGHTHS         8

/* n eighths of a column; none is empty. */
static const char *const parts [EIGHTHS] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

static void track_write (FILE *out, double share, bool blocks)
{
    size_t eighths = (size_t) (share * BAR_WIDTH * EIGHTHS), whole = eighths / EIGHTHS, used = whole;
    fputc ('|', out);
    for (size_t i = 0; i < whole; i++)
        fputs (blocks ? "█" : "#", out);
    if (blocks && whole < BAR_WIDTH && eighths % EIGHTHS > 0) {
        fputs (parts [eighths % EIGHTHS], out);
        used++;
    }
    fprintf (out, "%*s|", (int) (BAR_WIDTH - used), "");
}

void bar_write (FILE *out, const bar_t *bar, size_t width, bool blocks)
{
    const size_t state_room = 2 + STATE_WIDTH, bar_room = 2 + BAR_WIDTH + 2 + 5;   /* "  |…| 100%" */
    size_t amount_room = *bar->amount != 0 ? 2 + plain_width (bar->amount) : 0;
    size_t name_width = width / 3 < MOST_NAME_WIDTH ? width / 3 : MOST_NAME_WIDTH;
    bool has_state = name_width + state_room <= width;
    size_t used = name_width + (has_state ? state_room : 0);
    bool has_bar = bar->total > 0 && used + bar_room <= width;
    used += has_bar ? bar_room : 0;
    bool has_amount = used + amount_room <= width;

    plain_pad (out, bar->name, name_width);
    if (has_state) {
        fputs ("  ", out);
        plain_pad (out, bar->state, STATE_WIDTH);
    }
    if (has_bar) {
        double share = bar->done < bar->total ? (double) bar->done / (double) bar->total : 1;
        fputs ("  ", out);
        track_write (out, share, blocks);
        fprintf (out, "%4d%%", (int) (share * 100));
    }
    if (has_amount && amount_room > 0)
        fprintf (out, "  %s", bar->amount);
}
