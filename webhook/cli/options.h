/*
 * options: parses and checks the command line of a subcommand and prints its --help, all from one
 * table of options. The values go into a struct that the command defines; each row holds the offset
 * of its member. All functions are thread-safe for different `values`.
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
	OPTION_STRING, /* const char *. NULL if the option is absent and has no default. */
	OPTION_LIST,   /* struct option_list. The option may be repeated. */
	OPTION_NUMBER, /* long, from `least` to `most`. */
	OPTION_FLAG,   /* bool. The option takes no argument. */
	OPTION_CHOICE, /* int, an index into `choices`. */
};

struct option_list {
	const char **items; /* The strings borrow from argv. */
	size_t count;
};

struct option_row {
	/* As typed: "--policy", "-o". Must be first: suggest_argument() walks the rows by it. */
	const char *name;

	/*
	 * The argument's name in help. NULL for flags and choices. Shells complete FILE and PATH
	 * with the names of files, and DIR with those of folders.
	 */
	const char *word;
	enum option_type type;
	size_t offset; /* Of the value in the command's struct. */

	/*
	 * The default, as it would be typed. Must be NULL for lists and flags. If it is NULL, an
	 * absent string is NULL, and an absent number or choice is 0.
	 */
	const char *fallback;
	bool required;
	long min, max;              /* The inclusive range of an OPTION_NUMBER. */
	const char *const *choices; /* Terminated by NULL. */
	const char *help;           /* Complete sentences. options_help wraps them. */
};

/* Exit statuses of every command. */
enum exit_status {
	EXIT_FINE = 0,
	EXIT_FINDINGS = 1, /* The command ran and found problems. */
	EXIT_FAILED = 2,   /* The command could not run. Standard error says what to do. */
};
#define EXIT_STATUSES 3

struct option_table {
	const char *command;  /* The words after "gpugate": "certs create". May be empty. */
	const char *synopsis; /* The part of the usage line after the command. May be empty. */
	const char *summary;  /* A few complete sentences. */
	const struct option_row *rows;
	size_t count;
	size_t values_size; /* The size of the command's struct, in bytes. */

	/*
	 * The name of the operands; NULL if the command takes none. PATH is completed with the
	 * names of files, OPERAND_COMMAND with the names of commands.
	 */
	const char *operands;
	size_t operands_offset; /* Of a struct option_list in the command's struct. */
	size_t operands_min;    /* The minimum number of operands. */
	const char *examples;   /* Lines indented by two spaces, ending in newlines. May be NULL. */

	/* What each exit status means, in complete sentences. NULL: see options_status. */
	const char *statuses[EXIT_STATUSES];
};

#define OPERAND_COMMAND "COMMAND"

/* The choices of commands that print text for people and JSON for programs, by index. */
enum option_output { OPTION_OUTPUT_TEXT, OPTION_OUTPUT_JSON };
extern const char *const option_outputs[];

/* The row of these choices; `at` is the offset of the command's int. */
#define OPTION_OUTPUT(at)                                                                                              \
	{                                                                                                              \
		.name = "-o", .type = OPTION_CHOICE, .offset = (at), .fallback = "text", .choices = option_outputs,    \
		.help = "The form of the output.",                                                                     \
	}

/* The row of --help, which no table contains and every command has. */
extern const struct option_row option_help;

enum options_result { OPTIONS_FAILED = -1, OPTIONS_READ, OPTIONS_HELP };

/*
 * Parses argv[1] to argv[argc - 1] into `values`, which it zeroes first. It accepts `--name value`
 * and `--name=value`; `--` ends the options. On `-h` or `--help` it returns OPTIONS_HELP at once,
 * without reading later arguments or checking required options.
 *
 * After OPTIONS_READ the caller must call options_release, because lists are new; strings borrow
 * from argv. After any other result there is nothing to release. For OPTIONS_FAILED the error says
 * what is wrong and, where possible, what to type instead.
 */
enum options_result options_read(const struct option_table *table, int argc, char **argv, void *values,
				 struct error *err);

/* Frees the lists in `values`. */
void options_release(const struct option_table *table, void *values);

/* Appends the text of --help. */
void options_help(const struct option_table *table, struct buf *out);

/* Appends the option as typed, with its argument: "--dir DIR", "-o text|json". */
void option_spell(const struct option_row *row, struct buf *out);

/* Appends the row's help and sentences made from its other columns, such as its default. */
void option_describe(const struct option_row *row, struct buf *out);

/* What an exit status of the command means, in complete sentences. NULL if it never occurs. */
const char *options_status(const struct option_table *table, enum exit_status status);

/*
 * Parses the options at the start of a command. Prints help to standard output, or an error to
 * standard error. Returns -1 if the command should run, or else its exit status; `values` then
 * needs no release.
 */
int options_start(const struct option_table *table, int argc, char **argv, void *values);

/* Writes the text to standard output and releases it. Returns EXIT_FINE or EXIT_FAILED. */
int options_print(struct buf *out);

/* Prints an error of a command and where its help is to standard error. Returns EXIT_FAILED. */
int options_fail(const struct option_table *table, const struct error *err);

#endif
