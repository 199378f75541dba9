/* Quotes: does a text stand in a page, word for word? Pure. */
#ifndef QUIRE_QUOTE_H
#define QUIRE_QUOTE_H

#include "macros.h"

#define MAX_QUOTE_BYTES 4096u   /* a longer one is not looked for */

/* Finds quote [quote_size] in text [size] (in NFC): the same but for white space, or, when it is not
 * there, the same but for white space, quote marks and hyphens within words too. It begins and ends
 * at the borders of words. *from, *to get its place, in bytes. */
bool quote_find (const char *quote, size_t quote_size, const char *text, size_t size, size_t *from, size_t *to);

/* Does it say anything: a number, or two words at least? */
bool quote_says (const char *quote, size_t size);

/* Is it so much that the page where it stands is the one that was meant? A number alone stands on many. */
bool quote_is_telling (const char *quote, size_t size);

#endif
