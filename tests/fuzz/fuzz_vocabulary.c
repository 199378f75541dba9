/* The vocabulary's file: any bytes are loaded or refused, and a vocabulary that is loaded can be used. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "word_pieces.h"

void fuzz_start (void) {}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const char text [] = "Some words, caf\u00E9 [MASK] \u4E2D and unknownwords";
    int32_t ids [64];
    size_t count;
    vocabulary_t *vocabulary = vocabulary_load (fuzz_file (data, size));
    if (!vocabulary) {
        MUST (error_get () == ERROR_MODEL_MISSING);
        return 0;
    }
    size_t whole = word_pieces (vocabulary, text, sizeof text - 1, ids, COUNT_OF (ids));
    piece_t *pieces = word_pieces_located (vocabulary, text, sizeof text - 1, &count);
    MUST (pieces && count + 2 == whole);
    free (pieces);
    vocabulary_destroy (&vocabulary);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nso\n##me\nw\n##o\n##rds\n\u4E2D\n##\n");
    seed_text ("[MASK]\r\n[SEP]\r\n[CLS]\r\n[UNK]\r\n[PAD]");
    seed_text ("[PAD]\n[UNK]\n");
}
