/*
 * test_slices: what the watch of ResourceSlices makes of lists and events, and when the ledger gets
 * to know. tests/blackbox/test_slices.py has what follows for Pods.
 */
#include "tests/unit/webhook/cluster/cluster_fixture.h"

#define POLICY                                                                                                         \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a}\n"                                     \
	"spec: {resource: nvidia.com/gpu, memory: 80Gi, nodeLabels: {nvidia.com/gpu.product: A}}\n"                    \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: b}\n"                                     \
	"spec: {resource: nvidia.com/gpu, memory: 16Gi, nodeLabels: {nvidia.com/gpu.product: B}}\n---\n" TENANT(       \
	    "t", "{namespaces: [t], quotas: [{name: m, measure: memory, hard: 800Gi}]}")
#define ONE_MODEL                                                                                                      \
	"---\napiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a}\n"                                     \
	"spec: {resource: nvidia.com/gpu, memory: 80Gi}\n---\n" TENANT("t", "{namespaces: [t]}")
#define PATH "/apis/resource.k8s.io/v1/resourceslices"
#define OTHER_PATH "/apis/resource.k8s.io/v1beta1/resourceslices"

/* A Pod on node n, of which nothing is known. */
static void open_slices(struct fixture *f)
{
	const struct pair asks = {STR("nvidia.com/gpu"), STR("1")};
	const struct container container = {.requests = {&asks, 1, true}};
	const struct pod pod = {.present = true,
				.name = STR("p"),
				.uid = STR("p"),
				.namespace = STR("t"),
				.node_name = STR("n"),
				.containers = &container,
				.container_count = 1};
	const struct pairs none = {.present = true};
	open_fixture(f, POLICY);
	assert_int_equal(ledger_node(f->cluster.ledger, STR("n"), &none), 0);
	ledger_see(f->cluster.ledger, &pod, 8, false, kube_now_ms());
}

static void close_slices(struct fixture *f)
{
	slices_close(&f->cluster);
	close_fixture(f);
}

/* Passes a slice of node n to a callback; `product` NULL: it cannot be read. */
static void deliver(struct fixture *f, bool list, bool gone, const char *name, const char *product)
{
	char json[700 + REVIEW_PADDING];
	int len = snprintf(
	    json, 700,
	    "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"driver\":\"gpu.nvidia.com\",\"nodeName\":\"n\",\"pool\":{\"name\":\"n\","
	    "\"generation\":1},\"devices\":[{\"attributes\":{\"productName\":{\"string\":%s%s%s}}}]}}",
	    name, product ? "\"" : "", product ? product : "7", product ? "\"" : "");
	struct str text = {json, (size_t)len};
	if (list)
		slices_events.listed(&f->cluster, text);
	else
		slices_events.changed(&f->cluster, gone, text);
}

static int64_t used_gi(const struct fixture *f)
{
	return (int64_t)(ledger_held(f->cluster.ledger)[0].used / policy_unit(f->policy) >> 30);
}

/* The pause between two changes ends. */
static void end_pause(struct fixture *f)
{
	if (f->cluster.slices.passed_ms)
		f->cluster.slices.passed_ms = 1;
	slices_tick(&f->cluster);
}

static void test_lists_and_events(void **state)
{
	struct fixture *f = *state;
	open_slices(f);
	assert_int_equal(used_gi(f), 80);
	slices_events.begin(&f->cluster);
	deliver(f, true, false, "s", "B");
	slices_tick(&f->cluster);
	assert_int_equal(used_gi(f), 80); /* Another slice of the list may differ. */
	slices_events.synced(&f->cluster, 1);
	assert_int_equal(used_gi(f), 16);
	/* More changes wait, and are made at once. */
	deliver(f, false, false, "s", "A");
	deliver(f, false, false, "t", "A");
	slices_tick(&f->cluster);
	assert_int_equal(used_gi(f), 16);
	end_pause(f);
	assert_int_equal(used_gi(f), 80);
	deliver(f, false, true, "s", "A");
	deliver(f, false, false, "t", "B");
	end_pause(f);
	assert_int_equal(used_gi(f), 16);
	/* What a new list does not have is gone, but not before its end. */
	slices_events.begin(&f->cluster);
	end_pause(f);
	assert_int_equal(used_gi(f), 16);
	f->cluster.slices.passed_ms = 1;
	slices_events.synced(&f->cluster, 2);
	assert_int_equal(used_gi(f), 80);
	close_slices(f);
}

/* It says nothing any more, and neither does one that is not kept. */
static void test_an_unreadable_slice(void **state)
{
	struct fixture *f = *state;
	open_slices(f);
	slices_events.begin(&f->cluster);
	deliver(f, true, false, "s", "B");
	slices_events.synced(&f->cluster, 1);
	assert_int_equal(used_gi(f), 16);
	deliver(f, false, false, "s", NULL);
	end_pause(f);
	assert_int_equal(used_gi(f), 80);
	assert_int_equal(count(f, COUNT_UNREADABLE), 1);
	assert_non_null(f->cluster.slices.logged);
	slices_events.begin(&f->cluster);
	deliver(f, true, false, "s", "B");
	f->cluster.slices.passed_ms = 1;
	slices_events.synced(&f->cluster, 2);
	assert_int_equal(used_gi(f), 16);
	assert_null(f->cluster.slices.logged);
	close_slices(f);
}

static void test_too_many(void **state)
{
	struct fixture *f = *state;
	char name[20];
	open_slices(f);
	struct kube_watch *watch = f->cluster.watches[WATCH_SLICES];
	slices_events.begin(&f->cluster);
	for (int i = 0; i <= RESOURCE_SLICES_MAX; i++) {
		snprintf(name, sizeof name, "s%d", i);
		deliver(f, true, false, name, "B");
	}
	slices_tick(&f->cluster);
	slices_events.synced(&f->cluster, 1);
	assert_int_equal(used_gi(f), 16);
	assert_non_null(f->cluster.slices.logged);
	watch->version = 7;
	slices_tick(&f->cluster);
	assert_int_equal(watch->version, 7);
	f->cluster.slices.again_ms = 1; /* What was not kept is listed again after a while. */
	slices_tick(&f->cluster);
	assert_int_equal(watch->version, 0);
	close_slices(f);
}

static void test_where_they_are_served(void **state)
{
	struct fixture *f = *state;
	open_slices(f);
	const struct kube_watch *watch = f->cluster.watches[WATCH_SLICES];
	slices_tick(&f->cluster);
	slices_events.list_failed(&f->cluster, 404, "it is not there");
	assert_false(f->cluster.slices.started || f->cluster.slices.logged);
	slices_serve(&f->cluster, PATH);
	assert_true(f->cluster.slices.started);
	assert_string_equal(watch->options.path, PATH);
	slices_events.list_failed(&f->cluster, 500, "it is broken");
	assert_null(f->cluster.slices.logged);
	slices_events.list_failed(&f->cluster, 403, "it is forbidden");
	assert_non_null(strstr(f->cluster.slices.logged, "list and watch of resourceslices"));
	slices_events.begin(&f->cluster);
	deliver(f, true, false, "s", "B");
	slices_events.synced(&f->cluster, 1);
	assert_int_equal(used_gi(f), 16);
	assert_null(f->cluster.slices.logged);
	/* It was taken away again: what is known stays. */
	slices_events.list_failed(&f->cluster, 403, "it is forbidden");
	end_pause(f);
	assert_int_equal(used_gi(f), 16);
	f->cluster.watches[WATCH_SLICES]->version = 7;
	slices_serve(&f->cluster, OTHER_PATH);
	assert_string_equal(watch->options.path, OTHER_PATH);
	assert_int_equal(watch->version, 0);
	/* They are no longer served: there are none. */
	slices_serve(&f->cluster, NULL);
	end_pause(f);
	assert_int_equal(used_gi(f), 80);
	close_slices(f);
}

static void test_a_policy_that_does_not_need_them(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, ONE_MODEL);
	slices_serve(&f->cluster, PATH);
	slices_tick(&f->cluster);
	assert_false(f->cluster.slices.started);
	struct policy *policy = fixture_policy(POLICY, NULL, 0);
	assert_int_equal(ledger_rebase(f->cluster.ledger, policy), 0);
	slices_tick(&f->cluster);
	assert_true(f->cluster.slices.started);
	policy_release(policy);
	close_slices(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_lists_and_events),
	    TEST(test_an_unreadable_slice),
	    TEST(test_too_many),
	    TEST(test_where_they_are_served),
	    TEST(test_a_policy_that_does_not_need_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
