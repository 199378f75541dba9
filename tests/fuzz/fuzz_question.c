/* Questions: the words about an answer's form are blanked in place, whole, never all there is; related
 * words are terms. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "question.h"
#include "utf8.h"

void fuzz_start (void) {}

static void on_term (void *context, const char *term, term_kind_t kind)
{
    size_t size = strlen (term);
    MUST (size > 0 && size <= MAX_TERM_BYTES && utf8_valid (term, size) && kind >= TERM_WORD && kind <= TERM_DENSE);
    ++*(size_t *) context;
}

static bool is_blank (const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text [i] != ' ' && text [i] != '\t' && text [i] != '\n' && text [i] != '\r')
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t data_size)
{
    input_t input = {data, data_size};
    size_t size, related = 0, again = 0;
    char *text = take_text (&input, &size), *blanked = malloc (size + 1);
    MUST (blanked);
    memcpy (blanked, text, size + 1);
    question_blank_form (blanked, size);
    for (size_t i = 0; i < size; i++)
        MUST (blanked [i] == text [i] || blanked [i] == ' ');
    MUST (blanked [size] == '\0' && utf8_valid (blanked, size));
    MUST (is_blank (text, size) || !is_blank (blanked, size));
    question_related (text, size, on_term, &related);
    question_related (text, size, on_term, &again);
    MUST (related == again && related <= 64 * (size + 1));
    free (blanked);
    free (text);
    return 0;
}

void fuzz_seeds (void)
{
    seed_text ("What was the debt? Round your answer to two decimal places.");
    seed_text ("Answer in thousands of dollars. How did capex and revenue grow in FY18? Explain.");
    seed_text ("In USD millions, what is the net income \u2013 please give your answer rounded to one decimal?");
    seed_text ("Calculate the EBITDA margin. If it is negative, say so.");
}
