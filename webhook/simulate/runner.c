#include "webhook/simulate/runner.h"

#include <stdlib.h>

#include "gpugate/report.h"
#include "webhook/json/text.h"

#define SUITE_BYTES_MAX ((size_t)16 << 20)
#define ARENA_CHUNK ((size_t)64 << 10)
#define ARENA_MAX ((size_t)256 << 20)

int runner_init(struct runner *runner)
{
	return scores_init(&runner->scores);
}

void runner_release(struct runner *runner)
{
	scores_release(&runner->scores);
	for (struct test_policy *next, *tested = runner->tested; tested; tested = next) {
		next = tested->next;
		coverage_release(&tested->coverage);
		policy_release(tested->policy);
		free(tested->location);
		free(tested);
	}
}

/* --- Policies --- */

static struct policy *load(const char *const *paths, size_t count, struct error *err)
{
	struct report *report = malloc(sizeof *report);
	if (!report) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	report_init(report);
	struct policy *policy = policy_load(paths, count, report);
	if (!policy) {
		const struct finding *first = &report->findings[0];
		error_set(err,
			  "the policy %.200s has errors, the first of them at %.*s:%u: %.*s; `gpugate lint` shows all",
			  paths[0], STR_ARG(first->file), first->line, STR_ARG(first->text));
	}
	report_release(report);
	free(report);
	return policy;
}

/*
 * Finds out where a policy is, so that one that is named in two ways is loaded and counted once.
 * `path` is NULL for that of --policy. `found`, new, is NULL for several files of --policy. Returns
 * 0, or -1 without memory.
 */
static int find_location(const struct runner *runner, const char *path, char **found)
{
	*found = NULL;
	if (!path && runner->policy_count != 1)
		return 0;
	const char *named = path ? path : runner->policies[0];
	*found = realpath(named, NULL);
	if (!*found) /* Loading it says why. */
		*found = strdup(named);
	return *found ? 0 : -1;
}

static bool is_at(const struct test_policy *tested, const char *location)
{
	return location && tested->location ? strcmp(location, tested->location) == 0 : !location && !tested->location;
}

static struct test_policy *load_new(const struct runner *runner, const char *path, struct error *err)
{
	struct test_policy *tested = calloc(1, sizeof *tested);
	if (!tested) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	tested->policy = path ? load(&path, 1, err) : load(runner->policies, runner->policy_count, err);
	if (tested->policy && coverage_init(&tested->coverage, tested->policy, err) == 0)
		return tested;
	policy_release(tested->policy);
	free(tested);
	return NULL;
}

/* The policy that a suite names; NULL with an error. */
static struct test_policy *load_once(struct runner *runner, const char *path, struct error *err)
{
	struct test_policy **link = &runner->tested;
	char *location;
	if (find_location(runner, path, &location) < 0) {
		error_set(err, "there is not enough memory");
		return NULL;
	}
	while (*link && !is_at(*link, location))
		link = &(*link)->next;
	if (!*link && (*link = load_new(runner, path, err))) {
		(*link)->location = location;
		location = NULL;
	}
	free(location);
	return *link;
}

/* --- Suites --- */

static struct test_policy *find_policy(struct runner *runner, const struct manifest *manifest,
				       const struct suite *suite, struct error *err)
{
	struct test_policy *policy = NULL;
	char *path = NULL;
	if (str_present(suite->spec.policy) && !(path = suite_path(manifest, suite->spec.policy)))
		error_set(err, "there is not enough memory");
	else if (!path && runner->policy_count == 0)
		error_set(err, "no policy is named; add `spec.policy`, or give --policy");
	else
		policy = load_once(runner, path, err);
	free(path);
	if (!policy)
		suite_error_at(manifest, suite->at, err);
	return policy;
}

static void run_object(struct runner *runner, struct manifest *manifest, const struct manifest_object *object)
{
	struct arena arena;
	struct suite suite;
	struct error err = {0};
	char name[256];
	snprintf(name, sizeof name, "%.*s", (int)(object->name.len < 250 ? object->name.len : 250),
		 object->name.len ? object->name.ptr : "");
	text_trim(name);
	json_t *results = scores_suite(&runner->scores, *name ? name : manifest->file, manifest->file, object->line);
	arena_init(&arena, ARENA_CHUNK, ARENA_MAX);
	struct test_policy *policy = NULL;
	if (suite_read(&suite, manifest, object, &arena, &err) == 0)
		policy = find_policy(runner, manifest, &suite, &err);
	if (policy)
		suite_run(&(struct suite_means){runner->read, runner->select, &policy->coverage, &runner->scores},
			  manifest, &suite, results);
	else
		scores_step(&runner->scores, results, STEP_ERROR,
			    json_pack("{s:s, s:o}", "name", "suite", "message", json_text(str_of(err.text))));
	arena_release(&arena);
}

void runner_file(struct runner *runner, const char *path)
{
	struct manifest manifest = {.count = 0};
	struct error err = {0};
	struct buf bytes;
	buf_init(&bytes, SUITE_BYTES_MAX);
	int result = runner->read(path, &bytes, &err);
	if (result == 0)
		result = manifest_read_exact(&manifest, path, buf_view(&bytes), &err);
	buf_release(&bytes);
	if (result < 0) {
		scores_note(&runner->scores, path, STEP_ERROR, err.text);
		return;
	}
	if (manifest.count == 0)
		scores_note(&runner->scores, path, STEP_FAILED,
			    "the file has no suites; add a document of kind TestSuite");
	for (uint32_t i = 0; i < manifest.count; i++)
		run_object(runner, &manifest, &manifest.objects[i]);
	manifest_release(&manifest);
}
