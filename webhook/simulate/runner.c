#include "webhook/simulate/runner.h"

#include <stdlib.h>

#include "webhook/json/text.h"
#include "webhook/simulate/suite_check.h"
#include "webhook/simulate/suite_names.h"

#define SUITE_BYTES_MAX ((size_t)16 << 20)
#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)256 << 20)

/* --- Suites --- */

/* What this file has reached of a policy so far. Returns NULL without memory. */
static struct reached *find_reached(struct file_results *results, const struct tested_policy *policy, struct error *err)
{
	struct reached **link = &results->reached;
	while (*link && (*link)->policy != policy)
		link = &(*link)->next;
	if (*link)
		return *link;
	struct reached *fresh = calloc(1, sizeof *fresh);
	if (!fresh || coverage_copy(&fresh->coverage, &policy->parts) < 0) {
		free(fresh);
		error_set(err, "there is not enough memory");
		return NULL;
	}
	fresh->policy = policy;
	*link = fresh;
	return fresh;
}

/* Returns NULL with an error. */
static struct reached *find_policy(struct runner *runner, struct file_results *results, const struct manifest *manifest,
				   const struct suite *suite, struct error *err)
{
	const struct tested_policy *policy = NULL;
	struct reached *reached = NULL;
	bool named = str_present(suite->spec.policy);
	char *path = named ? suite_path(manifest, suite->spec.policy) : NULL;
	if (named && (!path || seen_files_add(&results->seen, path) < 0))
		error_set(err, "there is not enough memory");
	else if (!named && runner->tested.path_count == 0)
		error_set(err, "no policy is named; add `spec.policy`, or give --policy");
	else
		policy = tested_find(&runner->tested, path, err);
	free(path);
	if (policy)
		reached = find_reached(results, policy, err);
	if (!reached)
		suite_error_at(manifest, suite->at, err);
	return reached;
}

static void run_object(struct runner *runner, struct file_results *out, struct manifest *manifest,
		       const struct manifest_object *object)
{
	struct arena arena;
	struct suite suite;
	struct error err = {0};
	char name[256];
	snprintf(name, sizeof name, "%.*s", (int)(object->name.len < 250 ? object->name.len : 250),
		 object->name.len ? object->name.ptr : "");
	text_trim(name);
	json_t *results = scores_suite(&out->scores, *name ? name : manifest->file, manifest->file, object->line);
	arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
	struct reached *reached = NULL;
	if (suite_read(&suite, manifest, object, &arena, &err) == 0 && suite_check(manifest, &suite, &err) == 0)
		reached = find_policy(runner, out, manifest, &suite, &err);
	if (reached && suite_check_quotas(reached->coverage.policy, manifest, &suite, &err) < 0)
		reached = NULL;
	const struct suite_means means = {.read = runner->read,
					  .select = runner->select,
					  .stop = runner->stop,
					  .coverage = reached ? &reached->coverage : NULL,
					  .scores = &out->scores,
					  .seen = &out->seen};
	if (reached)
		suite_run(&means, manifest, &suite, results);
	else
		scores_step(&out->scores, results, STEP_ERROR,
			    json_pack("{s:s, s:o}", "name", "suite", "message", json_text(str_of(err.text))));
	arena_release(&arena);
}

void runner_file(struct runner *runner, const char *path, struct file_results *results)
{
	struct manifest manifest = {.count = 0};
	struct error err = {0};
	struct buf bytes;
	*results = (struct file_results){.reached = NULL};
	scores_init(&results->scores); /* Without memory, runner_add says so. */
	buf_init(&bytes, SUITE_BYTES_MAX);
	int result = runner->read(path, &bytes, &err);
	if (result == 0)
		result = manifest_read_own(&manifest, path, buf_view(&bytes), &err);
	buf_release(&bytes);
	if (result < 0) {
		scores_note(&results->scores, path, STEP_ERROR, err.text);
		return;
	}
	if (manifest.count == 0)
		scores_note(&results->scores, path, STEP_FAILED,
			    "the file has no suites; add a document of kind TestSuite");
	for (uint32_t i = 0; i < manifest.count; i++)
		run_object(runner, results, &manifest, &manifest.objects[i]);
	manifest_release(&manifest);
}

/* --- All files --- */

static int add_reached(struct file_results *all, const struct file_results *results)
{
	struct error err = {0};
	for (const struct reached *reached = results->reached; reached; reached = reached->next) {
		struct reached *sum = find_reached(all, reached->policy, &err);
		if (!sum)
			return -1;
		coverage_add(&sum->coverage, &reached->coverage);
	}
	return 0;
}

static void release(struct file_results *results)
{
	scores_release(&results->scores);
	for (struct reached *next, *reached = results->reached; reached; reached = next) {
		next = reached->next;
		coverage_release(&reached->coverage);
		free(reached);
	}
	seen_files_release(&results->seen);
}

int runner_add(struct runner *runner, struct file_results *results)
{
	struct file_results *all = &runner->results;
	int result = scores_add(&all->scores, &results->scores);
	if (add_reached(all, results) < 0)
		result = -1;
	for (size_t i = 0; i < results->seen.count; i++)
		if (seen_files_add(&all->seen, results->seen.paths[i]) < 0)
			result = -1;
	release(results);
	return result;
}

int runner_init(struct runner *runner, const char *const *policies, size_t policy_count)
{
	*runner = (struct runner){.stop = -1};
	tested_init(&runner->tested, policies, policy_count);
	return scores_init(&runner->results.scores);
}

void runner_release(struct runner *runner)
{
	release(&runner->results);
	tested_release(&runner->tested);
}
