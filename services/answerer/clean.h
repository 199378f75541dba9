/* Clean text: what goes to a language model and what comes back, without characters that nobody sees.
 * Pure. */
#ifndef QUIRE_CLEAN_H
#define QUIRE_CLEAN_H

#include "macros.h"

/* Is it a character that is not seen, or that changes how others are seen: zero-width, tag, variation
 * selector, bidirectional control, other controls than tab and line feed? */
bool clean_removes (uint32_t code_point);

/* A copy without them; malformed bytes are U+FFFD. The caller frees it; NULL with NO_MEMORY. */
MUST_CHECK char *clean_text (const char *text, size_t size);

#endif
