/* Arguments: what the command line says, by table. */
#include "arguments.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MANY SIZE_MAX

static const struct {
    const char *name, *operands, *what, *more;
    char letter;
    size_t least, most;
} commands [COMMAND_COUNT] = {
#define COMMAND(NAME, name, letter, operands, least, most, what, more) \
    [COMMAND_##NAME] = {#name, operands, what, more, letter, least, most},
#include "commands.def"
#undef COMMAND
};

static const struct {
    const char *name, *value, *commands, *what;
    bool number;
    long standard, least, most;
} options [OPTION_COUNT] = {
#define OPTION_FLAG(NAME, name, commands, what) [OPTION_##NAME] = {#name, NULL, commands, what, false, 0, 0, 0},
#define OPTION_TEXT(NAME, name, value, commands, what) \
    [OPTION_##NAME] = {#name, value, commands, what, false, 0, 0, 0},
#define OPTION_NUMBER(NAME, name, standard, min, max, commands, what) \
    [OPTION_##NAME] = {#name, "N", commands, what, true, standard, min, max},
#include "options.def"
#undef OPTION_FLAG
#undef OPTION_TEXT
#undef OPTION_NUMBER
};

static const struct {
    const char *name, *standard, *what;
} variables [VARIABLE_COUNT] = {
#define VARIABLE(NAME, variable, standard, what) [VARIABLE_##NAME] = {variable, standard, what},
#include "variables.def"
#undef VARIABLE
};

const char *command_name (command_t command)
{
    return commands [command].name;
}

const char *variable_text (variable_t variable)
{
    const char *value = getenv (variables [variable].name);
    return value != NULL && *value != 0 ? value : variables [variable].standard;
}

/* -- reading --------------------------------------------------------------------------------- */

static int usage (failure_t *failure, command_t command, const char *text, const char *about)
{
    bool any = command == COMMAND_COUNT;
    return failure_set (failure, OUTCOME_USAGE, "%s%.200s. 'quire%s%s --help' says what there is.", text, about,
                        any ? "" : " ", any ? "" : commands [command].name);
}

static option_t option_find (const char *name, size_t size)
{
    option_t option = 0;
    while (option < OPTION_COUNT
           && (strlen (options [option].name) != size || memcmp (options [option].name, name, size) != 0))
        option++;
    return option;
}

static int number_read (arguments_t *arguments, option_t option, failure_t *failure)
{
    const char *text = arguments->texts [option];
    char *end;
    errno = 0;
    long number = strtol (text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || number < options [option].least || number > options [option].most)
        return failure_set (failure, OUTCOME_USAGE, "--%s is '%.40s'; it must be a whole number from %ld to %ld.",
                            options [option].name, text, options [option].least, options [option].most);
    arguments->numbers [option] = number;
    return 0;
}

/* --name, --name=value or --name value. Returns how many arguments it took, or -1. */
static int option_read (arguments_t *arguments, char *const *at, failure_t *failure)
{
    const char *name = *at + 2, *equals = strchr (name, '=');
    option_t option = option_find (name, equals != NULL ? (size_t) (equals - name) : strlen (name));
    if (option == OPTION_COUNT)
        return usage (failure, arguments->command, "There is no option ", *at);
    arguments->given [option] = true;
    if (options [option].value == NULL)
        return equals == NULL ? 1 : usage (failure, arguments->command, "There is no value for ", *at);
    arguments->texts [option] = equals != NULL ? equals + 1 : at [1];
    if (arguments->texts [option] == NULL || *arguments->texts [option] == 0)
        return usage (failure, arguments->command, "There must be a value behind ", *at);
    if (options [option].number && number_read (arguments, option, failure) != 0)
        return -1;
    return equals != NULL ? 1 : 2;
}

static command_t command_find (const char *name)
{
    command_t command = 0;
    while (command < COMMAND_COUNT && strcmp (commands [command].name, name) != 0)
        command++;
    return command;
}

/* The first word is the command, the others are its operands. */
static int word_read (arguments_t *arguments, char *word, failure_t *failure)
{
    if (arguments->command != COMMAND_COUNT || arguments->wants != WANTS_COMMAND) {
        arguments->operands [arguments->operand_count++] = word;
        return 1;
    }
    arguments->command = command_find (word);
    if (arguments->command == COMMAND_COUNT && strcmp (word, "help") == 0)
        arguments->wants = WANTS_HELP;
    else if (arguments->command == COMMAND_COUNT)
        return usage (failure, COMMAND_COUNT, "There is no command ", word);
    return 1;
}

/* Also of a command that has no such option, and without one. */
static bool is_question (arguments_t *arguments, const char *word)
{
    if (strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0)
        arguments->wants = WANTS_HELP;
    else if (strcmp (word, "--version") == 0)
        arguments->wants = WANTS_VERSION;
    else if (strcmp (word, "--reference") == 0)
        arguments->wants = WANTS_REFERENCE;
    else
        return false;
    return true;
}

static int arguments_check (const arguments_t *arguments, failure_t *failure)
{
    if (arguments->command == COMMAND_COUNT)
        return usage (failure, COMMAND_COUNT, "Name a command", "");
    for (option_t option = 0; option < OPTION_COUNT; option++)
        if (arguments->given [option]
            && strchr (options [option].commands, commands [arguments->command].letter) == NULL)
            return usage (failure, arguments->command, "This command does not take --", options [option].name);
    if (arguments->operand_count > commands [arguments->command].most)
        return usage (failure, arguments->command, "There is one argument too many: ",
                      arguments->operands [commands [arguments->command].most]);
    if (arguments->operand_count < commands [arguments->command].least)
        return usage (failure, arguments->command, "There must be ", commands [arguments->command].operands);
    return 0;
}

int arguments_read (int argc, char *argv [], arguments_t *arguments, failure_t *failure)
{
    *arguments = (arguments_t) {.command = COMMAND_COUNT, .operands = argv};
    for (option_t option = 0; option < OPTION_COUNT; option++)
        arguments->numbers [option] = options [option].standard;
    bool only_words = false;
    for (int i = 1, taken = 1; i < argc; i += taken, taken = 1) {
        if (!only_words && strcmp (argv [i], "--") == 0)
            only_words = true;
        else if (!only_words && is_question (arguments, argv [i]))
            continue;
        else if (!only_words && argv [i] [0] == '-' && argv [i] [1] == '-')
            taken = option_read (arguments, argv + i, failure);
        else if (!only_words && argv [i] [0] == '-' && argv [i] [1] != 0)
            taken = usage (failure, arguments->command, "There is no option ", argv [i]);
        else
            taken = word_read (arguments, argv [i], failure);
        if (taken < 0)
            return -1;
    }
    if (arguments->wants == WANTS_HELP && arguments->command == COMMAND_COUNT && arguments->operand_count > 0)
        arguments->command = command_find (arguments->operands [0]);   /* quire help add */
    return arguments->wants != WANTS_COMMAND ? 0 : arguments_check (arguments, failure);
}

/* -- telling --------------------------------------------------------------------------------- */

#define HELP_COLUMN 24
#define HELP_WIDTH  80

/* Words from the column on, in lines of HELP_WIDTH; the first line has `used` columns already. */
static void words_print (FILE *out, const char *text, int column, int used)
{
    int blanks = used < column ? column - used : used > 0;
    fprintf (out, "%*s", blanks, "");
    int at = used + blanks;
    for (size_t size; *text != 0; text += size + strspn (text + size, " ")) {
        size = strcspn (text, " ");
        bool is_first = at == used + blanks;
        if (at + (int) size >= HELP_WIDTH && !is_first) {
            fprintf (out, "\n%*s", column, "");
            at = column;
            is_first = true;
        }
        fprintf (out, "%s%.*s", is_first ? "" : " ", (int) size, text);
        at += (int) size + 1;
    }
    fputc ('\n', out);
}

static void option_head (option_t option, char *out, size_t capacity)
{
    const char *value = options [option].value;
    snprintf (out, capacity, "--%s%s%s", options [option].name, value != NULL ? " " : "", value != NULL ? value : "");
}

static void option_range (option_t option, char *out, size_t capacity)
{
    *out = 0;
    if (options [option].number)
        snprintf (out, capacity, " (%ld to %ld, default %ld)", options [option].least, options [option].most,
                  options [option].standard);
}

static bool option_is_of (option_t option, command_t command)
{
    return strchr (options [option].commands, commands [command].letter) != NULL;
}

static void options_help (FILE *out, command_t command)
{
    fputs ("\nOptions:\n", out);
    for (option_t option = 0; option < OPTION_COUNT; option++) {
        char head [64], range [64], text [512];
        if (!option_is_of (option, command))
            continue;
        option_head (option, head, sizeof head);
        option_range (option, range, sizeof range);
        snprintf (text, sizeof text, "%s%s", options [option].what, range);
        words_print (out, text, HELP_COLUMN, fprintf (out, "  %s", head));
    }
}

static void command_help (FILE *out, command_t command)
{
    fprintf (out, "Usage: quire %s [OPTION...]%s%s\n\n", commands [command].name,
             *commands [command].operands != 0 ? " " : "", commands [command].operands);
    char text [2048];
    snprintf (text, sizeof text, "%s: %s. %s", commands [command].name, commands [command].what,
              commands [command].more);
    words_print (out, text, 0, 0);
    options_help (out, command);
}

static void rest_help (FILE *out)
{
    fputs ("\nEnvironment:\n", out);
    for (variable_t i = 0; i < VARIABLE_COUNT; i++) {
        char text [256];
        bool has_standard = *variables [i].standard != 0;
        snprintf (text, sizeof text, "%s%s%s%s", variables [i].what, has_standard ? " (default " : "",
                  variables [i].standard, has_standard ? ")" : "");
        words_print (out, text, HELP_COLUMN, fprintf (out, "  %s", variables [i].name));
    }
    fputs ("\nExit status:\n", out);
    for (outcome_t i = 0; i < OUTCOME_COUNT; i++)
        words_print (out, outcome_what (i), 8, fprintf (out, "  %d", outcome_status (i)));
}

void arguments_help (FILE *out, command_t command)
{
    if (command != COMMAND_COUNT) {
        command_help (out, command);
        return;
    }
    fputs ("quire: adds PDFs to a running Quire and asks it about them.\n\n"
           "Usage: quire COMMAND [OPTION...] [ARGUMENT...]\n"
           "       quire COMMAND --help | quire --help | quire --version\n\nCommands:\n", out);
    for (command_t i = 0; i < COMMAND_COUNT; i++)
        words_print (out, commands [i].what, HELP_COLUMN,
                     fprintf (out, "  %s %s", commands [i].name, commands [i].operands));
    rest_help (out);
}

static void option_reference (FILE *out, option_t option, command_t command)
{
    char head [64], range [64];
    option_head (option, head, sizeof head);
    option_range (option, range, sizeof range);
    if (option_is_of (option, command))
        fprintf (out, "| `%s` | %s%s |\n", head, options [option].what, range);
}

void arguments_reference (FILE *out)
{
    for (command_t i = 0; i < COMMAND_COUNT; i++) {
        const char *operands = commands [i].operands;
        fprintf (out, "### quire %s%s%s\n\n", commands [i].name, *operands != 0 ? " " : "", operands);
        fprintf (out, "It %s. %s\n\n| option | what it does |\n|---|---|\n", commands [i].what, commands [i].more);
        for (option_t option = 0; option < OPTION_COUNT; option++)
            option_reference (out, option, i);
        fputc ('\n', out);
    }
    fputs ("### Environment\n\n| variable | default | what it is |\n|---|---|---|\n", out);
    for (variable_t i = 0; i < VARIABLE_COUNT; i++)
        fprintf (out, "| `%s` | %s | %s |\n", variables [i].name, variables [i].standard, variables [i].what);
    fputs ("\n### Exit status\n\n| status | what it means |\n|---|---|\n", out);
    for (outcome_t i = 0; i < OUTCOME_COUNT; i++)
        fprintf (out, "| %d | %s |\n", outcome_status (i), outcome_what (i));
}
