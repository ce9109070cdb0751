#include "webhook/cmd/lint_output.h"

#include <unistd.h>

#include "gpugate/enum_names.h"
#include "webhook/cli/output_github.h"
#include "webhook/cli/output_json.h"
#include "webhook/cli/output_sarif.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/lint_junit.h"
#include "webhook/json/text.h"

#define FORMAT_VERSION 1 /* Of the JSON; a member that goes or changes its meaning raises it. */
#define PATH_BYTES_MAX 4096

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

static struct files templates(const struct manifests *manifests)
{
	return (struct files){manifests->templates, manifests->template_count};
}

static struct files suites(const struct manifests *manifests)
{
	return (struct files){manifests->suites, manifests->suite_count};
}

static struct files config_files(const struct report *report)
{
	return (struct files){report->configs, report->config_count};
}

static void count_documents(const struct lint_result *result, struct policy_counts *counts)
{
	*counts = (struct policy_counts){0};
	if (result->policy)
		policy_counts(result->policy, counts);
}

/* --- JSON --- */

static json_t *findings_json(const struct report *report)
{
	json_t *findings = json_array();
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		json_array_append_new(findings,
				      json_pack("{s:s, s:o, s:o, s:i, s:i, s:i, s:o}", "severity",
						severity_name(finding->severity), "id", json_text_or_null(finding->id),
						"file", json_text(finding->file), "line", (int)finding->line, "column",
						(int)finding->column, "length", (int)finding->length, "text",
						json_text(finding->text)));
	}
	return findings;
}

static json_t *fixes_json(const struct lint_fixes *fixes)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < fixes->kept; i++) {
		const struct lint_fixed *fixed = &fixes->items[i];
		json_array_append_new(array, json_pack("{s:o, s:o, s:i, s:i, s:o, s:o}", "id", json_text(fixed->id),
						       "file", json_text(fixed->file), "line", (int)fixed->line,
						       "column", (int)fixed->column, "was", json_text(fixed->was),
						       "text", json_text(fixed->text)));
	}
	return array;
}

static json_t *files_json(struct files files)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < kept(files); i++)
		json_array_append_new(array, json_text(files.items[i]));
	return array;
}

/* Returns how many files with manifests were read, among them those that list charts. */
static size_t count_manifests(const struct lint_result *result)
{
	return result->manifests->file_count + result->manifests->chart_count;
}

static void print_json(const struct lint_result *result, struct buf *out)
{
	const struct report *report = result->report;
	struct policy_counts counts;
	count_documents(result, &counts);
	output_json(
	    json_pack(
		"{s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:s?, s:o, s:i, s:o, "
		"s:i, s:o, s:i, s:o, s:i, s:o}",
		"formatVersion", FORMAT_VERSION, "errors", (int)report->errors, "warnings", (int)report->warnings,
		"allowed", (int)report->allowed, "suppressed", (int)report->suppressed, "fixed",
		(int)result->fixes->count, "fixes", fixes_json(result->fixes), "accelerators", (int)counts.accelerators,
		"tenants", (int)counts.tenants, "quotas", (int)counts.quotas, "rules", (int)counts.rules, "guards",
		(int)counts.guards, "manifests", (int)count_manifests(result), "objects",
		(int)result->manifests->object_count, "settings", json_text_or_null(report->settings), "enforcement",
		result->policy ? enforcement_name(policy_enforcement(result->policy)) : NULL, "ignoredFiles",
		files_json(ignored_files(report)), "ignoredFileCount", (int)report->ignored_count, "configFiles",
		files_json(config_files(report)), "configFileCount", (int)report->config_count, "templates",
		files_json(templates(result->manifests)), "templateCount", (int)result->manifests->template_count,
		"suites", files_json(suites(result->manifests)), "suiteCount", (int)result->manifests->suite_count,
		"findings", findings_json(report)),
	    out);
}

/* --- Text --- */

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

/* Prints "2 errors, 1 warning", since a long list of errors hides the warnings. */
static void print_totals(const struct report *report, struct buf *text)
{
	buf_printf(text, "%u error%s, ", report->errors, plural(report->errors));
	if (report->warnings)
		buf_printf(text, "%u warning%s\n", report->warnings, plural(report->warnings));
	else
		buf_text(text, "no warnings\n");
}

/*
 * Prints "no errors, 2 warnings (...)", with what was read in parentheses. With --strict it adds
 * why the exit status is 1.
 */
static void print_counts(const struct lint_result *result, const struct policy_counts *counts, struct buf *text)
{
	unsigned warnings = result->report->warnings;
	unsigned objects = result->manifests->object_count;
	size_t files = count_manifests(result);
	buf_text(text, "no errors");
	if (warnings)
		buf_printf(text, ", %u warning%s%s", warnings, plural(warnings),
			   result->strict ? ", which --strict does not allow" : "");
	buf_text(text, " (");
	if (result->policy)
		buf_printf(text, "Accelerators %u, Tenants %u, quotas %u, Rules %u, Guards %u", counts->accelerators,
			   counts->tenants, counts->quotas, counts->rules, counts->guards);
	if (!result->policy || files)
		buf_printf(text, "%smanifests: %u object%s in %zu file%s", result->policy ? "; " : "", objects,
			   plural(objects), files, files == 1 ? "" : "s");
	buf_text(text, ")\n");
}

void lint_output_fixes(const struct lint_fixes *fixes, struct buf *text)
{
	for (unsigned i = 0; i < fixes->kept; i++) {
		const struct lint_fixed *fixed = &fixes->items[i];
		buf_printf(text, "%.*s:%u:%u: fixed: ", STR_ARG(fixed->file), fixed->line, fixed->column);
		if (fixed->text.len)
			buf_printf(text, "\"%.*s\" is now \"%.*s\"", STR_ARG(fixed->was), STR_ARG(fixed->text));
		else
			buf_printf(text, "removed \"%.*s\"", STR_ARG(fixed->was));
		buf_printf(text, " [%.*s]\n", STR_ARG(fixed->id));
	}
	if (fixes->count > fixes->kept)
		buf_printf(text, "and %u more fixed\n", fixes->count - fixes->kept);
}

static void print_summary(const struct lint_result *result, const struct policy_counts *counts, struct buf *text)
{
	const struct report *report = result->report;
	unsigned fixed = result->fixes->count;
	if (report->errors == 0)
		print_counts(result, counts, text);
	else
		print_totals(report, text);
	if (fixed)
		buf_printf(text, "%u place%s fixed\n", fixed, plural(fixed));
	if (report->allowed)
		buf_printf(text, "%u warning%s left out by --allow\n", report->allowed, plural(report->allowed));
	if (report->suppressed)
		buf_printf(text, "%u finding%s suppressed by .gpugate-lint.yaml\n", report->suppressed,
			   plural(report->suppressed));
	if (report->settings.len && result->policy)
		buf_printf(text, "Settings at %.*s: enforcement is %s\n", STR_ARG(report->settings),
			   enforcement_name(policy_enforcement(result->policy)));
	else if (result->policy)
		buf_text(text, REPORT_WITHOUT_SETTINGS "\n");
	print_files("files ignored because of their names: ", ignored_files(report), text);
	print_files("configuration files that Accelerators name: ", config_files(report), text);
	print_files("templates, which `helm template CHART | gpugate lint -` checks: ", templates(result->manifests),
		    text);
	print_files("suites, which `gpugate test` checks: ", suites(result->manifests), text);
}

static void print_text(const struct lint_result *result, struct buf *out)
{
	struct policy_counts counts;
	count_documents(result, &counts);
	lint_output_fixes(result->fixes, out);
	report_print(result->report, terminal_has_colors(STDOUT_FILENO), out);
	print_summary(result, &counts, out);
}

/* --- Forms for programs that know files by their path from the working directory --- */

/* Returns the working directory, or an empty text if it is not known. */
static struct str working_directory(char *buffer, size_t size)
{
	return str_of(getcwd(buffer, size) ? buffer : "");
}

static void print_sarif(const struct lint_result *result, struct buf *out)
{
	char directory[PATH_BYTES_MAX];
	output_sarif(result->report, working_directory(directory, sizeof directory), result->status, out);
}

static void print_github(const struct lint_result *result, struct buf *out)
{
	char directory[PATH_BYTES_MAX];
	output_github(result->report, working_directory(directory, sizeof directory), out);
}

static void print_junit(const struct lint_result *result, struct buf *out)
{
	char directory[PATH_BYTES_MAX];
	lint_junit(result, working_directory(directory, sizeof directory), out);
}

/* --- The table --- */

enum form { FORM_TEXT, FORM_JSON, FORM_JUNIT, FORM_SARIF, FORM_GITHUB, FORMS };

const char *const lint_output_names[] = {[FORM_TEXT] = "text",   [FORM_JSON] = "json",     [FORM_JUNIT] = "junit",
					 [FORM_SARIF] = "sarif", [FORM_GITHUB] = "github", [FORMS] = NULL};

static void (*const printers[])(const struct lint_result *result, struct buf *out) = {
    [FORM_TEXT] = print_text,   [FORM_JSON] = print_json,     [FORM_JUNIT] = print_junit,
    [FORM_SARIF] = print_sarif, [FORM_GITHUB] = print_github,
};

void lint_output(const struct lint_result *result, int form, struct buf *out)
{
	printers[form](result, out);
}
