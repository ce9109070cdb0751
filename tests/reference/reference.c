/*
 * reference: prints a page of the reference from the program's own tables, and from the texts
 * beside this file. Run it in the root of the repository.
 *
 *     reference policy          docs/policy.md
 *     reference lint            docs/reference/lint.md
 *     reference metrics         docs/reference/metrics.md
 *     reference command-line    docs/reference/command-line.md
 */
#include <stdio.h>
#include <string.h>

#include "tests/reference/page.h"

static const struct {
	const char *name, *folder;
	void (*print)(const char *folder);
} pages[] = {
    {"policy", "tests/reference", print_policy},
    {"lint", "tests/reference/lint", print_lint},
    {"metrics", "tests/reference/metrics", print_metrics},
    {"command-line", "tests/reference", print_command_line},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		if (argc != 2 || strcmp(argv[1], pages[i].name) != 0)
			continue;
		pages[i].print(pages[i].folder);
		return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 2;
	}
	fprintf(stderr, "usage: reference policy | lint | metrics | command-line\n");
	return 2;
}
