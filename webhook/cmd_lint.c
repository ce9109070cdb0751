/* gpugate lint: what `serve` would say of a policy, without serving. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "webhook/command.h"
#include "webhook/options.h"
#include "webhook/terminal.h"

enum output { OUTPUT_TEXT, OUTPUT_JSON };

struct lint_options {
	int output;
	struct option_list paths;
};

static const char *const outputs[] = {"text", "json", NULL};

static const struct option_row rows[] = {
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct lint_options, output),
     .fallback = "text",
     .choices = outputs,
     .help = "How findings are written to standard output."},
};

static const struct option_table table = {
    .command = "lint",
    .synopsis = "[-o text|json] PATH...",
    .summary =
	"Reads policy files and folders as `gpugate serve` does and says what it finds. Errors are what serve would "
	"refuse; warnings are legal and probably not what was meant. Exit status: 0 without errors, 1 with errors, 2 "
	"if "
	"it could not run.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct lint_options),
    .operands = "PATH",
    .operands_offset = offsetof(struct lint_options, paths),
    .operands_least = 1,
    .examples = "  gpugate lint deploy/policy\n  gpugate lint -o json team-a.yaml | jq '.findings[].text'\n",
};

static json_t *text_of(struct str s)
{
	return json_stringn(s.ptr ? s.ptr : "", s.len);
}

static void print_json(const struct report *report, const struct policy_counts *counts)
{
	json_t *findings = json_array();
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		json_array_append_new(findings, json_pack("{s:s, s:o, s:i, s:i, s:i, s:o}", "severity",
							  finding->severity == SEVERITY_ERROR ? "error" : "warning",
							  "file", text_of(finding->file), "line", (int)finding->line,
							  "column", (int)finding->column, "length",
							  (int)finding->length, "text", text_of(finding->text)));
	}
	json_t *root = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "errors", (int)report->errors, "warnings",
				 (int)report->warnings, "accelerators", (int)counts->accelerators, "tenants",
				 (int)counts->tenants, "quotas", (int)counts->quotas, "rules", (int)counts->rules,
				 "guards", (int)counts->guards, "findings", findings);
	json_dumpf(root, stdout, JSON_INDENT(2));
	fputc('\n', stdout);
	json_decref(root);
}

static void print_text(const struct report *report, const struct policy *policy, const struct policy_counts *counts)
{
	struct buf text;
	buf_init(&text, 4u << 20);
	report_print(report, terminal_has_colors(STDOUT_FILENO), &text);
	if (policy)
		buf_printf(&text, "no errors (Accelerators %u, Tenants %u, quotas %u, Rules %u, Guards %u)\n",
			   counts->accelerators, counts->tenants, counts->quotas, counts->rules, counts->guards);
	fwrite(text.ptr, 1, text.len, stdout);
	buf_release(&text);
}

/* A path that is not there is a mistake in the call and no finding in a policy. */
static bool paths_exist(const struct option_list *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		if (access(paths->items[i], F_OK) != 0) {
			fprintf(stderr, "gpugate lint: %s: %s; name a policy file or folder\n", paths->items[i],
				strerror(errno));
			return false;
		}
	return true;
}

int cmd_lint(int argc, char **argv)
{
	struct lint_options options;
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	struct report *report = malloc(sizeof *report);
	if (!report || !paths_exist(&options.paths)) {
		if (!report)
			fputs("gpugate lint: there is not enough memory\n", stderr);
		free(report);
		options_release(&table, &options);
		return EXIT_FAILED;
	}
	report_init(report);
	struct policy *policy = policy_load(options.paths.items, options.paths.count, report);
	struct policy_counts counts = {0};
	if (policy)
		policy_counts(policy, &counts);
	if (options.output == OUTPUT_JSON)
		print_json(report, &counts);
	else
		print_text(report, policy, &counts);
	status = policy ? EXIT_FINE : EXIT_FINDINGS;
	policy_release(policy);
	report_release(report);
	free(report);
	options_release(&table, &options);
	return status;
}
