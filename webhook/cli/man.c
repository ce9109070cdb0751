#include "webhook/cli/man.h"

#include <ctype.h>
#include <time.h>

#include "webhook/cli/wrap.h"

#define PROGRAM "gpugate"
#define TEXT_COLUMNS 72 /* Escapes make lines longer; mandoc advises at most 80. */

/* Appends text, and escapes what roff would interpret. */
static void print_escaped(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		bool line_start = i == 0 || text[i - 1] == '\n';
		if (line_start && (text[i] == '.' || text[i] == '\''))
			buf_text(out, "\\&");
		if (text[i] == '\\')
			buf_text(out, "\\e");
		else if (text[i] == '-')
			buf_text(out, "\\-");
		else
			buf_char(out, text[i]);
	}
}

static void print_lines(const char *text, size_t len, struct buf *out)
{
	struct buf lines;
	buf_init(&lines, 1 << 16);
	wrap_text(&lines, text, len, 0, 0, TEXT_COLUMNS);
	print_escaped(lines.ptr, lines.len, out);
	out->failed |= lines.failed;
	buf_release(&lines);
}

/* Appends sentences, each on a new line, as mdoc requires. */
static void print_sentences(const char *text, struct buf *out)
{
	while (*text) {
		size_t len = sentence_length(text);
		print_lines(text, len, out);
		text += len;
		text += *text == ' ';
	}
}

void man_name(const struct command *command, struct buf *out)
{
	buf_text(out, PROGRAM);
	for (const char *word = command->options->command; *word;) {
		size_t len = strcspn(word, " ");
		buf_printf(out, "-%.*s", (int)len, word);
		word += len + (word[len] == ' ');
	}
}

static void print_reference(const struct command *command, struct buf *out)
{
	buf_text(out, "Xr ");
	man_name(command, out);
	buf_text(out, " 1\n");
}

/* Appends a summary as a sentence: capitalized, with a period. */
static void print_capitalized(const char *summary, struct buf *out)
{
	buf_char(out, (char)toupper((unsigned char)*summary));
	print_escaped(summary + 1, strlen(summary + 1), out);
	buf_text(out, ".\n");
}

static void print_option(const struct option_row *row, struct buf *out)
{
	struct buf text;
	buf_init(&text, 8192);
	buf_printf(out, ".It Fl %s", row->name + 1);
	if (row->word)
		buf_printf(out, " Ar %s", row->word);
	for (size_t i = 0; row->type == OPTION_CHOICE && row->choices[i]; i++)
		buf_printf(out, "%s Cm %s", i ? " |" : "", row->choices[i]);
	buf_char(out, '\n');
	option_describe(row, &text);
	buf_char(&text, '\0');
	if (text.failed)
		out->failed = true;
	else
		print_sentences(text.ptr, out);
	buf_release(&text);
}

static void print_head(const struct command *command, int64_t date, struct buf *out)
{
	char day[64] = "";
	struct tm parts;
	time_t seconds = (time_t)date;
	if (gmtime_r(&seconds, &parts))
		strftime(day, sizeof day, "%B %-d, %Y", &parts);
	struct buf name;
	buf_init(&name, 256);
	man_name(command, &name);
	buf_printf(out, ".Dd %s\n.Dt ", day);
	for (size_t i = 0; i < name.len; i++)
		buf_char(out, (char)toupper((unsigned char)name.ptr[i]));
	buf_printf(out, " 1\n.Os " PROGRAM " " GPUGATE_VERSION "\n.Sh NAME\n.Nm %.*s\n.Nd ", STR_ARG(buf_view(&name)));
	print_escaped(command->summary, strlen(command->summary), out);
	buf_char(out, '\n');
	out->failed |= name.failed;
	buf_release(&name);
}

static void print_synopsis(const struct option_table *table, struct buf *out)
{
	buf_text(out, ".Sh SYNOPSIS\n.Nm " PROGRAM "\n");
	if (*table->command)
		buf_printf(out, ".Cm %s\n", table->command);
	if (*table->synopsis)
		print_lines(table->synopsis, strlen(table->synopsis), out);
}

static void print_children(const struct command *const *children, struct buf *out)
{
	buf_text(out, ".Pp\nThe commands are as follows:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; children[i]; i++) {
		buf_text(out, ".It ");
		print_reference(children[i], out);
		print_capitalized(children[i]->summary, out);
	}
	buf_text(out, ".El\n");
}

static void print_options(const struct option_table *table, struct buf *out)
{
	buf_text(out, ".Pp\nThe options are as follows:\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < table->count; i++)
		print_option(&table->rows[i], out);
	print_option(&option_help, out);
	buf_text(out, ".El\n");
}

static void print_statuses(const struct option_table *table, struct buf *out)
{
	buf_text(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
	for (int status = 0; status < EXIT_STATUSES; status++) {
		const char *text = options_status(table, (enum exit_status)status);
		if (!text)
			continue;
		buf_printf(out, ".It %d\n", status);
		print_sentences(text, out);
	}
	buf_text(out, ".El\n");
}

void man_page(const struct command *command, int64_t date, struct buf *out)
{
	const struct option_table *table = command->options;
	print_head(command, date, out);
	print_synopsis(table, out);
	buf_text(out, ".Sh DESCRIPTION\n");
	print_sentences(table->summary, out);
	if (command->children)
		print_children(command->children, out);
	print_options(table, out);
	print_statuses(table, out);
	if (table->examples) {
		buf_text(out, ".Sh EXAMPLES\n.Bd -literal\n");
		print_escaped(table->examples, strlen(table->examples), out);
		buf_text(out, ".Ed\n");
	}
	if (*table->command)
		buf_text(out, ".Sh SEE ALSO\n.Xr " PROGRAM " 1\n");
}
