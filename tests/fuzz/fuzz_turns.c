/* Conversations: any text is one or refused; it ends with the user's question, and the question that is
 * searched for is text again. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "turns.h"
#include "utf8.h"

void fuzz_start (void) {}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    char *json = take_rest (&input, &size);
    turns_t *turns = turns_parse (json);
    if (turns) {
        size_t count = turns_count (turns);
        MUST (count >= 1 && count <= MAX_TURNS && turns_get (turns, count - 1)->role == TURN_USER);
        for (size_t i = 0; i < count; i++)
            MUST (utf8_valid (turns_get (turns, i)->text, strlen (turns_get (turns, i)->text)));
        char *question = turns_search_question (turns);
        MUST (question && *question && utf8_valid (question, strlen (question)));
        MUST (strstr (question, turns_question (turns)));
        free (question);
    } else
        MUST (error_get () == ERROR_BAD_FIELD || error_get () == ERROR_QUESTION_EMPTY);
    turns_destroy (&turns);
    free (json);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("[{\"role\":\"system\",\"content\":\"Be short.\"},{\"role\":\"user\",\"content\":\"What was the revenue in 2018?\"},"
               "{\"role\":\"assistant\",\"content\":\"350\"},{\"role\":\"user\",\"content\":\"and in 2019?\"}]");
    seed_text ("[{\"role\":\"user\",\"content\":\"Who wrote it?\"}]");
    seed_text ("[{\"role\":\"developer\",\"content\":\"\\u00e4\"},{\"role\":\"user\",\"content\":\" \"}]");
}
