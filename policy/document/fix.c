/* fix: the remedies of findings, where these are mechanical. See diagnostic.h. */
#include "policy/base/utf8.h"
#include "policy/document/diagnostic.h"
#include "policy/document/lines.h"

/* Returns the finding of that id at that place, or NULL. */
static struct finding *find_kept(struct report *report, struct str file, enum lint_id id, struct location at)
{
	for (unsigned i = report->count; i > 0; i--) {
		struct finding *finding = &report->findings[i - 1];
		if (finding->line == at.line && finding->column == at.column && str_eq(finding->id, lint_rows[id].id) &&
		    str_eq(finding->file, file))
			return finding;
	}
	return NULL;
}

/* Returns how many bytes the first `count` characters of a line have, and their UTF-16 units. */
static size_t measure(struct str line, unsigned count, unsigned *units)
{
	size_t len = 0;
	*units = 0;
	for (; count > 0 && len < line.len; count--) {
		unsigned bytes = utf8_step(str_tail(line, len));
		*units += bytes == 4 ? 2 : 1;
		len += bytes;
	}
	return len;
}

void docs_fix(struct report *report, const struct docs *docs, enum lint_id id, struct location finding,
	      struct location at, struct str was, struct str text)
{
	const struct source *source = &docs->sources[at.source];
	struct finding *kept = find_kept(report, source->path, id, finding);
	struct str line = source_line(source, at.line);
	struct finding_fix fix = {.set = true, .line = at.line};
	unsigned units;
	size_t before = measure(line, at.column - 1, &units);
	struct str rest = str_tail(line, before);
	bool quoted = rest.len > 0 && (rest.ptr[0] == '"' || rest.ptr[0] == '\'') && !str_starts(rest, was);
	if (!kept || was.len == 0 || !str_starts(str_tail(rest, quoted), was))
		return;
	fix.offset = source->line_starts[at.line - 1] + before + quoted;
	fix.column = at.column + quoted;
	fix.utf16_column = units + 1 + quoted;
	measure(was, (unsigned)was.len, &fix.utf16_length);
	fix.was = arena_str(&report->arena, was);
	fix.text = arena_str(&report->arena, text);
	if (fix.was.ptr && fix.text.ptr)
		kept->fix = fix;
}
