/* Arguments: the command line, read by the tables of commands and options. Pure. */
#ifndef QUIRE_CLIENT_ARGUMENTS_H
#define QUIRE_CLIENT_ARGUMENTS_H

#include <stdio.h>

#include "outcome.h"

typedef enum {
#define COMMAND(NAME, name, letter, operands, least, most, what, more) COMMAND_##NAME,
#include "commands.def"
#undef COMMAND
    COMMAND_COUNT   /* none */
} command_t;

typedef enum {
#define OPTION_FLAG(NAME, name, commands, what) OPTION_##NAME,
#define OPTION_TEXT(NAME, name, value, commands, what) OPTION_##NAME,
#define OPTION_NUMBER(NAME, name, standard, min, max, commands, what) OPTION_##NAME,
#include "options.def"
#undef OPTION_FLAG
#undef OPTION_TEXT
#undef OPTION_NUMBER
    OPTION_COUNT
} option_t;

typedef enum {
#define VARIABLE(NAME, variable, standard, what) VARIABLE_##NAME,
#include "variables.def"
#undef VARIABLE
    VARIABLE_COUNT
} variable_t;

typedef enum { WANTS_COMMAND, WANTS_HELP, WANTS_VERSION, WANTS_REFERENCE } wants_t;

typedef struct {
    wants_t wants;
    command_t command;
    char **operands;              /* lent by argv, whose order this changes */
    size_t operand_count;
    bool given [OPTION_COUNT];
    const char *texts [OPTION_COUNT];   /* NULL: not given */
    long numbers [OPTION_COUNT];        /* the default when not given */
} arguments_t;

/* Returns 0, or -1 with what is wrong and how to find out what is right. */
MUST_CHECK int arguments_read (int argc, char *argv [], arguments_t *arguments, failure_t *failure);

/* Help for the command, or for all of them when it is COMMAND_COUNT. */
void arguments_help (FILE *out, command_t command);

/* The same and all other tables as Markdown, for docs/command-line.md. */
void arguments_reference (FILE *out);

const char *command_name (command_t command);

/* The variable's value in the environment, or its default. */
const char *variable_text (variable_t variable);

#endif
