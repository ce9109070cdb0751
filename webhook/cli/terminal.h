/* terminal: what the standard streams of a command can show. Thread-safe: only reads the environment. */
#ifndef WEBHOOK_CLI_TERMINAL_H
#define WEBHOOK_CLI_TERMINAL_H

#include <stdbool.h>

/*
 * Whether colors may be written to `fd`: it is a terminal, NO_COLOR is not set or empty (https://no-color.org), and TERM is
 * set to something other than "dumb".
 */
bool terminal_has_colors(int fd);

#endif
