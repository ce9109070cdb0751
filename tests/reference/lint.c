/* lint: prints docs/reference/lint.md, with a section for each row of policy/document/lint_id.c. */
#include <ctype.h>
#include <stdio.h>

#include "gpugate/lint_id.h"
#include "tests/reference/page.h"

#define COLUMNS 100

static void print_row(const struct lint_row *row, bool may_be_meant)
{
	printf("### %.*s\n\n", STR_ARG(row->id));
	const char *severity = severity_name(row->severity);
	print_item(COLUMNS, 0, "**%c%s**: %s", toupper((unsigned char)*severity), severity + 1, row->what);
	print_item(COLUMNS, 0, "**What to do**: %s", row->remedy);
	if (may_be_meant && row->severity == SEVERITY_WARNING)
		print_item(COLUMNS, 0, "**If it is meant**: `--allow %.*s` leaves it out.", STR_ARG(row->id));
	else if (may_be_meant)
		print_item(COLUMNS, 0, "**If it is meant**: a suppression in `.gpugate-lint.yaml` leaves it out.");
	putchar('\n');
}

void print_lint(const char *folder)
{
	print_text(folder, "intro");
	puts("## Findings by id\n");
	for (size_t i = 0; i < LINT_IDS; i++)
		print_row(&lint_rows[i],
			  lint_rows[i].severity == SEVERITY_WARNING || lint_rows[i].about == LINT_OF_MANIFESTS);
	print_row(&lint_invalid_policy, false);
}
