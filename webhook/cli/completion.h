/*
 * completion: prints the scripts by which a shell completes commands, their options, the choices of
 * options, and the names of files where an option or an operand is a path.
 */
#ifndef WEBHOOK_CLI_COMPLETION_H
#define WEBHOOK_CLI_COMPLETION_H

#include "webhook/cli/command.h"

/* Append the script of a shell. Names and choices consist of letters, digits, "-" and ".". */
void completion_bash(const struct command *root, struct buf *out);
void completion_zsh(const struct command *root, struct buf *out);
void completion_fish(const struct command *root, struct buf *out);

#endif
