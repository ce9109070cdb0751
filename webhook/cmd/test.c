/* gpugate test: runs the tests of a policy, without a cluster. */
#include <signal.h>
#include <string.h>

#include "webhook/cmd/commands.h"
#include "webhook/cmd/test_output.h"
#include "webhook/cmd/test_run.h"
#include "webhook/cmd/test_watch.h"

static const char *const outputs[] = {[TEST_TEXT] = "text", [TEST_JSON] = "json", [TEST_JUNIT] = "junit", NULL};

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
     .help = "Say which Rules, tenants, quotas, exemptions, and words of Guards no step has reached."},
    {.name = "--require-coverage",
     .word = "PERCENT",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct test_options, required),
     .fallback = "0",
     .min = 0,
     .max = 100,
     .help = "Fail if the steps reach less of the policies than that. It implies --coverage, and cannot be given with "
	     "--run."},
    {.name = "--jobs",
     .word = "N",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct test_options, jobs),
     .min = 1,
     .max = TEST_JOBS_MAX,
     .help = "How many files with suites are run at once. Without it, as many as there are CPUs. The output is the "
	     "same."},
    {.name = "--watch",
     .type = OPTION_FLAG,
     .offset = offsetof(struct test_options, watch),
     .help = "Run the tests again whenever a suite, a policy, or a file that they name changes, until Ctrl+C. The exit "
	     "status is that of the last results."},
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
    .synopsis = "[--policy PATH] [--run REGEX] [--coverage] [--require-coverage PERCENT] [--jobs N] [--watch] "
		"[-o text|json|junit] [PATH...]",
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
		"  gpugate test --watch --policy deploy/policy tests/\n"
		"  gpugate test --require-coverage 90 -o junit >results.xml\n",
    .statuses = {[EXIT_FINE] = "All steps passed.",
		 [EXIT_FINDINGS] = "A step failed, nothing was tested, or the coverage is too low.",
		 [EXIT_FAILED] = "A suite, a file, or a policy has an error."},
};

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

static int run_once(const struct test_options *options, const regex_t *select, struct error *err)
{
	struct runner runner;
	int result = test_run(options, select, -1, &runner, err);
	if (result == 0)
		result = test_print(options, &runner, err);
	int status = result < 0 ? EXIT_FAILED : test_status(&runner);
	runner_release(&runner);
	return status;
}

/* What the options cannot mean together. */
static int check(const struct test_options *options, struct error *err)
{
	unsigned standard = 0;
	for (size_t i = 0; i < options->paths.count; i++)
		standard += strcmp(options->paths.items[i], "-") == 0;
	if (standard > 1)
		return error_set(err, "- is named twice, and standard input can be read once; remove one");
	if (options->run && options->required)
		return error_set(err, "--require-coverage: with --run, only some of the steps are judged; remove one");
	if (options->watch && standard)
		return error_set(err, "--watch: standard input cannot be watched; name a file or a folder");
	if (options->watch && options->output == TEST_JUNIT)
		return error_set(err, "--watch: -o junit is one document; write -o text or -o json");
	return 0;
}

static int run(const struct test_options *options, struct error *err)
{
	regex_t regex;
	const regex_t *select = options->run ? &regex : NULL;
	if (check(options, err) < 0 || (options->run && compile(options->run, &regex, err) < 0))
		return EXIT_FAILED;
	int status = options->watch ? test_watch(options, select, err) : run_once(options, select, err);
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
