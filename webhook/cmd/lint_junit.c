#include "webhook/cmd/lint_junit.h"

#include "webhook/cli/output_junit.h"
#include "webhook/cli/output_path.h"

#define TEXT_BYTES_MAX ((size_t)64 << 10)
#define SUITE "gpugate lint"

static bool fails(const struct lint_result *result, enum severity severity)
{
	return severity == SEVERITY_ERROR || result->strict;
}

static struct junit_totals count(const struct lint_result *result)
{
	struct junit_totals totals = {0, 0, 0};
	struct buf unused;
	for (unsigned i = 0; i < result->report->count; i++) {
		totals.cases++;
		totals.failures += fails(result, result->report->findings[i].severity);
	}
	buf_init(&unused, TEXT_BYTES_MAX);
	for (enum severity severity = 0; severity < SEVERITIES; severity++) {
		if (!report_print_rest(result->report, severity, &unused))
			continue;
		totals.cases++;
		totals.failures += fails(result, severity);
	}
	buf_release(&unused);
	totals.cases += totals.cases == 0;
	return totals;
}

/* Ends the text and returns it, or "" if it failed; then the output has failed as well. */
static const char *finish(struct buf *text, struct buf *out)
{
	buf_char(text, '\0');
	out->failed |= text->failed;
	return text->failed ? "" : text->ptr;
}

/* A file outside the working directory is named as the user typed it. */
static void add_file(const struct finding *finding, struct str directory, struct buf *file)
{
	if (finding->file.len > 0 && output_path(directory, finding->file, file))
		return;
	buf_reset(file);
	buf_str(file, finding->file);
}

/* "12:7 unknown key ... [ID]" */
static void add_name(const struct finding *finding, struct buf *name)
{
	if (finding->line > 0)
		buf_printf(name, "%u:%u ", finding->line, finding->column);
	buf_printf(name, "%.*s [%.*s]", STR_ARG(finding->text), STR_ARG(lint_row_of(finding->id)->id));
}

static void print_finding(const struct lint_result *result, const struct finding *finding, struct str directory,
			  struct buf *out)
{
	struct buf file, name, lines;
	buf_init(&file, TEXT_BYTES_MAX);
	buf_init(&name, TEXT_BYTES_MAX);
	buf_init(&lines, TEXT_BYTES_MAX);
	add_file(finding, directory, &file);
	add_name(finding, &name);
	report_print_finding(finding, false, &lines);
	const char *path = finish(&file, out), *problem = finish(&lines, out);
	struct junit_case row = {.suite = *path ? path : SUITE, .name = finish(&name, out), .file = path};
	if (fails(result, finding->severity))
		row.failure = problem;
	junit_case(out, &row);
	buf_release(&file);
	buf_release(&name);
	buf_release(&lines);
}

static void print_rest(const struct lint_result *result, enum severity severity, struct buf *out)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (report_print_rest(result->report, severity, &text)) {
		const char *rest = finish(&text, out);
		junit_case(out, &(struct junit_case){.suite = SUITE,
						     .name = rest,
						     .file = "",
						     .failure = fails(result, severity) ? rest : NULL});
	}
	buf_release(&text);
}

void lint_junit(const struct lint_result *result, struct str directory, struct buf *out)
{
	const struct report *report = result->report;
	struct junit_totals totals = count(result);
	junit_begin(out, SUITE, &totals);
	junit_suite_begin(out, SUITE, &totals);
	for (unsigned i = 0; i < report->count; i++)
		print_finding(result, &report->findings[i], directory, out);
	for (enum severity severity = 0; severity < SEVERITIES; severity++)
		print_rest(result, severity, out);
	if (report->errors + report->warnings == 0)
		junit_case(out, &(struct junit_case){.suite = SUITE, .name = "policy", .file = ""});
	junit_suite_end(out);
	junit_end(out);
}
