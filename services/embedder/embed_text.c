/* embed_text: the vectors of texts, for comparing processors.
 *
 *     embed_text MODEL_FOLDER f32|bf16|int8|auto TEXT…
 *
 * Prints the instructions that are used, then a line of EMBEDDING_WIDTH numbers for each text. */
#include <stdio.h>

#include "encoders.h"
#include "error.h"
#include "log.h"

static int embed (const char *text)
{
    float vector [EMBEDDING_WIDTH];
    sequence_t sequence;
    sequence_of_text (text, &sequence);
    if (encoders_encode (&sequence, NULL, vector) != 0)
        return -1;
    for (size_t i = 0; i < EMBEDDING_WIDTH; i++)
        printf ("%.9g%c", (double) vector [i], i + 1 < EMBEDDING_WIDTH ? ' ' : '\n');
    return 0;
}

int main (int argc, char *argv [])
{
    if (argc < 4) {
        fprintf (stderr, "Usage: embed_text MODEL_FOLDER f32|bf16|int8|auto TEXT...\n");
        return 2;
    }
    log_open ("embed_text", LEVEL_INFO);
    int result = encoders_open (argv [1], argv [2], NULL, 1);
    for (int i = 3; i < argc && result == 0; i++)
        result = embed (argv [i]);
    if (result != 0)
        fprintf (stderr, "embed_text: %s\n", error_text ());
    encoders_close ();
    return result == 0 ? 0 : 1;
}
