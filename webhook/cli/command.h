/*
 * command: the rows of the table of commands, and the functions that traverse it. A command with
 * children, such as `certs`, is a row like any other. Dispatch, --help, the manual pages, the shell
 * completions, and docs/reference/command-line.md are all made from the rows. The root of the table
 * is in webhook/commands.c, and each row in webhook/cmd/NAME.c.
 */
#ifndef WEBHOOK_CLI_COMMAND_H
#define WEBHOOK_CLI_COMMAND_H

#include "webhook/cli/options.h"

#define COMMAND_WORDS_MAX 4 /* The maximum depth of commands, including the program itself. */

struct command {
	const char *name;    /* As typed: "serve". */
	const char *summary; /* A few words without a final period. */

	/*
	 * The heading under which help lists the command. Rows of one group are adjacent. NULL:
	 * "Commands".
	 */
	const char *group;
	const struct option_table *options;    /* Never NULL; may have no rows. */
	const struct command *const *children; /* Ends with NULL. NULL: the command has none. */

	/* argv[0] is the command's name. Returns the exit status. */
	int (*run)(int argc, char **argv);

	/*
	 * Used instead of `run` by commands that describe the commands themselves. It also receives
	 * the root of the table.
	 */
	int (*describe)(const struct command *root, int argc, char **argv);
};

/*
 * Finds the command that argv names, and runs it. argv[0] is the name of the root, and is not
 * compared. Prints help or an error if argv names no command. Returns the exit status.
 */
int command_run(const struct command *root, int argc, char **argv);

/*
 * Returns the command that `count` words name, starting from the root; without words, the root
 * itself. Returns NULL with an error if a word is not a command.
 */
const struct command *command_find(const struct command *root, const char *const *words, size_t count,
				   struct error *err);

/* Appends the text of --help. */
void command_help(const struct command *command, struct buf *out);

/*
 * Calls `visit` for the command and all its descendants, each parent before its children, in the
 * order of the table. Stops at the first result other than 0, and returns it.
 */
int command_each(const struct command *command, int (*visit)(void *context, const struct command *command),
		 void *context);

#endif
