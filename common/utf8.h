/* UTF-8: counting, stepping and checking. Pure. */
#ifndef QUIRE_UTF8_H
#define QUIRE_UTF8_H

#include "macros.h"

/* Is it well-formed UTF-8 (no surrogates, no overlong forms, no NUL)? */
bool utf8_valid (const char *text, size_t size);

/* Code points in well-formed text. */
uint32_t utf8_length (const char *text, size_t size);

/* The byte offset of code point `position`, or size when the text is shorter. */
size_t utf8_offset (const char *text, size_t size, uint32_t position);

/* Decodes the code point at *offset (< size) and moves past it. Malformed bytes give U+FFFD, one
 * byte each. */
uint32_t utf8_next (const char *text, size_t size, size_t *offset);

/* Writes a code point as 1 to 4 bytes; returns how many. Surrogates and > U+10FFFF give U+FFFD. */
size_t utf8_put (uint32_t code_point, char out [4]);

/* A copy in which malformed bytes and NULs are U+FFFD. The caller frees it; NULL with NO_MEMORY. */
MUST_CHECK char *utf8_repair (const char *text, size_t size);

#endif
