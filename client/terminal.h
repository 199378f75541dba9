/* Terminal: what of the output a person sees as it comes, its size, its colours, and a block of lines
 * at its end that is drawn over. */
#ifndef QUIRE_CLIENT_TERMINAL_H
#define QUIRE_CLIENT_TERMINAL_H

#include "macros.h"

/* Looks once at where the output goes and at what the environment says. */
void terminal_start (bool no_colours);

bool terminal_is_shown (void);   /* standard output is a terminal */
bool terminal_draws (void);      /* standard output and error are, and they can draw over lines */
bool terminal_asks (void);       /* standard input is one too, so somebody can answer */
bool terminal_has_blocks (void); /* the characters that bars are made of can be had */
size_t terminal_width (void);    /* columns */
size_t terminal_height (void);

typedef enum { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN } style_t;

/* What switches to the style on standard output; "" when there are no colours. */
const char *terminal_style (style_t style);

/* Draws lines (ended by line ends, none wider than the terminal) over those of the last time, on
 * standard error. "" takes them away, which must come before anything else is written. */
void terminal_block (const char *lines);

#endif
