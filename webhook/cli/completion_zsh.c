#include "webhook/cli/completion.h"
#include "webhook/cli/completion_rows.h"

static const char head[] =
    "#compdef gpugate\n"
    "# Completes gpugate's commands, options and arguments in zsh. Made by `gpugate completion zsh`.\n"
    "_gpugate() {\n"
    "\tlocal cur=$words[CURRENT] prev=$words[CURRENT-1] at= names= operands= i\n"
    "\tlocal -a children flags\n"
    "\tif [[ $cur == -*=* ]]; then\n"
    "\t\tprev=${cur%%=*}\n"
    "\t\tcompset -P '*='\n"
    "\tfi\n"
    "\t# The command that the line names so far. After `names`, commands are operands.\n"
    "\tfor ((i = 2; i < CURRENT; i++)); do\n"
    "\t\tcase \"${at:+$at }$words[i]\" in\n";

static const char tail[] =
    "\tesac\n"
    "\tif [[ $cur == -* ]]; then\n"
    "\t\t_describe -o option flags\n"
    "\telif (($#children)); then\n"
    "\t\t_describe command children\n"
    "\telif [[ $operands == file ]]; then\n"
    "\t\t_files\n"
    "\telse\n"
    "\t\t_describe -o option flags\n"
    "\tfi\n"
    "}\n"
    "# Loaded from $fpath, this file is the function itself; read by `source`, it only defines it.\n"
    "if [[ $funcstack[1] == _gpugate ]]; then\n"
    "\t_gpugate \"$@\"\n"
    "else\n"
    "\tcompdef _gpugate gpugate\n"
    "fi\n";

/* Appends 'name:text', quoted. */
static void print_entry(const char *name, struct str text, struct buf *out)
{
	struct buf entry;
	buf_init(&entry, 8192);
	buf_printf(&entry, "%s:%.*s", name, STR_ARG(text));
	buf_char(out, ' ');
	completion_quote(buf_view(&entry), "'\\''", "\\", out);
	out->failed |= entry.failed;
	buf_release(&entry);
}

/* Appends, for example: ('lint -o') compadd -- text json; return ;; */
static int print_arguments(void *context, const struct command *command)
{
	struct buf *out = context;
	const struct option_row *row;
	for (size_t i = 0; (row = completion_option(command, i)); i++) {
		enum completion_argument argument = completion_argument_of(row);
		if (argument == ARGUMENT_NONE)
			continue;
		buf_printf(out, "\t('%s %s')", command->options->command, row->name);
		if (argument == ARGUMENT_FILE || argument == ARGUMENT_DIR)
			buf_text(out, argument == ARGUMENT_DIR ? " _files -/" : " _files");
		else if (argument == ARGUMENT_CHOICE)
			buf_text(out, " compadd --");
		else
			buf_printf(out, " _message '%s'", row->word);
		for (size_t k = 0; argument == ARGUMENT_CHOICE && row->choices[k]; k++)
			buf_printf(out, " %s", row->choices[k]);
		buf_text(out, "; return ;;\n");
	}
	return 0;
}

static int print_children(void *context, const struct command *command)
{
	struct buf *out = context;
	if (!command->children)
		return 0;
	buf_printf(out, "\t('%s') children=(", command->options->command);
	for (size_t i = 0; command->children[i]; i++)
		print_entry(command->children[i]->name, str_of(command->children[i]->summary), out);
	buf_text(out, ") ;;\n");
	return 0;
}

static int print_options(void *context, const struct command *command)
{
	struct buf *out = context;
	const struct option_row *row;
	bool files = completion_operand_of(command->options) == ARGUMENT_FILE;
	buf_printf(out, "\t('%s') operands=%s flags=(", command->options->command, files ? "file" : "");
	for (size_t i = 0; (row = completion_option(command, i)); i++)
		print_entry(row->name, completion_sentence(row), out);
	buf_text(out, ") ;;\n");
	return 0;
}

void completion_zsh(const struct command *root, struct buf *out)
{
	buf_text(out, head);
	buf_text(out, "\t\t(");
	completion_list(root, true, "|", out);
	buf_text(out, ") names=$words[i] ;;\n\t\t(");
	completion_list(root, false, "|", out);
	buf_text(out, ") at=\"${at:+$at }$words[i]\" ;;\n\t\tesac\n\tdone\n\tcase \"${names:-$at} $prev\" in\n");
	command_each(root, print_arguments, out);
	buf_text(out, "\tesac\n\tcase \"$at\" in\n");
	command_each(root, print_children, out);
	buf_text(out, "\tesac\n\tcase \"${names:-$at}\" in\n");
	command_each(root, print_options, out);
	buf_text(out, tail);
}
