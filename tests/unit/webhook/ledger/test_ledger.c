/*
 * test_ledger: tests the ledger's state machine without a store, against a model, and checks its
 * invariants after every step.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/ledger/ledger.h"
#include "webhook/server/embedded_store.h"

#define PODS 40

static const char tight[] = "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\nspec: {quotas: [{name: "
			    "all, measure: gpus, hard: 9}]}\n---\n"
			    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\n"
			    "spec: {parent: org, namespaces: [a], quotas: [{name: q, resources: [nvidia.com/gpu], "
			    "hard: 6}, {name: s, resources: "
			    "['nvidia.com/mig-*'], hard: 5}]}\n---\n"
			    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {parent: org, "
			    "namespaces: [b], quotas: [{name: q, hard: 5}]}\n";

/* The same tenants with other limits and another measure: everything held must be charged again. */
static const char loose[] =
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: org}\nspec: {quotas: [{name: all, hard: 50}]}\n---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {parent: org, namespaces: [a], quotas: "
    "[{name: q, hard: 30}]}\n"
    "---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: b}\nspec: {parent: org, namespaces: [b]}\n";

struct held_pod {
	bool held;
	struct consumer consumer;
	struct resource_request resource_request;
	char uid[16];
};

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/*
 * Returns what the model says a quota holds without `skip`: the sum of the charges of all held
 * Pods.
 */
static wide model_used(const struct policy *policy, const struct held_pod *pods, uint32_t quota,
		       const struct held_pod *skip)
{
	struct charge charges[16];
	wide sum = 0;
	for (int i = 0; i < PODS; i++) {
		int count =
		    pods[i].held && &pods[i] != skip ? policy_charge(policy, &pods[i].consumer, NULL, charges) : 0;
		for (int k = 0; k < count; k++)
			sum += charges[k].quota == quota ? charges[k].amount : 0;
	}
	return sum;
}

static bool model_fits(const struct policy *policy, const struct held_pod *pods, const struct held_pod *pod,
		       const struct consumer *consumer)
{
	struct charge charges[16];
	int count = policy_charge(policy, consumer, NULL, charges);
	for (int k = 0; k < count; k++) {
		struct quota_view quota;
		policy_quota(policy, charges[k].quota, &quota);
		if (model_used(policy, pods, charges[k].quota, pod) + charges[k].amount > quota.hard)
			return false;
	}
	return true;
}

static void check_all(const struct ledger *ledger, const struct policy *policy, const struct held_pod *pods)
{
	uint32_t held = 0;
	for (int i = 0; i < PODS; i++)
		held += pods[i].held;
	assert_int_equal(ledger_pods(ledger), held);
	assert_true(ledger_check(ledger));
	for (uint32_t q = 0; q < policy_quota_count(policy); q++)
		assert_true(ledger_held(ledger)[q].used == model_used(policy, pods, q, NULL) &&
			    ledger_held(ledger)[q].pending == 0);
}

static void admit(struct ledger *ledger, const struct policy *policy, struct held_pod *pods, uint32_t *seed)
{
	static const char *const namespaces[] = {"a", "b", "nobody"};
	static const char *const resources[] = {"nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "amd.com/gpu"};
	struct held_pod *pod = &pods[next_random(seed) % PODS];
	struct resource_request resource_request = {.resource = str_of(resources[next_random(seed) % 3]),
						    .count = 1 + next_random(seed) % 3};
	struct consumer consumer = {.uid = str_of(pod->uid),
				    .namespace = str_of(namespaces[next_random(seed) % 3]),
				    .name = STR("p"),
				    .requests = &resource_request,
				    .request_count = 1};
	enum ledger_mode mode = next_random(seed) % 4 == 0    ? LEDGER_DRY
				: next_random(seed) % 16 == 0 ? LEDGER_FORCE
							      : LEDGER_HOLD;
	bool fits = model_fits(policy, pods, pod, &consumer), admitted = fits || mode == LEDGER_FORCE;
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	struct ledger_verdict verdict;
	ledger_decide(ledger, &consumer, mode, 0, &arena, NULL, &verdict);
	assert_int_equal(verdict.outcome, admitted ? LEDGER_ADMITTED : LEDGER_DENIED);
	assert_int_equal(verdict.denial.quota_violation_count > 0, !fits);
	arena_release(&arena);
	if (!admitted || mode == LEDGER_DRY)
		return;
	ledger_hold(ledger, consumer.uid);
	pod->held = true;
	pod->resource_request = resource_request;
	pod->consumer = consumer;
	pod->consumer.requests = &pod->resource_request;
}

static void test_model(void **state)
{
	(void)state;
	struct policy *policies[] = {fixture_policy(tight, NULL, 0), fixture_policy(loose, NULL, 0)};
	assert_non_null(policies[0]);
	assert_non_null(policies[1]);
	for (uint32_t round = 0; round < 20; round++) {
		struct error err = {0};
		struct held_pod pods[PODS] = {0};
		for (int i = 0; i < PODS; i++)
			snprintf(pods[i].uid, sizeof pods[i].uid, "u%d", i);
		uint32_t seed = round + 1, at = 0;
		const struct ledger_options options = {.policy = policies[0], .pods_max = 1000};
		struct ledger *ledger = ledger_create(&options, &err);
		assert_non_null(ledger);
		for (int step = 0; step < 400; step++) {
			uint32_t what = next_random(&seed) % 100;
			if (what < 60) {
				admit(ledger, policies[at], pods, &seed);
			} else if (what < 98) {
				struct held_pod *pod = &pods[next_random(&seed) % PODS];
				assert_int_equal(ledger_free(ledger, str_of(pod->uid)), pod->held);
				pod->held = false;
			} else {
				at = !at;
				assert_int_equal(ledger_rebase(ledger, policies[at]), 0);
			}
			check_all(ledger, policies[at], pods);
		}
		ledger_destroy(ledger);
	}
	policy_release(policies[0]);
	policy_release(policies[1]);
}

static void test_full(void **state)
{
	(void)state;
	struct error err = {0};
	struct policy *policy = fixture_policy(loose, NULL, 0);
	const struct ledger_options options = {.policy = policy, .pods_max = 2};
	struct ledger *ledger = ledger_create(&options, &err);
	struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = 1};
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	for (int i = 0; i < 4; i++) {
		char uid[16];
		snprintf(uid, sizeof uid, "u%d", i % 3);
		struct consumer consumer = {
		    .uid = str_of(uid), .namespace = STR("a"), .requests = &resource_request, .request_count = 1};
		struct ledger_verdict verdict;
		ledger_decide(ledger, &consumer, LEDGER_HOLD, 0, &arena, NULL, &verdict);
		ledger_hold(ledger, consumer.uid);
		/*
		 * The third uid finds the ledger full. The first one is already held and may come
		 * again.
		 */
		assert_int_equal(verdict.outcome, i == 2 ? LEDGER_OUTAGE : LEDGER_ADMITTED);
		assert_true(ledger_check(ledger));
	}
	assert_int_equal(ledger_pods(ledger), 2);
	arena_release(&arena);
	ledger_destroy(ledger);
	policy_release(policy);
}

/*
 * A reload may free the snapshot that refused a Pod before the answer is written. The refusal keeps
 * its text.
 */
static void test_refusal_outlives_policy(void **state)
{
	(void)state;
	struct error err = {0};
	struct policy *policy = fixture_policy(tight, NULL, 0), *next = fixture_policy(loose, NULL, 0);
	struct ledger_embedded *ledger = ledger_embedded_create(policy, &err);
	assert_non_null(ledger);
	policy_release(policy);
	struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = 7};
	struct decision decision = {
	    .charged = true,
	    .consumer = {.uid = STR("u"), .namespace = STR("a"), .requests = &resource_request, .request_count = 1}};
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	struct buf charges;
	buf_init(&charges, 4096);
	struct reservation_request request = {.arena = &arena, .decision = &decision, .charges = &charges};
	struct ledger_store store = ledger_embedded_store(ledger);
	assert_true(store.admit(store.self, &request));
	assert_int_equal(request.result, 0);
	assert_int_equal(ledger_embedded_rebase(ledger, next), 0);
	assert_true(decision.denied);
	assert_int_equal(decision.violation_count, 1);
	assert_true(str_eq(decision.violations[0].name, STR("q")));
	assert_true(str_starts(decision.violations[0].message, STR("can never fit: GPU quota \"q\" of tenant \"a\"")));
	buf_release(&charges);
	arena_release(&arena);
	ledger_embedded_destroy(ledger);
	policy_release(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model), cmocka_unit_test(test_full),
					   cmocka_unit_test(test_refusal_outlives_policy)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
