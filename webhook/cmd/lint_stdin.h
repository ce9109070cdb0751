/* lint_stdin: makes standard input a file that can be read several times. */
#ifndef WEBHOOK_CMD_LINT_STDIN_H
#define WEBHOOK_CMD_LINT_STDIN_H

#include "gpugate/error.h"

/*
 * Replaces a pipe by a file in memory, which holds what the pipe had. Does nothing if standard
 * input is a file already. Returns 0, or -1 with an error.
 */
int lint_stdin(struct error *err);

#endif
