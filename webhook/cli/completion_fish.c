#include "webhook/cli/completion.h"
#include "webhook/cli/completion_rows.h"

static const char head[] =
    "# Completes gpugate's commands, options and arguments in fish. Made by `gpugate completion fish`.\n"
    "\n"
    "# Whether the line names a command so far. Asked for `options`, a command that takes the names of\n"
    "# commands as operands counts, and for `children` what these operands name.\n"
    "function __gpugate_is\n"
    "\tset -l words (commandline -opc)\n"
    "\tset -l at\n"
    "\tset -l names\n"
    "\tfor word in $words[2..-1]\n"
    "\t\tswitch (string join ' ' -- $at $word)\n";

static const char middle[] = "\t\tend\n"
			     "\tend\n"
			     "\tif test $argv[1] = options; and set -q names[1]\n"
			     "\t\tset at $names\n"
			     "\tend\n"
			     "\ttest \"$at\" = \"$argv[2]\"\n"
			     "end\n"
			     "\n"
			     "complete -c gpugate -f\n";

static void begin(const char *kind, const struct command *command, struct buf *out)
{
	buf_printf(out, "complete -c gpugate -n \"__gpugate_is %s '%s'\"", kind, command->options->command);
}

static void print_description(struct str text, struct buf *out)
{
	buf_text(out, " -d ");
	completion_quote(text, "\\'", "\\\\", out);
	buf_char(out, '\n');
}

static void print_choices(const struct option_row *row, struct buf *out)
{
	buf_text(out, " -x -a '");
	for (size_t i = 0; row->choices[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", row->choices[i]);
	buf_char(out, '\'');
}

static void print_option(const struct command *command, const struct option_row *row, struct buf *out)
{
	static const char *const arguments[] = {
	    [ARGUMENT_FILE] = " -r -F", [ARGUMENT_DIR] = " -x -a '(__fish_complete_directories)'",
	    [ARGUMENT_OTHER] = " -x",   [ARGUMENT_COMMAND] = " -x",
	    [ARGUMENT_NONE] = "",
	};
	bool is_long = row->name[1] == '-';
	begin("options", command, out);
	buf_printf(out, " -%c %s", is_long ? 'l' : 's', row->name + 1 + is_long);
	if (row->type == OPTION_CHOICE)
		print_choices(row, out);
	else
		buf_text(out, arguments[completion_argument_of(row)]);
	print_description(completion_sentence(row), out);
}

static int print_command(void *context, const struct command *command)
{
	struct buf *out = context;
	const struct option_row *row;
	for (size_t i = 0; command->children && command->children[i]; i++) {
		begin("children", command, out);
		buf_printf(out, " -a %s", command->children[i]->name);
		print_description(str_of(command->children[i]->summary), out);
	}
	for (size_t i = 0; (row = completion_option(command, i)); i++)
		print_option(command, row, out);
	if (completion_operand_of(command->options) == ARGUMENT_FILE) {
		begin("options", command, out);
		buf_text(out, " -F\n");
	}
	return 0;
}

void completion_fish(const struct command *root, struct buf *out)
{
	buf_text(out, head);
	buf_text(out, "\t\t\tcase ");
	completion_list(root, true, " ", out);
	buf_text(out, "\n\t\t\t\tset names $word\n\t\t\tcase ");
	completion_list(root, false, " ", out);
	buf_text(out, "\n\t\t\t\tset -a at $word\n");
	buf_text(out, middle);
	command_each(root, print_command, out);
}
