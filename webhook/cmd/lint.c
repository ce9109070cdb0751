/* gpugate lint: reports what `serve` would report about a policy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpugate/lint_id.h"
#include "gpugate/policy.h"
#include "gpugate/report.h"
#include "gpugate/suggest.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/lint_output.h"

#define OUTPUT_BYTES_MAX ((size_t)64 << 20)

struct lint_options {
	int output;
	bool strict;
	struct option_list allowed;
	struct option_list paths;
};

static const struct option_row rows[] = {
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct lint_options, output),
     .fallback = "text",
     .choices = lint_output_names,
     .help = "The form of the output: sarif for code scanning, junit for test reports, and github for annotations of "
	     "GitHub Actions. docs/ci.md shows each in a pipeline."},
    {.name = "--strict",
     .type = OPTION_FLAG,
     .offset = offsetof(struct lint_options, strict),
     .help = "Warnings fail as errors do: exit status 1."},
    {.name = "--allow",
     .word = "ID",
     .type = OPTION_LIST,
     .offset = offsetof(struct lint_options, allowed),
     .help = "Leave out the warnings of that name, which stands in brackets at the end of "
	     "each, such as model-overlap; they are counted in the summary."},
};

static const struct option_table table = {
    .command = "lint",
    .synopsis = "[-o text|json|junit|sarif|github] [--strict] [--allow ID] PATH...",
    .summary = "Reads policy files and folders as `gpugate serve` does and says what it "
	       "finds; the path `-` is standard input. Errors are what serve would refuse; "
	       "warnings are legal and probably not what was meant. The last lines say which "
	       "Settings hold and which files are not policy.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct lint_options),
    .operands = "PATH",
    .operands_offset = offsetof(struct lint_options, paths),
    .operands_min = 1,
    .examples = "  gpugate lint deploy/policy\n"
		"  gpugate lint --strict --allow model-overlap deploy/policy\n"
		"  kubectl kustomize policy | gpugate lint -\n"
		"  gpugate lint -o json team-a.yaml | jq '.findings[].text'\n"
		"  gpugate lint -o sarif deploy/policy >lint.sarif\n",
    .statuses = {[EXIT_FINE] = "There are no errors, and with --strict no warnings either.",
		 [EXIT_FINDINGS] = "There are errors, or with --strict warnings."},
};

/*
 * Replaces `-` by the path of standard input. A missing path is an error of the call, not a finding
 * about the policy.
 */
static int find_paths(const struct option_list *paths, struct error *err)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (strcmp(paths->items[i], "-") == 0)
			paths->items[i] = "/dev/stdin";
		if (access(paths->items[i], F_OK) != 0)
			return error_set(err, "%s: %s; name a policy file or folder", paths->items[i], strerror(errno));
	}
	return 0;
}

static int refuse_id(const char *name, struct error *err)
{
	const char *near = suggest_argument(name, &lint_rows->id.ptr, LINT_IDS, sizeof *lint_rows);
	if (near)
		return error_set(err, "--allow: no finding is named \"%s\"; did you mean \"%s\"?", name, near);
	return error_set(err, "--allow: no finding is named \"%s\"; the names are in brackets at the end of warnings",
			 name);
}

static int allow(const struct option_list *names, struct report *report, struct error *err)
{
	for (size_t i = 0; i < names->count; i++) {
		enum lint_id id = lint_find(str_of(names->items[i]));
		if (id == LINT_IDS)
			return refuse_id(names->items[i], err);
		if (lint_rows[id].severity == SEVERITY_ERROR)
			return error_set(
			    err,
			    "--allow: \"%s\" is an error, which `gpugate serve` refuses; only warnings can be "
			    "left out",
			    names->items[i]);
		report->allow[id] = true;
	}
	return 0;
}

static int print(const struct lint_result *result, int form, struct error *err)
{
	struct buf out;
	buf_init(&out, OUTPUT_BYTES_MAX);
	lint_output(result, form, &out);
	int status = out.failed ? error_set(err, "there is not enough memory for the output") : result->status;
	if (!out.failed && out.len > 0) /* The form for GitHub is empty without findings. */
		fwrite(out.ptr, 1, out.len, stdout);
	buf_release(&out);
	return status;
}

static int lint(const struct lint_options *options, struct report *report, struct error *err)
{
	struct policy *policy = policy_load(options->paths.items, options->paths.count, report);
	bool fine = policy && !(options->strict && report->warnings);
	struct lint_result result = {
	    .report = report, .policy = policy, .strict = options->strict, .status = fine ? EXIT_FINE : EXIT_FINDINGS};
	int status = print(&result, options->output, err);
	policy_release(policy);
	return status;
}

static int run(int argc, char **argv)
{
	struct lint_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	struct report *report = malloc(sizeof *report);
	if (report)
		report_init(report);
	if (!report)
		error_set(&err, "there is not enough memory");
	else if (find_paths(&options.paths, &err) == 0 && allow(&options.allowed, report, &err) == 0)
		status = lint(&options, report, &err);
	if (status < 0) {
		fprintf(stderr, "gpugate lint: %s\n", err.text);
		status = EXIT_FAILED;
	}
	if (report)
		report_release(report);
	free(report);
	options_release(&table, &options);
	return status;
}

const struct command lint_command = {
    .name = "lint",
    .summary = "check policy files: what serve would refuse, and why",
    .group = GROUP_POLICY,
    .options = &table,
    .run = run,
};
