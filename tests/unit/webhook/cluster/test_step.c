/*
 * Tests webhook/cluster/step.c: what follows an event, and in which order.
 */
#include "tests/unit/webhook/cluster/cluster_fixture.h"

#include "webhook/cluster/document.h"

#define UNLIMITED TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: unlimited}]}")
#define BY_LABELS TENANT("a", "{namespaceSelector: {matchLabels: {of: a}}, quotas: [{name: q, hard: unlimited}]}")

/* The record in this version; it has settled, and nothing is pending. */
#define RECORD(version)                                                                                                \
	"{\"metadata\":{\"name\":\"cluster\",\"uid\":\"u\",\"resourceVersion\":\"" version                             \
	"\"},\"spec\":{\"version\":\"7\",\"opened\":\"u\",\"pending\":\"\"}}"

static void tick(struct fixture *f)
{
	f->cluster.stepping.ticked = true;
	cluster_step(&f->cluster);
}

/* After a conflict the record is read first; then the batch is decided and written again. */
static void test_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct record *record = &f->cluster.record;
	open_fixture(f, UNLIMITED);
	struct caller *caller = submit(f, 0, "a");
	assert_true(record->writing && !record->reading);
	answer(f->cluster.options.client, "PUT", LEDGER_OBJECT_PATH, 409, "{}");
	assert_true(record->reading && !record->writing);
	f->cluster.queue.resume_ms = 0;
	time_passes(f);
	assert_false(record->writing);
	answer(f->cluster.options.client, "GET", LEDGER_OBJECT_PATH, 200, RECORD("8"));
	assert_int_equal(caller->answers, 0);
	assert_true(record->writing && !record->reading);
	answer(f->cluster.options.client, "PUT", LEDGER_OBJECT_PATH, 200, RECORD("9"));
	assert_true(is_admitted(caller));
	assert_int_equal(count(f, COUNT_CONFLICTS), 1);
	assert_int_equal(count(f, COUNT_WRITTEN), 1);
	close_fixture(f);
}

/* Makes the text of what is pending longer than an object may be. */
static void fill_text(struct fixture *f)
{
	const struct ledger_options unbounded = {.policy = f->policy, .ttl_ms = 60000};
	const struct demand demand = {STR("nvidia.com/gpu"), 1};
	struct ledger_verdict verdict;
	struct error err = {0};
	struct arena arena;
	char uid[40];
	ledger_destroy(f->cluster.ledger);
	f->cluster.ledger = ledger_create(&unbounded, &err);
	assert_non_null(f->cluster.ledger);
	arena_init(&arena, 4096, 1 << 20);
	for (unsigned i = 0; i < LEDGER_TEXT_MAX / 16; i++) {
		snprintf(uid, sizeof uid, "10000000-0000-4000-8000-%012u", i);
		const struct holding holding = {
		    .uid = str_of(uid), .namespace = STR("a"), .name = STR("f"), .demands = &demand, .demand_count = 1};
		arena_reset(&arena);
		ledger_decide(f->cluster.ledger, &holding, LEDGER_HOLD, 0, &arena, &verdict);
		assert_int_equal(verdict.answer, LEDGER_ADMITTED);
	}
	arena_release(&arena);
}

/* It fails within the step, which then does what follows from that. */
static void test_a_text_that_is_too_long(void **state)
{
	struct fixture *f = *state;
	struct record *record = &f->cluster.record;
	open_fixture(f, UNLIMITED);
	fill_text(f);
	record->posting = true; /* The write before created the record. */
	struct caller *caller = submit(f, 0, "a");
	assert_string_equal(record->problem,
			    "writing the ledger failed: what is pending is longer than an object may be");
	assert_true(record->failing && record->stale && record->again.armed);
	assert_true(!record->writing && !record->reading);
	assert_int_equal(count(f, COUNT_UNKNOWN), 1);
	assert_int_equal(caller->answers, 0);
	assert_ptr_equal(f->cluster.queue.waiting.first, &caller->request);
	close_fixture(f);
}

/* Nothing that was read before a restore is relied upon: the record settles again. */
static void test_a_restored_storage(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	open_fixture(f, UNLIMITED);
	for (int i = 0; i < WATCHES; i++)
		cluster->watches[i]->version = 7;
	view_discard(cluster, "it was restored");
	cluster_step(cluster);
	assert_true(cluster->record.invalidated && cluster->record.reading);
	for (int i = 0; i < WATCHES; i++)
		assert_int_equal(cluster->watches[i]->version, 0);
	struct caller *caller = submit(f, 0, "a");
	assert_int_equal(caller->answers, 0);
	answer(cluster->options.client, "GET", LEDGER_OBJECT_PATH, 200, RECORD("5"));
	assert_int_equal(cluster->record.state, RECORD_SETTLING);
	assert_true(cluster->record.writing && cluster->record.reset_pending);
	assert_int_equal(count(f, COUNT_RESETS), 1);
	close_fixture(f);
}

/* A record that has settled is opened once the view has reached what the cluster had reached. */
static void test_a_settled_record(void **state)
{
	struct fixture *f = *state;
	struct record *record = &f->cluster.record;
	open_fixture(f, UNLIMITED);
	record->state = RECORD_SETTLING;
	record->open_ms = kube_now_ms() + FAR_MS;
	tick(f);
	assert_false(f->cluster.query.in_flight);
	record->open_ms = 1;
	tick(f);
	assert_true(f->cluster.query.in_flight);
	answer(f->cluster.options.client, "GET", "/api/v1/pods", 200, "{\"metadata\":{\"resourceVersion\":\"9\"}}");
	assert_int_equal(record->open_version, 9);
	tick(f);
	assert_false(record->writing);
	ledger_reach(f->cluster.ledger, 9);
	tick(f);
	assert_true(record->writing);
	answer(f->cluster.options.client, "PUT", LEDGER_OBJECT_PATH, 200, RECORD("8"));
	assert_int_equal(record->state, RECORD_OPEN);
	close_fixture(f);
}

/* A namespace of Pods that cannot be read is read again at the next tick, and not at once. */
static void test_a_namespace_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	struct error err = {0};
	open_fixture(f, BY_LABELS);
	assert_int_equal(
	    ledger_load(f->cluster.ledger, 7, STR("1;R nvidia.com/gpu;P x new p 0=1 -;"), kube_now_ms(), &err), 0);
	tick(f);
	assert_true(lookup_holds_up(&f->cluster));
	struct caller *caller = submit(f, 0, "new");
	assert_int_equal(count_reads(f), 1);
	answer(f->cluster.options.background, "GET", "/api/v1/namespaces/new", 403, "{}");
	assert_int_equal(count_reads(f), 0);
	assert_int_equal(caller->answers, 0);
	tick(f);
	assert_int_equal(count_reads(f), 1);
	answer(f->cluster.options.background, "GET", "/api/v1/namespaces/new", 200,
	       "{\"metadata\":{\"name\":\"new\",\"labels\":{\"of\":\"a\"}}}");
	assert_true(f->cluster.record.writing);
	close_fixture(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_a_conflict), TEST(test_a_text_that_is_too_long),
					   TEST(test_a_restored_storage), TEST(test_a_settled_record),
					   TEST(test_a_namespace_that_cannot_be_read)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
