/*
 * test_memory: tests a ledger whose allocations may fail at any time. Whatever fails, nothing is
 * decided by an incomplete view. Once memory is available again, the ledger is as it would have
 * been. Allocations fail through the linker's --wrap (see the Makefile).
 */
#include "gpugate/consumer.h"
#include "gpugate/policy.h"
#include "tests/unit/webhook/ledger/ledger_bench.h"

#define STEPS 60
#define SEEDS 2000

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

/* Number of allocations that still succeed before some fail. -1: none fails. */
static long fails_in = -1;
/* Number of allocations that then fail. */
static long fails;

static bool is_refused(void)
{
	if (fails_in != 0)
		fails_in -= fails_in > 0;
	else if (fails-- > 0)
		return true;
	else
		fails_in = -1;
	return false;
}

void *__wrap_malloc(size_t bytes)
{
	return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_calloc(count, bytes);
}

struct world {
	struct policy *policies[2];
	struct ledger *ledger, *truth;
	struct shown shown[PODS];
	bool exists[PODS];
	const char *labels[2]; /* Of the namespace n and of the node "big". */
	int policy;
	uint64_t random, version, copy;
	struct arena arena;
	int decided, undecided;
};

static unsigned choose(struct world *world, unsigned below)
{
	return (unsigned)(bench_random(&world->random) % below);
}

/* Lists what was lost again, as the watches do. */
static void list_again(struct world *world)
{
	if (ledger_lost(world->ledger, LEDGER_NAMESPACES)) {
		ledger_labels_begin(world->ledger, LEDGER_NAMESPACES);
		if (world->labels[0])
			bench_label(world->ledger, ledger_namespace, "n", "of", world->labels[0]);
		ledger_labels_end(world->ledger, LEDGER_NAMESPACES);
	}
	if (ledger_lost(world->ledger, LEDGER_NODES)) {
		ledger_labels_begin(world->ledger, LEDGER_NODES);
		bench_label(world->ledger, ledger_node, "big", "gpu", world->labels[1]);
		bench_label(world->ledger, ledger_node, "small", "gpu", "t4");
		ledger_labels_end(world->ledger, LEDGER_NODES);
	}
	if (ledger_lost(world->ledger, LEDGER_PODS)) {
		ledger_list_begin(world->ledger, CONSUMER_POD);
		for (int i = 0; i < PODS; i++)
			if (world->exists[i])
				ledger_see(world->ledger, &world->shown[i].pod, world->version, false, 1000);
		ledger_list_end(world->ledger, CONSUMER_POD, world->version, 1000);
	}
}

static void change_pod(struct world *world)
{
	int i = (int)choose(world, PODS);
	show(&world->shown[i], i, i % 2 ? "n" : "a", i % 3 ? "1" : "2");
	bool gone = bench_change(&world->shown[i], &world->random) && world->exists[i];
	world->exists[i] = !gone;
	world->version++;
	ledger_see(world->truth, &world->shown[i].pod, world->version, gone, 1000);
	ledger_reach(world->truth, CONSUMER_POD, world->version);
	if (choose(world, 2) == 0)
		fails_in = (long)choose(world, 6);
	/* As in the watch, the view does not advance past an event that it could not apply. */
	if (ledger_see(world->ledger, &world->shown[i].pod, world->version, gone, 1000) >= 0)
		ledger_reach(world->ledger, CONSUMER_POD, world->version);
}

static void change_labels(struct world *world)
{
	static const char *const owners[] = {"a", "b", NULL}, *const models[] = {"a100", "t4", "h100"};
	bool node = choose(world, 2);
	const char *value = node ? models[choose(world, 3)] : owners[choose(world, 3)];
	world->labels[node] = value;
	if (node)
		bench_label(world->truth, ledger_node, "big", "gpu", value);
	else
		bench_label(world->truth, ledger_namespace, "n", "of", value);
	fails_in = (long)choose(world, 6);
	if (node)
		bench_label(world->ledger, ledger_node, "big", "gpu", value);
	else
		bench_label(world->ledger, ledger_namespace, "n", "of", value);
}

static void load_copy(struct world *world)
{
	struct error err = {0};
	char text[256];
	unsigned count = choose(world, 4);
	int len = snprintf(text, sizeof text, "4;N a;G g;G h;R nvidia.com/gpu;");
	for (unsigned i = 0; i < count; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "P =pod-%u 0 0=1 - %u;", 20 + i, i / 2);
	/* Two replicas may have made the same renewal with another content. */
	if (count && choose(world, 2))
		snprintf(text + len, sizeof text - (size_t)len, "H 0 0 0=%u - 300 %u;", 1 + choose(world, 2),
			 choose(world, 2));
	assert_int_equal(ledger_load(world->truth, (struct ledger_versions){{1}}, str_of(text), 1000, &err), 0);
	fails_in = (long)choose(world, 8);
	if (ledger_load(world->ledger, (struct ledger_versions){{1}}, str_of(text), 1000, &err) < 0) {
		fails_in = -1;
		/* It is read again. */
		assert_int_equal(ledger_load(world->ledger, (struct ledger_versions){{1}}, str_of(text), 1000, &err),
				 0);
	}
}

static void rebase(struct world *world)
{
	int other = !world->policy;
	fails_in = (long)choose(world, 12);
	if (ledger_rebase(world->ledger, world->policies[other]) < 0)
		return;
	fails_in = -1;
	world->policy = other;
	assert_int_equal(ledger_rebase(world->truth, world->policies[other]), 0);
}

/* Admitted Pods are tentative and never written. Some are of a gang. */
static void decide(struct world *world)
{
	struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = 1};
	const struct resource_request whole = {.resource = STR("nvidia.com/gpu"), .count = 4};
	const struct gang gang = {.requests = &whole, .request_count = 1, .seconds = 300};
	bool grouped = choose(world, 2);
	const struct consumer consumer = {.uid = STR("new"),
					  .namespace = STR("a"),
					  .name = STR("new"),
					  .group = grouped ? STR("g") : (struct str){0},
					  .gang = grouped ? &gang : NULL,
					  .requests = &resource_request,
					  .request_count = 1};
	struct ledger_verdict verdict, right;
	arena_reset(&world->arena);
	ledger_decide(world->truth, &consumer, LEDGER_HOLD, 1000, &world->arena, NULL, &right);
	bool behind = ledger_behind(world->ledger);
	fails_in = choose(world, 2) ? -1 : (long)choose(world, 4);
	ledger_decide(world->ledger, &consumer, LEDGER_HOLD, 1000, &world->arena, NULL, &verdict);
	fails_in = -1;
	if (!behind && verdict.outcome != LEDGER_OUTAGE) {
		world->decided++;
		assert_int_equal(verdict.outcome, right.outcome);
		assert_true(bench_same(world->ledger, world->truth));
	} else {
		world->undecided++;
	}
	ledger_resolve(world->ledger);
	ledger_resolve(world->truth);
}

static void open_world(struct world *world, uint64_t seed)
{
	*world = (struct world){.random = seed * 0x9e3779b97f4a7c15u, .version = 10, .labels = {NULL, "a100"}};
	world->policies[0] = fixture_policy(BENCH_POLICY("8"), NULL, 0);
	world->policies[1] = fixture_policy(BENCH_POLICY("12"), NULL, 0);
	world->ledger = bench_ledger(world->policies[0]);
	world->truth = bench_ledger(world->policies[0]);
	arena_init(&world->arena, 4096, 1 << 20);
	for (int i = 0; i < 2; i++) {
		struct ledger *ledger = i ? world->truth : world->ledger;
		bench_label(ledger, ledger_node, "big", "gpu", "a100");
		bench_label(ledger, ledger_node, "small", "gpu", "t4");
	}
}

static void close_world(struct world *world)
{
	ledger_destroy(world->ledger);
	ledger_destroy(world->truth);
	policy_release(world->policies[0]);
	policy_release(world->policies[1]);
	arena_release(&world->arena);
}

static void test_no_memory_at_any_moment(void **state)
{
	static void (*const acts[])(struct world * world) = {change_pod,    change_pod, change_pod,
							     change_labels, load_copy,  rebase};
	(void)state;
	int decided = 0, undecided = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world world;
		open_world(&world, seed);
		for (int step = 0; step < STEPS; step++) {
			fails = 1 + (long)choose(&world, 3);
			acts[choose(&world, sizeof acts / sizeof *acts)](&world);
			fails_in = -1;
			if (!ledger_behind(world.ledger) && !bench_same(world.ledger, world.truth))
				fail_msg("seed %llu, step %d: something is not counted, and nothing says so",
					 (unsigned long long)seed, step);
			decide(&world);
			if (choose(&world, 4) == 0) {
				fails_in = choose(&world, 2) ? -1 : (long)choose(&world, 6);
				list_again(&world);
				fails_in = -1;
				/* The later time is when deleted Pods are forgotten. */
				int64_t now_ms = 1000 + (int64_t)3 * TTL_MS * choose(&world, 2);
				ledger_tick(world.ledger, now_ms);
				ledger_tick(world.truth, now_ms);
			}
		}
		list_again(&world);
		ledger_tick(world.ledger, 1000);
		ledger_reach(world.ledger, CONSUMER_POD, world.version);
		assert_false(ledger_behind(world.ledger));
		assert_true(ledger_check(world.ledger));
		assert_true(bench_same(world.ledger, world.truth));
		decided += world.decided;
		undecided += world.undecided;
		close_world(&world);
	}
	/* Both outcomes have occurred. */
	assert_true(decided > 1000 && undecided > 1000);
}

/*
 * What becomes free while the devices of nodes are set is told, also if the memory is not enough
 * for all of them: at once, or by the tick that charges what could not be charged. Returns whether
 * the devices were set only in part, and something was free at once.
 */
static bool set_devices_with(long allocations, bool *failed)
{
	const struct pair t4 = {STR("gpu"), STR("t4")};
	const struct named_pairs nodes[] = {{STR("new"), {&t4, 1, true}}, {STR("other"), {&t4, 1, true}}};
	struct policy *policy = fixture_policy(BENCH_POLICY("8"), NULL, 0);
	struct ledger *ledger = bench_ledger(policy);
	struct shown x;
	int seen = 0;
	bench_label(ledger, ledger_node, "new", "zone", "z");
	show(&x, 1, "a", "1")->node_name = STR("new");
	ledger_see(ledger, &x.pod, 10, false, 1000);
	const wide before = ledger_held(ledger)[A_MEMORY].used;
	fails_in = allocations;
	fails = 1;
	*failed = ledger_set_devices(ledger, nodes, 2, &seen) < 0;
	bool used = fails < 1;
	fails_in = -1;
	bool freed = ledger_held(ledger)[A_MEMORY].used < before;
	assert_int_equal(seen, freed ? LEDGER_FREED : 0);
	bool partly = *failed && freed;
	if (*failed) /* The caller tries again. */
		assert_int_equal(ledger_set_devices(ledger, nodes, 2, &seen), 0);
	seen |= ledger_tick(ledger, 1000);
	assert_true(freed || seen == LEDGER_FREED);
	assert_true(ledger_held(ledger)[A_MEMORY].used < before && ledger_check(ledger));
	*failed |= used;
	ledger_destroy(ledger);
	policy_release(policy);
	return partly;
}

static void test_devices_without_memory(void **state)
{
	(void)state;
	bool failed = true, partly = false;
	for (long allocations = 0; failed; allocations++)
		partly |= set_devices_with(allocations, &failed);
	assert_true(partly);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_memory_at_any_moment),
					   cmocka_unit_test(test_devices_without_memory)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
