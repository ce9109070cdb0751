/* terminal: finds out what an output stream of a command can display. */
#ifndef WEBHOOK_CLI_TERMINAL_H
#define WEBHOOK_CLI_TERMINAL_H

#include <stdbool.h>

/*
 * Whether to write colors to `fd`: it is a terminal, NO_COLOR is unset or empty
 * (https://no-color.org), and TERM is set, not empty and not "dumb". Thread-safe as long as no
 * thread changes the environment.
 */
bool terminal_has_colors(int fd);

#endif
