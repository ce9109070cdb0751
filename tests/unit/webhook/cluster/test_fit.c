/*
 * Tests webhook/cluster/fit.c: how many Pods fit is said only while a Pod would be decided, and its
 * denial would be final.
 */
#include "tests/unit/webhook/cluster/cluster_fixture.h"

#include "webhook/cluster/document.h"
#include "webhook/cluster/fit.h"

#define TWO TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: 2}]}")
#define RECORD_8                                                                                                       \
	"{\"metadata\":{\"name\":\"cluster\",\"uid\":\"u\",\"resourceVersion\":\"8\"},"                                \
	"\"spec\":{\"version\":\"7\",\"opened\":\"u\",\"pending\":\"\"}}"
#define PODS_9 "{\"metadata\":{\"resourceVersion\":\"9\"}}"

/* Asks about three Pods of one GPU each. Returns how many fit, or -1 if the answer is not known. */
static int ask_how_many(struct fixture *f)
{
	struct caller caller = {.answers = 0};
	arena_init(&caller.arena, 4096, 1 << 20);
	buf_init(&caller.charges, 4096);
	caller.resource_request = (struct resource_request){.resource = STR("nvidia.com/gpu"), .count = 1};
	caller.decision.consumer = (struct consumer){
	    .namespace = STR("a"), .name = STR("p"), .requests = &caller.resource_request, .request_count = 1};
	caller.request = (struct reservation_request){
	    .arena = &caller.arena, .decision = &caller.decision, .charges = &caller.charges};
	struct fit_request fit = {.reservation = &caller.request, .count = 3};
	bool known = fit_now(&f->cluster, &fit);
	if (known)
		assert_true(caller.decision.denied);
	else
		assert_int_equal(caller.decision.violation_count, 0);
	arena_release(&caller.arena);
	buf_release(&caller.charges);
	return known ? (int)fit.fits : -1;
}

/* Returns whether the answer is known while the quota of two GPUs is free. */
static bool ask(struct fixture *f)
{
	int fits = ask_how_many(f);
	if (fits >= 0)
		assert_int_equal(fits, 2);
	return fits >= 0;
}

static void turn(struct fixture *f, bool is_open)
{
	struct kube_watch *watch = f->cluster.watches[WATCH_PODS];
	set_watch(&f->cluster, is_open);
	atomic_fetch_add(&watch->transitions, 1);
	watch->options.events.turned(watch->options.events.context);
}

/* Nothing is said until the watch is open again, and the API server has been asked. */
static void test_a_watch_that_was_interrupted(void **state)
{
	struct fixture *f = *state;
	struct kube_client *client;
	open_fixture(f, TWO);
	client = f->cluster.options.client;
	assert_false(ask(f)); /* No step has been made yet. */
	cluster_step(&f->cluster);
	assert_true(ask(f));
	turn(f, false);
	assert_false(ask(f));
	answer(client, "GET", "/api/v1/pods", 200, PODS_9);
	assert_true(view_is_verified(&f->cluster, CONSUMER_POD));
	assert_false(ask(f)); /* Pods may have ended since. */
	turn(f, true);
	assert_false(ask(f));
	answer(client, "GET", "/api/v1/pods", 200, PODS_9);
	assert_true(ask(f));
	close_fixture(f);
}

/*
 * After a conflict, the request counts again once it is decided against the new copy. The pause
 * before that has a random length, which may be 0, so the test sets it.
 */
static void test_a_copy_that_is_outdated(void **state)
{
	struct fixture *f = *state;
	struct queue *queue = &f->cluster.queue;
	open_fixture(f, TWO);
	struct caller *caller = submit(f, 0, "a");
	assert_int_equal(ask_how_many(f), 1);
	answer(f->cluster.options.client, "PUT", LEDGER_OBJECT_PATH, 409, "{}");
	assert_true(f->cluster.record.stale);
	assert_false(ask(f));
	queue->resume_ms = kube_now_ms() + FAR_MS;
	answer(f->cluster.options.client, "GET", LEDGER_OBJECT_PATH, 200, RECORD_8);
	assert_false(f->cluster.record.stale);
	assert_true(ask(f));
	queue->resume_ms = 0;
	time_passes(f);
	assert_int_equal(ask_how_many(f), 1);
	written(f);
	assert_true(is_admitted(caller));
	close_fixture(f);
}

/* Each of these alone is enough. */
static void test_a_state_that_decides_nothing(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	open_fixture(f, TWO);
	for (int row = 0; row < 4; row++) {
		bool *note = row == 0 ? &cluster->record.reset_pending : &cluster->synced[WATCH_PODS];
		bool is_note = row < 2, before = *note;
		if (is_note)
			*note = !before;
		else if (row == 2)
			cluster->record.state = RECORD_SETTLING;
		else
			set_watch(cluster, false);
		cluster_step(cluster);
		assert_false(ask(f));
		if (is_note)
			*note = before;
		cluster->record.state = RECORD_OPEN;
		set_watch(cluster, true);
		cluster_step(cluster);
		assert_true(ask(f));
	}
	close_fixture(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_a_watch_that_was_interrupted), TEST(test_a_copy_that_is_outdated),
					   TEST(test_a_state_that_decides_nothing)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
