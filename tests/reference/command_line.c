/*
 * command_line: prints docs/reference/command-line.md from the table of commands that the program
 * itself walks (webhook/commands.c).
 */
#include <stdio.h>

#include "tests/reference/page.h"
#include "webhook/cli/wrap.h"
#include "webhook/commands.h"

#define COLUMNS 100
#define DOCUMENT_BYTES (1 << 20)

static const char intro[] =
    "# Command line\n\n"
    "Every command of gpugate, with its options, defaults and exit statuses. This file is generated\n"
    "(`make docs/reference/command-line.md`) from the table that the program itself reads its command\n"
    "line by. So are `--help`, the manual pages (`gpugate man`), and the completions of shells\n"
    "(`gpugate completion`).\n\n"
    "An option is written as `--name value` or `--name=value`. `--` ends the options. Exit statuses mean\n"
    "the same for all commands: 0 for success, 1 for a command that ran and found something wrong, and 2\n"
    "for one that could not run.\n";

/* "- **`term`**: text", wrapped. */
static void print_term(struct str term, const char *text, struct buf *out)
{
	struct buf item;
	buf_init(&item, 1 << 16);
	buf_printf(&item, "**`%.*s`**: %s", STR_ARG(term), text);
	buf_text(out, "- ");
	wrap_text(out, item.ptr, item.len, 2, 2, COLUMNS);
	out->failed |= item.failed;
	buf_release(&item);
}

static void print_option(const struct option_row *row, struct buf *out)
{
	struct buf term, text;
	buf_init(&term, 1024);
	buf_init(&text, 8192);
	option_spell(row, &term);
	option_describe(row, &text);
	buf_char(&text, '\0');
	if (text.failed || term.failed)
		out->failed = true;
	else
		print_term(buf_view(&term), text.ptr, out);
	buf_release(&term);
	buf_release(&text);
}

/* The link to a command's section: GitHub's form of its heading. */
static void print_link(const struct command *command, struct buf *out)
{
	const char *words = command->options->command;
	struct buf item;
	buf_init(&item, 4096);
	buf_printf(&item, "[`gpugate %s`](#gpugate-", words);
	for (const char *c = words; *c; c++)
		buf_char(&item, *c == ' ' ? '-' : *c);
	buf_printf(&item, "): %s", command->summary);
	buf_text(out, "- ");
	wrap_text(out, item.ptr, item.len, 2, 2, COLUMNS);
	out->failed |= item.failed;
	buf_release(&item);
}

static int print_contents(void *context, const struct command *command)
{
	struct buf *out = context;
	if (*command->options->command)
		print_link(command, out);
	return 0;
}

static void print_statuses(const struct option_table *table, struct buf *out)
{
	buf_text(out, "\nExit status:\n\n");
	for (int status = 0; status < EXIT_STATUSES; status++) {
		char digit = (char)('0' + status);
		const char *text = options_status(table, (enum exit_status)status);
		if (text)
			print_term((struct str){&digit, 1}, text, out);
	}
}

static int print_command(void *context, const struct command *command)
{
	struct buf *out = context;
	const struct option_table *table = command->options;
	const char *blank = *table->command ? " " : "";
	buf_printf(out, "\n## gpugate%s%s\n\n```text\ngpugate%s%s%s%s\n```\n\n", blank, table->command, blank,
		   table->command, *table->synopsis ? " " : "", table->synopsis);
	wrap_text(out, table->summary, strlen(table->summary), 0, 0, COLUMNS);
	if (command->children)
		buf_text(out, "\nCommands:\n\n");
	for (size_t i = 0; command->children && command->children[i]; i++)
		print_link(command->children[i], out);
	buf_text(out, "\nOptions:\n\n");
	for (size_t i = 0; i < table->count; i++)
		print_option(&table->rows[i], out);
	print_option(&option_help, out);
	print_statuses(table, out);
	if (table->examples)
		buf_printf(out, "\nExamples:\n\n```sh\n%s```\n", table->examples);
	return 0;
}

void print_command_line(const char *folder)
{
	(void)folder; /* All texts are the program's own. */
	struct buf out;
	buf_init(&out, DOCUMENT_BYTES);
	buf_text(&out, intro);
	buf_char(&out, '\n');
	command_each(&gpugate_command, print_contents, &out);
	command_each(&gpugate_command, print_command, &out);
	if (options_print(&out) != EXIT_FINE)
		fail("cannot be printed", "docs/reference/command-line.md");
}
