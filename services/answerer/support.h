/* Support: does a passage say what a statement says, that cites it by its number alone? Pure.
 *
 * It does when one sentence of it, or up to MAX_SUPPORTING that follow each other, have all numbers of the
 * statement and almost all of its other words, and deny when it denies; and when the passage has all
 * names that it has. A statement of few words is judged together with the question that it answers. Words
 * can't tell whether a sentence means the same: this finds out what was made up, not what was turned round. */
#ifndef QUIRE_SUPPORT_H
#define QUIRE_SUPPORT_H

#include "macros.h"

#define MAX_SUPPORTING   3u    /* sentences */
#define SUPPORTING_SHARE 0.85  /* of the statement's words that one has; docs/answers.md tells why */
#define JOINED_SHARE     0.9   /* that several have together, of which each has two at least alone */

/* text [size]: the passage. *from, *to get the place of the sentences, in bytes. */
bool support_find (const char *statement, size_t statement_size, const char *question, const char *text, size_t size,
                   size_t *from, size_t *to);

#endif
