/* Dot: the products on x86-64, by VPDPBUSD. Compiled for AVX-VNNI and for AVX512-VNNI, with DOT naming
 * the function; dot.c asks the processor first. */
#include "dot.h"
#include "lanes.h"

#define PANEL_VECTORS (DOT_OUTPUTS / LANES)

/* A tile of sums is kept in registers: so many rows by so many panels. */
#if LANES == 16
#define TILE_ROWS   8
#define TILE_PANELS 3
#else
#define TILE_ROWS   4
#define TILE_PANELS 1
#endif
_Static_assert (DOT_ROWS % TILE_ROWS == 0, "rows are whole tiles");

#define MOST_VECTORS (TILE_PANELS * PANEL_VECTORS)

/* rows and panels are constants wherever this is called, so that the sums are registers. */
static inline __attribute__ ((always_inline)) void
tile (int32_t *result, const uint8_t *source, const int8_t *packed, size_t inputs, size_t outputs,
      const size_t panels)
{
    const size_t vectors = panels * PANEL_VECTORS, apart = DOT_PANEL_BYTES (inputs);
    whole_t sums [TILE_ROWS] [MOST_VECTORS] = {0};
    const int8_t *group = packed + DOT_HEAD;
    for (size_t i = 0; i < inputs; i += DOT_GROUP, group += DOT_GROUP * DOT_OUTPUTS) {
        whole_t weights [MOST_VECTORS];
        for (size_t k = 0; k < vectors; k++)
            weights [k] = whole_load (group + k / PANEL_VECTORS * apart
                                      + k % PANEL_VECTORS * DOT_GROUP * LANES);
        for (size_t row = 0; row < TILE_ROWS; row++) {
            whole_t four = whole_all (source + row * inputs + i);
            for (size_t k = 0; k < vectors; k++)
                sums [row] [k] = add_quads (sums [row] [k], four, weights [k]);
        }
    }
    for (size_t row = 0; row < TILE_ROWS; row++)
        for (size_t k = 0; k < vectors; k++)
            memcpy (result + row * outputs + k * LANES, &sums [row] [k], sizeof (whole_t));
}

/* Asks for a share of the panels that come next, so that they are near when their turn comes. */
static void ask_ahead (const int8_t *panels, size_t bytes, size_t share, size_t shares)
{
    size_t lines = bytes / 64, from = lines * share / shares, to = lines * (share + 1) / shares;
    for (size_t i = from; i < to; i++)
        __builtin_prefetch (panels + i * 64, 0, 2);
}

extern dot_multiply_t DOT;

/* Panels stay in the core's first cache, or its second, while all rows pass by. */
void DOT (int32_t *result, const uint8_t *source, const int8_t *packed, size_t rows, size_t inputs,
          size_t outputs)
{
    size_t panels = outputs / DOT_OUTPUTS, panel = 0, apart = DOT_PANEL_BYTES (inputs);
    for (; panel + TILE_PANELS <= panels; panel += TILE_PANELS)
        for (size_t row = 0; row < rows; row += TILE_ROWS) {
            if (panel + 2 * TILE_PANELS <= panels)
                ask_ahead (packed + (panel + TILE_PANELS) * apart, TILE_PANELS * apart,
                           row / TILE_ROWS, rows / TILE_ROWS);
            tile (result + row * outputs + panel * DOT_OUTPUTS, source + row * inputs,
                  packed + panel * apart, inputs, outputs, TILE_PANELS);
        }
    for (; panel < panels; panel++)
        for (size_t row = 0; row < rows; row += TILE_ROWS)
            tile (result + row * outputs + panel * DOT_OUTPUTS, source + row * inputs,
                  packed + panel * apart, inputs, outputs, 1);
}
