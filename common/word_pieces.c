/* Word pieces: see word_pieces.h.
 *
 * Text is read once, a code point at a time, into one word; a finished word is cut into pieces by
 * walking a trie of the vocabulary's bytes. Each byte of a word remembers which bytes of the text
 * it came from, so a piece's place is that of its first and last byte. */
#include "word_pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "error.h"
#include "utf8.h"

#define MAX_VOCABULARY_BYTES (16u << 20)
#define MAX_WORD_CHARACTERS  100   /* a longer word is one [UNK]; the reference's limit */
#define MAX_WORD_BYTES       (4 * MAX_WORD_CHARACTERS)
#define MAX_DECOMPOSED       32    /* code points of one character in NFD; Unicode needs 4 */

#define NO_NODE UINT32_MAX
#define NO_PIECE (-1)
#define ROOT 0u

enum { ID_PAD, ID_UNKNOWN, ID_START, ID_END, ID_MASK, SPECIAL_COUNT };
static const char *const special_names [SPECIAL_COUNT] = {
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
};

/* -- the vocabulary: a trie whose edges lie in one hash table ------------------------------------ */

typedef struct {
    uint64_t key;       /* node * 256 + byte + 1; 0: free */
    uint32_t child;
} edge_t;

struct vocabulary {
    edge_t *edges;
    size_t edge_mask;           /* size of the table, a power of two, less 1 */
    int32_t *ids;               /* [node_count] the piece that ends at a node, or NO_PIECE */
    uint32_t node_count;
    uint32_t continuation;      /* the node behind "##": pieces that go on with a word start here */
    int32_t special [SPECIAL_COUNT];
};

static edge_t *edge_find (const vocabulary_t *vocabulary, uint32_t node, uint8_t byte)
{
    uint64_t key = ((uint64_t) node << 8 | byte) + 1;
    size_t slot = (key * 0x9E3779B97F4A7C15u) >> 32;
    for (;; slot++) {
        edge_t *edge = &vocabulary->edges [slot & vocabulary->edge_mask];
        if (edge->key == key || edge->key == 0)
            return edge;
    }
}

static uint32_t trie_step (const vocabulary_t *vocabulary, uint32_t node, uint8_t byte)
{
    const edge_t *edge = edge_find (vocabulary, node, byte);
    return edge->key ? edge->child : NO_NODE;
}

static uint32_t trie_walk (const vocabulary_t *vocabulary, const char *text, size_t size)
{
    uint32_t node = ROOT;
    for (size_t i = 0; i < size && node != NO_NODE; i++)
        node = trie_step (vocabulary, node, (uint8_t) text [i]);
    return node;
}

static void trie_add (vocabulary_t *vocabulary, const char *piece, size_t size, int32_t id)
{
    uint32_t node = ROOT;
    for (size_t i = 0; i < size; i++) {
        edge_t *edge = edge_find (vocabulary, node, (uint8_t) piece [i]);
        if (!edge->key) {
            edge->key = ((uint64_t) node << 8 | (uint8_t) piece [i]) + 1;
            edge->child = vocabulary->node_count;
            vocabulary->ids [vocabulary->node_count++] = NO_PIECE;
        }
        node = edge->child;
    }
    vocabulary->ids [node] = id;
}

/* The whole file, or NULL with MODEL_MISSING. */
static char *file_read (const char *path, size_t *size)
{
    FILE *file = fopen (path, "rb");
    if (!file) {
        error_set (ERROR_MODEL_MISSING, "The vocabulary %s could not be opened. "
                   "Set QUIRE_MODEL_DIR to the folder of the model's files.", path);
        return NULL;
    }
    char *text = malloc (MAX_VOCABULARY_BYTES + 1);
    *size = text ? fread (text, 1, MAX_VOCABULARY_BYTES + 1, file) : 0;
    bool failed = ferror (file) || !*size || *size > MAX_VOCABULARY_BYTES;
    fclose (file);
    if (!failed)
        return text;
    free (text);
    error_set (ERROR_MODEL_MISSING, "The vocabulary %s is empty, unreadable or larger than %u bytes.",
               path, MAX_VOCABULARY_BYTES);
    return NULL;
}

/* Room for a trie of `bytes` bytes of pieces, its table at most half full. */
static int trie_reserve (vocabulary_t *vocabulary, size_t bytes)
{
    size_t slots = 1024;
    while (slots < 2 * bytes)
        slots *= 2;
    vocabulary->edges = calloc (slots, sizeof *vocabulary->edges);
    vocabulary->edge_mask = slots - 1;
    vocabulary->ids = malloc ((bytes + 1) * sizeof *vocabulary->ids);
    if (!vocabulary->edges || !vocabulary->ids)
        return error_set (ERROR_NO_MEMORY, NULL);
    vocabulary->ids [ROOT] = NO_PIECE;
    vocabulary->node_count = 1;
    return 0;
}

static void trie_add_lines (vocabulary_t *vocabulary, const char *text, size_t size)
{
    int32_t id = 0;
    for (size_t start = 0; start < size; id++) {
        const char *newline = memchr (text + start, '\n', size - start);
        size_t end = newline ? (size_t) (newline - text) : size;
        size_t length = end - start;
        if (length && text [end - 1] == '\r')
            length--;
        if (length)
            trie_add (vocabulary, text + start, length, id);
        start = end + 1;
    }
}

static int specials_find (vocabulary_t *vocabulary, const char *path)
{
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        uint32_t node = trie_walk (vocabulary, special_names [i], strlen (special_names [i]));
        if (node == NO_NODE || vocabulary->ids [node] == NO_PIECE)
            return error_set (ERROR_MODEL_MISSING, "The vocabulary %s has no piece %s; "
                              "it is not that of the model.", path, special_names [i]);
        vocabulary->special [i] = vocabulary->ids [node];
    }
    vocabulary->continuation = trie_walk (vocabulary, "##", 2);
    return 0;
}

vocabulary_t *vocabulary_load (const char *path)
{
    size_t size;
    char *text = file_read (path, &size);
    if (!text)
        return NULL;
    vocabulary_t *vocabulary = calloc (1, sizeof *vocabulary);
    bool loaded = false;
    if (!vocabulary)
        error_set (ERROR_NO_MEMORY, NULL);
    else if (trie_reserve (vocabulary, size) == 0) {
        trie_add_lines (vocabulary, text, size);
        loaded = specials_find (vocabulary, path) == 0;
    }
    free (text);
    if (!loaded)
        vocabulary_destroy (&vocabulary);
    return vocabulary;
}

void vocabulary_destroy (vocabulary_t **vocabulary)
{
    if (!*vocabulary)
        return;
    free ((*vocabulary)->edges);
    free ((*vocabulary)->ids);
    free (*vocabulary);
    *vocabulary = NULL;
}

/* -- where pieces go ----------------------------------------------------------------------------- */

typedef struct {
    int32_t *ids;           /* [capacity], or NULL: places are wanted */
    piece_t *pieces;        /* [capacity], grows */
    size_t capacity;
    size_t count;           /* goes on past the capacity of ids */
    bool no_memory;
} sink_t;

static bool sink_grow (sink_t *sink)
{
    size_t capacity = sink->capacity ? 2 * sink->capacity : 64;
    piece_t *pieces = realloc (sink->pieces, capacity * sizeof *pieces);
    if (!pieces) {
        sink->no_memory = true;
        return false;
    }
    sink->pieces = pieces;
    sink->capacity = capacity;
    return true;
}

static void sink_put (sink_t *sink, piece_t piece)
{
    if (sink->ids) {
        if (sink->count < sink->capacity)
            sink->ids [sink->count] = piece.id;
    } else {
        if (sink->count == sink->capacity && !sink_grow (sink))
            return;
        sink->pieces [sink->count] = piece;
    }
    sink->count++;
}

/* -- a word on its way from text to pieces ------------------------------------------------------- */

typedef struct {
    size_t size;                        /* bytes kept */
    size_t characters;                  /* all of them, also those beyond the limit */
    uint32_t start, end;                /* its place */
    uint8_t bytes [MAX_WORD_BYTES];
    uint32_t starts [MAX_WORD_BYTES], ends [MAX_WORD_BYTES];   /* place of each byte */
} word_t;

typedef struct {
    const vocabulary_t *vocabulary;
    sink_t *sink;
    word_t word;
} reader_t;

/* Cuts the word into the longest pieces, from its start on. Returns their number, or 0 when some
 * part of it is in no piece. */
static size_t word_cut (const vocabulary_t *vocabulary, const word_t *word,
                        piece_t pieces [MAX_WORD_BYTES])
{
    size_t count = 0;
    for (size_t from = 0, to; from < word->size; from = to) {
        uint32_t node = from ? vocabulary->continuation : ROOT;
        int32_t id = NO_PIECE;
        to = from;
        for (size_t i = from; i < word->size && node != NO_NODE; i++) {
            node = trie_step (vocabulary, node, word->bytes [i]);
            if (node != NO_NODE && vocabulary->ids [node] != NO_PIECE) {
                id = vocabulary->ids [node];
                to = i + 1;
            }
        }
        if (id == NO_PIECE)
            return 0;
        pieces [count++] = (piece_t) {id, word->starts [from], word->ends [to - 1]};
    }
    return count;
}

static void word_finish (reader_t *reader)
{
    word_t *word = &reader->word;
    if (!word->characters)
        return;
    piece_t pieces [MAX_WORD_BYTES];
    size_t count = word->characters > MAX_WORD_CHARACTERS
                 ? 0 : word_cut (reader->vocabulary, word, pieces);
    if (count == 0)
        pieces [count++] = (piece_t) {reader->vocabulary->special [ID_UNKNOWN],
                                      word->start, word->end};
    for (size_t i = 0; i < count; i++)
        sink_put (reader->sink, pieces [i]);
    word->size = word->characters = 0;
}

static void word_add (word_t *word, const char *bytes, size_t size, uint32_t start, uint32_t end)
{
    if (word->characters++ == 0)
        word->start = start;
    word->end = end;
    if (word->characters > MAX_WORD_CHARACTERS)
        return;
    for (size_t i = 0; i < size; i++, word->size++) {
        word->bytes [word->size] = (uint8_t) bytes [i];
        word->starts [word->size] = start;
        word->ends [word->size] = end;
    }
}

/* What is dropped inside a word (an accent, a soft hyphen) belongs to the place of what it follows. */
static void word_drop (word_t *word, uint32_t end)
{
    if (!word->characters)
        return;
    word->end = end;
    if (word->size && word->characters <= MAX_WORD_CHARACTERS)
        word->ends [word->size - 1] = end;
}

static void word_alone (reader_t *reader, const char *bytes, size_t size, uint32_t start,
                        uint32_t end)
{
    word_finish (reader);
    word_add (&reader->word, bytes, size, start, end);
    word_finish (reader);
}

/* -- characters ---------------------------------------------------------------------------------- */

typedef enum { CHARACTER_WORD, CHARACTER_DROPPED, CHARACTER_SPACE, CHARACTER_ALONE } character_t;

static character_t ascii_class (uint8_t byte)
{
    if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r')
        return CHARACTER_SPACE;
    if (byte < 0x20 || byte == 0x7F)
        return CHARACTER_DROPPED;
    bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
    bool digit = byte >= '0' && byte <= '9';
    return letter || digit ? CHARACTER_WORD : CHARACTER_ALONE;   /* symbols such as $ + < too */
}

/* The ranges of ideographs that BERT's authors chose; Rust's tokenizers, the reference, begins the
 * sixth at 2B920 where the original had 2B820. */
static bool is_ideograph (uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF)
        || (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F)
        || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF)
        || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/* Code points that Unicode has not assigned (Cn) stay in their word, as in the reference. */
static character_t category_class (utf8proc_category_t category)
{
    switch (category) {
    case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_CF: case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
        return CHARACTER_DROPPED;
    case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP:
        return CHARACTER_SPACE;
    case UTF8PROC_CATEGORY_PC: case UTF8PROC_CATEGORY_PD: case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE: case UTF8PROC_CATEGORY_PI: case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
        return CHARACTER_ALONE;
    default:
        return CHARACTER_WORD;
    }
}

/* One code point of a decomposed character: accents go, the rest is made lower case. */
static void read_decomposed (reader_t *reader, utf8proc_int32_t c, bool alone, uint32_t start,
                             uint32_t end)
{
    utf8proc_category_t category = utf8proc_category (c);
    if (category == UTF8PROC_CATEGORY_MN) {
        word_drop (&reader->word, end);
        return;
    }
    char bytes [4];
    size_t size = utf8_put ((uint32_t) utf8proc_tolower (c), bytes);
    bool ascii = size == 1;
    character_t class = ascii ? ascii_class ((uint8_t) bytes [0]) : category_class (category);
    if (class == CHARACTER_SPACE)
        word_finish (reader);
    else if (alone || class == CHARACTER_ALONE)
        word_alone (reader, bytes, size, start, end);
    else
        word_add (&reader->word, bytes, size, start, end);
}

static void read_character (reader_t *reader, uint32_t c, uint32_t start, uint32_t end)
{
    character_t class = c == 0xFFFD ? CHARACTER_DROPPED
                      : category_class (utf8proc_category ((utf8proc_int32_t) c));
    if (class == CHARACTER_DROPPED) {
        word_drop (&reader->word, end);
        return;
    }
    if (class == CHARACTER_SPACE) {
        word_finish (reader);
        return;
    }
    utf8proc_int32_t parts [MAX_DECOMPOSED];
    utf8proc_ssize_t count = utf8proc_decompose_char ((utf8proc_int32_t) c, parts, MAX_DECOMPOSED,
                                                      UTF8PROC_DECOMPOSE, NULL);
    for (utf8proc_ssize_t i = 0; i < count && count <= MAX_DECOMPOSED; i++)
        read_decomposed (reader, parts [i], is_ideograph (c), start, end);
}

static void read_ascii (reader_t *reader, uint8_t byte, uint32_t start)
{
    char lower = (char) (byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
    switch (ascii_class (byte)) {
    case CHARACTER_WORD:    word_add (&reader->word, &lower, 1, start, start + 1); break;
    case CHARACTER_ALONE:   word_alone (reader, &lower, 1, start, start + 1); break;
    case CHARACTER_SPACE:   word_finish (reader); break;
    case CHARACTER_DROPPED: word_drop (&reader->word, start + 1); break;
    }
}

/* A special piece written out in the text, such as "[SEP]", is that piece in the reference. Returns
 * its size, or 0 when there is none at the start of text. */
static size_t read_special (reader_t *reader, const char *text, size_t size, uint32_t start)
{
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        size_t length = strlen (special_names [i]);
        if (size < length || memcmp (text, special_names [i], length) != 0)
            continue;
        word_finish (reader);
        sink_put (reader->sink, (piece_t) {reader->vocabulary->special [i], start,
                                           start + (uint32_t) length});
        return length;
    }
    return 0;
}

static void read_text (reader_t *reader, const char *text, size_t size)
{
    for (size_t at = 0; at < size && !reader->sink->no_memory; ) {
        size_t start = at;
        uint8_t byte = (uint8_t) text [at];
        if (byte == '[' && (at += read_special (reader, text + at, size - at, (uint32_t) at)) > start)
            continue;
        if (byte < 0x80) {
            read_ascii (reader, byte, (uint32_t) start);
            at++;
        } else {
            uint32_t c = utf8_next (text, size, &at);
            read_character (reader, c, (uint32_t) start, (uint32_t) at);
        }
    }
    word_finish (reader);
}

/* -- the two ways to call it --------------------------------------------------------------------- */

size_t word_pieces (const vocabulary_t *vocabulary, const char *text, size_t size, int32_t *ids,
                    size_t capacity)
{
    sink_t sink = {.ids = ids, .capacity = capacity - 1};   /* [SEP] always has room */
    reader_t reader = {.vocabulary = vocabulary, .sink = &sink};
    sink_put (&sink, (piece_t) {.id = vocabulary->special [ID_START]});
    read_text (&reader, text, size);
    ids [sink.count < capacity ? sink.count : capacity - 1] = vocabulary->special [ID_END];
    return sink.count + 1;
}

piece_t *word_pieces_located (const vocabulary_t *vocabulary, const char *text, size_t size,
                              size_t *count)
{
    sink_t sink = {0};
    reader_t reader = {.vocabulary = vocabulary, .sink = &sink};
    if (size <= UINT32_MAX && sink_grow (&sink))
        read_text (&reader, text, size);
    else
        sink.no_memory = true;
    if (sink.no_memory) {
        free (sink.pieces);
        error_set (ERROR_NO_MEMORY, NULL);
        return NULL;
    }
    *count = sink.count;
    return sink.pieces;
}
