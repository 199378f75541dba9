/* Marks: what a language model puts into its text to cite a passage, in the many ways that models have.
 * Pure.
 *
 * Read are [3: "exact words"], [3 "…"], [3: exact words], [passage 3: “…”], [1: "…"; 2: "…"], [1, 2],
 * [1-3], [^1], [#1], [1, p. 3], [1†source], also between 【】 ［］ 〔〕, and in parentheses. What looks like
 * one and can't be read, such as [p. 3], [1a] or [report.pdf, page 3], is told from text: a number with a
 * fraction or a percent sign, of more than three digits, or parted by commas is none: [2024], [1.2, 3.4]. */
#ifndef QUIRE_MARKS_H
#define QUIRE_MARKS_H

#include "macros.h"

#define MAX_MARK_BYTES 4096u   /* what is longer is no mark */
#define MAX_MARK_PARTS 8u

typedef struct {
    size_t number;
    const char *quote;   /* "": a number without words */
    size_t size;
} mark_part_t;

typedef enum {
    MARK_NONE,         /* text */
    MARK_UNFINISHED,   /* more must come before it can be told; not when at_end */
    MARK_WHOLE,        /* cites: see its parts */
    MARK_UNREADABLE,   /* looks like a citation, and says none that could be checked */
} mark_kind_t;

typedef struct {
    mark_kind_t kind;
    size_t open, close;   /* bytes of its brackets; close 0: nothing closes it */
    size_t size;          /* of all; of an unreadable one that nothing closes: up to its number */
    bool is_round;        /* in parentheses, as much else is */
    bool is_named;        /* says that it cites: "passage 3", "source 3" */
    bool has_words;       /* an unreadable one: not numbers and signs alone */
    mark_part_t parts [MAX_MARK_PARTS];
    size_t part_count;
} mark_t;

/* The bytes of the bracket that opens here; 0: none does. */
size_t mark_opens (const char *text, size_t size);

/* Reads what begins with a bracket; at_end: no more text comes. */
mark_t mark_read (const char *text, size_t size, bool at_end);

#endif
