#include "webhook/cli/output_junit.h"

#include "webhook/json/utf8.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Element of an outcome, and the attribute of a suite that counts it. */
static const struct {
	const char *element, *counter;
} outcomes[JUNIT_OUTCOMES] = {
    [JUNIT_PASSED] = {"system-out", "tests"},
    [JUNIT_FAILED] = {"failure", "failures"},
    [JUNIT_ERROR] = {"error", "errors"},
    [JUNIT_SKIPPED] = {"skipped", "skipped"},
};

/* White space is escaped where a parser would change it: in attributes, and CR everywhere. */
static void ascii(struct buf *out, char c, bool attribute)
{
	const char *entity = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : NULL;
	bool white = c == '\t' || c == '\n' || c == '\r';
	if (entity)
		buf_text(out, entity);
	else if (white && (attribute || c == '\r'))
		buf_printf(out, "&#%d;", c);
	else if (white || c >= ' ')
		buf_char(out, c);
	else
		buf_text(out, REPLACEMENT);
}

/* U+FFFE and U+FFFF are UTF-8, and no characters of XML (XML 1.0, section 2.2). */
static bool is_xml(struct str character)
{
	return !str_eq(character, STR("\xEF\xBF\xBE")) && !str_eq(character, STR("\xEF\xBF\xBF"));
}

static void escape(struct buf *out, struct str text, bool attribute)
{
	while (text.len > 0) {
		const unsigned char *at = (const unsigned char *)text.ptr;
		size_t len = utf8_character(at, at + text.len);
		if (len == 1)
			ascii(out, text.ptr[0], attribute);
		else if (len > 0 && is_xml((struct str){text.ptr, len}))
			buf_add(out, text.ptr, len);
		else
			buf_text(out, REPLACEMENT);
		text = str_tail(text, len ? len : 1);
	}
}

static void add_attribute(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, " %s=\"", name);
	escape(out, value, true);
	buf_char(out, '"');
}

static void add_outcome(struct buf *out, const struct junit_case *item)
{
	buf_printf(out, "      <%s", outcomes[item->outcome].element);
	if (item->outcome != JUNIT_PASSED) {
		add_attribute(out, "type", item->type);
		add_attribute(out, "message", item->message);
	}
	buf_char(out, '>');
	escape(out, item->details, false);
	buf_printf(out, "</%s>\n", outcomes[item->outcome].element);
}

static void add_case(struct buf *out, const struct junit_case *item)
{
	buf_text(out, "    <testcase");
	add_attribute(out, "classname", item->classname);
	add_attribute(out, "name", item->name);
	if (item->file.len > 0)
		add_attribute(out, "file", item->file);
	if (item->line > 0)
		buf_printf(out, " line=\"%u\"", item->line);
	if (item->outcome == JUNIT_PASSED && item->details.len == 0) {
		buf_text(out, "/>\n");
		return;
	}
	buf_text(out, ">\n");
	add_outcome(out, item);
	buf_text(out, "    </testcase>\n");
}

static void add_counters(struct buf *out, const struct junit_case *cases, size_t count)
{
	size_t counters[JUNIT_OUTCOMES] = {[JUNIT_PASSED] = count};
	for (size_t i = 0; i < count; i++)
		if (cases[i].outcome != JUNIT_PASSED)
			counters[cases[i].outcome]++;
	for (size_t i = 0; i < JUNIT_OUTCOMES; i++)
		buf_printf(out, " %s=\"%zu\"", outcomes[i].counter, counters[i]);
}

void output_junit(struct str suite, const struct junit_case *cases, size_t count, struct buf *out)
{
	buf_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	add_counters(out, cases, count);
	buf_text(out, ">\n  <testsuite");
	add_attribute(out, "name", suite);
	add_counters(out, cases, count);
	buf_text(out, ">\n");
	for (size_t i = 0; i < count; i++)
		add_case(out, &cases[i]);
	buf_text(out, "  </testsuite>\n</testsuites>\n");
}
