#include "webhook/cli/output_github.h"

#include "webhook/cli/output_path.h"

#define PATH_BYTES_MAX ((size_t)64 << 10)

/*
 * Escapes what would end a command or change its meaning. In a property, colons and commas would
 * end it as well (actions/toolkit, packages/core/src/command.ts).
 */
static void escape(struct buf *out, struct str text, const char *special)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c && strchr(special, c))
			buf_printf(out, "%%%02X", (unsigned)c);
		else
			buf_char(out, c);
	}
}

static void add_property(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s=", name);
	escape(out, value, "%\r\n:,");
}

static void add_location(struct buf *out, const struct finding *finding, struct str directory)
{
	struct buf path;
	if (finding->file.len == 0)
		return;
	buf_init(&path, PATH_BYTES_MAX);
	output_path(directory, finding->file, &path);
	out->failed |= path.failed;
	add_property(out, "file", buf_view(&path));
	buf_release(&path);
	if (finding->line > 0)
		buf_printf(out, ",line=%u,col=%u,endColumn=%u", finding->line, finding->column,
			   finding->column + finding->length);
	buf_char(out, ',');
}

void output_github(const struct report *report, struct str directory, struct buf *out)
{
	for (unsigned i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		buf_printf(out, "::%s ", severity_name(finding->severity));
		add_location(out, finding, directory);
		add_property(out, "title", lint_row_of(finding->id)->id);
		buf_text(out, "::");
		escape(out, finding->text, "%\r\n");
		buf_char(out, '\n');
	}
	for (enum severity severity = 0; severity < SEVERITIES; severity++) {
		struct buf text;
		buf_init(&text, PATH_BYTES_MAX);
		if (report_print_rest(report, severity, &text))
			buf_printf(out, "::%s title=gpugate lint::%.*s\n", severity_name(severity),
				   STR_ARG(buf_view(&text)));
		buf_release(&text);
	}
}
