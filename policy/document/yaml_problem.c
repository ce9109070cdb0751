#include "policy/document/yaml_problem.h"

#include "policy/base/utf8.h"
#include "policy/document/diagnostic.h"
#include "policy/document/lines.h"

struct problem {
	struct str libyaml; /* The beginning of libyaml's message. */
	const char *ours;
};

#define P(text)                                                                                                        \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

static const struct problem problems[] = {
    {P("could not find expected ':'"), "a key must be followed by a colon and a space; the colon is missing"},
    {P("block sequence entries are not allowed"),
     "a list item (\"- \") cannot stand here; put it on a line of its own"},
    {P("mapping keys are not allowed"), "a key cannot stand here; put it on a line of its own"},
    {P("mapping values are not allowed"),
     "a colon cannot stand here; quote the text that holds it, or check the indentation"},
    {P("found character that cannot start any token"), "a value cannot begin with this character; quote the value"},
    {P("found a tab character"), "a tab cannot indent YAML; use spaces"},
    {P("found unexpected end of stream"), "the file ends within a quoted text; add the closing quote"},
    {P("found unexpected document indicator"), "a document ends within a quoted text; add the closing quote"},
    {P("found unknown escape character"),
     "this escape is not known to YAML; write \\\\ for a backslash, or use single quotes"},
    {P("did not find expected hexdecimal number"), "this escape needs hexadecimal digits"},
    {P("found invalid Unicode character escape code"), "this escape names no character"},
    {P("did not find expected ',' or ']'"), "this list in brackets lacks a \",\" or its \"]\""},
    {P("did not find expected ',' or '}'"), "this map in braces lacks a \",\" or its \"}\""},
    {P("did not find expected '-' indicator"), "a list item (\"- \") is expected here; check the indentation"},
    {P("did not find expected key"), "a key is expected here; check the indentation and the quotes"},
    {P("did not find expected node content"), "a value is expected here"},
    {P("did not find expected <document start>"), "a new document must begin with a line \"---\""},
    {P("did not find expected alphabetic or numeric character"),
     "\"&\" and \"*\" begin anchors and aliases; quote the value"},
    {P("found undefined tag handle"), "tags (\"!\") are not read; quote the value"},
    {P("did not find expected whitespace or line break"),
     "tags (\"!\") and block texts need a space or line break here"},
    {P("did not find expected comment or line break"), "only a comment can follow here on this line"},
    {P("found incompatible YAML document"), "only YAML 1.1 and 1.2 are read"},
};

struct where {
	const struct docs *docs;
	const struct source *source;
	uint32_t index; /* Of the source. */
	struct report *report;
};

#define REPORT(where, at, ...) docs_report((where)->report, (where)->docs, SEVERITY_ERROR, (at), __VA_ARGS__)

struct location yaml_location(const struct docs *docs, uint32_t index, yaml_mark_t from, yaml_mark_t to)
{
	const struct source *source = &docs->sources[index];
	struct location at = {
	    .source = index, .line = (uint32_t)from.line + 1, .column = (uint32_t)from.column + 1, .length = 1};

	if (at.line > source->line_count)
		at.line = source->line_count;
	if (to.line == from.line && to.column > from.column)
		at.length = (uint32_t)(to.column - from.column);
	return at;
}

/*
 * Returns the first word of a line after its indentation and dashes, and its column. Returns an
 * empty string if there is none.
 */
static struct str first_word(const struct source *source, uint32_t line, uint32_t *column)
{
	struct str s = source_line(source, line);
	size_t from = 0, to;

	while (from < s.len &&
	       (s.ptr[from] == ' ' || (s.ptr[from] == '-' && from + 1 < s.len && s.ptr[from + 1] == ' ')))
		from++;
	for (to = from; to < s.len && !strchr(" \t\r", s.ptr[to]);)
		to++;
	*column = (uint32_t)from + 1;
	return (struct str){s.ptr + from, to - from};
}

static bool str_all(struct str s, char c)
{
	size_t i = 0;

	while (i < s.len && s.ptr[i] == c)
		i++;
	return i == s.len;
}

/*
 * Reports a missing space after a colon. YAML reads `key:value` as one word, and so as a key
 * without its colon. Returns whether it was reported.
 */
static bool space_missing(const struct where *where, struct location at, struct str word)
{
	const char *colon = word.len ? memchr(word.ptr, ':', word.len) : NULL;

	if (!colon || colon == word.ptr || colon + 1 == word.ptr + word.len || strchr("#[]{}\"'|>&*!%@`", word.ptr[0]))
		return false;
	REPORT(where, at, "a space is missing after the colon of \"%.*s\"", STR_ARG(utf8_head(word, 80)));
	return true;
}

/*
 * Reports a missing colon. YAML joins a key without its colon with the next line, and then objects
 * to the colon of that line. `line` is the last line that can lack the colon. Returns whether it
 * was reported, at the line that lacks it.
 */
static bool colon_missing(const struct where *where, uint32_t line)
{
	struct location at = {.source = where->index};
	struct str word = {NULL, 0};

	for (at.line = line + 1; word.len == 0 && at.line > 1;)
		word = first_word(where->source, --at.line, &at.column);
	at.length = (uint32_t)word.len;
	if (word.len > 1 && str_all(word, '-')) {
		REPORT(where, at, "documents are separated by a line of three dashes, \"---\", and this has %zu",
		       word.len);
		return true;
	}
	if (space_missing(where, at, word))
		return true;
	if (word.len == 0 || strchr("-#[]{}\"'|>&*!%@`", word.ptr[0]) ||
	    str_has_char(source_line(where->source, at.line), ':'))
		return false;
	REPORT(where, at, "a colon is missing after \"%.*s\"", STR_ARG(utf8_head(word, 80)));
	return true;
}

/* What libyaml was reading when it found the problem. */
static const char *holder_of(const char *context)
{
	static const char *const holders[][2] = {
	    {"mapping", "map"}, {"sequence", "list"}, {"collection", "list"}, {"quoted scalar", "quoted text"}};

	for (size_t i = 0; i < sizeof holders / sizeof holders[0]; i++) {
		if (strstr(context, holders[i][0]))
			return holders[i][1];
	}
	return "text";
}

/*
 * Returns why a flow list or map cannot continue at this column, or `ours` if the line does not
 * show it.
 */
static const char *flow_problem(struct str line, uint32_t column, const char *ours)
{
	size_t quotes = 0;

	for (size_t i = 0; i < line.len; i++)
		quotes += line.ptr[i] == '"';
	if (quotes % 2 == 1)
		return "a quotation mark on this line has no partner; add it, or remove the mark";
	if (column <= line.len && line.ptr[column - 1] == ':')
		return "a colon cannot stand here; quote the text that holds it";
	return ours;
}

void yaml_problem(const yaml_parser_t *parser, const struct docs *docs, uint32_t index, struct report *report)
{
	const struct where *where = &(struct where){docs, &docs->sources[index], index, report};
	struct str theirs = str_of(parser->problem ? parser->problem : "");
	const char *ours = "this is not YAML";
	struct location at = yaml_location(docs, index, parser->problem_mark, parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR || parser->error == YAML_READER_ERROR) {
		at.line = 0;
		REPORT(where, at, "the file cannot be read as YAML");
		return;
	}
	if (str_starts(theirs, STR("mapping values are not allowed")) && colon_missing(where, at.line - 1))
		return;
	if (str_starts(theirs, STR("could not find expected ':'")) &&
	    colon_missing(where, (uint32_t)parser->context_mark.line + 1))
		return;
	if (str_starts(source_line(where->source, at.line), STR("\t")) && at.column == 1)
		theirs = STR("found a tab character");
	for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
		if (str_starts(theirs, problems[i].libyaml)) {
			ours = problems[i].ours;
			break;
		}
	}
	bool one_line = !parser->context || parser->context_mark.line == parser->problem_mark.line;
	if (one_line && str_starts(theirs, STR("did not find expected ',' or")))
		ours = flow_problem(source_line(where->source, at.line), at.column, ours);
	if (one_line)
		REPORT(where, at, "%s", ours);
	else
		REPORT(where, at, "%s (the %s begins on line %zu)", ours, holder_of(parser->context),
		       parser->context_mark.line + 1);
}
