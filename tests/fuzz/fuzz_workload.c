/*
 * Fuzz target: any bytes as a custom resource. Whatever its kind, it is read by the paths of all
 * kinds that are shipped. The text of each Pod that is found or composed is valid JSON, its numbers
 * are bounded, and what cannot be read is refused with a sentence that names a byte of the object.
 */
#include "tests/fuzz/load_policy.h"
#include "tests/fuzz/require.h"
#include "webhook/object/review.h"
#include "webhook/object/workload_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\n"
    "kind: Settings\n"
    "metadata: {name: s}\n"
    "spec:\n"
    "  workloads: [pytorchjobs.kubeflow.org, trainjobs.trainer.kubeflow.org, notebooks.kubeflow.org,\n"
    "    inferenceservices.serving.kserve.io, llminferenceservices.serving.kserve.io, rayclusters.ray.io,\n"
    "    leaderworkersets.leaderworkerset.x-k8s.io, jobsets.jobset.x-k8s.io, workflows.argoproj.io,\n"
    "    jobs.batch.volcano.sh, sparkapplications.sparkoperator.k8s.io]\n"
    "---\n"
    "apiVersion: gpugate.io/v1\n"
    "kind: Workload\n"
    "metadata: {name: w}\n"
    "spec:\n"
    "  group: example.com\n"
    "  kind: Any\n"
    "  plural: anys\n"
    "  suspend: [spec.suspend]\n"
    "  pods:\n"
    "  - {podSpec: 'spec.*.a[].b', containers: ['spec.*.a[].c'], metadata: 'spec.*.m', device: 'spec.*.d',\n"
    "     resources: 'spec.*.a[].r', replicas: ['spec.*.a[].n - 1', 'spec.*.n', spec.n]}\n";

static const struct {
	const char *group, *kind;
} kinds[] = {{"kubeflow.org", "PyTorchJob"},
	     {"trainer.kubeflow.org", "TrainJob"},
	     {"kubeflow.org", "Notebook"},
	     {"serving.kserve.io", "InferenceService"},
	     {"serving.kserve.io", "LLMInferenceService"},
	     {"ray.io", "RayCluster"},
	     {"leaderworkerset.x-k8s.io", "LeaderWorkerSet"},
	     {"jobset.x-k8s.io", "JobSet"},
	     {"argoproj.io", "Workflow"},
	     {"batch.volcano.sh", "Job"},
	     {"sparkoperator.k8s.io", "SparkApplication"},
	     {"example.com", "Any"}};

static void check_part(const struct workload_part *part, struct str json)
{
	struct error err = {0};
	struct arena arena;
	struct pod pod;
	REQUIRE(part->replicas >= 0 && part->replicas <= WORKLOAD_REPLICAS_MAX && part->where.len);
	REQUIRE(part->composed || (part->pod.ptr >= json.ptr && part->pod.ptr + part->pod.len <= json.ptr + json.len));
	REQUIRE(review_scan_valid(part->pod.ptr, part->pod.len, &err) == 0);
	arena_init(&arena, 4096, 64 << 20);
	review_read_pod(part->pod.ptr, part->pod.len, &arena, &pod, &err);
	arena_release(&arena);
}

static void check_kind(const struct workload_paths *paths, struct str json)
{
	struct workload_parts parts;
	struct error err = {0};
	struct arena arena;
	arena_init(&arena, 4096, 64 << 20);
	if (workload_parts_read(paths, json, &arena, &parts, &err) < 0) {
		const char *byte = strrchr(err.text, '('); /* What was found may have one, too. */
		size_t at;
		if (byte && sscanf(byte, "(byte %zu)", &at) == 1)
			REQUIRE(at <= json.len);
	} else {
		for (uint32_t i = 0; i < parts.count; i++)
			check_part(&parts.items[i], json);
	}
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy *policy;
	struct error err = {0};
	char *bytes = calloc(1, size + REVIEW_PADDING);
	if (!policy)
		policy = load_policy(policy_text);
	REQUIRE(bytes);
	if (size)
		memcpy(bytes, data, size);
	/* A manifest and a review have been scanned before, and are objects. */
	if (size && bytes[0] == '{' && review_scan_valid(bytes, size, &err) == 0)
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
			const struct workload_paths *paths =
			    policy_workload(policy, str_of(kinds[i].group), str_of(kinds[i].kind));
			REQUIRE(paths);
			check_kind(paths, (struct str){bytes, size});
		}
	free(bytes);
	return 0;
}
