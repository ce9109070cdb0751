/*
 * Fuzz target: any bytes as a file of suites. What is wrong with a suite must be said with its
 * place. A suite that is right must run, with a result for each step up to the first error, and
 * running it again must have the same results.
 */
#include "tests/fuzz/load_policy.h"

#include "tests/fuzz/require.h"
#include "webhook/simulate/suite_check.h"
#include "webhook/simulate/suite_names.h"
#include "webhook/simulate/suite_run.h"

#define STEPS_MAX 40 /* Each may create a thousand Pods. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\n"
    "spec: {terminatingGraceSeconds: 60, exempt: {users: [root]}}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: t4}\n"
    "spec: {resource: nvidia.com/gpu, memory: 16Gi, weight: 0.25, nodeLabels: {model: t4}}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\n"
    "spec: {quotas: [{name: all, measure: gpus, hard: 6}, {name: memory, measure: memory, hard: 400Gi}]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"
    "spec: {parent: org, namespaces: [a], namespaceSelector: {matchLabels: {t: a}}, quotas: [{name: q, hard: 4}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\n"
    "spec: {match: {podSelector: {matchLabels: {on: t4}}}, inject: {nodeSelector: {model: t4}}}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\nspec: {deny: [privileged]}\n";

/* Objects of one file; the suite may name others, which do not exist. */
static int read_objects(const char *path, struct buf *out, struct error *err)
{
	if (strcmp(path, "objects.yaml") != 0)
		return error_set(err, "%.300s: there is no such file", path);
	buf_text(out,
		 "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {model: t4}}\n---\n"
		 "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: a}\n"
		 "spec: {replicas: 2, template: {spec: {containers: [{name: c, resources: {limits: {nvidia.com/gpu: "
		 "1}}}]}}}\n---\n"
		 "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a, deletionTimestamp: "
		 "\"2030-01-31T12:00:00Z\"}\n"
		 "spec: {containers: [{name: c, resources: {limits: {nvidia.com/gpu: 1}}}]}\n");
	return 0;
}

static void check_step(const json_t *step, bool last)
{
	const char *result = json_string_value(json_object_get(step, "result"));
	REQUIRE(json_string_value(json_object_get(step, "name")));
	REQUIRE(strcmp(result, "passed") == 0 || strcmp(result, "failed") == 0 ||
		(last && strcmp(result, "error") == 0));
	REQUIRE((strcmp(result, "failed") == 0) == (json_array_size(json_object_get(step, "differences")) > 0));
	REQUIRE((strcmp(result, "error") == 0) == (json_object_get(step, "message") != NULL));
}

/* Returns the results, new. */
static json_t *run(struct coverage *coverage, struct manifest *manifest, const struct suite *suite)
{
	struct scores scores;
	struct seen_files seen = {0};
	size_t i, count = 0;
	json_t *step;
	REQUIRE(scores_init(&scores) == 0);
	const struct suite_means means = {
	    .read = read_objects, .stop = -1, .coverage = coverage, .scores = &scores, .seen = &seen};
	suite_run(&means, manifest, suite, scores_suite(&scores, "s", "f", 1));
	json_t *steps = json_object_get(json_array_get(scores.suites, 0), "steps");
	json_array_foreach(steps, i, step)
	{
		check_step(step, i + 1 == json_array_size(steps));
		count++;
	}
	REQUIRE(count == scores.passed + scores.failed + scores.errors && scores.errors <= 1);
	REQUIRE(scores.errors || count == suite->spec.step_count);
	json_t *results = json_incref(scores.suites);
	scores_release(&scores);
	seen_files_release(&seen);
	return results;
}

static void check_object(struct coverage *coverage, struct manifest *manifest, const struct manifest_object *object)
{
	struct suite suite;
	struct arena arena;
	struct error err = {0};
	arena_init(&arena, 4096, 64 << 20);
	if (suite_read(&suite, manifest, object, &arena, &err) < 0 || suite_check(manifest, &suite, &err) < 0) {
		REQUIRE(strncmp(err.text, "f:", 2) == 0);
	} else if (suite.spec.step_count <= STEPS_MAX) {
		REQUIRE(err.text[0] == '\0');
		if (suite_check_quotas(coverage->policy, manifest, &suite, &err) < 0)
			REQUIRE(strncmp(err.text, "f:", 2) == 0);
		json_t *first = run(coverage, manifest, &suite), *second = run(coverage, manifest, &suite);
		REQUIRE(json_equal(first, second));
		json_decref(first);
		json_decref(second);
	}
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct coverage coverage;
	struct manifest manifest;
	struct error err = {0};
	if (!coverage.policy)
		REQUIRE(coverage_init(&coverage, load_policy(policy_text), &err) == 0);
	if (manifest_read_own(&manifest, "f", (struct str){(const char *)data, size}, &err) < 0) {
		REQUIRE(strncmp(err.text, "f:", 2) == 0);
		return 0;
	}
	for (uint32_t i = 0; i < manifest.count; i++)
		check_object(&coverage, &manifest, &manifest.objects[i]);
	manifest_release(&manifest);
	return 0;
}
