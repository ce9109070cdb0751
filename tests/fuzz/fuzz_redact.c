/*
 * fuzz_redact: tests the redaction of recorded reviews. For any review of a Pod that can be read
 * and redacted:
 *   - the copy is one line of JSON, and can be read again;
 *   - redacting the copy gives the same copy;
 *   - what the ledger reads is the same;
 *   - the policy answers the copy as it answers the original, on both endpoints.
 * The policy only warns, so an answer contains what every Guard says.
 */
#include <stdio.h>
#include <unistd.h>

#include "gpugate/policy.h"
#include "tests/fuzz/load_policy.h"
#include "webhook/admission/redact.h"
#include "webhook/admission/response.h"
#include "webhook/object/review.h"

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

#define TEXT_MAX ((size_t)64 << 20)

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\n"
    "spec: {resource: nvidia.com/gpu, nodeLabels: {model: a100}, mig: {}, sharing: {resource: nvidia.com/gpu.shared, "
    "replicas: 4}}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: mig}\n"
    "spec: {match: {podSelector: {matchLabels: {tier: edge}}}, rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: "
    "a100-80gb, memoryFrom: 'annotation:memory', pin: true}}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: share}\n"
    "spec: {match: {annotationSelector: {matchLabels: {share: 'yes'}}}, rewrite: [{from: nvidia.com/gpu, to: "
    "nvidia.com/gpu.shared}], inject: {nodeSelector: {a: x}, runtimeClassName: nvidia, tolerations: [{operator: "
    "Exists}]}, onConflict: override}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: all}\n"
    "spec: {enforcement: warn, visibleDevices: void, hostPaths: {allow: [/data]}, deny: [visibleDevicesEnv, "
    "hostDeviceMounts, deviceVolumeMounts, mixedMigInContainer, sharedRequestAboveOne, preboundNodeName, privileged, "
    "ephemeralContainers, resourceClaims, deviceAnnotations, fractionAnnotations, severalSlicesInContainer]}\n";

static const struct policy *policy;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	policy = load_policy(policy_text);
	return 0;
}

/* A review in memory that ends behind its padding. */
static char *padded(struct str text)
{
	char *bytes = malloc(text.len + REVIEW_PADDING);
	CHECK(bytes);
	if (text.len)
		memcpy(bytes, text.ptr, text.len);
	memset(bytes + text.len, 0, REVIEW_PADDING);
	return bytes;
}

/* Appends what both endpoints answer. */
static void answer_both(struct buf *out, struct review *review, struct arena *arena)
{
	struct decision decision;
	struct admission_response answer = {.uid = STR("u"), .pod = &review->object, .decision = &decision};
	CHECK(policy_mutate(policy, review, arena, &decision, NULL) == 0);
	response_write(out, &answer);
	CHECK(policy_validate(policy, review, arena, &decision, NULL) == 0);
	response_write(out, &answer);
	for (uint32_t i = 0; i < decision.violation_count; i++)
		buf_str(out, decision.violations[i].message);
	CHECK(!out->failed);
}

/* Appends the redacted review, with what surrounds its request. Returns 0 or -1. */
static int redacted(struct buf *out, struct str bytes, struct arena *arena)
{
	struct error err = {.text = ""};
	buf_text(out, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":");
	int result = redact_request(out, bytes, policy, arena, &err);
	CHECK((result < 0) == (err.text[0] != '\0'));
	buf_char(out, '}');
	CHECK(!out->failed);
	return result;
}

/* Compares what only the ledger reads. */
static void same_facts(const struct pod *a, const struct pod *b)
{
	CHECK(a->present == b->present);
	CHECK(str_eq(a->uid, b->uid) && str_eq(a->phase, b->phase));
	CHECK(str_eq(a->name, b->name) && str_eq(a->generate_name, b->generate_name));
	CHECK(str_eq(a->namespace, b->namespace) && str_eq(a->resource_version, b->resource_version));
	CHECK(str_eq(a->deletion_timestamp, b->deletion_timestamp));
	CHECK(str_eq(a->deletion_grace_seconds, b->deletion_grace_seconds));
	CHECK(str_eq(a->owner.kind, b->owner.kind) && str_eq(a->owner.name, b->owner.name));
	CHECK(str_eq(a->owner.uid, b->owner.uid));
	CHECK(a->volume_count == b->volume_count && a->container_count == b->container_count);
}

/* Redacts and reads a copy of its own. `answers` are those to the original. */
static void check_copy(struct str text, const struct review *original, struct str answers)
{
	struct arena arena;
	struct buf copy, again, copied;
	struct review review;
	struct error err = {.text = ""};
	arena_init(&arena, 4096, TEXT_MAX);
	buf_init(&copy, TEXT_MAX);
	buf_init(&again, TEXT_MAX);
	buf_init(&copied, TEXT_MAX);
	if (redacted(&copy, text, &arena) == 0) {
		CHECK(!memchr(copy.ptr, '\n', copy.len));
		char *bytes = padded(buf_view(&copy));
		if (review_read(bytes, copy.len, &arena, &review, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			CHECK(arena.exhausted);
		} else {
			CHECK(redacted(&again, (struct str){bytes, copy.len}, &arena) == 0);
			CHECK(str_eq(buf_view(&again), buf_view(&copy)));
			same_facts(&review.object, &original->object);
			same_facts(&review.old_object, &original->old_object);
			answer_both(&copied, &review, &arena);
			CHECK(str_eq(buf_view(&copied), answers));
		}
		free(bytes);
	}
	buf_release(&copy);
	buf_release(&again);
	buf_release(&copied);
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct review review;
	struct buf answers;
	struct error err = {.text = ""};
	char *bytes = padded((struct str){(const char *)data, size});
	arena_init(&arena, 4096, TEXT_MAX);
	buf_init(&answers, TEXT_MAX);
	if (review_read(bytes, size, &arena, &review, &err) == 0) {
		answer_both(&answers, &review, &arena);
		check_copy((struct str){bytes, size}, &review, buf_view(&answers));
	}
	buf_release(&answers);
	arena_release(&arena);
	free(bytes);
	return 0;
}
