/* gpugate help: prints what --help of a command prints. */
#include "webhook/cmd/commands.h"

struct help_options {
	struct option_list commands;
};

static const struct option_table table = {
    .command = "help",
    .synopsis = "[COMMAND]...",
    .summary = "Prints the help of a command, as its option --help does; without a COMMAND, a "
	       "list of all commands.",
    .values_size = sizeof(struct help_options),
    .operands = OPERAND_COMMAND,
    .operands_offset = offsetof(struct help_options, commands),
    .examples = "  gpugate help serve\n"
		"  gpugate help certs create\n",
};

static int run(const struct command *root, int argc, char **argv)
{
	struct help_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	const struct command *command = command_find(root, options.commands.items, options.commands.count, &err);
	options_release(&table, &options);
	if (!command)
		return options_fail(&table, &err);
	struct buf out;
	buf_init(&out, 64 << 10);
	command_help(command, &out);
	return options_print(&out);
}

const struct command help_command = {
    .name = "help",
    .summary = "print the help of a command",
    .group = GROUP_ABOUT,
    .options = &table,
    .describe = run,
};
