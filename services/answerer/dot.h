/* Dot products of one vector with many. Pure. */
#ifndef QUIRE_DOT_H
#define QUIRE_DOT_H

#include "macros.h"

#define DOT_WIDTH 384

/* question [DOT_WIDTH], vectors [count] [DOT_WIDTH], out [count] */
void dot_many (float *out, const float *question, const float *vectors, size_t count);

#endif
