/*
 * help: formats the --help text of an option table. Implements options_help of
 * webhook/cli/options.h.
 */
#include "webhook/cli/options.h"

#define COLUMNS 100
#define INDENT 2
#define GAP 2

static void spell(const struct option_row *row, struct buf *out)
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
	spell(row, &text);
	size_t width = text.len;
	buf_release(&text);
	return width;
}

/*
 * Appends `text`, wrapped at COLUMNS. The first line starts in column `at`; the others are indented
 * by `indent`.
 */
static void wrap(struct buf *out, const char *text, size_t at, size_t indent)
{
	while (*text) {
		size_t len = strcspn(text, " ");
		if (at + len > COLUMNS && at > indent) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		}
		buf_add(out, text, len);
		at += len;
		text += len;
		if (*text == ' ' && at + 1 + strcspn(text + 1, " ") <= COLUMNS) {
			buf_char(out, ' ');
			at++;
		} else if (*text == ' ') {
			at = COLUMNS + 1; /* Start a new line for the next word, without a trailing space. */
		}
		text += *text == ' ';
	}
	buf_char(out, '\n');
}

static void help_row(const struct option_row *row, size_t column, struct buf *out)
{
	struct buf text;
	buf_init(&text, 4096);
	buf_text(&text, row->help);
	if (row->type == OPTION_LIST)
		buf_text(&text, row->required ? " May be repeated; at least one is required." : " May be repeated.");
	else if (row->required)
		buf_text(&text, " Required.");
	if (row->type == OPTION_NUMBER)
		buf_printf(&text, " From %ld to %ld.", row->least, row->most);
	if (row->fallback)
		buf_printf(&text, " Default: %s.", row->fallback);
	buf_char(&text, '\0');
	buf_printf(out, "%*s", INDENT, "");
	spell(row, out);
	buf_printf(out, "%*s", (int)(column - INDENT - spelled_width(row)), "");
	wrap(out, text.ptr ? text.ptr : "", column, column);
	buf_release(&text);
}

void options_help(const struct option_table *table, struct buf *out)
{
	static const struct option_row help = {.name = "--help", .type = OPTION_FLAG, .help = "Print this text."};
	size_t width = spelled_width(&help);
	buf_printf(out, "Usage: gpugate %s%s%s\n\n", table->command, *table->synopsis ? " " : "", table->synopsis);
	wrap(out, table->summary, 0, 0);
	for (size_t i = 0; i < table->count; i++)
		width = spelled_width(&table->rows[i]) > width ? spelled_width(&table->rows[i]) : width;
	buf_text(out, "\nOptions:\n");
	for (size_t i = 0; i < table->count; i++)
		help_row(&table->rows[i], INDENT + width + GAP, out);
	help_row(&help, INDENT + width + GAP, out);
	if (table->examples)
		buf_printf(out, "\nExamples:\n%s", table->examples);
}
