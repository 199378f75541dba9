/* Fuzzers: see fuzz.h. With QUIRE_FUZZ_SEEDS set, a fuzzer writes its seeds into that folder and ends. */
#define _GNU_SOURCE   /* memfd_create */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "utf8.h"

#define MAX_PATH_BYTES 4096

int LLVMFuzzerInitialize (int *argc, char ***argv);

static const char *seeds_folder;
static unsigned seeds_written;

int LLVMFuzzerInitialize (int *argc UNUSED, char ***argv UNUSED)
{
    log_open ("fuzz", LEVEL_ERROR);
    seeds_folder = getenv ("QUIRE_FUZZ_SEEDS");
    fuzz_start ();
    if (!seeds_folder)
        return 0;
    fuzz_seeds ();
    exit (EXIT_SUCCESS);
}

void seed (const void *data, size_t size)
{
    char path [MAX_PATH_BYTES];
    snprintf (path, sizeof path, "%s/%03u", seeds_folder, seeds_written++);
    FILE *file = fopen (path, "wb");
    if (!file || fwrite (data, 1, size, file) != size || fclose (file) != 0) {
        perror (path);
        exit (EXIT_FAILURE);
    }
}

void seed_text (const char *text)
{
    seed (text, strlen (text));
}

/* -- taking inputs apart ------------------------------------------------------------------------- */

static void take (input_t *input, void *out, size_t size)
{
    size_t taken = size < input->size ? size : input->size;
    memset (out, 0, size);
    if (taken == 0)
        return;
    memcpy (out, input->data, taken);
    input->data += taken;
    input->size -= taken;
}

uint8_t take_u8 (input_t *input)
{
    uint8_t value;
    take (input, &value, sizeof value);
    return value;
}

uint16_t take_u16 (input_t *input)
{
    uint16_t value;
    take (input, &value, sizeof value);
    return value;
}

uint32_t take_u32 (input_t *input)
{
    uint32_t value;
    take (input, &value, sizeof value);
    return value;
}

float take_f32 (input_t *input)
{
    float value;
    take (input, &value, sizeof value);
    return value;
}

uint32_t take_below (input_t *input, uint32_t end)
{
    return (end <= 256 ? take_u8 (input) : take_u32 (input)) % end;
}

static void *need (void *memory)
{
    if (!memory)
        abort ();
    return memory;
}

uint8_t *take_bytes (input_t *input, size_t size, size_t *taken)
{
    *taken = size < input->size ? size : input->size;
    uint8_t *bytes = need (malloc (*taken ? *taken : 1));
    take (input, bytes, *taken);
    return bytes;
}

char *take_rest (input_t *input, size_t *size)
{
    *size = input->size;
    char *text = need (malloc (*size + 1));
    take (input, text, *size);
    text [*size] = '\0';
    return text;
}

char *take_text (input_t *input, size_t *size)
{
    size_t raw_size;
    char *raw = take_rest (input, &raw_size);
    char *text = need (utf8_repair (raw, raw_size));
    free (raw);
    *size = strlen (text);
    return need (realloc (text, *size + 1));
}

/* -- files --------------------------------------------------------------------------------------- */

const char *fuzz_file (const void *data, size_t size)
{
    static char path [32];
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create ("input", MFD_CLOEXEC);
    if (fd < 0 || ftruncate (fd, 0) != 0 || pwrite (fd, data, size, 0) != (ssize_t) size) {
        perror ("memfd");
        exit (EXIT_FAILURE);
    }
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

const char *fuzz_new_path (const char *name)
{
    static char path [MAX_PATH_BYTES];
    snprintf (path, sizeof path, "%d-%s", (int) getpid (), name);
    return path;
}

const char *fuzz_vocabulary_path (void)
{
    static char path [MAX_PATH_BYTES];
    const char *folder = getenv ("QUIRE_MODEL_DIR");
    if (!folder) {
        fprintf (stderr, "QUIRE_MODEL_DIR is not set: the folder with vocab.txt\n");
        exit (EXIT_FAILURE);
    }
    snprintf (path, sizeof path, "%s/vocab.txt", folder);
    return path;
}

void fuzz_broken (const char *condition, const char *file, int line)
{
    fprintf (stderr, "%s:%d: must hold, but does not: %s\n", file, line, condition);
    abort ();
}
