#include "webhook/simulate/results.h"

#include <stdlib.h>

#include "gpugate/plain.h"
#include "webhook/simulate/explain.h"
#include "webhook/simulate/explain_text.h"

#define PART_BYTES_MAX 4096
#define QUOTED_MAX ((size_t)64 << 10) /* Longer texts are shown as they are. */

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

const char *results_unmeasured(const struct runner *runner)
{
	if (runner->select)
		return "--run judges only some of the steps";
	if (runner->results.scores.errors)
		return "a suite, a file, or a policy has an error";
	return runner->results.reached ? NULL : "no suite was run";
}

static json_t *describe_coverage(const struct runner *runner)
{
	const char *why = results_unmeasured(runner);
	if (why)
		return json_pack("{s:b, s:s}", "measured", 0, "because", why);
	const struct results_coverage sum = results_coverage(runner);
	uint64_t percent = sum.parts > 0 ? sum.reached * 100 / sum.parts : 100;
	json_t *items = json_array();
	for (const struct reached *reached = runner->results.reached; reached; reached = reached->next)
		for (uint32_t i = 0; i < reached->coverage.count; i++)
			json_array_append_new(items, describe_part(&reached->coverage.parts[i]));
	return json_pack("{s:b, s:I, s:I, s:I, s:o}", "measured", 1, "percent", (json_int_t)percent, "reached",
			 (json_int_t)sum.reached, "count", (json_int_t)sum.parts, "parts", items);
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

/* Whether a text without quotation marks would look like another value, or like another text. */
static bool needs_quotes(const char *text, size_t len)
{
	if (len == 0 || len > QUOTED_MAX || text[0] == ' ' || text[len - 1] == ' ' || strcmp(text, "nothing") == 0)
		return len <= QUOTED_MAX;
	char *plain = malloc(len * PLAIN_GROWTH);
	json_t *other = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	bool hidden = plain && plain_copy((struct str){text, len}, false, plain) != len;
	bool quotes = other || hidden || (plain && memcmp(plain, text, len) != 0);
	json_decref(other);
	free(plain);
	return quotes;
}

/*
 * Prints a value so that the number 1 and the text "1" differ. What quotas hold is a text in the
 * tree, however it is written in the suite, so `amount` needs no quotation marks.
 */
static void print_value(struct printer *p, const char *label, const json_t *value, bool amount)
{
	const char *text = json_string_value(value);
	bool plain = text && (amount || !needs_quotes(text, json_string_length(value)));
	char *json = plain ? NULL : json_dumps(value, JSON_ENCODE_ANY | (text ? JSON_ENSURE_ASCII : 0));
	buf_printf(p->out, "          %-10s", label);
	print_plain(p, plain ? text : json ? json : "a value that cannot be shown");
	buf_char(p->out, '\n');
	free(json);
}

static void print_absent(struct printer *p, const char *label)
{
	buf_printf(p->out, "          %-10snothing\n", label);
}

/* A null that differs from nothing is an item of a list, which has fewer items. */
static void print_difference(struct printer *p, const json_t *item)
{
	const char *what = json_is_object(item) ? tree_get(item, "what") : "a difference that cannot be shown";
	const json_t *expected = json_object_get(item, "expected"), *actual = json_object_get(item, "actual");
	bool amount = strncmp(what, "usage", 5) == 0 || strncmp(what, "charges", 7) == 0;
	buf_text(p->out, "        ");
	print_plain(p, what);
	buf_char(p->out, '\n');
	if (!expected || (json_is_null(expected) && actual && !json_is_null(actual)))
		print_absent(p, "expected");
	else
		print_value(p, "expected", expected, amount);
	if (!actual || json_is_null(actual))
		print_absent(p, "actual");
	else
		print_value(p, "actual", actual, amount);
}

static void print_differences(struct printer *p, const json_t *step)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(step, "differences"), i, item)
	{
		print_difference(p, item);
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
	if (!json_is_true(json_object_get(coverage, "measured"))) {
		buf_printf(p->out, "coverage: not measured, because %s\n", tree_get(coverage, "because"));
		return;
	}
	if (tree_number(coverage, "count") == 0) {
		buf_text(p->out, "coverage: the policy has no parts that a step could reach\n");
		return;
	}
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
