/* commands: the root of the table of commands. */
#ifndef WEBHOOK_COMMANDS_H
#define WEBHOOK_COMMANDS_H

#include "webhook/cli/command.h"

/* The program itself. Its children are the commands, in the order of `gpugate --help`. */
extern const struct command gpugate_command;

#endif
