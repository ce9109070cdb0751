/* completion_rows: reads the table for the scripts of all shells. Private to completion_*.c. */
#ifndef WEBHOOK_CLI_COMPLETION_ROWS_H
#define WEBHOOK_CLI_COMPLETION_ROWS_H

#include "webhook/cli/command.h"

/* What an argument of an option, or an operand, can be. */
enum completion_argument {
	ARGUMENT_NONE,    /* A flag: it has no argument. */
	ARGUMENT_CHOICE,  /* One of the row's choices. */
	ARGUMENT_FILE,    /* The path of a file or folder. */
	ARGUMENT_DIR,     /* The path of a folder. */
	ARGUMENT_COMMAND, /* The name of a command. */
	ARGUMENT_OTHER,   /* Something that a shell cannot complete. */
};

enum completion_argument completion_argument_of(const struct option_row *row);
enum completion_argument completion_operand_of(const struct option_table *table);

/*
 * Returns a command's option by index, in the order of help. The last one is --help; after it,
 * returns NULL.
 */
const struct option_row *completion_option(const struct command *command, size_t index);

/*
 * Appends all commands in single quotes, separated by `between`, except the root. If
 * `takes_commands` is true, only those whose operands are names of commands; otherwise, only the
 * others.
 */
void completion_list(const struct command *root, bool takes_commands, const char *between, struct buf *out);

/*
 * Appends a text in single quotes. `quote` replaces each single quote in it, and `backslash` each
 * backslash.
 */
void completion_quote(struct str text, const char *quote, const char *backslash, struct buf *out);

/* Returns the first sentence of a row's help. */
struct str completion_sentence(const struct option_row *row);

#endif
