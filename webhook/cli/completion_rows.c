#include "webhook/cli/completion_rows.h"

#include "webhook/cli/wrap.h"

static const struct {
	const char *word;
	enum completion_argument argument;
} words[] = {
    {"FILE", ARGUMENT_FILE},
    {"PATH", ARGUMENT_FILE},
    {"DIR", ARGUMENT_DIR},
    {OPERAND_COMMAND, ARGUMENT_COMMAND},
};

static enum completion_argument argument_of(const char *word)
{
	for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].argument;
	return ARGUMENT_OTHER;
}

enum completion_argument completion_argument_of(const struct option_row *row)
{
	switch (row->type) {
	case OPTION_FLAG:
		return ARGUMENT_NONE;
	case OPTION_CHOICE:
		return ARGUMENT_CHOICE;
	default:
		return argument_of(row->word);
	}
}

enum completion_argument completion_operand_of(const struct option_table *table)
{
	return table->operands ? argument_of(table->operands) : ARGUMENT_NONE;
}

const struct option_row *completion_option(const struct command *command, size_t index)
{
	const struct option_table *table = command->options;
	return index < table->count ? &table->rows[index] : index == table->count ? &option_help : NULL;
}

struct list {
	struct buf *out;
	const char *between;
	bool takes_commands;
	bool begun;
};

static int list_command(void *context, const struct command *command)
{
	struct list *list = context;
	bool takes = completion_operand_of(command->options) == ARGUMENT_COMMAND;
	if (takes != list->takes_commands || !*command->options->command)
		return 0;
	buf_printf(list->out, "%s'%s'", list->begun ? list->between : "", command->options->command);
	list->begun = true;
	return 0;
}

void completion_list(const struct command *root, bool takes_commands, const char *between, struct buf *out)
{
	struct list list = {.out = out, .between = between, .takes_commands = takes_commands};
	command_each(root, list_command, &list);
}

void completion_quote(struct str text, const char *quote, const char *backslash, struct buf *out)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\'')
			buf_text(out, quote);
		else if (text.ptr[i] == '\\')
			buf_text(out, backslash);
		else
			buf_char(out, text.ptr[i]);
	}
	buf_char(out, '\'');
}

struct str completion_sentence(const struct option_row *row)
{
	return (struct str){row->help, sentence_length(row->help)};
}
