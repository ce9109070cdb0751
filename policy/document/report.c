/* report: keeps, sorts and prints findings. See gpugate/report.h. */
#include "policy/document/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gpugate/plain.h"
#include "policy/base/utf8.h"

#define REPORT_BYTES_MAX ((size_t)8 << 20)
#define UNDERLINE_MAX 100

void report_init(struct report *report)
{
	memset(report, 0, sizeof *report);
	arena_init(&report->arena, 4096, REPORT_BYTES_MAX);
}

void report_release(struct report *report)
{
	arena_release(&report->arena);
	report->count = report->errors = report->warnings = 0;
}

static int order(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int compare(const void *a, const void *b)
{
	const struct finding *left = a, *right = b;
	int by = str_cmp(left->file, right->file);

	if (by == 0)
		by = order(left->line, right->line);
	if (by == 0)
		by = order(left->column, right->column);
	if (by == 0)
		by = order(left->severity, right->severity);
	return by ? by : str_cmp(left->text, right->text);
}

void report_sort(struct report *report)
{
	qsort(report->findings, report->count, sizeof report->findings[0], compare);
}

struct str report_clean(struct report *report, struct str text, bool keep_tabs)
{
	char *copy = arena_alloc(&report->arena, text.len * PLAIN_GROWTH + 1);
	if (!copy)
		return (struct str){"", 0};
	size_t len = plain_copy(text, keep_tabs, copy);
	copy[len] = '\0';
	return (struct str){copy, len};
}

/*
 * Returns the slot for a new finding: a free one, or that of the last finding of its severity if
 * that one sorts after the new one. Otherwise returns NULL.
 */
static struct finding *slot_for(struct report *report, const struct finding *finding)
{
	unsigned max = finding->severity == SEVERITY_ERROR ? REPORT_ERRORS_MAX : REPORT_WARNINGS_MAX;
	struct finding *last = NULL;
	unsigned kept = 0;

	for (unsigned i = 0; i < report->count; i++) {
		struct finding *other = &report->findings[i];
		if (other->severity != finding->severity)
			continue;
		kept++;
		if (!last || compare(other, last) > 0)
			last = other;
	}
	if (kept < max)
		return &report->findings[report->count++];
	return compare(finding, last) < 0 ? last : NULL;
}

struct finding *report_add(struct report *report, const struct finding *finding)
{
	unsigned *counter = finding->severity == SEVERITY_ERROR ? &report->errors : &report->warnings;

	if (*counter < UINT32_MAX)
		++*counter;
	struct finding *slot = slot_for(report, finding);
	if (!slot)
		return NULL;
	/* All findings of a file share one copy of its name. */
	struct str file = {"", 0};
	for (unsigned i = 0; i < report->count && file.len == 0; i++) {
		if (str_eq(report->findings[i].file, finding->file))
			file = report->findings[i].file;
	}
	if (file.len == 0)
		file = report_clean(report, finding->file, false);
	*slot = *finding;
	slot->file = file;
	slot->text = report_clean(report, finding->text, false);
	if (finding->text.len && !slot->text.len)
		slot->text = STR("no memory is left to say what is wrong here");
	slot->quote = (struct str){"", 0};
	slot->quote_from = 1;
	return slot;
}

bool report_leaves_out(struct report *report, enum lint_id id, struct str file, struct str object)
{
	if (lint_rows[id].severity == SEVERITY_WARNING && report->allow[id]) {
		report->allowed++;
		return true;
	}
	if (!report->suppress || !report->suppress(report->suppressions, id, file, object))
		return false;
	report->suppressed++;
	return true;
}

void report_file(struct report *report, struct str file, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct finding finding = {.severity = SEVERITY_ERROR, .file = file, .length = 1, .text = str_of(text)};
	report_add(report, &finding);
}

void report_lint(struct report *report, struct str file, enum lint_id id, const char *format, ...)
{
	const struct lint_row *row = &lint_rows[id];
	char text[1024];
	va_list args;

	if (report_leaves_out(report, id, file, STR("")))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct finding finding = {
	    .severity = row->severity, .id = row->id, .file = file, .length = 1, .text = str_of(text)};
	report_add(report, &finding);
}

void report_ignored(struct report *report, struct str file)
{
	if (report->ignored_count < REPORT_IGNORED_MAX)
		report->ignored[report->ignored_count] = report_clean(report, file, false);
	report->ignored_count++;
}

void report_config(struct report *report, struct str file)
{
	if (report->config_count < REPORT_IGNORED_MAX)
		report->configs[report->config_count] = report_clean(report, file, false);
	report->config_count++;
}

/*
 * Prints blanks as wide as the quote up to the column. Tabs stay tabs, so that the underline is
 * aligned on every terminal.
 */
static void print_blanks(struct str quote, unsigned count, struct buf *out)
{
	for (; count > 0; count--) {
		buf_char(out, quote.len > 0 && quote.ptr[0] == '\t' ? '\t' : ' ');
		if (quote.len > 0)
			quote = str_tail(quote, utf8_step(quote));
	}
}

static void print_quote(const struct finding *finding, bool colour, struct buf *out)
{
	const char *dots = finding->quote_from > 1 ? "..." : "";
	unsigned before = finding->column > finding->quote_from ? finding->column - finding->quote_from : 0;
	unsigned length = finding->length ? finding->length : 1;

	buf_printf(out, "%5u | %s", finding->line, dots);
	buf_str(out, finding->quote);
	buf_printf(out, "\n      | %*s", (int)strlen(dots), "");
	print_blanks(finding->quote, before, out);
	buf_text(out, colour ? "\033[1;32m^" : "^");
	for (unsigned i = 1; i < length && i < UNDERLINE_MAX; i++)
		buf_char(out, '~');
	buf_text(out, colour ? "\033[0m\n" : "\n");
}

void report_print_finding(const struct finding *finding, bool colour, struct buf *out)
{
	bool error = finding->severity == SEVERITY_ERROR;

	if (colour)
		buf_text(out, "\033[1m");
	if (finding->file.len > 0) {
		buf_str(out, finding->file);
		if (finding->line > 0)
			buf_printf(out, ":%u:%u", finding->line, finding->column);
		buf_text(out, ": ");
	}
	if (colour)
		buf_text(out, error ? "\033[31m" : "\033[35m");
	buf_printf(out, "%s: ", severity_name(finding->severity));
	if (colour)
		buf_text(out, "\033[0m");
	buf_str(out, finding->text);
	if (str_present(finding->id))
		buf_printf(out, " [%.*s]", STR_ARG(finding->id));
	buf_char(out, '\n');
	if (finding->line > 0 && finding->quote.len > 0)
		print_quote(finding, colour, out);
}

bool report_print_rest(const struct report *report, enum severity severity, struct buf *out)
{
	unsigned rest = severity == SEVERITY_ERROR ? report->errors : report->warnings;

	for (unsigned i = 0; i < report->count; i++)
		rest -= report->findings[i].severity == severity;
	if (rest > 0)
		buf_printf(out, "and %u more %s%s", rest, severity_name(severity), rest == 1 ? "" : "s");
	return rest > 0;
}

static void print_severity(const struct report *report, enum severity severity, bool colour, struct buf *out)
{
	for (unsigned i = 0; i < report->count; i++) {
		if (report->findings[i].severity == severity)
			report_print_finding(&report->findings[i], colour, out);
	}
	if (report_print_rest(report, severity, out))
		buf_char(out, '\n');
}

void report_print(const struct report *report, bool colour, struct buf *out)
{
	print_severity(report, SEVERITY_ERROR, colour, out);
	print_severity(report, SEVERITY_WARNING, colour, out);
}
