/* Commands: one function each, all alike. They print, and return how it ended. */
#ifndef QUIRE_CLIENT_COMMANDS_H
#define QUIRE_CLIENT_COMMANDS_H

#include "session.h"

#define COMMAND(NAME, name, letter, operands, least, most, what, more) outcome_t command_##name (session_t *session);
#include "commands.def"
#undef COMMAND

#endif
