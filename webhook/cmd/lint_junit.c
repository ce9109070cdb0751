#include "webhook/cmd/lint_junit.h"

#include "gpugate/arena.h"
#include "webhook/cli/output_junit.h"
#include "webhook/cli/output_path.h"

#define CASES_MAX (REPORT_ERRORS_MAX + REPORT_WARNINGS_MAX + SEVERITIES)
#define TEXT_BYTES_MAX ((size_t)64 << 10)
#define ARENA_BYTES_MAX ((size_t)16 << 20)
#define SUITE STR("gpugate lint")

struct cases {
	const struct lint_result *result;
	struct arena arena; /* Holds the texts of the cases. */
	struct junit_case items[CASES_MAX];
	size_t count;
	bool failed; /* Memory is exhausted. */
};

/* Moves a text to the arena and releases the buffer. */
static struct str keep(struct cases *cases, struct buf *text)
{
	struct str copy = text->failed ? (struct str){NULL, 0} : arena_str(&cases->arena, buf_view(text));
	cases->failed |= !str_present(copy);
	buf_release(text);
	return copy;
}

static struct junit_case *add_case(struct cases *cases, enum severity severity)
{
	bool fails = severity == SEVERITY_ERROR || cases->result->strict;
	struct junit_case *item = &cases->items[cases->count++];
	*item = (struct junit_case){.classname = SUITE,
				    .outcome = fails ? JUNIT_FAILED : JUNIT_PASSED,
				    .type = str_of(severity_name(severity))};
	return item;
}

/* "12:7 model-overlap" */
static struct str name_of(struct cases *cases, const struct finding *finding)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (finding->line > 0)
		buf_printf(&text, "%u:%u ", finding->line, finding->column);
	buf_str(&text, lint_row_of(finding->id)->id);
	return keep(cases, &text);
}

static void add_finding(struct cases *cases, const struct finding *finding, struct str directory)
{
	struct junit_case *item = add_case(cases, finding->severity);
	struct buf text;
	item->name = name_of(cases, finding);
	item->line = finding->line;
	item->message = finding->text;
	buf_init(&text, TEXT_BYTES_MAX);
	report_print_finding(finding, false, &text);
	item->details = keep(cases, &text);
	if (finding->file.len == 0)
		return;
	output_path(directory, finding->file, &text);
	item->classname = item->file = keep(cases, &text);
}

static void add_rest(struct cases *cases, enum severity severity)
{
	struct buf text;
	buf_init(&text, TEXT_BYTES_MAX);
	if (report_print_rest(cases->result->report, severity, &text)) {
		struct junit_case *item = add_case(cases, severity);
		item->name = item->message = item->details = keep(cases, &text);
	}
	buf_release(&text);
}

void lint_junit(const struct lint_result *result, struct str directory, struct buf *out)
{
	struct cases *cases = calloc(1, sizeof *cases);
	if (!cases) {
		out->failed = true;
		return;
	}
	cases->result = result;
	arena_init(&cases->arena, 4096, ARENA_BYTES_MAX);
	for (unsigned i = 0; i < result->report->count; i++)
		add_finding(cases, &result->report->findings[i], directory);
	for (enum severity severity = 0; severity < SEVERITIES; severity++)
		add_rest(cases, severity);
	if (cases->count == 0)
		cases->items[cases->count++] = (struct junit_case){.classname = SUITE, .name = STR("policy")};
	output_junit(SUITE, cases->items, cases->count, out);
	out->failed |= cases->failed;
	arena_release(&cases->arena);
	free(cases);
}
