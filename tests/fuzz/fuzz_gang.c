/*
 * fuzz_gang: tests what is found about the group of a Pod. The first line of the input is the Pod,
 * and the rest is what the API server answers about the object of its group, whatever it is.
 *   - A key is one that a ledger can keep, and the same Pod is in the same group again.
 *   - What a group requests is bounded, sorted and positive, and borrows nothing from the object.
 *   - What follows the texts changes nothing.
 *   - An object that could not be read never makes a group of its own.
 */
#include "gpugate/consumer.h"
#include "tests/fuzz/load_policy.h"
#include "tests/fuzz/require.h"
#include "webhook/admission/gang.h"
#include "webhook/admission/pod_template.h"
#include "webhook/object/review.h"

#define TEXT_MAX ((size_t)64 << 20)
#define PODS_MAX INT32_MAX
#define SECONDS 60

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last Guard only warns, so that a Pod of a group can have violations. */
static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: s}\n"
    "spec:\n  otherResources: [x/*]\n"
    "  workloads: [jobsets.jobset.x-k8s.io, leaderworkersets.leaderworkerset.x-k8s.io, rayclusters.ray.io,\n"
    "    pytorchjobs.kubeflow.org, workflows.argoproj.io, jobs.batch.volcano.sh]\n"
    "---\napiVersion: gpugate.io/v1\nkind: Workload\nmetadata: {name: w}\n"
    "spec: {group: example.com, kind: Any, plural: anys, suspend: [spec.suspend], pods: [{template: "
    "'spec.a[].template', replicas: ['spec.a[].n - 1', 'spec.n']}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"
    "spec: {resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {product: a100}}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: h100}\n"
    "spec: {resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {product: h100}}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: shared}\n"
    "spec: {resource: nvidia.com/gpu.shared, memory: 80Gi}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: r}\n"
    "spec: {match: {podSelector: {matchLabels: {small: 'true'}}}, "
    "rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: whole}\nspec: {gangs: allOrNothing}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: g}\n"
    "spec: {deny: [privileged], enforcement: warn}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: ml}\n"
    "spec: {namespaces: [ml], quotas: [{name: gpus, hard: 1000}]}\n";

/* A text in an allocation of its own, followed by one of two paddings. */
struct text {
	char *bytes;
	size_t len;
};

static struct text copy(const uint8_t *data, size_t size, const char *padding)
{
	struct text text = {malloc(size + REVIEW_PADDING), size};
	REQUIRE(text.bytes);
	if (size)
		memcpy(text.bytes, data, size);
	memcpy(text.bytes + size, padding, REVIEW_PADDING);
	return text;
}

static void check_key(struct str key)
{
	REQUIRE(key.len > 0 && key.len <= POD_GROUP_KEY_MAX);
	for (size_t i = 0; i < key.len; i++)
		REQUIRE(key.ptr[i] > ' ' && key.ptr[i] < 0x7f && !strchr(";\"'\\", key.ptr[i]));
}

static void check_group(const struct pod *pod, struct arena *arena)
{
	struct pod_group group, again;
	REQUIRE(pod_group_find(pod, arena, &group) == 0 && pod_group_find(pod, arena, &again) == 0);
	REQUIRE(str_present(group.key) == str_present(again.key) && group.size == again.size);
	REQUIRE(group.size >= 0 && group.size <= PODS_MAX);
	if (!str_present(group.key))
		return;
	check_key(group.key);
	REQUIRE(str_eq(group.key, again.key) && group.kind.len && group.name.len);
}

/* Prints each value, so that AddressSanitizer sees what is borrowed from the object. */
static void print_gang(const struct decision *decision, struct buf *out)
{
	const struct gang *gang = decision->consumer.gang;
	if (gang)
		buf_printf(out, "%lld x", (long long)gang->pods);
	for (uint32_t i = 0; gang && i < gang->request_count; i++)
		buf_printf(out, " %.*s=%lld", STR_ARG(gang->requests[i].resource), (long long)gang->requests[i].count);
	for (uint32_t i = 0; gang && i < gang->model_count; i++)
		buf_printf(out, " on %.*s", STR_ARG(gang->models[i]));
	for (uint32_t i = 0; i < decision->violation_count; i++)
		buf_printf(out, "\n%.*s", STR_ARG(decision->violations[i].message));
	buf_char(out, '\n');
}

static void check_gang(const struct gang *gang)
{
	REQUIRE(gang->seconds == SECONDS && (gang->pods == 0 || gang->pods > 1) && gang->pods <= PODS_MAX);
	REQUIRE(gang->request_count && (gang->pods || gang->request_count <= GANG_REQUESTS_MAX));
	REQUIRE(gang->model_count <= CONSUMER_MODELS_MAX);
	for (uint32_t i = 0; i < gang->request_count; i++) {
		REQUIRE(gang->requests[i].count >= 1 && gang->requests[i].count <= COMPANION_MAX);
		REQUIRE(!gang->requests[i].alternative);
		REQUIRE(i == 0 || resource_request_order(&gang->requests[i - 1], &gang->requests[i]) < 0);
	}
	for (uint32_t i = 1; i < gang->model_count; i++)
		REQUIRE(gang->pods || str_cmp(gang->models[i - 1], gang->models[i]) < 0);
}

/* Decides about the Pod, and reads the object in that state. Prints what is found. */
static void find(const struct policy *policy, struct review *review, enum gang_object state, struct text object,
		 struct arena *arena, struct buf *out)
{
	struct decision decision;
	struct pod_group group;
	REQUIRE(policy_validate(policy, review, arena, &decision, NULL) == 0);
	uint32_t before = decision.violation_count;
	decision.gang_rule = STR("whole");
	decision.gang_seconds = SECONDS;
	int found = decision.consumer.request_count ? gang_find(policy, review, arena, &decision, &group) : 0;
	REQUIRE(found >= 0);
	const struct gang *said = decision.consumer.gang;
	char *bytes = object.bytes;
	if (found)
		REQUIRE(gang_read(policy, review, &group, state, (struct str){bytes, object.len}, arena, &decision) ==
			0);
	free(bytes);
	REQUIRE(decision.violation_count <= before + 1);
	REQUIRE(state == GANG_OBJECT_READ || decision.consumer.gang == said);
	REQUIRE(state != GANG_OBJECT_ABSENT || decision.violation_count == before);
	if (decision.consumer.gang)
		check_gang(decision.consumer.gang);
	print_gang(&decision, out);
}

static void run(const struct policy *policy, const uint8_t *data, size_t size, const char *padding, struct buf *out)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	size_t len = line ? (size_t)(line - data) : size;
	struct text pod = copy(data, len, padding);
	struct review review = {.uid = STR("u"), .namespace = STR("ml"), .user = STR("controller")};
	struct error err = {0};
	struct arena arena;
	arena_init(&arena, 4096, TEXT_MAX);
	if (review_read_pod(pod.bytes, pod.len, &arena, &review.object, &err) == 0) {
		check_group(&review.object, &arena);
		for (int state = GANG_OBJECT_READ; state <= GANG_OBJECT_TOO_LARGE; state++) {
			const size_t rest = line ? size - len - 1 : 0;
			find(policy, &review, (enum gang_object)state, copy(rest ? line + 1 : data, rest, padding),
			     &arena, out);
		}
	}
	arena_release(&arena);
	free(pod.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tempting[] = "\"}]}]}  \"\":{}} 0000 uDC00 \x80\x80\x80\x80 \"a\":null,]]]]}}}}\"\"\"\"\"\""
				       "              ";
	static const char nothing[REVIEW_PADDING];
	static struct policy *policy;
	struct buf one, other;
	if (!policy)
		policy = load_policy(policy_text);
	REQUIRE(sizeof tempting > REVIEW_PADDING);
	buf_init(&one, TEXT_MAX);
	buf_init(&other, TEXT_MAX);
	run(policy, data, size, nothing, &one);
	run(policy, data, size, tempting, &other);
	REQUIRE(!one.failed && str_eq(buf_view(&one), buf_view(&other)));
	buf_release(&one);
	buf_release(&other);
	return 0;
}
