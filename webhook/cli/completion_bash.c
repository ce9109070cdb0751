#include "webhook/cli/completion.h"
#include "webhook/cli/completion_rows.h"

static const char head[] =
    "# Completes gpugate's commands, options and arguments in bash. Made by `gpugate completion bash`.\n"
    "_gpugate()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "\tlocal at= names= kind= choices= children= options= operands= i\n"
    "\t# To bash, --name=value is three words.\n"
    "\tif [[ $cur == = ]]; then\n"
    "\t\tcur=\n"
    "\telif [[ $prev == = ]]; then\n"
    "\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "\tfi\n"
    "\t# The command that the line names so far. After `names`, commands are operands.\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tcase ${at:+$at }${COMP_WORDS[i]} in\n";

static const char tail[] = "\tesac\n"
			   "\tif [[ -z $kind && $cur != -* ]]; then\n"
			   "\t\tkind=$operands choices=$children\n"
			   "\t\t[[ -n $children ]] && kind=choice\n"
			   "\tfi\n"
			   "\tcase $kind in\n"
			   "\tfile)\n"
			   "\t\tcompopt -o filenames 2>/dev/null\n"
			   "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			   "\t\t;;\n"
			   "\tdir)\n"
			   "\t\tcompopt -o filenames 2>/dev/null\n"
			   "\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
			   "\t\t;;\n"
			   "\tchoice) mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$cur\") ;;\n"
			   "\tother) COMPREPLY=() ;;\n"
			   "\t*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\") ;;\n"
			   "\tesac\n"
			   "}\n"
			   "complete -F _gpugate gpugate\n";

static const char *const kinds[] = {
    [ARGUMENT_NONE] = "",   [ARGUMENT_CHOICE] = "choice", [ARGUMENT_FILE] = "file",
    [ARGUMENT_DIR] = "dir", [ARGUMENT_COMMAND] = "",      [ARGUMENT_OTHER] = "other",
};

/* Appends, for example: 'lint -o') kind=choice choices='text json' ;; */
static int print_arguments(void *context, const struct command *command)
{
	struct buf *out = context;
	const struct option_row *row;
	for (size_t i = 0; (row = completion_option(command, i)); i++) {
		enum completion_argument argument = completion_argument_of(row);
		if (argument == ARGUMENT_NONE)
			continue;
		buf_printf(out, "\t'%s %s') kind=%s", command->options->command, row->name, kinds[argument]);
		for (size_t k = 0; argument == ARGUMENT_CHOICE && row->choices[k]; k++)
			buf_printf(out, "%s%s", k ? " " : " choices='", row->choices[k]);
		buf_text(out, argument == ARGUMENT_CHOICE ? "' ;;\n" : " ;;\n");
	}
	return 0;
}

static int print_children(void *context, const struct command *command)
{
	struct buf *out = context;
	if (!command->children)
		return 0;
	buf_printf(out, "\t'%s') children='", command->options->command);
	for (size_t i = 0; command->children[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", command->children[i]->name);
	buf_text(out, "' ;;\n");
	return 0;
}

static int print_options(void *context, const struct command *command)
{
	struct buf *out = context;
	const struct option_row *row;
	buf_printf(out, "\t'%s') operands=%s options='", command->options->command,
		   kinds[completion_operand_of(command->options)]);
	for (size_t i = 0; (row = completion_option(command, i)); i++)
		buf_printf(out, "%s%s", i ? " " : "", row->name);
	buf_text(out, "' ;;\n");
	return 0;
}

void completion_bash(const struct command *root, struct buf *out)
{
	buf_text(out, head);
	buf_text(out, "\t\t");
	completion_list(root, true, " | ", out);
	buf_text(out, ") names=${COMP_WORDS[i]} ;;\n\t\t");
	completion_list(root, false, " | ", out);
	buf_text(out, ") at+=${at:+ }${COMP_WORDS[i]} ;;\n\t\tesac\n\tdone\n\tcase \"${names:-$at} $prev\" in\n");
	command_each(root, print_arguments, out);
	buf_text(out, "\tesac\n\tcase $at in\n");
	command_each(root, print_children, out);
	buf_text(out, "\tesac\n\tcase ${names:-$at} in\n");
	command_each(root, print_options, out);
	buf_text(out, tail);
}
