#include "webhook/cmd/test_output.h"

#include <string.h>
#include <unistd.h>

#include "webhook/cli/output_junit.h"
#include "webhook/cli/terminal.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)

static int take_json(const char *bytes, size_t len, void *context)
{
	struct buf *out = context;
	buf_add(out, bytes, len);
	return out->failed ? -1 : 0;
}

static struct junit_totals totals_of(const json_t *suite)
{
	struct junit_totals totals = {0, 0, 0};
	size_t i;
	json_t *step;
	json_array_foreach(json_object_get(suite, "steps"), i, step)
	{
		const char *result = json_string_value(json_object_get(step, "result"));
		totals.cases++;
		totals.failures += strcmp(result, "failed") == 0;
		totals.errors += strcmp(result, "error") == 0;
	}
	return totals;
}

static void print_junit_step(const json_t *suite, const json_t *step, struct buf *out)
{
	const char *result = json_string_value(json_object_get(step, "result"));
	struct buf text; /* Of no use if the step has passed. */
	buf_init(&text, OUTPUT_BYTES_MAX);
	results_print_step(suite, step, &text);
	buf_char(&text, '\0');
	const char *file = json_string_value(json_object_get(suite, "file"));
	struct junit_case row = {.suite = json_string_value(json_object_get(suite, "name")),
				 .name = json_string_value(json_object_get(step, "name")),
				 .file = file ? file : ""};
	if (strcmp(result, "failed") == 0)
		row.failure = text.ptr;
	else if (strcmp(result, "error") == 0)
		row.error = text.ptr;
	out->failed |= text.failed;
	if (!text.failed)
		junit_case(out, &row);
	buf_release(&text);
}

static void print_junit(const struct runner *runner, struct buf *out)
{
	const struct junit_totals all = {runner->results.scores.passed + runner->results.scores.failed +
					     runner->results.scores.errors,
					 runner->results.scores.failed, runner->results.scores.errors};
	size_t i, j;
	json_t *suite, *step;
	junit_begin(out, "gpugate test", &all);
	json_array_foreach(runner->results.scores.suites, i, suite)
	{
		struct junit_totals totals = totals_of(suite);
		if (totals.cases == 0)
			continue;
		junit_suite_begin(out, json_string_value(json_object_get(suite, "name")), &totals);
		json_array_foreach(json_object_get(suite, "steps"), j, step)
		{
			print_junit_step(suite, step, out);
		}
		junit_suite_end(out);
	}
	junit_end(out);
}

int test_print(const struct test_options *options, const struct runner *runner, struct error *err)
{
	struct buf out;
	int result = 0;
	json_t *tree = results_tree(runner, options->coverage || options->required > 0);
	buf_init(&out, OUTPUT_BYTES_MAX);
	if (options->output == TEST_JUNIT)
		print_junit(runner, &out);
	else if (options->output == TEST_TEXT)
		results_print(tree, terminal_has_colors(STDOUT_FILENO), &out);
	else if (json_dump_callback(tree, take_json, &out, JSON_INDENT(2)) == 0)
		buf_char(&out, '\n');
	json_decref(tree);
	if (!tree || out.failed || out.len == 0)
		result = error_set(err, "there is not enough memory for the output");
	else
		fwrite(out.ptr, 1, out.len, stdout);
	buf_release(&out);
	return result;
}
