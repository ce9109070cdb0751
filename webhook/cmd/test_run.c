#include "webhook/cmd/test_run.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gpugate/vec.h"
#include "webhook/base/thread.h"
#include "webhook/cli/command.h"
#include "webhook/cmd/input_file.h"
#include "webhook/cmd/suite_files.h"
#include "webhook/simulate/results.h"

#define STACK_BYTES ((size_t)8 << 20) /* Like that of the main thread, which also runs suites. */
#define FILES_LEAST 64

/* A file with suites, or what is to be said about a path that has none. */
struct item {
	char *file; /* Owned. */
	bool noted;
	enum step_result result;
	char *text; /* Owned. */
	struct file_results results;
};

struct work {
	struct runner *runner;
	struct item *items;
	size_t count, size;
	atomic_size_t next; /* The first item that nobody has taken. */
	bool failed;        /* There was not enough memory. */
};

/* --- What is to be run --- */

static struct item *add_item(struct work *work, const char *file)
{
	struct item *items = vec_room(work->items, work->count, &work->size, FILES_LEAST, sizeof *items);
	char *copy = items ? strdup(file) : NULL;
	if (items)
		work->items = items;
	if (!copy) {
		work->failed = true;
		return NULL;
	}
	work->items[work->count] = (struct item){.file = copy};
	return &work->items[work->count++];
}

static void add_file(void *context, const char *file)
{
	add_item(context, file);
}

static void add_note(struct work *work, const char *path, enum step_result result, const char *text)
{
	struct item *item = add_item(work, path);
	if (!item)
		return;
	item->noted = true;
	item->result = result;
	item->text = strdup(text);
	work->failed |= !item->text;
}

static void add_path(struct work *work, const char *path)
{
	struct error err = {0};
	if (strcmp(path, "-") == 0) {
		add_item(work, path);
		return;
	}
	int found = suite_files_each(path, add_file, work, &err);
	if (found < 0)
		add_note(work, path, STEP_ERROR, err.text);
	else if (found == 0)
		add_note(work, path, STEP_FAILED,
			 "no suites are in this folder; their names end in .suite.yaml, .suite.yml, or .suite.json");
}

/* --- Threads --- */

static void *work_on(void *argument)
{
	struct work *work = argument;
	for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->count;)
		if (!work->items[i].noted)
			runner_file(work->runner, work->items[i].file, &work->items[i].results);
	return NULL;
}

static size_t count_cpus(void)
{
	cpu_set_t cpus;
	int count = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
	return count > 0 ? (size_t)count : 1;
}

/* The calling thread works, too. A thread that cannot be started only makes it slower. */
static void work_together(struct work *work, long wanted)
{
	pthread_t threads[TEST_JOBS_MAX];
	size_t jobs = wanted > 0 ? (size_t)wanted : count_cpus(), started = 0;
	jobs = jobs < work->count ? jobs : work->count;
	jobs = jobs < TEST_JOBS_MAX ? jobs : TEST_JOBS_MAX;
	while (started + 1 < jobs && thread_start(&threads[started], STACK_BYTES, work_on, work) == 0)
		started++;
	work_on(work);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

/* --- Results --- */

static void collect(struct work *work)
{
	struct runner *runner = work->runner;
	for (size_t i = 0; i < work->count; i++) {
		struct item *item = &work->items[i];
		if (!item->noted) {
			work->failed |= runner_add(runner, &item->results) < 0;
			work->failed |= seen_files_add(&runner->results.seen, item->file) < 0;
		} else if (item->text) {
			scores_note(&runner->results.scores, item->file, item->result, item->text);
		}
		free(item->file);
		free(item->text);
	}
	free(work->items);
}

static void require(struct runner *runner, const struct test_options *options)
{
	struct results_coverage coverage = results_coverage(runner);
	struct scores *scores = &runner->results.scores;
	char text[200];
	if (options->run && scores->passed + scores->failed + scores->errors == 0)
		scores_note_all(scores, "--run", "no step matches the regular expression; correct it");
	const char *why = results_unmeasured(runner);
	if (options->required && why) {
		snprintf(text, sizeof text, "the coverage was not measured, because %s", why);
		scores_note_all(scores, "--require-coverage", text);
		return;
	}
	if (coverage.reached * 100 >= coverage.parts * (uint64_t)options->required)
		return;
	snprintf(text, sizeof text, "%llu of %llu parts of the policy are reached, which is less than %ld%%; add steps",
		 (unsigned long long)coverage.reached, (unsigned long long)coverage.parts, options->required);
	scores_note_all(scores, "--require-coverage", text);
}

int test_run(const struct test_options *options, const regex_t *select, int stop, struct runner *runner,
	     struct error *err)
{
	struct work work = {.runner = runner};
	if (runner_init(runner, options->policies.items, options->policies.count) < 0)
		return error_set(err, "there is not enough memory");
	runner->select = select;
	runner->read = input_file_read;
	runner->stop = stop;
	for (size_t i = 0; i < options->paths.count; i++)
		add_path(&work, options->paths.items[i]);
	if (options->paths.count == 0)
		add_path(&work, ".");
	work_together(&work, options->jobs);
	collect(&work);
	require(runner, options);
	return work.failed ? error_set(err, "there is not enough memory") : 0;
}

int test_status(const struct runner *runner)
{
	const struct scores *scores = &runner->results.scores;
	return scores->errors ? EXIT_FAILED : scores->failed ? EXIT_FINDINGS : EXIT_FINE;
}
