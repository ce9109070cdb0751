/*
 * test_fit: compares how many Pods alike fit, found by bisection, with what the ledger admits one
 * by one. Asking changes nothing.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/ledger/fit.h"

#define PODS 10
#define LIMIT 40 /* More than any quota below allows. */

static const char pool[] =
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100}\n"
    "spec: {resource: nvidia.com/gpu, memory: 80Gi, mig: {profiles: builtin, model: a100-80gb}}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\n"
    "spec: {quotas: [{name: all, measure: gpus, hard: 13}]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {parent: org, namespaces: [a], cohort: c, "
    "borrowing: {q: {borrowUpTo: 5, lendUpTo: 3}}, quotas: [{name: q, measure: gpus, hard: 6}, "
    "{name: m, measure: memory, hard: 500Gi}]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {parent: org, namespaces: [b], cohort: c, "
    "borrowing: {q: {borrowUpTo: 2}}, quotas: [{name: q, measure: gpus, hard: 5}]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: w}\n"
    "spec: {namespaces: [w], enforcement: warn, quotas: [{name: q, hard: 1}]}\n";

struct kept {
	struct consumer consumer;
	struct resource_request requested;
	char uid[16];
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void make(struct kept *kept, const char *uid, uint32_t *seed)
{
	static const char *const namespaces[] = {"a", "a", "b", "w"};
	static const char *const resources[] = {"nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"};
	snprintf(kept->uid, sizeof kept->uid, "%s", uid);
	kept->requested = (struct resource_request){.resource = str_of(resources[next_random(seed) % 3]),
						    .count = 1 + next_random(seed) % 3};
	kept->consumer = (struct consumer){.uid = str_of(kept->uid),
					   .namespace = str_of(namespaces[next_random(seed) % 4]),
					   .name = STR("p"),
					   .requests = &kept->requested,
					   .request_count = 1};
}

static bool hold(struct ledger *ledger, const struct consumer *consumer, struct arena *arena,
		 struct ledger_verdict *verdict)
{
	ledger_decide(ledger, consumer, LEDGER_HOLD, 0, arena, NULL, verdict);
	if (verdict->outcome == LEDGER_ADMITTED)
		ledger_hold(ledger, consumer->uid);
	return verdict->outcome == LEDGER_ADMITTED;
}

static void same_denial(const struct ledger_verdict *a, const struct ledger_verdict *b)
{
	assert_int_equal(a->outcome, b->outcome);
	assert_int_equal(a->retry, b->retry);
	assert_int_equal(a->denial.quota_violation_count, b->denial.quota_violation_count);
	for (uint32_t i = 0; i < a->denial.quota_violation_count; i++)
		assert_memory_equal(&a->denial.quota_violation[i], &b->denial.quota_violation[i],
				    sizeof a->denial.quota_violation[i]);
}

static struct held *copy_held(const struct ledger *ledger, const struct policy *policy)
{
	size_t bytes = policy_quota_count(policy) * sizeof(struct held);
	struct held *copy = malloc(bytes);
	assert_non_null(copy);
	memcpy(copy, ledger_held(ledger), bytes);
	return copy;
}

/* Finds how many of a few other Pods fit, which then come before those that are asked about. */
static int64_t fit_first(struct ledger *ledger, const struct kept *first, struct kept *replaced, int64_t replaced_count,
			 struct arena *arena)
{
	struct decision decision = {.consumer = first->consumer};
	struct reservation_request reservation = {.arena = arena, .decision = &decision};
	struct fit_request fit = {.reservation = &reservation,
				  .count = 3,
				  .replaced = replaced_count ? &replaced->consumer : NULL,
				  .replaced_count = replaced_count};
	struct ledger_verdict ignored;
	assert_true(ledger_fit(ledger, &fit, &ignored));
	return fit.fits;
}

/* Admits so many Pods, one by one. */
static void hold_first(struct ledger *ledger, struct kept *first, int64_t count, struct arena *arena)
{
	struct ledger_verdict verdict;
	for (int64_t i = 0; i < count; i++) {
		char uid[16];
		snprintf(uid, sizeof uid, "first-%d", (int)i);
		first->consumer.uid = str_of(uid);
		assert_true(hold(ledger, &first->consumer, arena, &verdict));
	}
}

/* Asks, and then admits one by one. Returns how many fit. */
static int64_t compare(struct ledger *ledger, const struct policy *policy, struct kept *replaced,
		       int64_t replaced_count, int64_t count, uint32_t *seed)
{
	struct arena arena;
	struct kept kept, first;
	make(&kept, "", seed);
	make(&first, "", seed);
	arena_init(&arena, 4096, 1 << 22);
	int64_t earlier = fit_first(ledger, &first, replaced, replaced_count, &arena);
	const struct fit_pods pods = {&first.consumer, earlier};
	struct decision decision = {.consumer = kept.consumer};
	/* What a Rule says about a gang makes no difference. */
	const struct resource_request many = {.resource = kept.requested.resource, .count = 1000};
	const struct gang gang = {.requests = &many, .request_count = 1, .seconds = 300};
	decision.consumer.group = STR("Job.batch/j");
	decision.consumer.gang = &gang;
	struct reservation_request reservation = {.arena = &arena, .decision = &decision};
	struct fit_request fit = {.reservation = &reservation,
				  .count = count,
				  .replaced = replaced_count ? &replaced->consumer : NULL,
				  .replaced_count = replaced_count,
				  .before = &pods,
				  .before_count = 1};
	struct ledger_verdict told, verdict;
	struct held *before = copy_held(ledger, policy);
	assert_true(ledger_fit(ledger, &fit, &told));
	assert_memory_equal(before, ledger_held(ledger), policy_quota_count(policy) * sizeof *before);
	assert_true(ledger_check(ledger));
	free(before);
	for (int64_t i = 0; i < replaced_count; i++)
		assert_true(ledger_free(ledger, replaced[i].consumer.uid));
	hold_first(ledger, &first, earlier, &arena);
	int64_t fits = 0;
	char uid[16];
	do {
		snprintf(uid, sizeof uid, "new-%d", (int)fits);
		kept.consumer.uid = str_of(uid);
	} while (fits < count && fits < LIMIT && hold(ledger, &kept.consumer, &arena, &verdict) && ++fits);
	assert_int_equal(fit.fits < LIMIT ? fit.fits : LIMIT, fits);
	if (fits < count && fits < LIMIT)
		same_denial(&told, &verdict);
	arena_release(&arena);
	return fits;
}

static void test_as_one_by_one(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(pool, NULL, 0);
	assert_non_null(policy);
	int none = 0, some = 0, all = 0;
	for (uint32_t seed = 1, round = 0; round < 600; round++) {
		static const int64_t counts[] = {1, 2, 3, 7, LIMIT, INT32_MAX, INT64_MAX};
		struct error err = {0};
		struct ledger *ledger = ledger_create(&(struct ledger_options){.policy = policy}, &err);
		struct kept held[PODS];
		struct arena arena;
		struct ledger_verdict verdict;
		int pods = (int)(next_random(&seed) % PODS);
		int64_t alike = 0, count = counts[next_random(&seed) % 7];
		arena_init(&arena, 4096, 1 << 22);
		make(&held[0], "u0", &seed);
		for (int i = 0; i < pods; i++) {
			char uid[16];
			snprintf(uid, sizeof uid, "u%d", i);
			bool again = i == alike && next_random(&seed) % 2;
			if (i)
				make(&held[i], uid, &seed);
			if (again && i)
				held[i].requested = held[0].requested,
				held[i].consumer.namespace = held[0].consumer.namespace;
			bool admitted = hold(ledger, &held[i].consumer, &arena, &verdict);
			alike += admitted && i == alike && (i == 0 || again);
		}
		int64_t fits = compare(ledger, policy, held, alike, count, &seed);
		none += fits == 0;
		all += fits == count;
		some += fits > 0 && fits < count && fits < LIMIT;
		arena_release(&arena);
		ledger_destroy(ledger);
	}
	if (none < 10 || some < 100 || all < 50)
		fail_msg("too little was tried: %d none, %d some, %d all", none, some, all);
	policy_release(policy);
}

static void test_without_memory(void **state)
{
	(void)state;
	struct policy *policy = fixture_policy(pool, NULL, 0);
	struct error err = {0};
	struct ledger *ledger = ledger_create(&(struct ledger_options){.policy = policy}, &err);
	uint32_t seed = 7;
	struct kept kept;
	make(&kept, "", &seed);
	struct decision decision = {.consumer = kept.consumer};
	int known = 0, unknown = 0;
	for (size_t bytes = 64; bytes < 8192; bytes += 64) {
		struct arena arena;
		arena_init(&arena, 64, bytes);
		struct reservation_request reservation = {.arena = &arena, .decision = &decision};
		struct fit_request fit = {
		    .reservation = &reservation, .count = 50, .replaced = &kept.consumer, .replaced_count = 50};
		struct ledger_verdict verdict;
		*(ledger_fit(ledger, &fit, &verdict) ? &known : &unknown) += 1;
		assert_true(ledger_check(ledger));
		arena_release(&arena);
	}
	assert_true(known > 0 && unknown > 0);
	ledger_destroy(ledger);
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_one_by_one), cmocka_unit_test(test_without_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
