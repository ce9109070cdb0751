#include "webhook/simulate/results.h"

#include <stdlib.h>

#include "webhook/simulate/explain.h"
#include "webhook/simulate/explain_text.h"

#define PART_BYTES_MAX 4096

struct results_coverage results_coverage(const struct runner *runner)
{
	struct results_coverage sum = {0, 0};
	for (const struct reached *reached = runner->results.reached; reached; reached = reached->next) {
		sum.parts += reached->coverage.count;
		sum.reached += coverage_reached(&reached->coverage);
	}
	return sum;
}

static json_t *describe_part(const struct coverage_part *part)
{
	struct buf what;
	buf_init(&what, PART_BYTES_MAX);
	coverage_print_part(&part->part, &what);
	json_t *item = json_pack("{s:o, s:o, s:b}", "what", json_stringn(what.len ? what.ptr : "", what.len), "at",
				 explain_location(part->part.at.file, part->part.at.line), "reached", part->reached);
	buf_release(&what);
	return item;
}

static json_t *describe_coverage(const struct runner *runner)
{
	const struct results_coverage sum = results_coverage(runner);
	uint64_t percent = sum.parts > 0 ? sum.reached * 100 / sum.parts : 100;
	json_t *items = json_array();
	for (const struct reached *reached = runner->results.reached; reached; reached = reached->next)
		for (uint32_t i = 0; i < reached->coverage.count; i++)
			json_array_append_new(items, describe_part(&reached->coverage.parts[i]));
	return json_pack("{s:I, s:I, s:I, s:o}", "percent", (json_int_t)percent, "reached", (json_int_t)sum.reached,
			 "count", (json_int_t)sum.parts, "parts", items);
}

json_t *results_tree(const struct runner *runner, bool coverage)
{
	json_t *tree = json_pack("{s:i, s:i, s:i, s:O}", "passed", (int)runner->results.scores.passed, "failed",
				 (int)runner->results.scores.failed, "errors", (int)runner->results.scores.errors,
				 "suites", runner->results.scores.suites);
	if (tree && coverage)
		json_object_set_new(tree, "coverage", describe_coverage(runner));
	return tree;
}

/* --- Text --- */

static void print_location(struct printer *p, const json_t *suite, const json_t *step)
{
	if (!tree_has(suite, "file")) { /* The step is about all suites. */
		print_plain(p, tree_get(step, "name"));
		buf_char(p->out, '\n');
		return;
	}
	print_plain(p, tree_get(suite, "file"));
	if (json_object_get(step, "line"))
		buf_printf(p->out, ":%lld:%lld", tree_number(step, "line"), tree_number(step, "column"));
	buf_text(p->out, ": ");
	print_plain(p, tree_get(suite, "name"));
	buf_char(p->out, '/');
	print_plain(p, tree_get(step, "name"));
	buf_char(p->out, '\n');
}

static void print_value(struct printer *p, const char *label, const json_t *value)
{
	buf_printf(p->out, "          %-10s", label);
	char *text = json_is_string(value) || json_is_null(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
	print_plain(p, text ? text : json_is_string(value) ? json_string_value(value) : "nothing");
	buf_char(p->out, '\n');
	free(text);
}

static void print_differences(struct printer *p, const json_t *step)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(step, "differences"), i, item)
	{
		buf_text(p->out, "        ");
		print_plain(p, json_is_object(item) ? tree_get(item, "what") : "a difference that cannot be shown");
		buf_char(p->out, '\n');
		print_value(p, "expected", json_object_get(item, "expected"));
		print_value(p, "actual", json_object_get(item, "actual"));
	}
	json_array_foreach(json_object_get(step, "decidedBy"), i, item)
	{
		buf_text(p->out, i ? "                    " : "        decided by  ");
		print_plain(p, tree_get(item, "what"));
		if (tree_has(item, "at"))
			buf_printf(p->out, " (%s)", tree_get(item, "at"));
		buf_char(p->out, '\n');
	}
}

static void print_step(struct printer *p, const json_t *suite, const json_t *step)
{
	bool error = tree_is(step, "result", "error");
	print_colored(p, COLOR_RED, error ? "ERROR " : "FAIL  ");
	print_location(p, suite, step);
	if (tree_has(step, "message")) {
		buf_text(p->out, "        ");
		print_plain(p, tree_get(step, "message"));
		buf_char(p->out, '\n');
	}
	print_differences(p, step);
}

void results_print_step(const json_t *suite, const json_t *step, struct buf *out)
{
	struct printer p = {.out = out};
	print_step(&p, suite, step);
}

static void print_suite(struct printer *p, const json_t *suite)
{
	size_t i, passed = 0, count = json_array_size(json_object_get(suite, "steps"));
	json_t *step;
	json_array_foreach(json_object_get(suite, "steps"), i, step)
	{
		if (tree_is(step, "result", "passed"))
			passed++;
		else
			print_step(p, suite, step);
	}
	if (count == 0 || passed < count)
		return;
	print_colored(p, COLOR_GREEN, "ok    ");
	print_plain(p, tree_get(suite, "file"));
	buf_text(p->out, ": ");
	print_plain(p, tree_get(suite, "name"));
	buf_printf(p->out, ", %zu step%s\n", count, count == 1 ? "" : "s");
}

static void print_coverage(struct printer *p, const json_t *coverage)
{
	size_t i;
	json_t *part;
	buf_printf(p->out, "coverage: %lld of %lld parts of the policy (%lld%%)\n", tree_number(coverage, "reached"),
		   tree_number(coverage, "count"), tree_number(coverage, "percent"));
	json_array_foreach(json_object_get(coverage, "parts"), i, part)
	{
		if (json_is_true(json_object_get(part, "reached")))
			continue;
		buf_printf(p->out, "  not reached: %s (%s)\n", tree_get(part, "what"), tree_get(part, "at"));
	}
}

void results_print(const json_t *tree, bool color, struct buf *out)
{
	struct printer p = {.out = out, .color = color};
	size_t i;
	json_t *suite;
	json_array_foreach(json_object_get(tree, "suites"), i, suite)
	{
		print_suite(&p, suite);
	}
	if (json_object_get(tree, "coverage"))
		print_coverage(&p, json_object_get(tree, "coverage"));
	long long errors = tree_number(tree, "errors");
	buf_printf(out, "%lld passed, %lld failed, %lld error%s\n", tree_number(tree, "passed"),
		   tree_number(tree, "failed"), errors, errors == 1 ? "" : "s");
}
