/*
 * test_compare: tests the comparison of the view with a list. It corrects what a lost event has
 * left behind, and changes nothing else.
 */
#include "gpugate/policy.h"
#include "tests/unit/webhook/ledger/ledger_bench.h"

struct world {
	struct policy *policy;
	struct ledger *ledger;
	struct shown shown[PODS];
	uint64_t version;
};

static void open_world(struct world *world)
{
	*world = (struct world){.policy = fixture_policy(BENCH_POLICY("100"), NULL, 0), .version = 10};
	assert_non_null(world->policy);
	world->ledger = bench_ledger(world->policy);
	bench_label(world->ledger, ledger_node, "big", "gpu", "a100");
	bench_label(world->ledger, ledger_node, "small", "gpu", "t4");
	for (int i = 0; i < PODS; i++)
		show(&world->shown[i], i, "a", "1");
}

static void close_world(struct world *world)
{
	ledger_destroy(world->ledger);
	policy_release(world->policy);
}

static void tell(struct world *world, int number, bool gone)
{
	world->version++;
	assert_true(ledger_see(world->ledger, &world->shown[number].pod, world->version, gone, 1000) >= 0);
	ledger_reach(world->ledger, CONSUMER_POD, world->version);
	assert_true(ledger_check(world->ledger));
}

static int compare(struct world *world, int number)
{
	int seen = ledger_compare(world->ledger, &world->shown[number].pod, world->version, 1000);
	assert_true(ledger_check(world->ledger));
	return seen;
}

static void expect_used(const struct world *world, int used)
{
	assert_true(ledger_check(world->ledger));
	assert_true(ledger_held(world->ledger)[A_Q].used == used * policy_unit(world->policy));
}

static void test_nothing_was_lost(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	for (int i = 0; i < 4; i++)
		tell(&world, i, false);
	world.shown[1].pod.phase = STR("Failed");
	tell(&world, 1, false);
	world.shown[2].pod.deletion_timestamp = STR("2026-01-01T00:00:00Z");
	tell(&world, 2, false);
	tell(&world, 3, true);
	/* It requests nothing, so it is not kept. */
	world.shown[4].container.requests.count = 0;
	/* Pod 2 has been terminating for too long. */
	assert_int_equal(ledger_tick(world.ledger, 1000 + 300000), LEDGER_FREED);
	ledger_compare_begin(world.ledger, CONSUMER_POD);
	assert_false(ledger_behind(world.ledger));
	for (int i = 0; i < 5; i++)
		if (i != 3)
			assert_int_equal(compare(&world, i), 0);
	assert_int_equal(ledger_compare_end(world.ledger, CONSUMER_POD, 1000), 0);
	assert_int_equal(ledger_healed(world.ledger), 0);
	expect_used(&world, 1);
	close_world(&world);
}

/* The lost events are an ADDED, a MODIFIED that finishes, one that binds, and a DELETED. */
static void test_lost_events(void **state)
{
	(void)state;
	struct world world;
	struct error err = {0};
	open_world(&world);
	assert_int_equal(ledger_load(world.ledger, (struct ledger_versions){{5}},
				     STR("1;R nvidia.com/gpu;P pod-4 a pod-4 0=1 -;"), 1000, &err),
			 0);
	for (int i = 1; i < 4; i++)
		tell(&world, i, false);
	expect_used(&world, 3);
	ledger_compare_begin(world.ledger, CONSUMER_POD);
	world.shown[1].pod.phase = STR("Succeeded");
	world.shown[2].pod.node_name = STR("small");
	assert_int_equal(compare(&world, 0), LEDGER_HEALED);
	assert_int_equal(compare(&world, 1), LEDGER_HEALED | LEDGER_FREED);
	assert_int_equal(compare(&world, 2), LEDGER_HEALED | LEDGER_FREED);
	/* It was pending and would have been expired. */
	assert_int_equal(compare(&world, 4), LEDGER_HEALED);
	expect_used(&world, 4);
	assert_true(ledger_held(world.ledger)[A_Q].pending == 0);
	assert_int_equal(ledger_compare_end(world.ledger, CONSUMER_POD, 1000), LEDGER_HEALED | LEDGER_FREED);
	expect_used(&world, 3);
	assert_int_equal(ledger_healed(world.ledger), 5);
	close_world(&world);
}

/* What happens during the list is newer than the list. */
static void test_events_meanwhile(void **state)
{
	(void)state;
	struct world world;
	struct shown old;
	open_world(&world);
	for (int i = 0; i < 4; i++)
		tell(&world, i, false);
	old = world.shown[0];
	ledger_compare_begin(world.ledger, CONSUMER_POD);
	world.shown[0].pod.phase = STR("Failed");
	/* Finishes. */
	tell(&world, 0, false);
	/* Disappears. */
	tell(&world, 1, true);
	/* Appears, and is in no list. */
	tell(&world, 5, false);
	/* Its ADDED was lost, and now it disappears. */
	tell(&world, 6, true);
	/* The list takes longer than deleted Pods are remembered. */
	ledger_tick(world.ledger, 1000 + 2 * TTL_MS + 1);
	assert_int_equal(ledger_compare(world.ledger, &old.pod, 11, 1000), 0);
	for (int i = 1; i < 7; i++)
		if (i != 4 && i != 5)
			assert_int_equal(compare(&world, i), 0);
	assert_int_equal(ledger_compare_end(world.ledger, CONSUMER_POD, 1000), 0);
	assert_int_equal(ledger_healed(world.ledger), 0);
	expect_used(&world, 3);
	ledger_tick(world.ledger, 1000 + 2 * TTL_MS + 1);
	close_world(&world);
}

/*
 * A change of history, or a list by the watch, ends the comparison. Later pages are ignored, and
 * nothing is dropped.
 */
static void test_interrupted(void **state)
{
	(void)state;
	for (int forget = 0; forget < 2; forget++) {
		struct world world;
		open_world(&world);
		tell(&world, 0, false);
		ledger_compare_begin(world.ledger, CONSUMER_POD);
		if (forget)
			ledger_forget(world.ledger);
		ledger_list_begin(world.ledger, CONSUMER_POD);
		assert_false(ledger_comparing(world.ledger, CONSUMER_POD));
		assert_int_equal(compare(&world, 1), 0);
		assert_int_equal(ledger_compare_end(world.ledger, CONSUMER_POD, 1000), 0);
		expect_used(&world, forget ? 0 : 1);
		close_world(&world);
	}
}

static void test_unreadable(void **state)
{
	(void)state;
	struct world world;
	open_world(&world);
	assert_int_equal(ledger_see_unreadable(world.ledger, &world.shown[0].pod, 11), 0);
	ledger_compare_begin(world.ledger, CONSUMER_POD);
	ledger_compare_unreadable(world.ledger, &world.shown[0].pod, 11);
	/* It was seen while it could be read. */
	ledger_compare_unreadable(world.ledger, &world.shown[1].pod, 12);
	assert_int_equal(ledger_compare_end(world.ledger, CONSUMER_POD, 1000), 0);
	assert_int_equal(ledger_healed(world.ledger), 0);
	close_world(&world);
}

/* --- Random histories --- */

/* The state of the API server, and what the view has seen of it. */
struct history {
	struct shown shown[PODS];
	bool exists[PODS];
};

static void expect_truth(const struct world *world, const struct history *history, uint64_t seed)
{
	struct ledger *truth = bench_ledger(world->policy);
	bench_label(truth, ledger_node, "big", "gpu", "a100");
	bench_label(truth, ledger_node, "small", "gpu", "t4");
	for (int i = 0; i < PODS; i++)
		if (history->exists[i])
			ledger_see(truth, &history->shown[i].pod, 1, false, 1000);
	if (!bench_same(world->ledger, truth))
		fail_msg("seed %llu: the view is not what exists", (unsigned long long)seed);
	ledger_destroy(truth);
}

static bool change(struct world *world, struct history *history, uint64_t *random, unsigned lost)
{
	int i = (int)(bench_random(random) % PODS);
	struct shown *shown = &history->shown[i];
	show(shown, i, "a", "1");
	bool gone = bench_change(shown, random) && history->exists[i];
	bool is_lost = lost && bench_random(random) % lost == 0;
	history->exists[i] = !gone;
	world->version++;
	if (!is_lost)
		ledger_see(world->ledger, &shown->pod, world->version, gone, 1000);
	ledger_reach(world->ledger, CONSUMER_POD, world->version);
	return is_lost;
}

/*
 * However many events were lost before, and whatever happens during the list, the view then matches
 * what exists.
 */
static void test_any_history(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct world world;
		struct history history = {.exists = {false}}, list;
		uint64_t random = seed * 0x9e3779b97f4a7c15u;
		unsigned lost = seed % 2 ? 0 : 5;
		open_world(&world);
		for (int i = 0; i < 40; i++)
			change(&world, &history, &random, lost);
		list = history;
		/* The structs were copied, so their pointers must be updated. */
		for (int i = 0; i < PODS; i++) {
			list.shown[i].container.requests.items = &list.shown[i].request;
			list.shown[i].pod.containers = &list.shown[i].container;
			list.shown[i].pod.uid = list.shown[i].pod.name = str_of(list.shown[i].uid);
		}
		ledger_compare_begin(world.ledger, CONSUMER_POD);
		for (int i = 0; i < PODS; i++) {
			for (int k = (int)(bench_random(&random) % 3); k > 0; k--)
				change(&world, &history, &random, 0);
			ledger_tick(world.ledger, 1000 + (int64_t)(bench_random(&random) % 2) * 3 * TTL_MS);
			if (list.exists[i])
				ledger_compare(world.ledger, &list.shown[i].pod, 1, 1000);
		}
		ledger_compare_end(world.ledger, CONSUMER_POD, 1000);
		assert_true(ledger_check(world.ledger));
		if (!lost)
			assert_int_equal(ledger_healed(world.ledger), 0);
		expect_truth(&world, &history, seed);
		close_world(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_was_lost), cmocka_unit_test(test_lost_events),
	    cmocka_unit_test(test_events_meanwhile), cmocka_unit_test(test_interrupted),
	    cmocka_unit_test(test_unreadable),       cmocka_unit_test(test_any_history),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
