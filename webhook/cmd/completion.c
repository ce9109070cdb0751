/* gpugate completion: prints a script with which a shell completes gpugate's command lines. */
#include "webhook/cli/completion.h"

#include "webhook/cmd/commands.h"

#define SUMMARY(shell)                                                                                                 \
	"Prints the script by which " shell " completes gpugate's commands, options, choices and file names. The "     \
	"Debian package installs it."

static const struct option_table bash_table = {
    .command = "completion bash",
    .synopsis = "",
    .summary = SUMMARY("bash"),
    .examples = "  source <(gpugate completion bash)        # for this shell\n"
		"  mkdir -p ~/.local/share/bash-completion/completions\n"
		"  gpugate completion bash >~/.local/share/bash-completion/completions/gpugate\n",
};

static const struct option_table zsh_table = {
    .command = "completion zsh",
    .synopsis = "",
    .summary = SUMMARY("zsh"),
    .examples = "  source <(gpugate completion zsh)         # for this shell, after compinit\n"
		"  gpugate completion zsh >~/.zfunc/_gpugate    # where ~/.zfunc is in fpath\n",
};

static const struct option_table fish_table = {
    .command = "completion fish",
    .synopsis = "",
    .summary = SUMMARY("fish"),
    .examples = "  gpugate completion fish | source         # for this shell\n"
		"  gpugate completion fish >~/.config/fish/completions/gpugate.fish\n",
};

static const struct option_table table = {
    .command = "completion",
    .synopsis = "(bash | zsh | fish) [OPTION]...",
    .summary = "Prints the script by which a shell completes gpugate's commands, options, "
	       "choices and file names.",
    .examples = "  source <(gpugate completion bash)\n",
};

static int print(const struct option_table *of, void (*script)(const struct command *root, struct buf *out),
		 const struct command *root, int argc, char **argv)
{
	char nothing;
	int status = options_start(of, argc, argv, &nothing);
	if (status >= 0)
		return status;
	struct buf out;
	buf_init(&out, 1 << 20);
	script(root, &out);
	return options_print(&out);
}

static int print_bash(const struct command *root, int argc, char **argv)
{
	return print(&bash_table, completion_bash, root, argc, argv);
}

static int print_zsh(const struct command *root, int argc, char **argv)
{
	return print(&zsh_table, completion_zsh, root, argc, argv);
}

static int print_fish(const struct command *root, int argc, char **argv)
{
	return print(&fish_table, completion_fish, root, argc, argv);
}

static const struct command bash = {
    .name = "bash", .summary = "print the script for bash", .options = &bash_table, .describe = print_bash};
static const struct command zsh = {
    .name = "zsh", .summary = "print the script for zsh", .options = &zsh_table, .describe = print_zsh};
static const struct command fish = {
    .name = "fish", .summary = "print the script for fish", .options = &fish_table, .describe = print_fish};

const struct command completion_command = {
    .name = "completion",
    .summary = "print what completes commands and options in a shell",
    .group = GROUP_ABOUT,
    .options = &table,
    .children = (const struct command *const[]){&bash, &zsh, &fish, NULL},
};
