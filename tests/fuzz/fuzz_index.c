/* The file of the vector index: any bytes are loaded or found unusable, with little memory; what is
 * loaded can be searched, and saved and loaded again. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index.h"

#define IDENTITY "0123456789abcdef0123456789abcdef"
#define SAVED    "vectors"   /* in the working folder */
#define MAX_VECTORS_MADE 8
#define MAX_SAVED        (64u << 10)

void fuzz_start (void) {}

static float question [INDEX_WIDTH];

static void use (index_t *index)
{
    index_hit_t hits [8];
    index_scan_t scan;
    MUST (index_scan (index, question, NULL, &scan) == 0);
    size_t found = index_scan_best (&scan, hits, COUNT_OF (hits));
    index_scan_end (&scan);
    MUST (found <= index_count (index) && found <= COUNT_OF (hits));
    for (size_t i = 0; i < found; i++)
        MUST (index_remove_file (index, hits [i].file) == 0);
}

/* The file that holds what was saved, as bytes. */
static size_t read_saved (char *bytes, size_t capacity)
{
    FILE *file = fopen (SAVED, "rb");
    MUST (file);
    size_t size = fread (bytes, 1, capacity, file);
    fclose (file);
    unlink (SAVED);
    return size;
}

static int load (const void *bytes, size_t size, size_t *count)
{
    index_t *index = index_new ();
    MUST (index);
    int loaded = index_load (index, fuzz_file (bytes, size), IDENTITY);
    *count = index_count (index);
    if (loaded == 1)
        use (index);
    index_destroy (&index);
    return loaded;
}

/* What is saved comes back, and no longer when a byte of it is another, or missing. */
static void come_back (input_t *input)
{
    static char bytes [MAX_SAVED];
    uint32_t change = take_u32 (input), count = 0;
    uint8_t by = take_u8 (input);
    size_t loaded;
    index_t *index = index_new ();
    MUST (index);
    for (; input->size > 0 && count < MAX_VECTORS_MADE; count++) {
        float vector [INDEX_WIDTH] = {0};
        for (int i = 0; i < 4; i++)
            vector [take_below (input, 256)] = (float) (int16_t) take_u16 (input) / INT16_MAX;
        MUST (index_add (index, count, take_u8 (input), take_u8 (input), vector) == 0);
    }
    MUST (index_save (index, SAVED, IDENTITY) == 0);
    size_t size = read_saved (bytes, sizeof bytes);
    MUST (load (bytes, size, &loaded) == 1 && loaded == count);
    bytes [change % size] = (char) (bytes [change % size] ^ by);
    MUST (load (bytes, size, &loaded) == (by == 0));
    MUST (load (bytes, change % size, &loaded) == 0);
    index_destroy (&index);
}

static void load_any (const input_t *input)
{
    index_t *index = index_new ();
    MUST (index);
    int loaded = index_load (index, fuzz_file (input->data, input->size), IDENTITY);
    MUST (loaded == 0 || loaded == 1);
    MUST (loaded == 1 || index_count (index) == 0);
    use (index);
    float vector [INDEX_WIDTH] = {1};
    MUST (index_add (index, 900, 1, 1, vector) == 0);
    use (index);
    index_destroy (&index);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    if (take_u8 (&input) % 2)
        come_back (&input);
    else
        load_any (&input);
    return 0;
}

static void seed_saved (index_t *index)
{
    static char bytes [MAX_SAVED];
    MUST (index_save (index, SAVED, IDENTITY) == 0);
    seed (bytes, 1 + read_saved (bytes + 1, sizeof bytes - 1));
}

void fuzz_seeds (void)
{
    index_t *index = index_new ();
    MUST (index);
    seed_saved (index);
    for (uint32_t i = 0; i < 2; i++) {
        float vector [INDEX_WIDTH] = {0};
        vector [i] = 1;
        MUST (index_add (index, 10 + i, 5, 1 + i, vector) == 0);
        seed_saved (index);
    }
    index_destroy (&index);
    seed ("\1\110\0\0\0\1\0\0\0\x80\x3F\5\0\0\x80\x3F\5\0\0\0\0\5\0\0\0\0\1\2", 28);
}
