/* gpugate test: runs the tests of a policy, without a cluster. */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "webhook/cli/output_junit.h"
#include "webhook/cli/terminal.h"
#include "webhook/cmd/commands.h"
#include "webhook/cmd/input_file.h"
#include "webhook/cmd/suite_files.h"
#include "webhook/simulate/results.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_JUNIT };

struct test_options {
	struct option_list policies;
	const char *run;
	bool coverage;
	long required; /* In percent. */
	int output;
	struct option_list paths;
};

static const char *const outputs[] = {[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_JUNIT] = "junit", NULL};

static const struct option_row rows[] = {
    {.name = "--policy",
     .word = "PATH",
     .type = OPTION_LIST,
     .offset = offsetof(struct test_options, policies),
     .help = "A folder of policy files, or one file, for suites that name no policy themselves."},
    {.name = "--run",
     .word = "REGEX",
     .type = OPTION_STRING,
     .offset = offsetof(struct test_options, run),
     .help = "Judge only steps whose SUITE/STEP matches this extended regular expression. The other steps run as well, "
	     "since what they create counts. It is a failure if no step matches."},
    {.name = "--coverage",
     .type = OPTION_FLAG,
     .offset = offsetof(struct test_options, coverage),
     .help = "Say which Rules, Guards, tenants, quotas, and exemptions of the policies no step has reached."},
    {.name = "--require-coverage",
     .word = "PERCENT",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct test_options, required),
     .fallback = "0",
     .min = 0,
     .max = 100,
     .help = "Fail if the steps reach less of the policies than that. It implies --coverage."},
    {.name = "-o",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct test_options, output),
     .fallback = "text",
     .choices = outputs,
     .help = "The form of the output. junit is XML for CI systems. docs/policy-as-code.md describes the members of "
	     "json."},
};

static const struct option_table table = {
    .command = "test",
    .synopsis =
	"[--policy PATH] [--run REGEX] [--coverage] [--require-coverage PERCENT] [-o text|json|junit] [PATH...]",
    .summary = "Runs suites of tests: what is created, by whom, and what the webhook must answer. Without PATH it runs "
	       "those of the current folder. In a folder, suites are the files whose names end in .suite.yaml, "
	       ".suite.yml, or .suite.json. docs/policy-as-code.md describes them.",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .values_size = sizeof(struct test_options),
    .operands = "PATH",
    .operands_offset = offsetof(struct test_options, paths),
    .examples = "  gpugate test --policy deploy/policy tests/\n"
		"  gpugate test --run 'training/' training.suite.yaml\n"
		"  gpugate test --require-coverage 90 -o junit >results.xml\n",
    .statuses = {[EXIT_FINE] = "All steps passed.",
		 [EXIT_FINDINGS] = "A step failed, nothing was tested, or the coverage is too low.",
		 [EXIT_FAILED] = "A suite, a file, or a policy has an error."},
};

/* --- Running --- */

static void run_file(void *context, const char *file)
{
	runner_file(context, file);
}

static void run_path(struct runner *runner, const char *path)
{
	struct error err = {0};
	if (strcmp(path, "-") == 0) {
		runner_file(runner, path);
		return;
	}
	int found = suite_files_each(path, run_file, runner, &err);
	if (found < 0)
		scores_note(&runner->scores, path, STEP_ERROR, err.text);
	else if (found == 0)
		scores_note(&runner->scores, path, STEP_FAILED,
			    "no suites are in this folder; their names end in .suite.yaml, .suite.yml, or .suite.json");
}

static void require(struct runner *runner, const struct test_options *options)
{
	struct results_coverage coverage = results_coverage(runner);
	char text[200];
	if (options->run && runner->scores.passed + runner->scores.failed + runner->scores.errors == 0)
		scores_note(&runner->scores, "--run", STEP_FAILED,
			    "no step matches the regular expression; correct it");
	if (coverage.reached * 100 >= coverage.parts * (uint64_t)options->required)
		return;
	snprintf(text, sizeof text, "%llu of %llu parts of the policy are reached, which is less than %ld%%; add steps",
		 (unsigned long long)coverage.reached, (unsigned long long)coverage.parts, options->required);
	scores_note(&runner->scores, "--require-coverage", STEP_FAILED, text);
}

/* --- Output --- */

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
	struct junit_case row = {.suite = json_string_value(json_object_get(suite, "name")),
				 .name = json_string_value(json_object_get(step, "name")),
				 .file = json_string_value(json_object_get(suite, "file"))};
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
	const struct junit_totals all = {runner->scores.passed + runner->scores.failed + runner->scores.errors,
					 runner->scores.failed, runner->scores.errors};
	size_t i, j;
	json_t *suite, *step;
	junit_begin(out, "gpugate test", &all);
	json_array_foreach(runner->scores.suites, i, suite)
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

static int print(const struct test_options *options, const struct runner *runner, struct error *err)
{
	struct buf out;
	int result = 0;
	json_t *tree = results_tree(runner, options->coverage || options->required > 0);
	buf_init(&out, OUTPUT_BYTES_MAX);
	if (options->output == OUTPUT_JUNIT)
		print_junit(runner, &out);
	else if (options->output == OUTPUT_TEXT)
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

/* --- The command --- */

static int compile(const char *pattern, regex_t *regex, struct error *err)
{
	char problem[200];
	int failed = regcomp(regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (!failed)
		return 0;
	regerror(failed, regex, problem, sizeof problem);
	return error_set(err, "--run: %.300s is not an extended regular expression: %s; correct it", pattern, problem);
}

static int run_all(const struct test_options *options, struct runner *runner, struct error *err)
{
	if (runner_init(runner) < 0)
		return error_set(err, "there is not enough memory");
	for (size_t i = 0; i < options->paths.count; i++)
		run_path(runner, options->paths.items[i]);
	if (options->paths.count == 0)
		run_path(runner, ".");
	require(runner, options);
	return print(options, runner, err);
}

static int run(const struct test_options *options, struct error *err)
{
	regex_t regex;
	struct runner runner = {.policies = options->policies.items,
				.policy_count = options->policies.count,
				.select = options->run ? &regex : NULL,
				.read = input_file_read};
	if (options->run && compile(options->run, &regex, err) < 0)
		return EXIT_FAILED;
	int result = run_all(options, &runner, err);
	int status = result < 0 || runner.scores.errors ? EXIT_FAILED
		     : runner.scores.failed             ? EXIT_FINDINGS
							: EXIT_FINE;
	runner_release(&runner);
	if (options->run)
		regfree(&regex);
	return status;
}

static int run_test(int argc, char **argv)
{
	struct test_options options;
	struct error err = {0};
	int status = options_start(&table, argc, argv, &options);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	status = run(&options, &err);
	if (err.text[0])
		fprintf(stderr, "gpugate test: %s\n", err.text);
	options_release(&table, &options);
	return status;
}

const struct command test_command = {
    .name = "test",
    .summary = "run the tests of a policy",
    .group = GROUP_POLICY,
    .options = &table,
    .run = run_test,
};
