/* Turns: a conversation as a gateway tells it, and the question that it comes to. Pure. */
#ifndef QUIRE_TURNS_H
#define QUIRE_TURNS_H

#include "macros.h"

#define MAX_TURNS_BYTES (4u << 20)
#define MAX_TURNS       64u     /* the latest; what was said before is forgotten */

typedef enum { TURN_USER, TURN_ASSISTANT, TURN_SYSTEM } turn_role_t;

typedef struct {
    turn_role_t role;
    const char *text;
} turn_t;

typedef struct turns turns_t;

/* Reads [{"role","content"},…]; the last one must be the user's and not blank. NULL with BAD_FIELD,
 * which says what is wrong, QUESTION_EMPTY or NO_MEMORY. */
MUST_CHECK turns_t *turns_parse (const char *json);
void turns_destroy (turns_t **turns);

size_t turns_count (const turns_t *turns);
const turn_t *turns_get (const turns_t *turns, size_t index);
const char *turns_question (const turns_t *turns);

/* The question as it stands alone: one that points back ("and in 2019?", "who wrote it?") has the
 * questions before it that it goes on from. The caller frees it; NULL with NO_MEMORY. */
MUST_CHECK char *turns_search_question (const turns_t *turns);

#endif
