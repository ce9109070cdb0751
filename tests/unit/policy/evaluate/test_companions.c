/*
 * test_companions: resources that are counted although no Accelerator has them. Amounts are exact,
 * and the same for a Pod that is decided and one in the view.
 */
#include "tests/unit/policy_fixture.h"

#include "gpugate/consumer.h"
#include "gpugate/decision.h"
#include "gpugate/quota.h"
#include "policy/model/snapshot.h"

#define TENANT(quotas)                                                                                                 \
	"---\napiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: a}\nspec: {namespaces: [a], quotas: [" quotas  \
	"]}\n"
#define ACCELERATOR(name, spec)                                                                                        \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: " name "}\nspec: " spec "\n"
#define MEMORY "gpu.intel.com/memory.max"

static struct consumer of(const struct resource_request *requests, uint32_t count)
{
	return (struct consumer){
	    .uid = STR("u"), .namespace = STR("a"), .name = STR("p"), .requests = requests, .request_count = count};
}

/* A million Pods with the maximum that is counted, in the smallest unit that a policy can have. */
static void test_nothing_overflows(void **state)
{
	struct policy *policy = fixture_policy(
	    ACCELERATOR("s", "{resource: x/y, memory: 32Ti, weight: 1000, sharing: {resource: x/z, replicas: 65521}}")
		ACCELERATOR("w", "{resource: x/w, weight: 0.01}")
		    TENANT("{name: m, hard: unlimited, resources: [" MEMORY
			   ", amd.com/nic]}, {name: g, measure: gpus, hard: 0.01}, "
			   "{name: b, measure: memory, hard: unlimited, resources: [x/y]}"),
	    NULL, 0);
	(void)state;
	assert_non_null(policy);
	int64_t unit = policy_unit(policy);
	/* 168 x 65521 x 25. */
	assert_true(unit > 100000000);
	const struct resource_request requests[] = {{.resource = STR(MEMORY), .count = COMPANION_MAX},
						    {.resource = STR("amd.com/nic"), .count = COMPANION_MAX}};
	struct consumer consumer = of(requests, 2);
	struct charge charges[3];
	wide all;
	assert_int_equal(policy_charge(policy, &consumer, NULL, charges), 1);
	assert_true(charges[0].amount == 2 * (wide)COMPANION_MAX * unit);
	assert_false(__builtin_mul_overflow(charges[0].amount, (wide)1000000, &all));
	/* This also holds with the largest unit that compile_unit allows. */
	assert_false(__builtin_mul_overflow(((wide)COMPANION_MAX * 256) << 32, (wide)1000000, &all));
	policy_release(policy);
}

/*
 * A view keeps every existing Pod, however it was admitted. Of a device, no more counts than a Pod
 * can request.
 */
static void test_devices_are_bounded_by_their_own(void **state)
{
	struct policy *policy = fixture_policy(ACCELERATOR("x", "{resource: x/y, memory: 32Ti}")
						   TENANT("{name: m, measure: memory, hard: unlimited}"),
					       NULL, 0);
	(void)state;
	const struct resource_request requests[] = {{.resource = STR("x/y"), .count = COMPANION_MAX},
						    {.resource = STR(MEMORY), .count = COMPANION_MAX}};
	struct consumer consumer = of(requests, 2);
	struct charge charge;
	assert_int_equal(policy_charge(policy, &consumer, NULL, &charge), 1);
	assert_true(charge.amount == ((wide)RESOURCE_REQUEST_MAX << 45) * policy_unit(policy));
	policy_release(policy);
}

/* A Pod costs the same when it is decided as when it is seen, whatever else is in the view. */
static void test_decided_as_seen(void **state)
{
	struct policy *policy =
	    fixture_policy(TENANT("{name: g, hard: 99}, {name: m, hard: 8Gi, resources: [" MEMORY "]}"), NULL, 0);
	struct fixture_review r;
	struct decision decision;
	struct charge decided[2], seen[2];
	(void)state;
	fixture_review(&r, "a", "{'uid':'u'}",
		       "{'initContainers':[{'name':'i','resources':{'limits':{'" MEMORY
		       "':'5Gi','rdma/hca':3}}}],'containers':[{'name':'c','resources':{'limits':{'" MEMORY
		       "':'2Gi','gpu.intel.com/millicores':900,'gpu.intel.com/i915':2,'a/b':1}}},"
		       "{'name':'d','resources':{'requests':{'" MEMORY "':'1Gi'}}}]}");
	assert_int_equal(policy_validate(policy, &r.review, &r.arena, &decision, NULL), 0);
	assert_true(decision.charged);
	/* The device, and the resource that a quota names. */
	assert_int_equal(decision.consumer.request_count, 2);
	struct consumer view = decision.consumer;
	assert_int_equal(policy_pod_requests(&r.review.object, &r.arena, &view.requests, &view.request_count), 0);
	assert_int_equal(view.request_count, 5);
	assert_int_equal(policy_charge(policy, &decision.consumer, NULL, decided), 2);
	assert_int_equal(policy_charge(policy, &view, NULL, seen), 2);
	for (int i = 0; i < 2; i++)
		assert_true(decided[i].amount == seen[i].amount && decided[i].quota == seen[i].quota);
	assert_true(decided[0].amount == 2 * (wide)policy_unit(policy));
	assert_true(decided[1].amount == ((wide)5 << 30) * policy_unit(policy));
	fixture_review_release(&r);
	policy_release(policy);
}

/*
 * Whether quotas could count a resource at all. An outage must not block Pods that request none of
 * those.
 */
static void test_counts_some(void **state)
{
	struct policy *policy =
	    fixture_policy(ACCELERATOR("l", "{resource: lab/card}")
			       TENANT("{name: m, hard: 8Gi, resources: [" MEMORY "]}, {name: g, hard: 1}"),
			   NULL, 0);
	static const struct {
		struct str name;
		bool counts;
	} rows[] = {{STR("nvidia.com/gpu"), true},
		    {STR("lab/card"), true},
		    {STR(MEMORY), true},
		    {STR("gpu.intel.com/tiles"), false},
		    {STR("rdma/hca"), false},
		    {STR("example.com/foo"), false},
		    {STR("gpu.intel.com/xe_monitoring"), true}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct resource_request requests[] = {{.resource = STR("vpc.amazonaws.com/efa"), .count = 1},
							    {.resource = rows[i].name, .count = 1}};
		assert_int_equal(policy_counts_some(policy, requests, 2), rows[i].counts);
	}
	assert_false(policy_counts_some(policy, NULL, 0));
	policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_overflows),
					   cmocka_unit_test(test_devices_are_bounded_by_their_own),
					   cmocka_unit_test(test_decided_as_seen), cmocka_unit_test(test_counts_some)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
