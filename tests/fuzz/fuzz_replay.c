/*
 * fuzz_replay: tests the readers of `gpugate replay`: the splitter of JSON, the reader of recorded
 * lines, and gzip. The first byte of the input selects how it is cut.
 *   - However the input is cut, the same objects are replayed, and the same error is found.
 *   - A policy that is compared with itself treats nobody otherwise.
 *   - What the splitter delivers does not end before its padding.
 */
#include <stdio.h>

#include "tests/fuzz/load_policy.h"
#include "webhook/base/gzip.h"
#include "webhook/json/scan.h"
#include "webhook/simulate/replay.h"

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\n"
    "spec: {resource: nvidia.com/gpu, nodeLabels: {model: a100}, sharing: {resource: nvidia.com/gpu.shared, replicas: "
    "4}}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: team-a}\n"
    "spec: {namespaces: [team-a], namespaceSelector: {matchLabels: {t: x}}, quotas: [{name: all, hard: 2}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: share}\n"
    "spec: {match: {podSelector: {matchLabels: {tier: edge}}}, rewrite: [{from: nvidia.com/gpu, to: "
    "nvidia.com/gpu.shared}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: all}\n"
    "spec: {enforcement: warn, deny: [privileged, preboundNodeName]}\n";

static const struct policy *policy;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	policy = load_policy(policy_text);
	return 0;
}

struct run {
	struct replay *replay;
	struct json_values values;
	uint64_t objects;
};

static int take(void *context, const struct json_value *value, struct error *err)
{
	struct run *run = context;
	run->objects++;
	CHECK(value->json.len > 0 && value->json.ptr[0] == '{' && value->line > 0);
	for (size_t i = 0; i < REVIEW_PADDING; i++)
		CHECK(((const volatile char *)value->json.ptr)[value->json.len + i] == 0);
	return replay_value(run->replay, "f", value, err);
}

static int inflated(void *context, const char *bytes, size_t len, struct error *err)
{
	struct run *run = context;
	return json_values_feed(&run->values, bytes, len, err);
}

static int feed(struct run *run, struct gzip *gzip, const char *bytes, size_t len, struct error *err)
{
	/* Of exactly this size, so that AddressSanitizer detects reads beyond it. */
	char *piece = malloc(len);
	CHECK(piece);
	memcpy(piece, bytes, len);
	int result = gzip ? gzip_feed(gzip, piece, len, err) : json_values_feed(&run->values, piece, len, err);
	free(piece);
	return result;
}

/* Returns the number of objects, and the error. */
static uint64_t replay_pieces(struct str input, size_t size, struct error *err)
{
	const struct replay_options options = {.policy = policy, .against = policy, .show = 2, .hold_ms = 1000};
	struct run run = {.replay = replay_create(&options, err)};
	CHECK(run.replay);
	json_values_init(&run.values, take, &run);
	struct gzip *gzip = gzip_begins(input.ptr, input.len) ? gzip_create(inflated, &run, err) : NULL;
	int result = 0;
	for (size_t at = 0; at < input.len && result == 0; at += size)
		result = feed(&run, gzip, input.ptr + at, size < input.len - at ? size : input.len - at, err);
	if (result == 0 && gzip)
		result = gzip_finish(gzip, err);
	if (result == 0)
		result = json_values_finish(&run.values, err) == JSON_VALUES_INCOMPLETE ? -1 : 0;
	if (result == 0 && replay_end_input(run.replay, err) == 0)
		result = replay_finish(run.replay, err);
	/* One policy treats nothing otherwise than itself, and may only warn of something. */
	for (int i = 0; i < REPLAY_CHANGES; i++)
		CHECK(i == REPLAY_WOULD_BE_REFUSED || replay_count(run.replay, (enum replay_change)i) == 0);
	json_t *report = replay_report(run.replay);
	CHECK(report);
	json_decref(report);
	gzip_destroy(gzip);
	json_values_release(&run.values);
	replay_destroy(run.replay);
	return run.objects;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error whole = {.text = ""}, cut = {.text = ""};
	if (size < 2)
		return 0;
	const struct str input = {(const char *)data + 1, size - 1};
	uint64_t objects = replay_pieces(input, input.len, &whole);
	CHECK(objects == replay_pieces(input, data[0] % 64 + 1, &cut));
	CHECK(strcmp(whole.text, cut.text) == 0);
	return 0;
}
