/* Dot products of one vector with many, exactly and about. Pure. */
#ifndef QUIRE_DOT_H
#define QUIRE_DOT_H

#include "macros.h"

#define DOT_WIDTH 384

/* question [DOT_WIDTH], vectors [count] [DOT_WIDTH], out [count] */
void dot_many (float *out, const float *question, const float *vectors, size_t count);

/* The short form of a vector: a quarter of the size, so that a scan, which waits for the memory, takes
 * a quarter of the time. Number i is about step × parts [i]. A question's is finer. */
typedef struct {
    float step;
    int8_t parts [DOT_WIDTH];
} dot_short_t;

typedef struct {
    float step;
    int16_t parts [DOT_WIDTH];
} dot_question_t;

/* Return the length of what the short form lacks. Of unit vectors no product is off by more than what
 * both lack together, and a little for rounding. */
float dot_shorten (const float *vector, dot_short_t *out);
float dot_shorten_question (const float *question, dot_question_t *out);

/* As dot_many, about. */
void dot_many_short (float *out, const dot_question_t *question, const dot_short_t *vectors, size_t count);

#endif
