/* Word pieces: BERT's uncased WordPiece tokenizer, as the reference tokenizer of all-MiniLM-L6-v2
 * does it: clean-up, CJK characters set apart, NFD with accents (Mn) stripped, lower case,
 * punctuation set apart, then the longest matching pieces. Pure but for loading the vocabulary;
 * a loaded vocabulary is read-only and may be shared by threads.
 * Source: Devlin et al. 2019 (BERT), Wu et al. 2016 (word pieces). */
#ifndef QUIRE_WORD_PIECES_H
#define QUIRE_WORD_PIECES_H

#include "macros.h"

#define MAX_PIECES 256   /* of one sequence, [CLS] and [SEP] included */

typedef struct vocabulary vocabulary_t;

/* Loads vocab.txt (one piece a line). NULL with MODEL_MISSING. */
MUST_CHECK vocabulary_t *vocabulary_load (const char *path);
void vocabulary_destroy (vocabulary_t **vocabulary);

/* Turns text into ids: [CLS] pieces… [SEP].
 * ids     [capacity]   2 <= capacity
 * Returns the whole number of ids that the text has, [CLS] and [SEP] included; when that is more
 * than capacity, ids holds the first capacity - 1 and then [SEP], so ids is always a valid
 * sequence of min (returned, capacity). Malformed UTF-8 counts as U+FFFD. */
size_t word_pieces (const vocabulary_t *vocabulary, const char *text, size_t size,
                    int32_t *ids, size_t capacity);

/* One piece and where it stands in the text it came from (bytes, end exclusive). */
typedef struct {
    int32_t id;
    uint32_t start, end;
} piece_t;

/* The pieces of a text without [CLS] and [SEP], with their places, in order. What is dropped inside
 * a word (an accent, a soft hyphen) lies in the place of the piece before it; one character that
 * decomposes, such as a Hangul syllable, may give several pieces of the same place. Returns an array that the
 * caller frees (never NULL for 0 pieces), or NULL with NO_MEMORY. The chunker cuts by these. */
MUST_CHECK piece_t *word_pieces_located (const vocabulary_t *vocabulary, const char *text,
                                         size_t size, size_t *count);

#endif
