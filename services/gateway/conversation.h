/* Conversations: what clients send as `input` or `messages`, checked and made into turns
 * ({"role","content"}, content a text), which the answerer takes. Pure. */
#ifndef QUIRE_GATEWAY_CONVERSATION_H
#define QUIRE_GATEWAY_CONVERSATION_H

#include <yyjson.h>

#include "macros.h"

#define MAX_MESSAGES   1000         /* of one conversation as it is sent */
#define MAX_TURNS_SENT (2u << 20)   /* bytes of text that go to the answerer, but for the question's own */

/* Adds the turns of a chat's messages. Each returns 0, or -1 with BAD_FIELD or NO_MEMORY. */
MUST_CHECK int conversation_add_messages (yyjson_val *messages, yyjson_mut_doc *document, yyjson_mut_val *turns);

/* Adds the turns of a response's input, a text or a list of items, and to `items` the same as
 * input items with ids. What Quire itself told as output may come back and is taken. */
MUST_CHECK int conversation_add_input (yyjson_val *input, yyjson_mut_doc *document, yyjson_mut_val *turns,
                                       yyjson_mut_val *items);

/* Adds the turns of a stored response: its input items, then what was answered. */
void conversation_add_stored (yyjson_val *input, yyjson_val *response, yyjson_mut_doc *document,
                              yyjson_mut_val *turns);

/* Forgets the oldest turns until the rest takes at most MAX_TURNS_SENT bytes: first what was said by
 * user and assistant, then what tells how to answer; the last one, the question, stays. The answerer
 * looks at the latest of them only. */
void conversation_cut (yyjson_mut_val *turns);

#endif
