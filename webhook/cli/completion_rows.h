/* completion_rows: what the scripts of all shells need of the table. Private to completion_*.c. */
#ifndef WEBHOOK_CLI_COMPLETION_ROWS_H
#define WEBHOOK_CLI_COMPLETION_ROWS_H

#include "webhook/cli/command.h"

/* What can stand for an argument of an option, or for an operand. */
enum completion_argument {
	ARGUMENT_NONE,    /* A flag: it has no argument. */
	ARGUMENT_CHOICE,  /* One of the row's choices. */
	ARGUMENT_FILE,    /* The name of a file or folder. */
	ARGUMENT_DIR,     /* The name of a folder. */
	ARGUMENT_COMMAND, /* The name of a command. */
	ARGUMENT_OTHER,   /* Nothing that a shell could know. */
};

enum completion_argument completion_argument_of(const struct option_row *row);
enum completion_argument completion_operand_of(const struct option_table *table);

/* The command's option of that index, in the order of help; --help is the last. NULL: no more. */
const struct option_row *completion_option(const struct command *command, size_t index);

/*
 * Appends, separated by `between`, the commands with and without children, quoted by '...': those
 * that take the names of commands as operands, or all the others. The root is not among them.
 */
void completion_list(const struct command *root, bool takes_commands, const char *between, struct buf *out);

/*
 * Appends a text in '...'. `quote` is what stands there for a single quote, and `backslash` for a
 * backslash.
 */
void completion_quote(struct str text, const char *quote, const char *backslash, struct buf *out);

/* The first sentence of a row's help. */
struct str completion_sentence(const struct option_row *row);

#endif
