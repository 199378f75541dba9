/* Terminal: sizes by ioctl, drawing by three sequences that every terminal of today knows. */
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define STANDARD_WIDTH  80
#define STANDARD_HEIGHT 24
#define LEAST_WIDTH     10
#define MOST_WIDTH      400

static struct {
    bool is_shown, draws, asks, colours, blocks;
    char *drawn;    /* the block */
} terminal;

void terminal_start (bool no_colours)
{
    const char *kind = getenv ("TERM");
    bool is_able = kind != NULL && *kind != 0 && strcmp (kind, "dumb") != 0;
    setlocale (LC_CTYPE, "");
    terminal.is_shown = isatty (STDOUT_FILENO) == 1;
    terminal.draws = terminal.is_shown && isatty (STDERR_FILENO) == 1 && is_able;
    terminal.asks = terminal.is_shown && isatty (STDIN_FILENO) == 1;
    terminal.colours = terminal.is_shown && is_able && !no_colours;
    terminal.blocks = strcmp (nl_langinfo (CODESET), "UTF-8") == 0;
}

bool terminal_is_shown (void)
{
    return terminal.is_shown;
}

bool terminal_draws (void)
{
    return terminal.draws;
}

bool terminal_asks (void)
{
    return terminal.asks;
}

bool terminal_has_blocks (void)
{
    return terminal.blocks;
}

static struct winsize size_look (void)
{
    struct winsize size = {0};
    if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        size = (struct winsize) {0};
    return size;
}

size_t terminal_width (void)
{
    size_t width = size_look ().ws_col;
    return width == 0 ? STANDARD_WIDTH : width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : width;
}

size_t terminal_height (void)
{
    size_t height = size_look ().ws_row;
    return height == 0 ? STANDARD_HEIGHT : height;
}

const char *terminal_style (style_t style)
{
    static const char *const sequences [] = {"\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m"};
    return terminal.colours ? sequences [style] : "";
}

static size_t count_lines (const char *lines)
{
    size_t count = 0;
    for (; lines != NULL && (lines = strchr (lines, '\n')) != NULL; lines++)
        count++;
    return count;
}

void terminal_block (const char *lines)
{
    size_t drawn = count_lines (terminal.drawn);
    if (strcmp (terminal.drawn != NULL ? terminal.drawn : "", lines) == 0)
        return;
    char *kept = strdup (lines);
    if (kept == NULL)
        return;   /* it stays as it was drawn */
    if (drawn > 0)
        fprintf (stderr, "\033[%zuA\r\033[J", drawn);   /* up, to the left, clear all below */
    fputs (lines, stderr);
    fflush (stderr);
    free (terminal.drawn);
    terminal.drawn = kept;
}
