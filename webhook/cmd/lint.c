/* gpugate lint: reports what `serve` would report about a policy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpugate/file.h"
#include "gpugate/lint_id.h"
#include "gpugate/manifests.h"
#include "gpugate/policy.h"
#include "gpugate/report.h"
#include "gpugate/suggest.h"
#include "gpugate/suppressions.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/lint_admission.h"
#include "webhook/cmd/lint_fix.h"
#include "webhook/cmd/lint_output.h"
#include "webhook/cmd/lint_stdin.h"
#include "webhook/cmd/namespace_option.h"

#define OUTPUT_BYTES_MAX ((size_t)64 << 20)
#define ROUNDS_MAX 10000 /* Of --fix, each of which changes something. */

struct lint_options {
	int output;
	bool strict, fix;
	struct option_list allowed;
	struct option_list policies;
	const char *namespace;
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
    {.name = "--policy",
     .word = "PATH",
     .type = OPTION_LIST,
     .offset = offsetof(struct lint_options, policies),
     .help = "The policy by which manifests are judged as well: what it refuses is an error. Without it, the policy "
	     "in the PATHs is used, if there is one."},
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
    {.name = "--fix",
     .type = OPTION_FLAG,
     .offset = offsetof(struct lint_options, fix),
     .help = "Correct the findings whose remedy is mechanical, and print the others. Everything else in the files "
	     "stays as it is."},
    {.name = "-n",
     .word = "NS",
     .type = OPTION_STRING,
     .offset = offsetof(struct lint_options, namespace),
     .help = "The namespace of objects that name none. Without it, the policy does not judge these."},
};

static const struct option_table table = {
    .command = "lint",
    .synopsis = "[-o text|json|junit|sarif|github] [--strict] [--allow ID] [--policy PATH] [-n NS] [--fix] PATH...",
    .summary = "Reads policy files and folders as `gpugate serve` does, and the Kubernetes manifests "
	       "outside of policy folders, and says what it finds; the path `-` is standard input. Errors are what "
	       "serve or the API server would refuse; warnings are legal and probably not what was meant. The last "
	       "lines say which Settings hold and which files are not policy.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct lint_options),
    .operands = "PATH",
    .operands_offset = offsetof(struct lint_options, paths),
    .operands_min = 1,
    .examples = "  gpugate lint deploy/policy\n"
		"  gpugate lint --strict --allow model-overlap deploy/policy\n"
		"  kubectl kustomize policy | gpugate lint -\n"
		"  helm template charts/app | gpugate lint --policy deploy/policy -\n"
		"  gpugate lint -o json team-a.yaml | jq '.findings[].text'\n"
		"  gpugate lint --fix deploy/policy apps\n"
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
			paths->items[i] = FILE_STDIN;
		if (strcmp(paths->items[i], FILE_STDIN) == 0 && lint_stdin(err) < 0)
			return -1;
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
		if (lint_rows[id].severity == SEVERITY_ERROR && lint_rows[id].about == LINT_OF_MANIFESTS)
			return error_set(
			    err,
			    "--allow: \"%s\" is an error, and only warnings can be left out; if it is meant, "
			    "suppress it in " SUPPRESSIONS_FILE,
			    names->items[i]);
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

/* Reads the suppressions of the folders that are named. NULL: without memory. */
static struct suppressions *read_suppressions(const struct lint_options *options, struct report *report)
{
	const struct option_list *lists[] = {&options->paths, &options->policies};
	size_t count = 0;
	const char **folders = calloc(options->paths.count + options->policies.count + 1, sizeof *folders);
	for (size_t i = 0; folders && i < sizeof lists / sizeof lists[0]; i++)
		for (size_t k = 0; k < lists[i]->count; k++)
			folders[count++] = lists[i]->items[k];
	struct suppressions *suppressions = folders ? suppressions_read(folders, count, report) : NULL;
	free(folders);
	return suppressions;
}

/* What one round reads. */
struct round {
	struct suppressions *suppressions;
	struct manifests manifests;
	struct policy *policy;
};

static void round_release(struct round *round)
{
	suppressions_destroy(round->suppressions);
	manifests_release(&round->manifests);
	policy_release(round->policy);
}

/* Reads and judges everything. Returns -1 with an error, and nothing to release. */
static int round_read(struct round *round, const struct lint_options *options, struct report *report, struct error *err)
{
	struct manifests *manifests = &round->manifests;
	*round = (struct round){.suppressions = read_suppressions(options, report)};
	if (!round->suppressions || manifests_find(manifests, options->paths.items, options->paths.count,
						   options->policies.items, options->policies.count, report) < 0) {
		suppressions_destroy(round->suppressions);
		return error_set(err, "there is not enough memory");
	}
	if (manifests->policy_count)
		round->policy = policy_load(manifests->policies, manifests->policy_count, report);
	manifests_lint(manifests, report);
	int result = 0;
	if (round->policy)
		result = lint_admission(manifests, round->policy, str_of(options->namespace), report, err);
	if (round->policy || manifests->policy_count == 0)
		suppressions_finish(round->suppressions, report);
	if (result < 0)
		round_release(round);
	return result;
}

static int print_round(const struct lint_options *options, const struct round *round, const struct report *report,
		       const struct lint_fixes *fixes, struct error *err)
{
	bool fine = report->errors == 0 && !(options->strict && report->warnings);
	const struct lint_result result = {.report = report,
					   .manifests = &round->manifests,
					   .policy = report->errors ? NULL : round->policy,
					   .fixes = fixes,
					   .strict = options->strict,
					   .status = fine ? EXIT_FINE : EXIT_FINDINGS};
	return print(&result, options->output, err);
}

/* Empties the report, except for what is allowed. */
static void restart(struct report *report)
{
	bool allowed[LINT_IDS];
	memcpy(allowed, report->allow, sizeof allowed);
	report_release(report);
	report_init(report);
	memcpy(report->allow, allowed, sizeof allowed);
}

/* With --fix, reads again after each change, since a report keeps only some of the findings. */
static int lint(const struct lint_options *options, struct report *report, struct lint_fixes *fixes, struct error *err)
{
	struct round round;
	for (unsigned rounds = 1;; rounds++) {
		if (round_read(&round, options, report, err) < 0)
			return -1;
		int changes = options->fix && rounds < ROUNDS_MAX ? lint_fix(report, fixes, err) : 0;
		int status = changes == 0 ? print_round(options, &round, report, fixes, err) : changes;
		round_release(&round);
		if (changes <= 0)
			return status;
		restart(report);
	}
}

/* Names what was changed before something failed, which no output does then. */
static void print_changes(const struct lint_fixes *fixes)
{
	struct buf out;
	buf_init(&out, OUTPUT_BYTES_MAX);
	lint_output_fixes(fixes, &out);
	if (out.len > 0)
		fwrite(out.ptr, 1, out.len, stderr);
	buf_release(&out);
}

static int check_fix(const struct lint_options *options, struct error *err)
{
	for (size_t i = 0; options->fix && i < options->paths.count; i++)
		if (strcmp(options->paths.items[i], FILE_STDIN) == 0)
			return error_set(err, "--fix changes files, and standard input is none; name the files");
	return 0;
}

static int run(int argc, char **argv)
{
	struct lint_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	if (namespace_option_check(options.namespace, &err) < 0) {
		options_release(&table, &options);
		return options_fail(&table, &err);
	}
	struct report *report = malloc(sizeof *report);
	struct lint_fixes fixes;
	lint_fixes_init(&fixes);
	if (report)
		report_init(report);
	if (!report)
		error_set(&err, "there is not enough memory");
	else if (find_paths(&options.paths, &err) == 0 && find_paths(&options.policies, &err) == 0 &&
		 check_fix(&options, &err) == 0 && allow(&options.allowed, report, &err) == 0)
		status = lint(&options, report, &fixes, &err);
	if (status < 0) {
		print_changes(&fixes);
		fprintf(stderr, "gpugate lint: %s\n", err.text);
		status = EXIT_FAILED;
	}
	if (report)
		report_release(report);
	free(report);
	lint_fixes_release(&fixes);
	options_release(&table, &options);
	return status;
}

const struct command lint_command = {
    .name = "lint",
    .summary = "find mistakes in policy files and in Kubernetes manifests",
    .group = GROUP_POLICY,
    .options = &table,
    .run = run,
};
