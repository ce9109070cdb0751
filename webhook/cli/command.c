#include "webhook/cli/command.h"

#include "gpugate/suggest.h"

#define CHILDREN_MAX 32   /* The most names that are considered for a suggestion. */
#define CHILDREN_LISTED 4 /* If nothing can be suggested, at most this many are listed. */

static const struct command *find_child(const struct command *parent, const char *name)
{
	for (size_t i = 0; parent->children && parent->children[i]; i++)
		if (strcmp(parent->children[i]->name, name) == 0)
			return parent->children[i];
	return NULL;
}

static size_t list_names(const struct command *parent, const char *names[static CHILDREN_MAX])
{
	size_t count = 0;
	while (parent->children && parent->children[count] && count < CHILDREN_MAX) {
		names[count] = parent->children[count]->name;
		count++;
	}
	return count;
}

/* Appends, for example: "the commands are create, inspect and verify". */
static void print_names(const char *const *names, size_t count, struct buf *out)
{
	buf_text(out, "; the commands are ");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
}

static int refuse(const struct command *parent, const char *name, struct error *err)
{
	const char *names[CHILDREN_MAX] = {NULL};
	size_t count = list_names(parent, names);
	const char *near = suggest_argument(name, names, count, sizeof *names);
	if (count == 0)
		return error_set(err, "\"%.60s\" is not a command; gpugate %s has no commands of its own", name,
				 parent->options->command);
	struct buf text;
	buf_init(&text, 1024);
	if (near)
		buf_printf(&text, "; did you mean \"%s\"?", near);
	else if (count <= CHILDREN_LISTED)
		print_names(names, count, &text);
	error_set(err, "unknown command \"%.60s\"%.*s", name, STR_ARG(buf_view(&text)));
	buf_release(&text);
	return -1;
}

const struct command *command_find(const struct command *root, const char *const *words, size_t count,
				   struct error *err)
{
	const struct command *command = root;
	for (size_t i = 0; i < count; i++) {
		const struct command *child = find_child(command, words[i]);
		if (!child) {
			refuse(command, words[i], err);
			return NULL;
		}
		command = child;
	}
	return command;
}

int command_each(const struct command *command, int (*visit)(void *context, const struct command *command),
		 void *context)
{
	int result = visit(context, command);
	for (size_t i = 0; result == 0 && command->children && command->children[i]; i++)
		result = command_each(command->children[i], visit, context);
	return result;
}

static int print_help(const struct command *command)
{
	struct buf out;
	buf_init(&out, 64 << 10);
	command_help(command, &out);
	return options_print(&out);
}

/* Prints help to standard error if a command with children is called without one of them. */
static int refuse_alone(const struct command *command)
{
	struct buf out;
	buf_init(&out, 64 << 10);
	command_help(command, &out);
	fwrite(out.ptr, 1, out.len, stderr);
	buf_release(&out);
	return EXIT_FAILED;
}

/* Runs a command that has only children. Its only option is --help. */
static int run_parent(const struct command *command, int argc, char **argv)
{
	char nothing;
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help(command);
	if (command->run)
		return command->run(argc, argv);
	int status = options_start(command->options, argc, argv, &nothing);
	return status >= 0 ? status : refuse_alone(command);
}

int command_run(const struct command *root, int argc, char **argv)
{
	const struct command *command = root;
	while (command->children && argc > 1 && argv[1][0] != '-') {
		struct error err = {0};
		const char *word = argv[1];
		const struct command *child = command_find(command, &word, 1, &err);
		if (!child)
			return options_fail(command->options, &err);
		command = child;
		argc--;
		argv++;
	}
	if (command->children)
		return argc > 1 ? run_parent(command, argc, argv) : refuse_alone(command);
	return command->run ? command->run(argc, argv) : command->describe(root, argc, argv);
}
