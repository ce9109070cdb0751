#include "webhook/cli/output_junit.h"

/* U+FFFE and U+FFFF are the only characters beyond ASCII that XML 1.0 excludes from UTF-8. */
static bool is_no_character(const char *p)
{
	return (unsigned char)p[0] == 0xef && (unsigned char)p[1] == 0xbf &&
	       ((unsigned char)p[2] == 0xbe || (unsigned char)p[2] == 0xbf);
}

/* A line break in an attribute would be read as a space, so it is written as a reference. */
static void add_text(struct buf *out, const char *text)
{
	static const struct {
		char c;
		const char *reference;
	} references[] = {{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},
			  {'"', "&quot;"}, {'\n', "&#10;"}, {'\t', "&#9;"}};
	for (const char *p = text; *p; p++) {
		const char *reference = NULL;
		for (size_t i = 0; i < sizeof references / sizeof references[0]; i++)
			if (references[i].c == *p)
				reference = references[i].reference;
		if (reference) {
			buf_text(out, reference);
		} else if ((unsigned char)*p < 0x20) {
			buf_char(out, '?');
		} else if (is_no_character(p)) {
			buf_char(out, '?');
			p += 2;
		} else {
			buf_char(out, *p);
		}
	}
}

static void add_attribute(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, " %s=\"", name);
	add_text(out, value);
	buf_char(out, '"');
}

static void add_totals(struct buf *out, const struct junit_totals *totals)
{
	buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n", totals->cases, totals->failures,
		   totals->errors);
}

void junit_begin(struct buf *out, const char *program, const struct junit_totals *totals)
{
	buf_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	add_attribute(out, "name", program);
	add_totals(out, totals);
}

void junit_suite_begin(struct buf *out, const char *name, const struct junit_totals *totals)
{
	buf_text(out, "  <testsuite");
	add_attribute(out, "name", name);
	add_totals(out, totals);
}

void junit_case(struct buf *out, const struct junit_case *result)
{
	const char *problem = result->error ? result->error : result->failure;
	const char *element = result->error ? "error" : "failure";
	buf_text(out, "    <testcase");
	add_attribute(out, "classname", result->suite);
	add_attribute(out, "name", result->name);
	add_attribute(out, "file", result->file);
	if (!problem) {
		buf_text(out, "/>\n");
		return;
	}
	buf_printf(out, ">\n      <%s>", element);
	add_text(out, problem);
	buf_printf(out, "</%s>\n    </testcase>\n", element);
}

void junit_suite_end(struct buf *out)
{
	buf_text(out, "  </testsuite>\n");
}

void junit_end(struct buf *out)
{
	buf_text(out, "</testsuites>\n");
}
