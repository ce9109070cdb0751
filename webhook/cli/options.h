/*
 * options: the command line of every subcommand, from one table each: reading it, checking it, and its --help. The values
 * go into a struct of the command's own, at the offset that a row names.
 *
 *     struct lint_options { int output; struct option_list paths; };
 *     static const struct option_row rows[] = {{.name = "-o", .type = OPTION_CHOICE, ...}};
 *     static const struct option_table table = {.command = "lint", .rows = rows, ...};
 *     struct lint_options options;
 *     int status = options_start(&table, argc, argv, &options);
 *     if (status >= 0)
 *             return status;
 *     ...
 *     options_release(&table, &options);
 */
#ifndef WEBHOOK_CLI_OPTIONS_H
#define WEBHOOK_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "gpugate/buf.h"
#include "gpugate/error.h"

enum option_type {
	OPTION_STRING, /* const char *; NULL when not given and without a default */
	OPTION_LIST,   /* struct option_list; may be given many times */
	OPTION_NUMBER, /* long, from `least` to `most` */
	OPTION_FLAG,   /* bool; takes no argument */
	OPTION_CHOICE, /* int: index into `choices` */
};

struct option_list {
	const char **items; /* they borrow from argv */
	size_t count;
};

struct option_row {
	const char *name; /* as it is typed: "--policy", "-o"; has to stand first in the struct */
	const char *word; /* its argument in help: "DIR"; NULL for a flag, and for a choice, which lists its choices */
	enum option_type type;
	size_t offset;
	const char
	    *fallback; /* the default, as it would be typed; not for lists and flags; NULL: none (0 for a number) */
	bool required;
	long least, most;
	const char *const *choices; /* ends in NULL */
	const char *help;           /* sentences; broken into lines where needed */
};

struct option_table {
	const char *command;  /* "serve" */
	const char *synopsis; /* what follows "gpugate serve" in the usage line */
	const char *summary;  /* what it does, in a few sentences */
	const struct option_row *rows;
	size_t count;
	size_t values_size;     /* of the command's struct */
	const char *operands;   /* what the other arguments are: "PATH"; NULL: none are taken */
	size_t operands_offset; /* of a struct option_list */
	size_t operands_least;  /* how many there must be */
	const char *examples;   /* lines with two blanks before each; NULL: none */
};

enum options_result { OPTIONS_FAILED = -1, OPTIONS_READ, OPTIONS_HELP };

/*
 * Reads argv[1] and so on into `values`, which it clears first. `--name value` and `--name=value` are the same, `--` ends
 * the options, `-h` and `--help` ask for help (and nothing else is looked at). On OPTIONS_FAILED the error says what was
 * wrong and what to type instead; nothing is left to release. Lists are new: see options_release. Strings borrow argv.
 */
enum options_result options_read(const struct option_table *table, int argc, char **argv, void *values,
				 struct error *err);

/* Frees the lists. */
void options_release(const struct option_table *table, void *values);

/* Appends the text of --help. */
void options_help(const struct option_table *table, struct buf *out);

/*
 * What a command begins with: reads the options; prints help on standard output or the error on standard error. Returns
 * -1 when the command is to run, else the status to exit with.
 */
int options_start(const struct option_table *table, int argc, char **argv, void *values);

#endif
