/*
 * help: formats the --help text of a command and of its option table. Implements what
 * webhook/cli/options.h and webhook/cli/command.h declare for it.
 */
#include "webhook/cli/command.h"
#include "webhook/cli/wrap.h"

#define COLUMNS 100
#define INDENT 2
#define GAP 2

const struct option_row option_help = {.name = "--help", .type = OPTION_FLAG, .help = "Print help for this command."};

void option_spell(const struct option_row *row, struct buf *out)
{
	buf_text(out, row->name);
	if (row->type == OPTION_CHOICE)
		for (size_t i = 0; row->choices[i]; i++)
			buf_printf(out, "%c%s", i ? '|' : ' ', row->choices[i]);
	else if (row->word)
		buf_printf(out, " %s", row->word);
}

static size_t spelled_width(const struct option_row *row)
{
	struct buf text;
	buf_init(&text, 1024);
	option_spell(row, &text);
	size_t width = text.len;
	buf_release(&text);
	return width;
}

void option_describe(const struct option_row *row, struct buf *out)
{
	buf_text(out, row->help);
	if (row->type == OPTION_LIST)
		buf_text(out, row->required ? " May be repeated; at least one is required." : " May be repeated.");
	else if (row->required)
		buf_text(out, " Required.");
	if (row->type == OPTION_NUMBER)
		buf_printf(out, " From %ld to %ld.", row->min, row->max);
	if (row->fallback)
		buf_printf(out, " Default: %s.", row->fallback);
}

const char *options_status(const struct option_table *table, enum exit_status status)
{
	static const char *const usual[EXIT_STATUSES] = {
	    [EXIT_FINE] = "Success.",
	    [EXIT_FAILED] = "The command could not run. Standard error says what to do.",
	};
	return table->statuses[status] ? table->statuses[status] : usual[status];
}

static void print_entry(const char *term, size_t width, const char *text, struct buf *out)
{
	buf_printf(out, "%*s%-*s%*s", INDENT, "", (int)width, term, GAP, "");
	wrap_text(out, text, strlen(text), INDENT + width + GAP, INDENT + width + GAP, COLUMNS);
}

static void print_row(const struct option_row *row, size_t width, struct buf *out)
{
	struct buf term, text;
	buf_init(&term, 1024);
	buf_init(&text, 8192);
	option_spell(row, &term);
	buf_char(&term, '\0');
	option_describe(row, &text);
	buf_char(&text, '\0');
	if (!term.failed && !text.failed)
		print_entry(term.ptr, width, text.ptr, out);
	else
		out->failed = true;
	buf_release(&term);
	buf_release(&text);
}

static void print_head(const struct option_table *table, struct buf *out)
{
	buf_printf(out, "Usage: gpugate%s%s%s%s\n\n", *table->command ? " " : "", table->command,
		   *table->synopsis ? " " : "", table->synopsis);
	wrap_text(out, table->summary, strlen(table->summary), 0, 0, COLUMNS);
}

static void print_rows(const struct option_table *table, struct buf *out)
{
	size_t width = spelled_width(&option_help);
	for (size_t i = 0; i < table->count; i++)
		width = spelled_width(&table->rows[i]) > width ? spelled_width(&table->rows[i]) : width;
	buf_text(out, "\nOptions:\n");
	for (size_t i = 0; i < table->count; i++)
		print_row(&table->rows[i], width, out);
	print_row(&option_help, width, out);
}

static void print_end(const struct option_table *table, struct buf *out)
{
	buf_text(out, "\nExit status:\n");
	for (int status = 0; status < EXIT_STATUSES; status++) {
		const char *text = options_status(table, (enum exit_status)status);
		if (text)
			print_entry((const char[]){(char)('0' + status), '\0'}, 1, text, out);
	}
	if (table->examples)
		buf_printf(out, "\nExamples:\n%s", table->examples);
}

void options_help(const struct option_table *table, struct buf *out)
{
	print_head(table, out);
	print_rows(table, out);
	print_end(table, out);
}

static const char *group_of(const struct command *command)
{
	return command->group ? command->group : "Commands";
}

static void print_children(const struct command *const *children, struct buf *out)
{
	size_t width = 0;
	const char *group = "";
	for (size_t i = 0; children[i]; i++)
		width = strlen(children[i]->name) > width ? strlen(children[i]->name) : width;
	for (size_t i = 0; children[i]; i++) {
		if (strcmp(group, group_of(children[i])) != 0)
			buf_printf(out, "\n%s:\n", group_of(children[i]));
		group = group_of(children[i]);
		print_entry(children[i]->name, width, children[i]->summary, out);
	}
}

void command_help(const struct command *command, struct buf *out)
{
	const struct option_table *table = command->options;
	print_head(table, out);
	if (command->children) {
		print_children(command->children, out);
		buf_printf(out, "\n`gpugate%s%s COMMAND --help` describes a command.\n", *table->command ? " " : "",
			   table->command);
	}
	print_rows(table, out);
	print_end(table, out);
}
