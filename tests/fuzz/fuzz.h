/* Fuzzers: what they share. libFuzzer calls LLVMFuzzerTestOneInput with bytes of its making; a fuzzer
 * takes them apart, gives them to the code under test and checks what must hold of any input. Each also
 * names its seeds, mostly made by the code itself. */
#ifndef QUIRE_TESTS_FUZZ_H
#define QUIRE_TESTS_FUZZ_H

#include "macros.h"

/* The bytes that are left. When there are none, numbers are 0. */
typedef struct {
    const uint8_t *data;
    size_t size;
} input_t;

/* Of each fuzzer. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
void fuzz_seeds (void);    /* calls seed for each of them */
void fuzz_start (void);    /* once, before the first input */

void seed (const void *data, size_t size);
void seed_text (const char *text);

uint8_t take_u8 (input_t *input);
uint16_t take_u16 (input_t *input);
uint32_t take_u32 (input_t *input);
float take_f32 (input_t *input);                  /* any bits */
uint32_t take_below (input_t *input, uint32_t end);

/* Of exactly this size, so that a read past its end is seen. The caller frees them. */
uint8_t *take_bytes (input_t *input, size_t size, size_t *taken);
char *take_rest (input_t *input, size_t *size);   /* and a NUL behind it */

/* The rest as text: well-formed UTF-8 without NUL. */
char *take_text (input_t *input, size_t *size);

/* A file that holds the bytes; the path is good until the next call. */
const char *fuzz_file (const void *data, size_t size);

/* A path in the working folder that no other run uses; good until the next call. */
const char *fuzz_new_path (const char *name);

/* The model's vocabulary; QUIRE_MODEL_DIR says where it is. */
const char *fuzz_vocabulary_path (void);

/* What must hold. */
#define MUST(condition) ((condition) ? (void) 0 : fuzz_broken (#condition, __FILE__, __LINE__))
void fuzz_broken (const char *condition, const char *file, int line) __attribute__ ((noreturn));

#endif
