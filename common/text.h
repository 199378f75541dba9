/* Texts that grow. How large one may become is the caller's to check. Pure. */
#ifndef QUIRE_TEXT_H
#define QUIRE_TEXT_H

#include "macros.h"

/* Adds `more` behind what is there, and one NUL that does not count. *text NULL is empty; the caller
 * frees it. Returns 0, or -1 with NO_MEMORY, and it stays as it is. */
MUST_CHECK int text_append (char **text, size_t *size, size_t *capacity, const char *more, size_t more_size);

#endif
