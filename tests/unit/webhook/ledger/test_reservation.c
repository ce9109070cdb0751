/*
 * test_reservation: tests how Pods of a gang are decided together, what is reserved for those that
 * are still to come, and when that ends. All sums are checked after every step.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/consumer.h"
#include "gpugate/pod.h"
#include "gpugate/pod_group.h"
#include "webhook/ledger/codec.h"
#include "webhook/ledger/fit.h"
#include "webhook/ledger/ledger.h"
#include "webhook/ledger/tally.h"
#include "webhook/server/embedded_store.h"

#define TTL_MS 60000
#define FOLD_MS 500
#define SECONDS 300
#define GROUP "Job.batch/train"

static const char policy_text[] =
    "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: cluster}\nspec: {terminatingGraceSeconds: 300}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"
    "spec: {resource: nvidia.com/gpu, memory: 80Gi}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: mi300}\n"
    "spec: {resource: amd.com/gpu, memory: 192Gi}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"
    "spec: {namespaces: [a], quotas: [{name: q, resources: [nvidia.com/gpu], hard: 4}, "
    "{name: radeon, resources: [amd.com/gpu], hard: 2}]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: w}\n"
    "spec: {namespaces: [w], enforcement: warn, quotas: [{name: q, hard: 4}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: y}\n"
    "spec: {namespaces: [y], quotas: [{name: q, hard: unlimited}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: z}\n"
    "spec: {namespaces: [z], quotas: [{name: q, resources: [nvidia.com/gpu], hard: 2000000001}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: whole}\nspec: {gangs: allOrNothing}\n";

static const char double_text[] =
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"
    "spec: {namespaces: [a], quotas: [{name: q, measure: gpus, hard: 40}, {name: twice, hard: 40}]}\n";

enum { QUOTA_Q, QUOTA_AMD, QUOTA_WARN };

struct bench {
	struct ledger *ledger;
	struct policy *policy;
	struct arena arena;
	int64_t now_ms;
	uint64_t version;
	struct ledger_versions versions; /* Of the last text that was encoded. */
	struct ledger_verdict verdict;   /* The last one. */
};

static void open_ledger(struct bench *bench, bool shared, uint32_t pods_max)
{
	struct error err = {0};
	*bench = (struct bench){.policy = fixture_policy(policy_text, NULL, 0), .now_ms = 1000, .version = 10};
	assert_non_null(bench->policy);
	const struct ledger_options options = {
	    .policy = bench->policy, .shared = shared, .ttl_ms = TTL_MS, .fold_ms = FOLD_MS, .pods_max = pods_max};
	bench->ledger = ledger_create(&options, &err);
	assert_non_null(bench->ledger);
	arena_init(&bench->arena, 4096, 8 << 20);
}

static void open_bench(struct bench *bench)
{
	open_ledger(bench, true, 0);
}

static void close_bench(struct bench *bench)
{
	ledger_destroy(bench->ledger);
	policy_release(bench->policy);
	arena_release(&bench->arena);
}

/* What quota q holds, in GPUs, and how many reservations there are. */
static void expect(const struct bench *bench, int used, int pending, int reserved, uint32_t reservations)
{
	wide unit = policy_unit(bench->policy);
	const struct held *held = &ledger_held(bench->ledger)[QUOTA_Q];
	assert_true(ledger_check(bench->ledger));
	if (held->used != used * unit || held->pending != (pending + reserved) * unit ||
	    held->reserved != reserved * unit)
		fail_msg("used %d, pending %d, reserved %d", (int)(held->used / unit),
			 (int)((held->pending - held->reserved) / unit), (int)(held->reserved / unit));
	assert_int_equal(ledger_reservations(bench->ledger), reservations);
}

/* A Pod of a group whose Pods request `whole` GPUs together. */
struct member {
	const char *uid, *namespace, *group;
	int count, whole;
};

static enum ledger_outcome decide_as(struct bench *bench, struct member member, enum ledger_mode mode)
{
	const struct resource_request request = {STR("nvidia.com/gpu"), member.count, false},
				      whole = {STR("nvidia.com/gpu"), member.whole, false};
	const struct gang gang = {.requests = &whole, .request_count = 1, .seconds = SECONDS};
	const struct consumer consumer = {.uid = str_of(member.uid),
					  .namespace = str_of(member.namespace),
					  .name = STR("p"),
					  .requests = &request,
					  .request_count = 1,
					  .group = str_of(member.group),
					  .gang = member.whole ? &gang : NULL};
	arena_reset(&bench->arena);
	ledger_decide(bench->ledger, &consumer, mode, bench->now_ms, &bench->arena, NULL, &bench->verdict);
	assert_true(ledger_check(bench->ledger));
	return bench->verdict.outcome;
}

/* Decides a Pod of one GPU of a group in namespace a. `whole`: 0 if it is decided alone. */
static enum ledger_outcome decide(struct bench *bench, const char *uid, const char *group, int whole)
{
	return decide_as(bench, (struct member){uid, "a", group, 1, whole}, LEDGER_HOLD);
}

static enum ledger_outcome decide_consumer(struct bench *bench, const struct consumer *consumer)
{
	arena_reset(&bench->arena);
	ledger_decide(bench->ledger, consumer, LEDGER_HOLD, bench->now_ms, &bench->arena, NULL, &bench->verdict);
	assert_true(ledger_check(bench->ledger));
	return bench->verdict.outcome;
}

static void load(struct bench *bench, struct str text)
{
	struct error err = {0};
	if (ledger_load(bench->ledger, (struct ledger_versions){{bench->versions.of[CONSUMER_POD], 1}}, text,
			bench->now_ms, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(ledger_check(bench->ledger));
}

/* Returns new: what a write would contain now. */
static char *encode(struct bench *bench)
{
	struct buf out;
	buf_init(&out, LEDGER_TEXT_MAX);
	ledger_encode(bench->ledger, bench->now_ms, &out, &bench->versions);
	buf_char(&out, '\0');
	assert_false(out.failed);
	char *text = strdup(out.ptr);
	buf_release(&out);
	return text;
}

/* Whether the text that a write would contain has a reservation. */
static bool has_reservation(struct bench *bench)
{
	char *text = encode(bench);
	bool has = strstr(text, ";H ") != NULL;
	free(text);
	return has;
}

/* The write succeeds. */
static void write_all(struct bench *bench)
{
	char *text = encode(bench);
	load(bench, str_of(text));
	ledger_resolve(bench->ledger);
	assert_true(ledger_check(bench->ledger));
	free(text);
}

static void fail_to_write(struct bench *bench)
{
	free(encode(bench));
	ledger_resolve(bench->ledger);
	assert_true(ledger_check(bench->ledger));
}

/* The group of a Pod is what its field says. */
int __wrap_pod_group_find(const struct pod *pod, struct arena *arena, struct pod_group *group);
int __wrap_pod_group_find(const struct pod *pod, struct arena *arena, struct pod_group *group)
{
	(void)arena;
	*group = (struct pod_group){.key = pod->pod_group};
	return 0;
}

static int see_in(struct bench *bench, const char *group, const char *uid, const char *phase, bool terminating,
		  bool gone)
{
	const struct pair request = {STR("nvidia.com/gpu"), STR("1")};
	const struct container container = {.requests = {&request, 1, true}};
	const struct pod pod = {.present = true,
				.name = STR("p"),
				.uid = str_of(uid),
				.namespace = STR("a"),
				.containers = &container,
				.container_count = 1,
				.phase = str_of(phase),
				.pod_group = str_of(group),
				.deletion_timestamp = terminating ? STR("2026-01-01T00:00:00Z") : (struct str){0}};
	bench->version++;
	int seen = ledger_see(bench->ledger, &pod, bench->version, gone, bench->now_ms);
	ledger_reach(bench->ledger, CONSUMER_POD, bench->version);
	ledger_reach(bench->ledger, CONSUMER_CLAIM, bench->version);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

static int see(struct bench *bench, const char *uid, const char *phase, bool terminating, bool gone)
{
	return see_in(bench, "", uid, phase, terminating, gone);
}

static int tick(struct bench *bench, int64_t ms)
{
	bench->now_ms += ms;
	int seen = ledger_tick(bench->ledger, bench->now_ms);
	assert_true(ledger_check(bench->ledger));
	return seen;
}

/* --- Decisions --- */

static void test_the_rest_is_reserved(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	assert_int_equal(bench.verdict.charge_count, 1);
	assert_true(bench.verdict.charges[0].amount == policy_unit(bench.policy));
	expect(&bench, 0, 1, 2, 1);
	assert_int_equal(ledger_pending(bench.ledger), 1);
	write_all(&bench);
	expect(&bench, 0, 1, 2, 1);
	/* One is left for others, and no more. */
	assert_int_equal(decide(&bench, "x0", "", 0), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(decide(&bench, "x1", "", 0), LEDGER_DENIED);
	expect(&bench, 0, 2, 2, 1);
	assert_int_equal(decide(&bench, "p1", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	expect(&bench, 0, 3, 1, 1);
	assert_int_equal(decide(&bench, "p2", GROUP, 3), LEDGER_ADMITTED);
	assert_false(has_reservation(&bench));
	write_all(&bench);
	expect(&bench, 0, 4, 0, 0);
	/* More than the group was said to have. */
	assert_int_equal(decide(&bench, "p3", GROUP, 3), LEDGER_DENIED);
	assert_true(bench.verdict.denial.quota_violation[0].of_group == 0);
	close_bench(&bench);
}

static void test_a_group_that_does_not_fit_holds_nothing(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	wide unit = policy_unit(bench.policy);
	assert_int_equal(decide(&bench, "p0", GROUP, 2), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(decide(&bench, "q0", "Job.batch/other", 3), LEDGER_DENIED);
	expect(&bench, 0, 1, 1, 1);
	const struct quota_violation *violation = bench.verdict.denial.quota_violation;
	assert_int_equal(bench.verdict.denial.quota_violation_count, 1);
	assert_true(violation->requested == 3 * unit && violation->of_group == 2 * unit);
	assert_true(violation->pending == 2 * unit && violation->left == 2 * unit);
	/* In another namespace, the same name is another group, of another quota. */
	assert_int_equal(decide_as(&bench, (struct member){"r0", "w", GROUP, 1, 3}, LEDGER_HOLD), LEDGER_ADMITTED);
	expect(&bench, 0, 1, 1, 2);
	/* It would not fit into an empty quota. */
	assert_int_equal(decide(&bench, "q1", "Job.batch/large", 5), LEDGER_DENIED);
	assert_int_equal(bench.verdict.retry, LEDGER_RETRY_NEVER);
	/* What others request, a Pod of the group does not wait for. */
	assert_int_equal(decide(&bench, "p1", GROUP, 2), LEDGER_ADMITTED);
	close_bench(&bench);
}

/* What a reservation holds is not about to become free, so a refusal need not wait for it. */
static void test_a_refusal_does_not_wait_for_a_reservation(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(decide(&bench, "x", "", 0), LEDGER_DENIED);
	assert_int_equal(bench.verdict.retry, LEDGER_RETRY_SOON); /* For p0, which is pending. */
	assert_int_equal(see(&bench, "p0", "Running", false, false), 0);
	expect(&bench, 1, 0, 3, 1);
	assert_int_equal(decide(&bench, "x", "", 0), LEDGER_DENIED);
	assert_int_equal(bench.verdict.retry, LEDGER_RETRY_UNSEEN);
	close_bench(&bench);
}

static void test_a_batch_is_written_once(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
	assert_int_equal(decide(&bench, "p1", GROUP, 4), LEDGER_ADMITTED);
	assert_int_equal(decide(&bench, "x", "", 0), LEDGER_DENIED);
	assert_int_equal(decide(&bench, "p2", GROUP, 4), LEDGER_ADMITTED);
	expect(&bench, 0, 3, 1, 1);
	char *text = encode(&bench);
	const char *only = strstr(text, ";H 0 0 0=1 - 300 ");
	assert_non_null(only);
	assert_null(strstr(only + 1, ";H "));
	free(text);
	write_all(&bench);
	expect(&bench, 0, 3, 1, 1);
	/* The whole batch is lost. */
	assert_int_equal(decide(&bench, "p3", GROUP, 4), LEDGER_ADMITTED);
	expect(&bench, 0, 4, 0, 0);
	fail_to_write(&bench);
	expect(&bench, 0, 3, 1, 1);
	close_bench(&bench);
}

static void test_a_failed_write_changes_nothing(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	fail_to_write(&bench);
	expect(&bench, 0, 0, 0, 0);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	char *before = encode(&bench);
	assert_int_equal(decide(&bench, "p1", GROUP, 3), LEDGER_ADMITTED);
	expect(&bench, 0, 2, 1, 1);
	fail_to_write(&bench);
	expect(&bench, 0, 1, 2, 1);
	char *after = encode(&bench);
	assert_string_equal(before, after);
	/* Denials and dry runs change nothing, either. */
	assert_int_equal(decide_as(&bench, (struct member){"p1", "a", GROUP, 1, 9}, LEDGER_HOLD), LEDGER_DENIED);
	assert_int_equal(decide_as(&bench, (struct member){"p1", "a", GROUP, 1, 4}, LEDGER_DRY), LEDGER_ADMITTED);
	free(after);
	after = encode(&bench);
	assert_string_equal(before, after);
	free(before);
	free(after);
	close_bench(&bench);
}

/* Another replica was faster: its copy arrives while the own write is on its way. */
static void test_another_replica_is_faster(void **state)
{
	(void)state;
	static const char theirs[] = "4;N a;R nvidia.com/gpu;G " GROUP ";P =p0 0 0=1 - 0;P =p7 0 0=1 - 0;"
				     "H 0 0 0=2 - 300 77;";
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
	write_all(&bench);
	expect(&bench, 0, 1, 3, 1);
	assert_int_equal(decide(&bench, "p1", GROUP, 4), LEDGER_ADMITTED);
	free(encode(&bench));
	load(&bench, STR(theirs));
	ledger_resolve(bench.ledger);
	expect(&bench, 0, 2, 2, 1);
	assert_int_equal(decide(&bench, "p1", GROUP, 4), LEDGER_ADMITTED);
	expect(&bench, 0, 3, 1, 1);
	write_all(&bench);
	expect(&bench, 0, 3, 1, 1);
	close_bench(&bench);
}

/* Two replicas are asked about the same Pod and make the same renewal with another content. */
static void test_the_copy_decides_what_a_renewal_holds(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
	char *text = encode(&bench), *amount = strstr(text, "H 0 0 0=3");
	assert_non_null(amount);
	amount[8] = '2';
	load(&bench, str_of(text));
	ledger_resolve(bench.ledger);
	expect(&bench, 0, 1, 2, 1);
	char *again = encode(&bench);
	assert_string_equal(again, text);
	free(text);
	free(again);
	close_bench(&bench);
}

/* A request that is made again neither charges twice nor lets go what is reserved. */
static void test_a_pod_is_decided_again(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
		assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
		expect(&bench, 0, 1, 3, 1);
		write_all(&bench);
		expect(&bench, 0, 1, 3, 1);
	}
	assert_int_equal(see(&bench, "p0", "Running", false, false), 0);
	assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
	expect(&bench, 1, 0, 3, 1);
	write_all(&bench);
	expect(&bench, 1, 0, 3, 1);
	close_bench(&bench);
}

static void test_the_group_is_counted_anew(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	assert_int_equal(decide(&bench, "p1", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(see(&bench, "p0", "Running", false, false), 0);
	assert_int_equal(see(&bench, "p1", "Running", false, false), 0);
	expect(&bench, 2, 0, 1, 1);
	/* The next Pod may take the place of one that failed, so two are still to come with it. */
	assert_int_equal(see(&bench, "p1", "Failed", false, false), LEDGER_FREED);
	assert_int_equal(decide(&bench, "p2", GROUP, 3), LEDGER_ADMITTED);
	expect(&bench, 1, 1, 1, 1);
	write_all(&bench);
	/* One that is terminating holds its GPUs, but its group waits for another one. */
	assert_int_equal(see(&bench, "p0", "Running", true, false), 0);
	assert_int_equal(decide(&bench, "p3", GROUP, 3), LEDGER_ADMITTED);
	expect(&bench, 1, 2, 1, 1);
	close_bench(&bench);
}

/* Of two resources, one may be complete. No Pod of the rest needs to request what this one does. */
static void test_several_resources(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	wide unit = policy_unit(bench.policy);
	const struct resource_request request = {STR("nvidia.com/gpu"), 1, false};
	struct resource_request whole[] = {{STR("nvidia.com/gpu"), 1, false}, {STR("amd.com/gpu"), 3, false}};
	struct gang gang = {.requests = whole, .request_count = 2, .seconds = SECONDS};
	const struct consumer consumer = {.uid = STR("p0"),
					  .namespace = STR("a"),
					  .requests = &request,
					  .request_count = 1,
					  .group = STR(GROUP),
					  .gang = &gang};
	ledger_decide(bench.ledger, &consumer, LEDGER_HOLD, 1000, &bench.arena, NULL, &bench.verdict);
	assert_int_equal(bench.verdict.outcome, LEDGER_DENIED);
	const struct quota_violation *violation = bench.verdict.denial.quota_violation;
	assert_int_equal(violation->quota, QUOTA_AMD);
	assert_true(violation->requested == 3 * unit && violation->of_group == 3 * unit);
	whole[1].count = 2;
	ledger_decide(bench.ledger, &consumer, LEDGER_HOLD, 1000, &bench.arena, NULL, &bench.verdict);
	assert_int_equal(bench.verdict.outcome, LEDGER_ADMITTED);
	expect(&bench, 0, 1, 0, 1);
	assert_true(ledger_held(bench.ledger)[QUOTA_AMD].reserved == 2 * unit);
	write_all(&bench);
	assert_true(ledger_held(bench.ledger)[QUOTA_AMD].reserved == 2 * unit);
	close_bench(&bench);
}

/* What a tenant writes as the size of its group may be any number. */
static void test_no_size_is_too_large_to_be_refused(void **state)
{
	static const int64_t counts[] = {RESOURCE_REQUEST_MAX, COMPANION_MAX, COMPANION_MAX + 1, INT64_MAX};
	(void)state;
	struct bench bench;
	open_bench(&bench);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		const struct resource_request request = {STR("nvidia.com/gpu"), 1, false},
					      whole = {STR("nvidia.com/gpu"), counts[i], false};
		const struct gang gang = {.requests = &whole, .request_count = 1, .seconds = SECONDS};
		struct consumer consumer = {.uid = STR("p0"),
					    .namespace = STR("a"),
					    .requests = &request,
					    .request_count = 1,
					    .group = STR(GROUP),
					    .gang = &gang};
		ledger_decide(bench.ledger, &consumer, LEDGER_HOLD, 1000, &bench.arena, NULL, &bench.verdict);
		assert_int_equal(bench.verdict.outcome, LEDGER_DENIED);
		assert_int_equal(bench.verdict.retry, LEDGER_RETRY_NEVER);
		expect(&bench, 0, 0, 0, i > 0);
		/* Where the limit is larger, what is kept can be written. */
		consumer.namespace = STR("z");
		ledger_decide(bench.ledger, &consumer, LEDGER_HOLD, 1000, &bench.arena, NULL, &bench.verdict);
		assert_int_equal(bench.verdict.outcome, LEDGER_ADMITTED);
		write_all(&bench);
	}
	close_bench(&bench);
}

/*
 * A group by number of Pods: however little one of them requests, each that is still to come
 * requests the same.
 */
static void test_a_group_by_number(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	struct resource_request each = {STR("nvidia.com/gpu"), 2, false}, own = {STR("nvidia.com/gpu"), 1, false};
	struct gang gang = {.pods = 3, .requests = &each, .request_count = 1, .seconds = SECONDS};
	struct consumer consumer = {.uid = STR("p0"),
				    .namespace = STR("a"),
				    .requests = &own,
				    .request_count = 1,
				    .group = STR(GROUP),
				    .gang = &gang};
	assert_int_equal(decide_consumer(&bench, &consumer), LEDGER_DENIED);
	assert_true(bench.verdict.denial.quota_violation[0].of_group == 4 * policy_unit(bench.policy));
	/* Of three Pods, one exists. Asked again, this one is not one of the others. */
	assert_int_equal(see_in(&bench, GROUP, "x0", "Running", false, false), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(decide_consumer(&bench, &consumer), LEDGER_ADMITTED);
		expect(&bench, 1, 1, 2, 1);
		write_all(&bench);
	}
	/* All exist, and more come. */
	consumer.uid = STR("p1");
	assert_int_equal(decide_consumer(&bench, &consumer), LEDGER_ADMITTED);
	expect(&bench, 1, 2, 0, 0);
	consumer.uid = STR("p2");
	assert_int_equal(decide_consumer(&bench, &consumer), LEDGER_ADMITTED);
	expect(&bench, 1, 3, 0, 0);
	/* Neither number is too large. */
	gang.pods = INT64_MAX;
	for (each.count = 1; each.count <= COMPANION_MAX; each.count *= 2) {
		assert_int_equal(decide_consumer(&bench, &consumer), LEDGER_DENIED);
		assert_int_equal(bench.verdict.retry, LEDGER_RETRY_NEVER);
	}
	close_bench(&bench);
}

/*
 * No Rule matches the driver of a group, or the size of its group could not be read. It must not
 * wait for what is reserved for it.
 */
static void test_a_pod_without_its_gang_uses_up_its_part(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
	write_all(&bench);
	expect(&bench, 0, 1, 3, 1);
	assert_int_equal(decide(&bench, "other", "Job.batch/other", 0), LEDGER_DENIED);
	/* Dry runs and lost writes change nothing. */
	assert_int_equal(decide_as(&bench, (struct member){"driver", "a", GROUP, 1, 0}, LEDGER_DRY), LEDGER_ADMITTED);
	expect(&bench, 0, 1, 3, 1);
	assert_int_equal(decide(&bench, "driver", GROUP, 0), LEDGER_ADMITTED);
	expect(&bench, 0, 2, 2, 1);
	fail_to_write(&bench);
	expect(&bench, 0, 1, 3, 1);
	/* However often it is asked about, it is one Pod. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(decide(&bench, "driver", GROUP, 0), LEDGER_ADMITTED);
		write_all(&bench);
		expect(&bench, 0, 2, 2, 1);
	}
	assert_int_equal(see_in(&bench, GROUP, "driver", "Running", false, false), 0);
	assert_int_equal(decide(&bench, "driver", GROUP, 0), LEDGER_ADMITTED);
	expect(&bench, 1, 1, 2, 1);
	/* What is larger than its part may use what is free, and nothing is. */
	assert_int_equal(decide_as(&bench, (struct member){"large", "a", GROUP, 3, 0}, LEDGER_HOLD), LEDGER_DENIED);
	const struct quota_violation *violation = bench.verdict.denial.quota_violation;
	assert_true(violation->requested == 3 * policy_unit(bench.policy) && violation->of_group == 0);
	expect(&bench, 1, 1, 2, 1);
	/* A mirror Pod is only noted. */
	assert_int_equal(decide_as(&bench, (struct member){"m", "a", GROUP, 1, 0}, LEDGER_FORCE), LEDGER_ADMITTED);
	expect(&bench, 1, 2, 2, 1);
	fail_to_write(&bench);
	/* Nothing is left of it. */
	assert_int_equal(decide_as(&bench, (struct member){"last", "a", GROUP, 2, 0}, LEDGER_HOLD), LEDGER_ADMITTED);
	expect(&bench, 1, 3, 0, 0);
	write_all(&bench);
	assert_false(has_reservation(&bench));
	expect(&bench, 1, 3, 0, 0);
	close_bench(&bench);
}

/* It has the same models and time, and what the Pod does not request stays. */
static void test_what_a_pod_leaves_of_a_reservation(void **state)
{
	static const char text[] = "4;N a;R amd.com/gpu;R nvidia.com/gpu;M a100;G " GROUP ";H 0 0 0=2,1=3 0 77 5;";
	(void)state;
	struct bench bench;
	open_bench(&bench);
	load(&bench, STR(text));
	expect(&bench, 0, 0, 3, 1);
	assert_int_equal(decide(&bench, "p0", GROUP, 0), LEDGER_ADMITTED);
	expect(&bench, 0, 1, 2, 1);
	char *after = encode(&bench);
	if (!strstr(after, ";H 0 0 0=2,1=2 0 77 "))
		fail_msg("%s", after);
	free(after);
	/* A replica of an older version appears: nothing is reserved any more. */
	fail_to_write(&bench);
	ledger_set_form(bench.ledger, 3);
	assert_int_equal(decide(&bench, "p0", GROUP, 0), LEDGER_ADMITTED);
	expect(&bench, 0, 1, 3, 1);
	close_bench(&bench);
}

/* How many Pods fit is a question about no group. */
static void test_a_question_uses_up_nothing(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 4), LEDGER_ADMITTED);
	write_all(&bench);
	const struct resource_request request = {STR("nvidia.com/gpu"), 1, false};
	struct decision decision = {
	    .consumer = {.namespace = STR("a"), .requests = &request, .request_count = 1, .group = STR(GROUP)}};
	struct reservation_request reservation = {.arena = &bench.arena, .decision = &decision};
	struct fit_request question = {.reservation = &reservation, .count = 1};
	assert_true(ledger_fit(bench.ledger, &question, &bench.verdict));
	assert_int_equal(question.fits, 0);
	assert_int_equal(bench.verdict.denial.quota_violation_count, 1);
	expect(&bench, 0, 1, 3, 1);
	close_bench(&bench);
}

/* Where no quota limits what is still to come, nothing needs to be kept free. */
static void test_what_nothing_limits_is_not_reserved(void **state)
{
	static const char *const namespaces[] = {"y", "nobody"};
	(void)state;
	struct bench bench;
	open_bench(&bench);
	for (size_t i = 0; i < 2; i++) {
		struct member member = {"p0", namespaces[i], GROUP, 1, 1000};
		assert_int_equal(decide_as(&bench, member, LEDGER_HOLD), LEDGER_ADMITTED);
		expect(&bench, 0, 0, 0, 0);
		write_all(&bench);
		assert_false(has_reservation(&bench));
	}
	close_bench(&bench);
}

static void test_what_is_not_denied_reserves_nothing(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide_as(&bench, (struct member){"w0", "w", GROUP, 1, 4}, LEDGER_HOLD), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(ledger_reservations(bench.ledger), 1);
	/* The group has grown beyond the limit, which is only a warning there. */
	assert_int_equal(decide_as(&bench, (struct member){"w1", "w", GROUP, 1, 9}, LEDGER_HOLD), LEDGER_ADMITTED);
	assert_int_equal(bench.verdict.denial.quota_violation_count, 1);
	assert_int_equal(ledger_reservations(bench.ledger), 0);
	assert_int_equal(ledger_pending(bench.ledger), 2);
	write_all(&bench);
	assert_false(has_reservation(&bench));
	/* What is running already is held, and waits for nobody. */
	assert_int_equal(decide_as(&bench, (struct member){"m", "a", GROUP, 1, 9}, LEDGER_FORCE), LEDGER_ADMITTED);
	assert_int_equal(bench.verdict.denial.quota_violation_count, 0);
	expect(&bench, 0, 1, 0, 0);
	close_bench(&bench);
}

/* Neither the Pod nor the reservation is held if one of them cannot be. */
static void test_both_are_held_or_neither(void **state)
{
	static char names[300][16];
	struct resource_request whole[300];
	(void)state;
	struct bench bench;
	open_bench(&bench);
	for (int i = 0; i < 300; i++) {
		snprintf(names[i], sizeof names[i], "x.y/%03d", i);
		whole[i] = (struct resource_request){str_of(names[i]), 1, false};
	}
	whole[299].resource = STR("amd.com/gpu"); /* A quota limits it. */
	const struct gang gang = {.requests = whole, .request_count = 300, .seconds = SECONDS};
	const struct resource_request request = {STR("nvidia.com/gpu"), 1, false};
	struct consumer consumer = {.uid = STR("p0"),
				    .namespace = STR("a"),
				    .requests = &request,
				    .request_count = 1,
				    .group = STR(GROUP),
				    .gang = &gang};
	ledger_decide(bench.ledger, &consumer, LEDGER_HOLD, 1000, &bench.arena, NULL, &bench.verdict);
	assert_int_equal(bench.verdict.outcome, LEDGER_OUTAGE);
	assert_non_null(strstr(bench.verdict.why, "more different resources"));
	/* It never helps to wait. */
	assert_false(bench.verdict.backpressure);
	expect(&bench, 0, 0, 0, 0);
	/* What the Pod and its group held before stays. */
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	ledger_decide(bench.ledger, &consumer, LEDGER_HOLD, 1000, &bench.arena, NULL, &bench.verdict);
	assert_int_equal(bench.verdict.outcome, LEDGER_OUTAGE);
	expect(&bench, 0, 1, 2, 1);
	close_bench(&bench);

	/* There is room for one entry only. */
	open_ledger(&bench, false, 1);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_OUTAGE);
	assert_string_equal(bench.verdict.why, "the ledger is full");
	expect(&bench, 0, 0, 0, 0);
	assert_int_equal(decide(&bench, "p0", GROUP, 1), LEDGER_ADMITTED);
	expect(&bench, 0, 1, 0, 0);
	close_bench(&bench);
}

/* The share of a tenant in the text may be used up by what its gangs have reserved. */
static void test_reservations_fill_a_share(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	enum ledger_outcome outcome = LEDGER_ADMITTED;
	for (int i = 0; outcome == LEDGER_ADMITTED && i < LEDGER_PENDING_MAX; i++) {
		char uid[16], group[32];
		snprintf(uid, sizeof uid, "u%d", i);
		snprintf(group, sizeof group, "Job.batch/g%d", i);
		outcome = decide_as(&bench, (struct member){uid, "z", group, 1, 2}, LEDGER_HOLD);
	}
	assert_int_equal(outcome, LEDGER_OUTAGE);
	assert_true(bench.verdict.backpressure);
	assert_string_equal(bench.verdict.why, "this tenant has too many Pods and claims that have not been stored "
					       "yet, and reservations for gangs");
	close_bench(&bench);
}

static void test_an_older_form_has_no_reservations(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	ledger_set_form(bench.ledger, 3);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_OUTAGE);
	assert_string_equal(bench.verdict.why,
			    "gangs are not reserved yet, because a Pod of an older version of gpugate exists");
	assert_false(bench.verdict.backpressure);
	expect(&bench, 0, 0, 0, 0);
	/* What exceeds a quota is denied in any form, and what needs no reservation is admitted. */
	assert_int_equal(decide(&bench, "p0", GROUP, 9), LEDGER_DENIED);
	assert_int_equal(decide(&bench, "p0", GROUP, 1), LEDGER_ADMITTED);
	write_all(&bench);
	ledger_set_form(bench.ledger, 4); /* The first form that has reservations. */
	assert_int_equal(decide(&bench, "p1", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	expect(&bench, 0, 2, 1, 1);
	/* An older replica is about to start, and would not be ready. */
	ledger_set_form(bench.ledger, 3);
	assert_false(ledger_form_is_ahead(bench.ledger));
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	assert_true(ledger_form_is_ahead(bench.ledger));
	assert_true(ledger_foldable(bench.ledger, bench.now_ms));
	write_all(&bench);
	assert_false(ledger_form_is_ahead(bench.ledger));
	expect(&bench, 0, 2, 0, 0);
	close_bench(&bench);
}

/* --- The end --- */

static void test_a_reservation_ends_after_its_time(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(see(&bench, "p0", "Running", false, false), 0);
	assert_int_equal(tick(&bench, SECONDS * 1000 - 1), 0);
	expect(&bench, 1, 0, 2, 1);
	/* A renewal starts the time again. */
	assert_int_equal(decide(&bench, "p1", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(see(&bench, "p1", "Running", false, false), 0);
	assert_int_equal(tick(&bench, SECONDS * 1000 - 1), 0);
	expect(&bench, 2, 0, 1, 1);
	/* It is not swept as if it were a Pod. */
	assert_false(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms));
	ledger_due(bench.ledger, CONSUMER_POD, 1, bench.now_ms);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 0);
	assert_false(ledger_awaits_expiry(bench.ledger, CONSUMER_POD));
	write_all(&bench);
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	expect(&bench, 2, 0, 0, 0);
	assert_true(ledger_foldable(bench.ledger, bench.now_ms));
	assert_int_equal(tick(&bench, 1), 0);
	/* Another replica, which has known it for less time, writes it again. */
	char *text = encode(&bench);
	assert_int_equal(strlen(text), 0);
	load(&bench, STR("4;N a;R nvidia.com/gpu;G " GROUP ";P =x 0 0=1 -;"));
	free(text);
	expect(&bench, 2, 1, 0, 0);
	assert_false(ledger_foldable(bench.ledger, bench.now_ms));
	close_bench(&bench);
}

/* A replica that learns of it later, or starts again, counts the time from then on. */
static void test_the_time_begins_with_the_copy(void **state)
{
	static const char text[] = "4;N a;R nvidia.com/gpu;G " GROUP ";P =p0 0 0=1 - 0;H 0 0 0=2 - 300 5;",
			  renewed[] = "4;N a;R nvidia.com/gpu;G " GROUP ";P =p0 0 0=1 - 0;H 0 0 0=2 - 300 6;";
	(void)state;
	struct bench bench;
	open_bench(&bench);
	load(&bench, STR(text));
	assert_int_equal(tick(&bench, SECONDS * 1000 - 1), 0);
	load(&bench, STR(text));
	expect(&bench, 0, 1, 2, 1);
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	expect(&bench, 0, 1, 0, 0);
	/* As long as it is in the copy, it does not come back, but its renewal is new. */
	load(&bench, STR(text));
	expect(&bench, 0, 1, 0, 0);
	load(&bench, STR(renewed));
	expect(&bench, 0, 1, 2, 1);
	assert_int_equal(tick(&bench, SECONDS * 1000 - 1), 0);
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	close_bench(&bench);
}

static void test_a_reservation_ends_with_its_group(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	assert_int_equal(tick(&bench, 1), 0); /* Nothing ends while it is written. */
	write_all(&bench);
	assert_int_equal(tick(&bench, 1), 0);
	assert_int_equal(see(&bench, "p0", "Running", false, false), 0);
	assert_int_equal(tick(&bench, 1), 0);
	assert_int_equal(see(&bench, "p0", "Running", false, true), LEDGER_FREED);
	expect(&bench, 0, 0, 2, 1);
	/* Another replica may have seen another Pod of the group. */
	uint64_t seen = bench.version;
	bench.versions.of[CONSUMER_POD] = seen + 1;
	char *text = encode(&bench);
	bench.versions.of[CONSUMER_POD] = seen + 1;
	load(&bench, str_of(text));
	free(text);
	assert_true(ledger_behind(bench.ledger));
	assert_int_equal(tick(&bench, 1), 0);
	expect(&bench, 0, 0, 2, 1);
	ledger_reach(bench.ledger, CONSUMER_POD, seen + 1);
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	expect(&bench, 0, 0, 0, 0);
	close_bench(&bench);
}

/* The first Pod is never stored. */
static void test_a_reservation_ends_when_its_pod_is_swept(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	ledger_reach(bench.ledger, CONSUMER_POD, 10);
	ledger_reach(bench.ledger, CONSUMER_CLAIM, 10);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(tick(&bench, TTL_MS), 0);
	assert_true(ledger_overdue(bench.ledger, CONSUMER_POD, bench.now_ms));
	ledger_due(bench.ledger, CONSUMER_POD, 10, bench.now_ms);
	assert_int_equal(ledger_expire(bench.ledger, bench.now_ms), 1);
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	expect(&bench, 0, 0, 0, 0);
	char *text = encode(&bench);
	assert_string_equal(text, "");
	free(text);
	close_bench(&bench);
}

/* --- Other events --- */

static void test_another_policy_charges_it_again(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	struct policy *other = fixture_policy(double_text, NULL, 0);
	assert_non_null(other);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(ledger_rebase(bench.ledger, other), 0);
	assert_true(ledger_check(bench.ledger));
	for (uint32_t i = 0; i < 2; i++)
		assert_true(ledger_held(bench.ledger)[i].reserved == 2 * policy_unit(other) &&
			    ledger_held(bench.ledger)[i].pending == 3 * policy_unit(other));
	assert_int_equal(ledger_rebase(bench.ledger, bench.policy), 0);
	expect(&bench, 0, 1, 2, 1);
	assert_int_equal(tick(&bench, 1), 0);
	/* Without its Rule, nobody may come for whom something is reserved. */
	assert_int_equal(ledger_rebase(bench.ledger, other), 0);
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	assert_int_equal(ledger_reservations(bench.ledger), 0);
	/* The view and the copy are of another history. */
	ledger_forget(bench.ledger);
	assert_true(ledger_check(bench.ledger));
	assert_int_equal(ledger_reservations(bench.ledger), 0);
	policy_release(other);
	close_bench(&bench);
}

/* A Pod stays in its group, whatever an event says of its labels or owners. */
static void test_a_pod_stays_in_its_group(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 2), LEDGER_ADMITTED);
	write_all(&bench);
	assert_int_equal(see_in(&bench, "Job.batch/other", "p0", "Running", false, false), 0);
	/* It would be 3 if p0 were not known to be one of them. */
	assert_int_equal(decide(&bench, "p1", GROUP, 4), LEDGER_ADMITTED);
	expect(&bench, 1, 1, 2, 1);
	fail_to_write(&bench);
	/* Its phase may be changed back. */
	assert_int_equal(see(&bench, "p0", "Failed", false, false), LEDGER_FREED);
	assert_int_equal(see(&bench, "p0", "Running", false, false), 0);
	assert_int_equal(decide(&bench, "p1", GROUP, 4), LEDGER_ADMITTED);
	expect(&bench, 1, 1, 2, 1);
	close_bench(&bench);
}

/* What a replica learns of a Pod only from the view, such as after a restart. */
static void test_the_view_knows_groups(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(see_in(&bench, GROUP, "p0", "Running", false, false), 0);
	assert_int_equal(see_in(&bench, "Job.batch/other", "p1", "Running", false, false), 0);
	assert_int_equal(decide(&bench, "p2", GROUP, 3), LEDGER_ADMITTED);
	expect(&bench, 2, 1, 1, 1);
	fail_to_write(&bench);
	/* A Pod that moves to another group by its labels is counted where it was first. */
	assert_int_equal(see_in(&bench, GROUP, "p1", "Failed", false, false), LEDGER_FREED);
	assert_int_equal(see_in(&bench, GROUP, "p1", "Running", false, false), 0);
	assert_int_equal(decide(&bench, "p2", GROUP, 3), LEDGER_ADMITTED);
	expect(&bench, 2, 1, 1, 1);
	write_all(&bench);
	assert_int_equal(see(&bench, "p0", "Running", false, true), LEDGER_FREED);
	assert_int_equal(see(&bench, "p2", "Running", false, true), LEDGER_FREED);
	assert_int_equal(tick(&bench, 1), LEDGER_FREED);
	expect(&bench, 1, 0, 0, 0);
	/* Forms before 4 do not say the group of a pending Pod; its event does. */
	load(&bench, STR("3;N a;R nvidia.com/gpu;P =p3 0 0=1 -;"));
	assert_int_equal(see_in(&bench, GROUP, "p3", "Running", false, false), 0);
	assert_int_equal(decide(&bench, "p4", GROUP, 3), LEDGER_ADMITTED);
	expect(&bench, 2, 1, 1, 1);
	close_bench(&bench);
}

/* The sums by namespace have what is reserved, but it is no Pod. */
static void test_a_reservation_is_no_pod(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	const struct tally_sum *sum = ledger_holders(bench.ledger, QUOTA_Q);
	assert_true(sum->amount == 3 * policy_unit(bench.policy));
	assert_int_equal(sum->pods, 1);
	assert_null(sum->quota_next);
	write_all(&bench);
	assert_int_equal(see(&bench, "p0", "Running", false, true), LEDGER_FREED);
	sum = ledger_holders(bench.ledger, QUOTA_Q);
	assert_true(sum->amount == 2 * policy_unit(bench.policy));
	assert_int_equal(sum->pods, 0);
	close_bench(&bench);
}

/* --- The embedded ledger --- */

static void test_without_a_copy(void **state)
{
	(void)state;
	struct bench bench;
	open_ledger(&bench, false, 100);
	assert_int_equal(decide(&bench, "p0", GROUP, 3), LEDGER_ADMITTED);
	ledger_hold(bench.ledger, STR("p0"));
	expect(&bench, 1, 0, 2, 1);
	assert_int_equal(decide(&bench, "x0", "", 0), LEDGER_ADMITTED);
	ledger_hold(bench.ledger, STR("x0"));
	assert_int_equal(decide(&bench, "x1", "", 0), LEDGER_DENIED);
	assert_int_equal(decide(&bench, "p1", GROUP, 3), LEDGER_ADMITTED);
	ledger_hold(bench.ledger, STR("p1"));
	expect(&bench, 3, 0, 1, 1);
	bench.now_ms += SECONDS * 1000 - 1;
	assert_int_equal(ledger_end_reservations(bench.ledger, bench.now_ms), 0);
	bench.now_ms++;
	assert_int_equal(ledger_end_reservations(bench.ledger, bench.now_ms), LEDGER_FREED);
	expect(&bench, 3, 0, 0, 0);
	/* A Pod without its gang takes its part, and the last one ends it. */
	assert_true(ledger_free(bench.ledger, STR("x0")));
	assert_int_equal(decide(&bench, "p1", GROUP, 4), LEDGER_ADMITTED);
	ledger_hold(bench.ledger, STR("p1"));
	expect(&bench, 2, 0, 2, 1);
	for (int i = 0; i < 2; i++) {
		const char *uid = i ? "d1" : "d0";
		assert_int_equal(decide(&bench, uid, GROUP, 0), LEDGER_ADMITTED);
		ledger_hold(bench.ledger, str_of(uid));
		expect(&bench, 3 + i, 0, 1 - i, i ? 0 : 1);
	}
	assert_true(ledger_free(bench.ledger, STR("d0")) && ledger_free(bench.ledger, STR("d1")));
	assert_int_equal(decide(&bench, "x0", "", 0), LEDGER_ADMITTED);
	ledger_hold(bench.ledger, STR("x0"));
	/* It ends with its last Pod. */
	assert_int_equal(decide(&bench, "p1", GROUP, 3), LEDGER_ADMITTED);
	ledger_hold(bench.ledger, STR("p1"));
	expect(&bench, 3, 0, 1, 1);
	assert_true(ledger_free(bench.ledger, STR("p0")));
	assert_int_equal(ledger_end_reservations(bench.ledger, bench.now_ms), 0);
	assert_true(ledger_free(bench.ledger, STR("p1")));
	assert_int_equal(ledger_end_reservations(bench.ledger, bench.now_ms), LEDGER_FREED);
	expect(&bench, 1, 0, 0, 0);
	close_bench(&bench);
}

static wide reserved_in(struct ledger_embedded *ledger)
{
	struct ledger_sums sums;
	ledger_embedded_sums(ledger, &sums);
	wide reserved = sums.held[QUOTA_Q].reserved / policy_unit(sums.policy);
	assert_int_equal(sums.reservations, reserved > 0);
	ledger_sums_release(&sums);
	return reserved;
}

static void test_the_embedded_store(void **state)
{
	(void)state;
	struct error err = {0};
	struct policy *policy = fixture_policy(policy_text, NULL, 0);
	struct ledger_embedded *ledger = ledger_embedded_create(policy, &err);
	assert_non_null(ledger);
	struct ledger_store store = ledger_embedded_store(ledger);
	const struct resource_request request = {STR("nvidia.com/gpu"), 1, false},
				      whole = {STR("nvidia.com/gpu"), 3, false};
	struct gang gang = {.requests = &whole, .request_count = 1, .seconds = SECONDS};
	struct decision decision = {.charged = true,
				    .consumer = {.uid = STR("p0"),
						 .namespace = STR("a"),
						 .requests = &request,
						 .request_count = 1,
						 .group = STR(GROUP),
						 .gang = &gang}};
	struct arena arena;
	struct buf charges;
	arena_init(&arena, 4096, 1 << 20);
	buf_init(&charges, 4096);
	struct reservation_request asked = {.arena = &arena, .decision = &decision, .charges = &charges};
	assert_true(store.admit(store.self, &asked));
	assert_false(decision.denied);
	assert_true(reserved_in(ledger) == 2);
	/* A review says that its last Pod is gone. */
	store.finished(store.self, STR("p0"));
	assert_true(reserved_in(ledger) == 0);
	gang.seconds = 1;
	assert_true(store.admit(store.self, &asked));
	assert_true(reserved_in(ledger) == 2);
	usleep(1010000);
	assert_true(reserved_in(ledger) == 0);
	buf_release(&charges);
	arena_release(&arena);
	ledger_embedded_destroy(ledger);
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_rest_is_reserved),
					   cmocka_unit_test(test_a_group_that_does_not_fit_holds_nothing),
					   cmocka_unit_test(test_a_refusal_does_not_wait_for_a_reservation),
					   cmocka_unit_test(test_a_batch_is_written_once),
					   cmocka_unit_test(test_a_failed_write_changes_nothing),
					   cmocka_unit_test(test_another_replica_is_faster),
					   cmocka_unit_test(test_the_copy_decides_what_a_renewal_holds),
					   cmocka_unit_test(test_a_pod_is_decided_again),
					   cmocka_unit_test(test_the_group_is_counted_anew),
					   cmocka_unit_test(test_several_resources),
					   cmocka_unit_test(test_no_size_is_too_large_to_be_refused),
					   cmocka_unit_test(test_a_group_by_number),
					   cmocka_unit_test(test_a_pod_without_its_gang_uses_up_its_part),
					   cmocka_unit_test(test_what_a_pod_leaves_of_a_reservation),
					   cmocka_unit_test(test_a_question_uses_up_nothing),
					   cmocka_unit_test(test_what_nothing_limits_is_not_reserved),
					   cmocka_unit_test(test_what_is_not_denied_reserves_nothing),
					   cmocka_unit_test(test_both_are_held_or_neither),
					   cmocka_unit_test(test_reservations_fill_a_share),
					   cmocka_unit_test(test_an_older_form_has_no_reservations),
					   cmocka_unit_test(test_a_reservation_ends_after_its_time),
					   cmocka_unit_test(test_the_time_begins_with_the_copy),
					   cmocka_unit_test(test_a_reservation_ends_with_its_group),
					   cmocka_unit_test(test_a_reservation_ends_when_its_pod_is_swept),
					   cmocka_unit_test(test_another_policy_charges_it_again),
					   cmocka_unit_test(test_a_pod_stays_in_its_group),
					   cmocka_unit_test(test_the_view_knows_groups),
					   cmocka_unit_test(test_a_reservation_is_no_pod),
					   cmocka_unit_test(test_without_a_copy),
					   cmocka_unit_test(test_the_embedded_store)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
