/*
 * Tests what becomes of requests in the queue of the cluster ledger: how long denials are held, who
 * finds room first, and how the labels of namespaces are read.
 */
#include "tests/unit/webhook/cluster/cluster_fixture.h"

#define ROOMY                                                                                                          \
	TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: unlimited}]}")                                         \
	"---\n" TENANT("b", "{namespaces: [b], quotas: [{name: q, hard: unlimited}]}")
#define TIGHT TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: 1}]}")
#define BY_LABELS TENANT("a", "{namespaceSelector: {matchLabels: {of: a}}, quotas: [{name: q, hard: unlimited}]}")

/* --- Denials --- */

static void see(struct fixture *f, const char *uid, uint64_t version, bool terminates, bool gone)
{
	const struct pair request = {STR("nvidia.com/gpu"), STR("1")};
	const struct container container = {.requests = {&request, 1, true}};
	const struct pod pod = {.present = true,
				.name = str_of(uid),
				.uid = str_of(uid),
				.namespace = STR("a"),
				.deletion_timestamp = terminates ? STR("2026-01-01T00:00:00Z") : (struct str){NULL, 0},
				.containers = &container,
				.container_count = 1};
	int seen = ledger_see(f->cluster.ledger, &pod, version, gone, kube_now_ms());
	assert_true(seen >= 0);
	view_note(&f->cluster, seen, STR(""));
	cluster_step(&f->cluster);
}

/*
 * If nothing is pending or terminating, a denial waits for one read that begins after it, and is
 * not held any longer.
 */
static void test_a_refusal_waits_for_one_read(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, TIGHT);
	see(f, "there", 8, false, false);
	struct caller *first = submit(f, 0, "a");
	assert_int_equal(first->answers, 0);
	/* That read is in flight and may have been served before. */
	struct caller *second = submit(f, 1, "a");
	assert_int_equal(f->cluster.record.reads, 1);
	read_ends(f);
	assert_true(is_refused(first));
	assert_int_equal(second->answers, 0);
	assert_int_equal(f->cluster.record.reads, 2);
	read_ends(f);
	assert_true(is_refused(second));
	assert_false(f->cluster.record.reading);
	assert_int_equal(count(f, COUNT_HELD), 0);

	/* A read that never ends delays no denial for long. */
	struct caller *without = submit(f, 2, "a");
	without->request.final_ms = 0;
	time_passes(f);
	assert_true(is_refused(without));
	close_fixture(f);
}

static void test_a_refusal_waits_for_what_terminates(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, TIGHT);
	see(f, "there", 8, true, false);
	struct caller *lifted = submit(f, 0, "a"), *final = submit(f, 1, "a");
	read_ends(f);
	if (f->cluster.record.reading)
		read_ends(f);
	assert_int_equal(lifted->answers + final->answers, 0);
	assert_int_equal(count(f, COUNT_HELD), 2);
	final->request.final_ms = 0;
	time_passes(f);
	assert_true(is_refused(final));
	see(f, "there", 9, true, true);
	written(f);
	assert_true(is_admitted(lifted));
	assert_int_equal(count(f, COUNT_HELD), 2);
	assert_int_equal(count(f, COUNT_ADMITTED_LATER), 1);
	close_fixture(f);
}

/*
 * While the Pods are not watched, it is unknown which of them have ended. So only a Pod that never
 * fits is denied for good.
 */
static void test_a_stalled_view_refuses_nothing(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, TIGHT);
	see(f, "there", 8, false, false);
	set_watch(&f->cluster, false);
	struct caller *early = submit(f, 0, "a"), *late = submit(f, 1, "a");
	read_ends(f);
	if (f->cluster.record.reading)
		read_ends(f);
	assert_int_equal(early->answers + late->answers, 0);
	early->request.final_ms = 0;
	time_passes(f);
	assert_int_equal(early->answers, 1);
	assert_int_equal(early->decision.violations[0].reason, REASON_BUSY);
	assert_int_equal(count(f, COUNT_BUSY), 1);

	struct caller *never = prepare(f, 2, "a");
	never->resource_request.count = 2;
	queue_admit(&f->cluster, &never->request);
	arrive(f);
	assert_true(is_refused(never));
	assert_int_equal(never->decision.violations[0].reason, REASON_QUOTA);

	set_watch(&f->cluster, true);
	f->cluster.queries[CONSUMER_POD].answered = true;
	cluster_step(&f->cluster);
	assert_true(is_refused(late));
	assert_int_equal(late->decision.violations[0].reason, REASON_QUOTA);
	assert_int_equal(count(f, COUNT_BUSY), 1);
	close_fixture(f);
}

/* --- Room --- */

/* Fills the share of root "a" with pending Pods; `uid` receives the uid of the first. */
static void take_all_room(struct fixture *f, char uid[static 40])
{
	struct ledger_verdict verdict = {.outcome = LEDGER_ADMITTED};
	const struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = 1};
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	for (int i = 0; verdict.outcome == LEDGER_ADMITTED; i++) {
		snprintf(uid, 40, "10000000-0000-4000-8000-%012d", i);
		const struct consumer consumer = {.uid = str_of(uid),
						  .namespace = STR("a"),
						  .name = STR("f"),
						  .requests = &resource_request,
						  .request_count = 1};
		arena_reset(&arena);
		ledger_decide(f->cluster.ledger, &consumer, LEDGER_HOLD, 0, &arena, NULL, &verdict);
	}
	assert_true(verdict.backpressure);
	snprintf(uid, 40, "10000000-0000-4000-8000-%012d", 0);
	arena_release(&arena);
}

/*
 * A request that waits for room gets it before later ones, and does not block requests of another
 * root.
 */
static void test_those_who_wait_for_room_come_first(void **state)
{
	struct fixture *f = *state;
	char uid[40];
	open_fixture(f, ROOMY);
	take_all_room(f, uid);
	struct caller *first = submit(f, 0, "a"), *second = submit(f, 1, "a");
	assert_int_equal(first->answers + second->answers, 0);
	first->request.backpressure_ms = second->request.backpressure_ms = kube_now_ms() + FAR_MS;
	struct caller *other = submit(f, 2, "b");
	written(f);
	assert_true(is_admitted(other));
	/* This shrinks the share of the first root. */
	ledger_free(f->cluster.ledger, other->decision.consumer.uid);

	ledger_free(f->cluster.ledger, str_of(uid));
	struct caller *late = submit(f, 3, "a");
	late->request.backpressure_ms = kube_now_ms() + FAR_MS;
	/* Another replica was faster: all requests are decided again, in the same order. */
	f->cluster.record.writing = false;
	ledger_free(f->cluster.ledger, first->decision.consumer.uid);
	queue_write_ended(&f->cluster, false);
	cluster_step(&f->cluster);
	written(f);
	assert_true(is_admitted(first));
	assert_int_equal(second->answers + late->answers, 0);
	assert_int_equal(count(f, COUNT_BUSY), 0);

	second->request.backpressure_ms = 1;
	f->cluster.queue.again_ms = 0;
	time_passes(f);
	assert_true(is_refused(second));
	assert_int_equal(late->answers, 0);
	assert_int_equal(count(f, COUNT_BUSY), 1);
	assert_int_equal(count(f, COUNT_OUTAGES), 0);
	late->request.deadline_ms = 1;
	time_passes(f);
	assert_true(is_refused(late));
	assert_int_equal(count(f, COUNT_BUSY), 2);
	close_fixture(f);
}

/* --- Namespaces --- */

static struct caller *submit_for_labels(struct fixture *f, int number, const char *namespace)
{
	struct caller *caller = prepare(f, number, namespace);
	assert_false(labels_find(&f->cluster, &caller->request));
	queue_fetch(&f->cluster, &caller->request);
	arrive(f);
	return caller;
}

#define OF_A "{\"metadata\":{\"name\":\"new\",\"labels\":{\"of\":\"a\"}}}"

static void test_a_namespace_is_read_once(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, BY_LABELS);
	struct caller *some[3];
	for (int i = 0; i < 3; i++)
		some[i] = submit_for_labels(f, i, "new");
	struct caller *gone = submit_for_labels(f, 3, "gone"), *secret = submit_for_labels(f, 4, "secret");
	assert_int_equal(count_reads(f), 3);
	/* No answer in time: the next tick reads it again. */
	answer(f->cluster.options.background, "GET", "/api/v1/namespaces/new", 0, "");
	assert_int_equal(count_reads(f), 2);
	tick(f);
	assert_int_equal(count_reads(f), 3);
	some[2]->request.deadline_ms = 1;
	time_passes(f);
	assert_int_equal(some[2]->answers, 1);
	assert_true(some[2]->request.hasty && !some[2]->request.labels.present);
	assert_int_equal(count(f, COUNT_BUSY), 1);
	answer(f->cluster.options.background, "GET", "/api/v1/namespaces/new", 200, OF_A);
	for (int i = 0; i < 2; i++)
		assert_true(some[i]->answers == 1 && some[i]->request.labels.count == 1);
	answer(f->cluster.options.background, "GET", "/api/v1/namespaces/gone", 404, "{}");
	assert_true(gone->answers == 1 && gone->request.labels.present && gone->request.labels.count == 0);
	answer(f->cluster.options.background, "GET", "/api/v1/namespaces/secret", 403, "{}");
	assert_true(secret->answers == 1 && !secret->request.labels.present && !secret->request.hasty);
	assert_int_equal(count(f, COUNT_OUTAGES), 1);
	assert_int_equal(count_reads(f), 0);
	close_fixture(f);
}

/* An unknown namespace of Pods blocks all decisions; a request has started its read already. */
static void test_a_namespace_of_pods_is_read_once(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, BY_LABELS);
	struct error err = {0};
	const struct pair of_a = {STR("of"), STR("a")};
	const struct pairs labels = {&of_a, 1, true};
	assert_true(ledger_namespace(f->cluster.ledger, STR("known"), &labels) >= 0);
	assert_int_equal(ledger_load(f->cluster.ledger, (struct ledger_versions){{7}},
				     STR("1;R nvidia.com/gpu;P x new p 0=1 -;"), kube_now_ms(), &err),
			 0);
	struct caller *labelled = submit_for_labels(f, 0, "new"), *held_up = submit(f, 1, "known");
	assert_int_equal(count_reads(f), 1);
	assert_true(lookup_holds_up(&f->cluster));
	lookup_for_pods(&f->cluster);
	assert_int_equal(count_reads(f), 1);
	assert_int_equal(held_up->answers, 0);
	answer(f->cluster.options.background, "GET", "/api/v1/namespaces/new", 404, "{}");
	assert_int_equal(labelled->answers, 1);
	assert_false(lookup_holds_up(&f->cluster));
	written(f);
	assert_true(is_admitted(held_up));
	close_fixture(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_a_refusal_waits_for_one_read),   TEST(test_a_refusal_waits_for_what_terminates),
	    TEST(test_a_stalled_view_refuses_nothing), TEST(test_those_who_wait_for_room_come_first),
	    TEST(test_a_namespace_is_read_once),       TEST(test_a_namespace_of_pods_is_read_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
