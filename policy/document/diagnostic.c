#include "policy/document/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>

#include "policy/base/utf8.h"
#include "policy/document/lines.h"
#include "policy/document/report.h"

#define QUOTE_CHARACTERS 100
#define QUOTE_BEFORE 40

/* Adds the source line to a finding. Of a long line, only the part around the location is kept. */
static void add_quote(struct report *report, struct finding *finding, struct str line)
{
	unsigned from = 1, shown = 0;
	size_t len = 0;

	/*
	 * The column already tells whether the head must be cut, so a long line is never measured.
	 */
	if (finding->column > QUOTE_CHARACTERS - QUOTE_BEFORE / 2) {
		for (; from < finding->column - QUOTE_BEFORE && line.len > 0; from++)
			line = str_tail(line, utf8_step(line));
	}
	while (len < line.len && shown < QUOTE_CHARACTERS) {
		len += utf8_step(str_tail(line, len));
		shown++;
	}
	char text[QUOTE_CHARACTERS * 4 + 4];
	struct str head = {line.ptr, len};
	memcpy(text, head.ptr, head.len);
	if (len < line.len) {
		memcpy(text + len, "...", 3);
		len += 3;
	}
	finding->quote = report_clean(report, (struct str){text, len}, true);
	finding->quote_from = from;
	if (finding->column - from + finding->length > shown)
		finding->length = shown > finding->column - from ? shown - (finding->column - from) : 1;
}

/* Returns the UTF-16 code units of the next `count` characters, or fewer at the line's end. */
static unsigned take_units(struct str *line, unsigned count)
{
	unsigned units = count;

	for (; count > 0 && line->len > 0; count--) {
		unsigned bytes = utf8_step(*line);
		units += bytes == 4; /* Outside the basic multilingual plane: a surrogate pair. */
		*line = str_tail(*line, bytes);
	}
	return units;
}

static void add_units(struct finding *finding, struct str line)
{
	finding->utf16_column = 1 + take_units(&line, finding->column - 1);
	finding->utf16_length = take_units(&line, finding->length);
}

static void find(struct report *report, const struct docs *docs, struct finding finding, struct location at,
		 const char *format, va_list args)
{
	const struct source *source = at.source < docs->source_count ? &docs->sources[at.source] : NULL;
	char text[1024];

	int len = vsnprintf(text, sizeof text, format, args);
	finding.length = at.length ? at.length : 1;
	if (source) {
		finding.file = source->path;
		finding.line = at.line;
		finding.column = at.column;
	}
	size_t whole = len < 0 ? 0 : (size_t)len;
	if (whole >= sizeof text)
		whole = utf8_head((struct str){text, sizeof text - 1}, sizeof text - 4).len;
	finding.text = (struct str){text, whole};
	struct finding *kept = report_add(report, &finding);
	if (kept && source && at.line > 0 && at.column > 0) {
		struct str line = source_line(source, at.line);
		add_quote(report, kept, line);
		add_units(kept, line);
	}
}

void docs_report(struct report *report, const struct docs *docs, enum severity severity, struct location at,
		 const char *format, ...)
{
	struct finding finding = {.severity = severity, .file = {"", 0}};
	va_list args;

	va_start(args, format);
	find(report, docs, finding, at, format, args);
	va_end(args);
}

static void find_with_id(struct report *report, const struct docs *docs, enum lint_id id, struct str object,
			 struct location at, const char *format, va_list args)
{
	struct finding finding = {.severity = lint_rows[id].severity, .id = lint_rows[id].id, .file = {"", 0}};
	struct str file = at.source < docs->source_count ? docs->sources[at.source].path : finding.file;

	if (!report_leaves_out(report, id, file, object))
		find(report, docs, finding, at, format, args);
}

void docs_lint(struct report *report, const struct docs *docs, enum lint_id id, struct location at, const char *format,
	       ...)
{
	va_list args;

	va_start(args, format);
	find_with_id(report, docs, id, STR(""), at, format, args);
	va_end(args);
}

void docs_lint_object(struct report *report, const struct docs *docs, enum lint_id id, struct str object,
		      struct location at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find_with_id(report, docs, id, object, at, format, args);
	va_end(args);
}

const char *docs_where(const struct docs *docs, struct location at, char *buffer, size_t size)
{
	struct str path = at.source < docs->source_count ? docs->sources[at.source].path : (struct str){"", 0};

	snprintf(buffer, size, "%.*s:%u", STR_ARG(path), (unsigned)at.line);
	return buffer;
}
