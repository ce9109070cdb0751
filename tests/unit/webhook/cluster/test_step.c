/*
 * Tests webhook/cluster/step.c: what follows an event, and in which order.
 */
#include "tests/unit/webhook/cluster/cluster_fixture.h"

#include "webhook/cluster/document.h"

#define UNLIMITED TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: unlimited}]}")
#define LIMITED                                                                                                        \
	TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: 100}]}")                                               \
	"---\napiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: whole}\nspec: {gangs: allOrNothing}\n"
#define BY_LABELS TENANT("a", "{namespaceSelector: {matchLabels: {of: a}}, quotas: [{name: q, hard: unlimited}]}")

/* The record in this version; it has settled, and nothing is pending. */
#define RECORD(version)                                                                                                \
	"{\"metadata\":{\"name\":\"cluster\",\"uid\":\"u\",\"resourceVersion\":\"" version                             \
	"\"},\"spec\":{\"version\":\"7\",\"opened\":\"u\",\"pending\":\"\"}}"

/* A list of Pods at version 9. */
#define PODS_9 "{\"metadata\":{\"resourceVersion\":\"9\"}}"

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
	assert_true(f->cluster.queue.pause_ms > 0);
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

#define OF_A_GANG "4;N a;R nvidia.com/gpu;G Job.batch/g;P =p0 0 0=1 - 0;H 0 0 0=2 - 300 5;"

/* What is reserved, in GPUs. */
static int reserved(const struct fixture *f)
{
	return (int)(ledger_held(f->cluster.ledger)[0].reserved / policy_unit(f->policy));
}

/*
 * A write without an answer may not have been stored. Nothing is decided before the record is read,
 * and what was reserved is there until then. If the record has not changed, it is not loaded.
 */
static void test_a_reservation_whose_write_is_lost(void **state)
{
	struct fixture *f = *state;
	struct record *record = &f->cluster.record;
	struct error err = {0};
	open_fixture(f, LIMITED);
	assert_int_equal(
	    ledger_load(f->cluster.ledger, (struct ledger_versions){{7}}, STR(OF_A_GANG), kube_now_ms(), &err), 0);
	assert_int_equal(reserved(f), 2);
	const struct resource_request whole = {.resource = STR("nvidia.com/gpu"), .count = 3};
	const struct gang gang = {.requests = &whole, .request_count = 1, .seconds = 300};
	struct caller *caller = prepare(f, 0, "a");
	caller->decision.consumer.group = STR("Job.batch/g");
	caller->decision.consumer.gang = &gang;
	queue_admit(&f->cluster, &caller->request);
	arrive(f);
	assert_true(record->writing);
	assert_int_equal(reserved(f), 1);
	answer(f->cluster.options.client, "PUT", LEDGER_OBJECT_PATH, 500, "{}");
	assert_true(record->stale && !record->writing && caller->answers == 0);
	assert_int_equal(reserved(f), 2);
	time_passes(f);
	assert_false(record->writing);
	record->again.run(&f->cluster);
	answer(f->cluster.options.client, "GET", LEDGER_OBJECT_PATH, 200, RECORD("7"));
	f->cluster.queue.resume_ms = 0;
	time_passes(f);
	assert_true(record->writing);
	assert_int_equal(reserved(f), 1);
	answer(f->cluster.options.client, "PUT", LEDGER_OBJECT_PATH, 200, RECORD("8"));
	assert_true(is_admitted(caller));
	close_fixture(f);
}

/* Makes the text of what is pending longer than an object may be. */
static void fill_text(struct fixture *f)
{
	const struct ledger_options unbounded = {.policy = f->policy, .ttl_ms = 60000};
	const struct resource_request resource_request = {.resource = STR("nvidia.com/gpu"), .count = 1};
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
		const struct consumer consumer = {.uid = str_of(uid),
						  .namespace = STR("a"),
						  .name = STR("f"),
						  .requests = &resource_request,
						  .request_count = 1};
		arena_reset(&arena);
		ledger_decide(f->cluster.ledger, &consumer, LEDGER_HOLD, 0, &arena, NULL, &verdict);
		assert_int_equal(verdict.outcome, LEDGER_ADMITTED);
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

/* What the watches have reached; 0: a list is needed. */
static void set_versions(struct ledger_cluster *cluster, uint64_t version)
{
	for (int i = 0; i < WATCHES; i++) {
		assert_non_null(watches_names[i]);
		cluster->watches[i]->version = version;
	}
	cluster->publish.watch->version = version;
}

/* Nothing that was read before a restore is relied upon: the record settles again. */
static void test_a_restored_storage(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	open_fixture(f, UNLIMITED);
	serve_claims(f);
	cluster->classes.path = "/"; /* Their watches have been started, too. */
	cluster->classes.started = true;
	cluster->slices.path = "/";
	cluster->slices.started = true;
	set_versions(cluster, 7);
	view_discard(cluster, "it was restored");
	cluster_step(cluster);
	assert_true(cluster->record.invalidated && cluster->record.reading);
	for (int i = 0; i < WATCHES; i++)
		assert_int_equal(cluster->watches[i]->version, 0);
	assert_int_equal(cluster->publish.watch->version, 0);
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
	assert_false(f->cluster.queries[CONSUMER_POD].in_flight);
	record->open_ms = 1;
	tick(f);
	assert_true(f->cluster.queries[CONSUMER_POD].in_flight);
	answer(f->cluster.options.client, "GET", "/api/v1/pods", 200, PODS_9);
	assert_int_equal(record->open_versions.of[CONSUMER_POD], 9);
	tick(f);
	assert_false(record->writing);
	ledger_reach(f->cluster.ledger, CONSUMER_POD, 9);
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
	assert_int_equal(ledger_load(f->cluster.ledger, (struct ledger_versions){{7}},
				     STR("1;R nvidia.com/gpu;P x new p 0=1 -;"), kube_now_ms(), &err),
			 0);
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

/* Only what was lost for lack of memory is listed again. */
static void test_a_lost_node(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	open_fixture(f, UNLIMITED);
	set_versions(cluster, 7);
	view_note(cluster, ledger_lose(cluster->ledger, LEDGER_NODES), STR(""));
	cluster_step(cluster);
	for (int i = 0; i < WATCHES; i++)
		assert_int_equal(cluster->watches[i]->version, i == WATCH_NODES ? 0 : 7);
	struct caller *caller = submit(f, 0, "a");
	assert_true(caller->answers == 0 && !cluster->record.writing);
	close_fixture(f);
}

#define PENDING "2;N a;R nvidia.com/gpu;P FdehqSQmQlSX5Q2jl5wT0w 0 0=1 -;"

/* Loads a pending entry that has been known for longer than entries live. */
static void load_overdue(struct fixture *f)
{
	struct error err = {0};
	if (ledger_load(f->cluster.ledger, (struct ledger_versions){{7}}, STR(PENDING), kube_now_ms() - FAR_MS, &err) <
	    0)
		fail_msg("%s", err.text);
	assert_int_equal(ledger_pending(f->cluster.ledger), 1);
}

/* An entry is dropped at a tick once the view has what the cluster had when it was asked. */
static void test_an_entry_that_is_swept(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	open_fixture(f, UNLIMITED);
	set_versions(cluster, 7);
	load_overdue(f);
	tick(f);
	assert_true(cluster->queries[CONSUMER_POD].in_flight);
	answer(cluster->options.client, "GET", "/api/v1/pods", 200, PODS_9);
	tick(f);
	assert_int_equal(count(f, COUNT_EXPIRED), 0);
	/* No event comes: the Pods are listed, since a list is an event, too. */
	assert_int_equal(cluster->watches[WATCH_PODS]->version, 7);
	cluster->maintenance.quiet[CONSUMER_POD].at_ms = 1;
	tick(f);
	assert_int_equal(cluster->watches[WATCH_PODS]->version, 0);
	ledger_reach(cluster->ledger, CONSUMER_POD, 9);
	tick(f);
	assert_int_equal(count(f, COUNT_EXPIRED), 1);
	assert_int_equal(ledger_pending(cluster->ledger), 0);
	/* It is left out of the text by a write of its own, if no request causes one. */
	assert_true(cluster->maintenance.fold_ms && !cluster->record.writing);
	cluster->maintenance.fold_ms = 1;
	tick(f);
	assert_true(cluster->record.writing);
	close_fixture(f);
}

/* The record is written although no request needs it. */
static void test_writes_for_maintenance(void **state)
{
	struct fixture *f = *state;
	struct ledger_cluster *cluster = &f->cluster;
	struct error err = {0};
	open_fixture(f, UNLIMITED);
	cluster->record.unwritten_ms = kube_now_ms();
	tick(f);
	assert_false(cluster->record.writing);
	cluster->record.unwritten_ms = 1;
	tick(f);
	assert_true(cluster->record.writing);
	answer(cluster->options.client, "PUT", LEDGER_OBJECT_PATH, 200, RECORD("8"));
	assert_int_equal(cluster->record.unwritten_ms, 0);

	assert_true(ledger_load(cluster->ledger, (struct ledger_versions){{7}}, STR(PENDING), kube_now_ms(), &err) >=
		    0);
	cluster_step(cluster);
	assert_false(cluster->record.writing);
	ledger_set_form(cluster->ledger, 1);
	cluster_step(cluster);
	assert_true(cluster->record.writing);
	close_fixture(f);
}

/* The timer is set to the first deadline. */
static void test_the_next_deadline(void **state)
{
	struct fixture *f = *state;
	struct kube_timer *timer = &f->cluster.queue.timer;
	open_fixture(f, UNLIMITED);
	cluster_step(&f->cluster);
	assert_false(timer->armed);
	struct caller *caller = submit(f, 0, "a");
	assert_true(timer->armed && timer->at_ms > kube_now_ms() + FAR_MS / 2);
	written(f);
	assert_true(is_admitted(caller) && !timer->armed);
	close_fixture(f);
}

/* The watch of Pods is opened, or ends. */
static void turn(struct fixture *f)
{
	struct kube_watch *watch = f->cluster.watches[WATCH_PODS];
	atomic_fetch_add(&watch->transitions, 1);
	watch->options.events.turned(watch->options.events.context);
}

/* After each turn of the watch of Pods, nothing is decided before the version is known. */
static void test_a_watch_that_was_interrupted(void **state)
{
	struct fixture *f = *state;
	const struct version_query *query = &f->cluster.queries[CONSUMER_POD];
	open_fixture(f, UNLIMITED);
	struct kube_client *client = f->cluster.options.client;
	turn(f);
	assert_true(query->in_flight);
	struct caller *caller = submit(f, 0, "a");
	turn(f);
	answer(client, "GET", "/api/v1/pods", 200, PODS_9);
	assert_true(query->in_flight); /* The answer was to the turn before. */
	assert_false(f->cluster.record.writing);
	answer(client, "GET", "/api/v1/pods", 500, "{}");
	assert_false(query->in_flight);
	cluster_step(&f->cluster);
	assert_false(query->in_flight);
	tick(f);
	answer(client, "GET", "/api/v1/pods", 200, PODS_9);
	assert_false(query->in_flight);
	assert_true(f->cluster.record.writing);
	written(f);
	assert_true(is_admitted(caller));
	close_fixture(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_a_conflict),
					   TEST(test_a_reservation_whose_write_is_lost),
					   TEST(test_a_text_that_is_too_long),
					   TEST(test_a_restored_storage),
					   TEST(test_a_settled_record),
					   TEST(test_a_namespace_that_cannot_be_read),
					   TEST(test_a_lost_node),
					   TEST(test_an_entry_that_is_swept),
					   TEST(test_writes_for_maintenance),
					   TEST(test_the_next_deadline),
					   TEST(test_a_watch_that_was_interrupted)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
