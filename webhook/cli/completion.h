/*
 * completion: prints the scripts with which a shell completes commands, options, the choices of
 * options, and file names where an option or an operand is a path.
 */
#ifndef WEBHOOK_CLI_COMPLETION_H
#define WEBHOOK_CLI_COMPLETION_H

#include "webhook/cli/command.h"

/* Append the script for a shell. Names and choices may contain letters, digits, "-", and ".". */
void completion_bash(const struct command *root, struct buf *out);
void completion_zsh(const struct command *root, struct buf *out);
void completion_fish(const struct command *root, struct buf *out);

#endif
