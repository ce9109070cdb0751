/* report: findings about manifests that are not made by the rules of this folder. */
#include "policy/document/report.h"
#include "gpugate/file.h"
#include "gpugate/manifests.h"
#include "policy/base/utf8.h"
#include "policy/document/diagnostic.h"
#include "policy/document/lines.h"
#include "policy/manifest/classify.h"

#define CHUNK ((size_t)64 << 10)
#define LINES_MAX ((size_t)1 << 30) /* 4 bytes for each line of the largest file. */

struct manifests_file {
	struct str path;
	bool read;   /* It was tried to read it. */
	bool usable; /* `docs` has its lines. */
	struct buf bytes;
	struct arena lines;
	struct docs docs;
};

struct manifests_file *manifests_file_create(struct str path)
{
	struct manifests_file *file = malloc(sizeof *file);
	if (!file)
		return NULL;
	*file = (struct manifests_file){.path = path};
	buf_init(&file->bytes, 1);
	arena_init(&file->lines, CHUNK, LINES_MAX);
	return file;
}

void manifests_file_destroy(struct manifests_file *file)
{
	if (!file)
		return;
	buf_release(&file->bytes);
	arena_release(&file->lines);
	free(file);
}

/* What is wrong in it has been reported. */
static void read_lines(struct manifests_file *file)
{
	struct report *problems = malloc(sizeof *problems);
	file->read = true;
	if (!problems)
		return;
	report_init(problems);
	file->usable = classify_read(file->path.ptr, &file->bytes) == 0 &&
		       classify_open(file->path.ptr, buf_view(&file->bytes), &file->lines, &file->docs, problems);
	report_release(problems);
	free(problems);
}

/* Returns how many characters the text has that is there, with its quotation marks. */
static unsigned length_of(struct str line, const struct manifests_place *at)
{
	unsigned characters = 0;
	for (unsigned i = 1; i < at->column && line.len > 0; i++)
		line = str_tail(line, utf8_step(line));
	bool quoted = line.len > 0 && (line.ptr[0] == '"' || line.ptr[0] == '\'');
	if (at->text.len == 0 || !str_starts(str_tail(line, quoted), at->text))
		return 1;
	for (struct str rest = at->text; rest.len > 0; rest = str_tail(rest, utf8_step(rest)))
		characters++;
	return characters + (quoted ? 2 : 0);
}

void manifests_report(struct report *report, struct manifests_file *file, const struct manifests_place *at,
		      struct str object, enum lint_id id, struct str text)
{
	if (at->line > 0 && !file->read)
		read_lines(file);
	if (at->line > 0 && file->usable) {
		unsigned length = length_of(source_line(&file->docs.sources[0], at->line), at);
		struct location location = {0, at->line, at->column, length};
		docs_lint_object(report, &file->docs, id, object, location, "%.*s", STR_ARG(text));
		return;
	}
	const struct finding finding = {.severity = lint_rows[id].severity,
					.id = lint_rows[id].id,
					.file = file_shown(file->path),
					.line = at->line,
					.column = at->line > 0 ? at->column : 0,
					.length = 1,
					.utf16_column = at->line > 0 ? at->column : 0,
					.utf16_length = at->line > 0,
					.text = text};
	if (!report_leaves_out(report, id, finding.file, object))
		report_add(report, &finding);
}
