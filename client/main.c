/* quire: the command line of a running Quire, over its HTTP API.
 *
 * commands.def lists the commands, options.def and variables.def what they take, outcomes.def how they
 * end. Each command is a file of its name: add.c, ask.c, search.c, files.c, rm.c, status.c. What comes
 * from documents and file names goes through plain.c before it reaches a terminal. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "interrupt.h"
#include "output.h"
#include "terminal.h"
#include "version.h"

static outcome_t (*const commands [COMMAND_COUNT]) (session_t *session) = {
#define COMMAND(NAME, name, letter, operands, least, most, what, more) [COMMAND_##NAME] = command_##name,
#include "commands.def"
#undef COMMAND
};

static outcome_t run_command (const arguments_t *arguments)
{
    failure_t failure;
    session_t session;
    if (session_open (&session, arguments, &failure) != 0)
        return output_failure (&failure, arguments->given [OPTION_JSON]);
    outcome_t outcome = commands [arguments->command] (&session);
    session_close (&session);
    return outcome;
}

static outcome_t run (const arguments_t *arguments)
{
    switch (arguments->wants) {
    case WANTS_HELP:
        arguments_help (stdout, arguments->command);
        return OUTCOME_OK;
    case WANTS_VERSION:
        printf ("quire %s\n", QUIRE_VERSION);
        return OUTCOME_OK;
    case WANTS_REFERENCE:
        arguments_reference (stdout);
        return OUTCOME_OK;
    case WANTS_COMMAND:
        break;
    }
    return run_command (arguments);
}

int main (int argc, char *argv [])
{
    arguments_t arguments;
    failure_t failure;
    signal (SIGPIPE, SIG_IGN);   /* a reader of the output that is gone is seen when it is written to */
    terminal_start (*variable_text (VARIABLE_NO_COLOR) != 0);
    if (arguments_read (argc, argv, &arguments, &failure) != 0)
        return outcome_status (output_failure (&failure, arguments.given [OPTION_JSON]));
    if (interrupt_start () != 0)
        return outcome_status (OUTCOME_LOCAL);
    outcome_t outcome = run (&arguments);
    if (!output_flush ()) {
        if (!output_is_unread ())   /* `quire files | head` is no failure that anybody has to hear of */
            output_say ("The output could not be written.");
        outcome = OUTCOME_LOCAL;
    }
    if (outcome == OUTCOME_INTERRUPTED)
        interrupt_obey ();
    return outcome_status (outcome);
}
