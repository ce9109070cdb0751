/* gpugate lint: reports what `serve` would report about a policy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpugate/enum_names.h"
#include "gpugate/lint_id.h"
#include "gpugate/policy.h"
#include "gpugate/policy_enums.h"
#include "gpugate/report.h"
#include "gpugate/suggest.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/commands.h"
#include "webhook/json/text.h"

struct lint_options {
	int output;
	bool strict;
	struct option_list allowed;
	struct option_list paths;
};

static const struct option_row rows[] = {
    OPTION_OUTPUT(offsetof(struct lint_options, output)),
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
    .synopsis = "[-o text|json] [--strict] [--allow ID] PATH...",
    .summary = "Reads policy files and folders as `gpugate serve` does and says what it "
	       "finds; the path `-` is standard input. Errors are what serve would refuse; "
	       "warnings are legal and probably not what was meant. The last lines say which "
	       "Settings hold and which files are not policy.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct lint_options),
    .operands = "PATH",
    .operands_offset = offsetof(struct lint_options, paths),
    .operands_least = 1,
    .examples = "  gpugate lint deploy/policy\n"
		"  gpugate lint --strict --allow model-overlap deploy/policy\n"
		"  kubectl kustomize policy | gpugate lint -\n"
		"  gpugate lint -o json team-a.yaml | jq '.findings[].text'\n",
    .statuses = {[EXIT_FINE] = "There are no errors, and with --strict no warnings either.",
		 [EXIT_FINDINGS] = "There are errors, or with --strict warnings."},
};

static json_t *findings_json(const struct report *report)
{
	json_t *findings = json_array();
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		json_array_append_new(findings,
				      json_pack("{s:s, s:o, s:o, s:i, s:i, s:i, s:o}", "severity",
						finding->severity == SEVERITY_ERROR ? "error" : "warning", "id",
						json_text_or_null(finding->id), "file", json_text(finding->file),
						"line", (int)finding->line, "column", (int)finding->column, "length",
						(int)finding->length, "text", json_text(finding->text)));
	}
	return findings;
}

/* A list of files of which the report keeps the first ones. */
struct files {
	const struct str *items;
	unsigned count; /* Of all files, kept or not. */
};

static unsigned kept(struct files files)
{
	return files.count < REPORT_IGNORED_MAX ? files.count : REPORT_IGNORED_MAX;
}

static struct files ignored_files(const struct report *report)
{
	return (struct files){report->ignored, report->ignored_count};
}

static struct files config_files(const struct report *report)
{
	return (struct files){report->configs, report->config_count};
}

static json_t *files_json(struct files files)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < kept(files); i++)
		json_array_append_new(array, json_text(files.items[i]));
	return array;
}

static void print_json(const struct report *report, const struct policy *policy, const struct policy_counts *counts)
{
	json_t *root = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:s?, s:o, s:i, s:o, s:i, s:o}",
				 "errors", (int)report->errors, "warnings", (int)report->warnings, "allowed",
				 (int)report->allowed, "accelerators", (int)counts->accelerators, "tenants",
				 (int)counts->tenants, "quotas", (int)counts->quotas, "rules", (int)counts->rules,
				 "guards", (int)counts->guards, "settings", json_text_or_null(report->settings),
				 "enforcement", policy ? enforcement_name(policy_enforcement(policy)) : NULL,
				 "ignoredFiles", files_json(ignored_files(report)), "ignoredFileCount",
				 (int)report->ignored_count, "configFiles", files_json(config_files(report)),
				 "configFileCount", (int)report->config_count, "findings", findings_json(report));
	json_dumpf(root, stdout, JSON_INDENT(2));
	fputc('\n', stdout);
	json_decref(root);
}

static const char *plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

/* Prints the files after a title, if there are any. */
static void print_files(const char *title, struct files files, struct buf *text)
{
	if (files.count == 0)
		return;
	buf_text(text, title);
	for (unsigned i = 0; i < kept(files); i++)
		buf_printf(text, "%s%.*s", i ? ", " : "", STR_ARG(files.items[i]));
	if (files.count > kept(files))
		buf_printf(text, " and %u more", files.count - kept(files));
	buf_char(text, '\n');
}

/* Prints "no errors, 2 warnings (...)". With --strict it adds why the exit status is 1. */
static void print_counts(const struct report *report, bool strict, const struct policy_counts *counts, struct buf *text)
{
	buf_text(text, "no errors");
	if (report->warnings)
		buf_printf(text, ", %u warning%s%s", report->warnings, plural(report->warnings),
			   strict ? ", which --strict does not allow" : "");
	buf_printf(text, " (Accelerators %u, Tenants %u, quotas %u, Rules %u, Guards %u)\n", counts->accelerators,
		   counts->tenants, counts->quotas, counts->rules, counts->guards);
}

static void print_summary(const struct report *report, const struct policy *policy, bool strict,
			  const struct policy_counts *counts, struct buf *text)
{
	if (policy)
		print_counts(report, strict, counts, text);
	if (report->allowed)
		buf_printf(text, "%u warning%s left out by --allow\n", report->allowed, plural(report->allowed));
	if (report->settings.len && policy)
		buf_printf(text, "Settings at %.*s: enforcement is %s\n", STR_ARG(report->settings),
			   enforcement_name(policy_enforcement(policy)));
	else if (policy)
		buf_text(text, REPORT_WITHOUT_SETTINGS "\n");
	print_files("files ignored because of their names: ", ignored_files(report), text);
	print_files("configuration files that Accelerators name: ", config_files(report), text);
}

static void print_text(const struct report *report, const struct policy *policy, bool strict,
		       const struct policy_counts *counts)
{
	struct buf text;
	buf_init(&text, 4u << 20);
	report_print(report, terminal_has_colors(STDOUT_FILENO), &text);
	print_summary(report, policy, strict, counts, &text);
	fwrite(text.ptr, 1, text.len, stdout);
	buf_release(&text);
}

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

static int lint(const struct lint_options *options, struct report *report)
{
	struct policy *policy = policy_load(options->paths.items, options->paths.count, report);
	struct policy_counts counts = {0};
	bool fine = policy && !(options->strict && report->warnings);
	if (policy)
		policy_counts(policy, &counts);
	if (options->output == OPTION_OUTPUT_JSON)
		print_json(report, policy, &counts);
	else
		print_text(report, policy, options->strict, &counts);
	policy_release(policy);
	return fine ? EXIT_FINE : EXIT_FINDINGS;
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
		status = lint(&options, report);
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
