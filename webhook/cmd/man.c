/* gpugate man: prints the manual pages, or writes them to files. */
#include "webhook/cli/man.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "webhook/cmd/commands.h"

#define PAGE_BYTES (1 << 18)

struct man_options {
	const char *dir;
	struct option_list commands;
};

static const struct option_row rows[] = {
    {.name = "--dir",
     .word = "DIR",
     .type = OPTION_STRING,
     .offset = offsetof(struct man_options, dir),
     .help = "Write the pages of all commands into this folder: gpugate.1, gpugate-serve.1, "
	     "and so on. The folder must exist."},
};

static const struct option_table table = {
    .command = "man",
    .synopsis = "[--dir DIR | COMMAND...]",
    .summary = "Prints the manual page of a command, for man or mandoc; without a COMMAND, "
	       "the page of gpugate itself. The name of the page, such as certs-create, is accepted as well. "
	       "The date in a page is today's, or that of the environment variable SOURCE_DATE_EPOCH, in "
	       "seconds.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct man_options),
    .operands = OPERAND_COMMAND,
    .operands_offset = offsetof(struct man_options, commands),
    .examples = "  gpugate man serve | man -l -\n"
		"  gpugate man --dir /usr/local/share/man/man1\n",
};

/* What is the same for all pages. */
struct pages {
	const char *dir;
	int64_t date;
	struct error *err;
};

/* https://reproducible-builds.org/specs/source-date-epoch/ */
static int read_date(int64_t *date, struct error *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	char *end;
	*date = time(NULL);
	if (!text || !*text)
		return 0;
	errno = 0;
	*date = strtoll(text, &end, 10);
	if (*end != '\0' || errno != 0 || *date < 0)
		return error_set(err, "SOURCE_DATE_EPOCH is \"%.60s\"; set it to seconds since 1970", text);
	return 0;
}

static int write_file(const char *path, const struct buf *page, struct error *err)
{
	FILE *file = fopen(path, "we");
	if (!file)
		return error_set(err,
				 "%.300s cannot be written: %s; name a folder that exists and is writable with --dir",
				 path, strerror(errno));
	bool written = fwrite(page->ptr, 1, page->len, file) == page->len;
	if (fclose(file) != 0 || !written)
		return error_set(err, "%.300s cannot be written: %s", path, strerror(errno));
	return 0;
}

static int write_page(void *context, const struct command *command)
{
	const struct pages *pages = context;
	struct buf page, name;
	char path[PATH_MAX];
	buf_init(&page, PAGE_BYTES);
	buf_init(&name, 256);
	man_page(command, pages->date, &page);
	man_name(command, &name);
	int len = snprintf(path, sizeof path, "%s/%.*s.1", pages->dir, STR_ARG(buf_view(&name)));
	int failed;
	if (page.failed || name.failed)
		failed = error_set(pages->err, "not enough memory for the manual pages");
	else if (len < 0 || (size_t)len >= sizeof path)
		failed = error_set(pages->err, "--dir %.200s: the path is too long", pages->dir);
	else
		failed = write_file(path, &page, pages->err);
	buf_release(&page);
	buf_release(&name);
	return failed;
}

/* The page that a user names by one word, and the command that it describes. */
struct wanted {
	struct str page;
	const struct command *command;
};

static int is_wanted(void *context, const struct command *command)
{
	struct wanted *wanted = context;
	struct buf name;
	buf_init(&name, 256);
	man_name(command, &name);
	struct str whole = buf_view(&name);
	struct str page = wanted->page;
	if (!name.failed && page.len <= whole.len &&
	    memcmp(whole.ptr + whole.len - page.len, page.ptr, page.len) == 0 &&
	    (page.len == whole.len || whole.len - page.len == strlen("gpugate-")))
		wanted->command = command;
	buf_release(&name);
	return wanted->command != NULL;
}

/*
 * Finds a command by its words, or by the name of its page, with or without "gpugate-": other
 * pages refer to it by that name. Returns NULL with an error if there is none.
 */
static const struct command *find_page(const struct command *root, const struct option_list *words, struct error *err)
{
	struct wanted wanted = {.command = NULL};
	if (words->count == 1) {
		wanted.page = str_of(words->items[0]);
		command_each(root, is_wanted, &wanted);
	}
	return wanted.command ? wanted.command : command_find(root, words->items, words->count, err);
}

static int print_page(const struct command *command, int64_t date)
{
	struct buf page;
	buf_init(&page, PAGE_BYTES);
	man_page(command, date, &page);
	return options_print(&page);
}

static int run_options(const struct man_options *options, const struct command *root)
{
	struct error err = {0};
	int64_t date;
	if (read_date(&date, &err) < 0)
		return options_fail(&table, &err);
	if (options->dir && options->commands.count > 0)
		error_set(&err, "--dir writes the pages of all commands; leave out \"%.60s\"",
			  options->commands.items[0]);
	else if (options->dir && command_each(root, write_page, &(struct pages){options->dir, date, &err}) == 0)
		return EXIT_FINE;
	const struct command *command = options->dir ? NULL : find_page(root, &options->commands, &err);
	return command ? print_page(command, date) : options_fail(&table, &err);
}

static int run(const struct command *root, int argc, char **argv)
{
	struct man_options options;
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	status = run_options(&options, root);
	options_release(&table, &options);
	return status;
}

const struct command man_command = {
    .name = "man",
    .summary = "print the manual page of a command",
    .group = GROUP_ABOUT,
    .options = &table,
    .describe = run,
};
