/*
 * The questions of the cluster's ledger, driven by hand: the loop does not run, nothing is sent, and what the API server would answer is said
 * by the test. Time that matters is set, so that none has to pass.
 */
#include "tests/unit/policy_fixture.h"

#include "webhook/cluster/state.h"
#include "webhook/kube/request.h"
#include "webhook/kube/watch_state.h"
#include "webhook/ledger/codec.h"

#define FAR_MS 3600000
#define QUESTIONS 8

#define TENANT(name, spec) "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\nspec: " spec "\n"
#define ROOMY                                                                                                          \
	TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: unlimited}]}")                                         \
	"---\n" TENANT("b", "{namespaces: [b], quotas: [{name: q, hard: unlimited}]}")
#define TIGHT TENANT("a", "{namespaces: [a], quotas: [{name: q, hard: 1}]}")
#define BY_LABELS TENANT("a", "{namespaceSelector: {matchLabels: {of: a}}, quotas: [{name: q, hard: unlimited}]}")

struct asked {
	struct ledger_ask ask;
	struct arena arena;
	struct decision decision;
	struct demand demand;
	struct buf charges;
	char uid[40];
	int answers;
};

struct fixture {
	struct ledger_cluster cluster;
	struct policy *policy;
	struct kube_config *config;
	struct asked questions[QUESTIONS];
};

static void open_config(struct fixture *f)
{
	static const char text[] = "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
				   "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
				   "clusters: [{name: k, cluster: {server: \"http://127.0.0.1:1\"}}]\n"
				   "users: [{name: u, user: {}}]\n";
	char path[] = "/tmp/gpugate-asks-XXXXXX";
	struct error err = {0};
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1);
	close(fd);
	f->config = kube_config_load(path, &err);
	unlink(path);
	if (!f->config)
		fail_msg("%s", err.text);
}

static void nothing_listed(void *context, struct str json)
{
	(void)context, (void)json;
}

static void set_watch(struct ledger_cluster *cluster, bool is_open)
{
	cluster->watches[WATCH_PODS]->phase = is_open ? WATCHING : PAUSED;
	cluster->watches[WATCH_PODS]->opened_ms = is_open;
}

static void open_watch(struct ledger_cluster *cluster)
{
	struct error err = {0};
	const struct kube_watch_options options = {
	    .name = "pods", .path = "/api/v1/pods", .events = {.listed = nothing_listed}};
	cluster->watches[WATCH_PODS] =
	    kube_watch_create(cluster->options.loop, cluster->options.client, &options, &err);
	assert_non_null(cluster->watches[WATCH_PODS]);
	set_watch(cluster, true);
}

/* A ledger that is open, with nothing pending, and a view that has reached it. */
static void open_fixture(struct fixture *f, const char *policy)
{
	struct error err = {0};
	struct ledger_cluster *cluster = &f->cluster;
	*f = (struct fixture){.policy = fixture_policy(policy, NULL, 0)};
	assert_non_null(f->policy);
	open_config(f);
	cluster->options.loop = kube_loop_create(&err);
	cluster->options.client = kube_client_create(cluster->options.loop, f->config, &err);
	cluster->options.background = kube_client_create(cluster->options.loop, f->config, &err);
	const struct ledger_options rules = {.policy = f->policy, .shared = true, .ttl_ms = 60000};
	cluster->ledger = ledger_create(&rules, &err);
	assert_true(cluster->options.client && cluster->options.background && cluster->ledger);
	pthread_mutex_init(&cluster->mutex, NULL);
	arena_init(&cluster->scratch, 64 << 10, 1 << 20);
	buf_init(&cluster->object.body, LEDGER_TEXT_MAX + 4096);
	asks_open(cluster);
	open_watch(cluster);
	cluster->object.state = OBJECT_OPEN;
	cluster->object.resource_version = 7;
	cluster->synced[WATCH_PODS] = true;
	assert_int_equal(ledger_load(cluster->ledger, 7, STR(""), kube_now_ms(), &err), 0);
	ledger_reach(cluster->ledger, 7);
}

static void close_fixture(struct fixture *f)
{
	struct ledger_cluster *cluster = &f->cluster;
	asks_close(cluster);
	for (int i = 0; i < QUESTIONS; i++) {
		assert_int_equal(f->questions[i].answers, f->questions[i].ask.done ? 1 : 0);
		arena_release(&f->questions[i].arena);
		buf_release(&f->questions[i].charges);
	}
	lookup_close(cluster);
	kube_timer_clear(cluster->options.loop, &cluster->asks.timer);
	assert_true(ledger_check(cluster->ledger));
	ledger_destroy(cluster->ledger);
	kube_watch_destroy(cluster->watches[WATCH_PODS]);
	kube_client_destroy(cluster->options.background);
	kube_client_destroy(cluster->options.client);
	kube_loop_destroy(cluster->options.loop);
	kube_config_destroy(f->config);
	buf_release(&cluster->object.body);
	arena_release(&cluster->scratch);
	pthread_mutex_destroy(&cluster->mutex);
	policy_release(f->policy);
}

static void on_done(struct ledger_ask *ask)
{
	struct asked *question = ask->context;
	question->answers++;
}

static struct asked *prepare(struct fixture *f, int number, const char *namespace)
{
	struct asked *question = &f->questions[number];
	arena_init(&question->arena, 4096, 1 << 20);
	buf_init(&question->charges, 4096);
	question->demand = (struct demand){STR("nvidia.com/gpu"), 1};
	snprintf(question->uid, sizeof question->uid, "00000000-0000-4000-8000-%012d", number);
	question->decision.holding = (struct holding){.uid = str_of(question->uid),
						      .namespace = str_of(namespace),
						      .name = STR("p"),
						      .demands = &question->demand,
						      .demand_count = 1};
	question->ask = (struct ledger_ask){.deadline_ms = kube_now_ms() + FAR_MS,
					    .arena = &question->arena,
					    .namespace = str_of(namespace),
					    .decision = &question->decision,
					    .charges = &question->charges,
					    .done = on_done,
					    .context = question};
	return question;
}

static void arrive(struct fixture *f)
{
	f->cluster.asks.arrived.run(&f->cluster);
}

static void time_passes(struct fixture *f)
{
	f->cluster.asks.timer.run(&f->cluster);
}

static struct asked *ask(struct fixture *f, int number, const char *namespace)
{
	struct asked *question = prepare(f, number, namespace);
	asks_admit(&f->cluster, &question->ask);
	arrive(f);
	return question;
}

/* The write that is under way has succeeded. */
static void written(struct fixture *f)
{
	struct ledger_cluster *cluster = &f->cluster;
	if (!cluster->object.writing)
		fail_msg("nothing is being written: waiting %d, crowded %d, batch %d", !!cluster->asks.waiting.first,
			 !!cluster->asks.crowded.first, !!cluster->asks.batch.first);
	cluster->object.writing = false;
	asks_written(cluster, true);
	asks_pump(cluster);
}

static void read_ends(struct fixture *f)
{
	assert_true(f->cluster.object.reading);
	f->cluster.object.reading = false;
	asks_again(&f->cluster, true);
}

static uint64_t count(const struct fixture *f, enum cluster_count which)
{
	return atomic_load(&f->cluster.counts[which]);
}

static bool is_admitted(const struct asked *question)
{
	return question->answers == 1 && !question->decision.denied;
}

static bool is_refused(const struct asked *question)
{
	return question->answers == 1 && question->decision.denied;
}

/* --- Refusals --- */

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
	if (seen & LEDGER_FREED)
		asks_again(&f->cluster, false);
}

/* With nothing pending or terminating a refusal waits for one read, which begins after it came, and is no longer held. */
static void test_a_refusal_waits_for_one_read(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, TIGHT);
	see(f, "there", 8, false, false);
	struct asked *first = ask(f, 0, "a");
	assert_int_equal(first->answers, 0);
	struct asked *second = ask(f, 1, "a"); /* while that read is under way: it may have been served before */
	assert_int_equal(f->cluster.object.reads, 1);
	read_ends(f);
	assert_true(is_refused(first));
	assert_int_equal(second->answers, 0);
	assert_int_equal(f->cluster.object.reads, 2);
	read_ends(f);
	assert_true(is_refused(second));
	assert_false(f->cluster.object.reading);
	assert_int_equal(count(f, COUNT_HELD), 0);

	struct asked *without = ask(f, 2, "a"); /* a read that never comes delays nobody for long */
	without->ask.final_ms = 0;
	time_passes(f);
	assert_true(is_refused(without));
	close_fixture(f);
}

static void test_a_refusal_waits_for_what_terminates(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, TIGHT);
	see(f, "there", 8, true, false);
	struct asked *lifted = ask(f, 0, "a"), *final = ask(f, 1, "a");
	read_ends(f);
	if (f->cluster.object.reading)
		read_ends(f);
	assert_int_equal(lifted->answers + final->answers, 0);
	assert_int_equal(count(f, COUNT_HELD), 2);
	final->ask.final_ms = 0;
	time_passes(f);
	assert_true(is_refused(final));
	see(f, "there", 9, true, true);
	written(f);
	assert_true(is_admitted(lifted));
	assert_int_equal(count(f, COUNT_HELD), 2);
	assert_int_equal(count(f, COUNT_LIFTED), 1);
	close_fixture(f);
}

/* What ends while the Pods are not watched is not known: nobody is told for good that there is no room, but who never fits. */
static void test_nobody_is_refused_by_a_view_that_stands_still(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, TIGHT);
	see(f, "there", 8, false, false);
	set_watch(&f->cluster, false);
	struct asked *early = ask(f, 0, "a"), *late = ask(f, 1, "a");
	read_ends(f);
	if (f->cluster.object.reading)
		read_ends(f);
	assert_int_equal(early->answers + late->answers, 0);
	early->ask.final_ms = 0;
	time_passes(f);
	assert_int_equal(early->answers, 1);
	assert_int_equal(early->decision.objections[0].reason, REASON_BUSY);
	assert_int_equal(count(f, COUNT_BUSY), 1);

	struct asked *never = prepare(f, 2, "a");
	never->demand.count = 2;
	asks_admit(&f->cluster, &never->ask);
	arrive(f);
	assert_true(is_refused(never));
	assert_int_equal(never->decision.objections[0].reason, REASON_QUOTA);

	set_watch(&f->cluster, true);
	asks_again(&f->cluster, false);
	assert_true(is_refused(late));
	assert_int_equal(late->decision.objections[0].reason, REASON_QUOTA);
	assert_int_equal(count(f, COUNT_BUSY), 1);
	close_fixture(f);
}

/* --- Room --- */

static void take_all_room(struct fixture *f, char uid[static 40])
{
	struct ledger_verdict verdict = {.answer = LEDGER_ADMITTED};
	const struct demand demand = {STR("nvidia.com/gpu"), 1};
	struct arena arena;
	arena_init(&arena, 4096, 1 << 20);
	for (int i = 0; verdict.answer == LEDGER_ADMITTED; i++) {
		snprintf(uid, 40, "10000000-0000-4000-8000-%012d", i);
		const struct holding holding = {
		    .uid = str_of(uid), .namespace = STR("a"), .name = STR("f"), .demands = &demand, .demand_count = 1};
		arena_reset(&arena);
		ledger_decide(f->cluster.ledger, &holding, LEDGER_HOLD, 0, &arena, &verdict);
	}
	assert_true(verdict.crowded);
	snprintf(uid, 40, "10000000-0000-4000-8000-%012d", 0);
	arena_release(&arena);
}

/* Whoever waits for room is the first to find it, and holds up nobody of another root. */
static void test_those_who_wait_for_room_come_first(void **state)
{
	struct fixture *f = *state;
	char uid[40];
	open_fixture(f, ROOMY);
	take_all_room(f, uid);
	struct asked *first = ask(f, 0, "a"), *second = ask(f, 1, "a");
	assert_int_equal(first->answers + second->answers, 0);
	first->ask.crowded_ms = second->ask.crowded_ms = kube_now_ms() + FAR_MS;
	struct asked *other = ask(f, 2, "b");
	written(f);
	assert_true(is_admitted(other));
	ledger_free(f->cluster.ledger, other->decision.holding.uid); /* it leaves less to the first root */

	ledger_free(f->cluster.ledger, str_of(uid));
	struct asked *late = ask(f, 3, "a");
	late->ask.crowded_ms = kube_now_ms() + FAR_MS;
	f->cluster.object.writing = false; /* another replica was faster: all of it again, in the same order */
	ledger_free(f->cluster.ledger, first->decision.holding.uid);
	asks_written(&f->cluster, false);
	asks_pump(&f->cluster);
	written(f);
	assert_true(is_admitted(first));
	assert_int_equal(second->answers + late->answers, 0);
	assert_int_equal(count(f, COUNT_BUSY), 0);

	second->ask.crowded_ms = 1;
	f->cluster.asks.again_ms = 0;
	time_passes(f);
	assert_true(is_refused(second));
	assert_int_equal(late->answers, 0);
	assert_int_equal(count(f, COUNT_BUSY), 1);
	assert_int_equal(count(f, COUNT_OUTAGES), 0);
	late->ask.deadline_ms = 1;
	time_passes(f);
	assert_true(is_refused(late));
	assert_int_equal(count(f, COUNT_BUSY), 2);
	close_fixture(f);
}

/* --- Namespaces --- */

static struct asked *ask_labels(struct fixture *f, int number, const char *namespace)
{
	struct asked *question = prepare(f, number, namespace);
	assert_false(asks_labels(&f->cluster, &question->ask));
	asks_fetch(&f->cluster, &question->ask);
	arrive(f);
	return question;
}

static int count_reads(const struct fixture *f)
{
	int reads = 0;
	for (const struct kube_request *request = f->cluster.options.background->requests; request;
	     request = request->next)
		reads++;
	return reads;
}

/* The API server answers the read of a namespace. */
static void answered(struct fixture *f, const char *path, unsigned status, const char *body)
{
	struct kube_client *client = f->cluster.options.background;
	struct kube_request *request = client->requests;
	char text[512] = "";
	while (request && strcmp(request->call.path, path) != 0)
		request = request->next;
	assert_non_null(request);
	snprintf(text, sizeof text - REVIEW_PADDING, "%s", body);
	const struct kube_answer answer = {.status = status, .body = str_of(text), .problem = "it is so"};
	const struct kube_call call = request->call;
	kube_cancel(client, request);
	call.done(call.context, &answer);
}

#define OF_A "{\"metadata\":{\"name\":\"new\",\"labels\":{\"of\":\"a\"}}}"

static void test_a_namespace_is_read_once(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, BY_LABELS);
	struct asked *some[3];
	for (int i = 0; i < 3; i++)
		some[i] = ask_labels(f, i, "new");
	struct asked *gone = ask_labels(f, 3, "gone"), *secret = ask_labels(f, 4, "secret");
	assert_int_equal(count_reads(f), 3);
	answered(f, "/api/v1/namespaces/new", 0, ""); /* no answer in time: with the next tick it is read again */
	assert_int_equal(count_reads(f), 2);
	asks_look_up(&f->cluster);
	assert_int_equal(count_reads(f), 3);
	some[2]->ask.deadline_ms = 1;
	time_passes(f);
	assert_int_equal(some[2]->answers, 1);
	assert_true(some[2]->ask.hasty && !some[2]->ask.labels.present);
	assert_int_equal(count(f, COUNT_BUSY), 1);
	answered(f, "/api/v1/namespaces/new", 200, OF_A);
	for (int i = 0; i < 2; i++)
		assert_true(some[i]->answers == 1 && some[i]->ask.labels.count == 1);
	answered(f, "/api/v1/namespaces/gone", 404, "{}");
	assert_true(gone->answers == 1 && gone->ask.labels.present && gone->ask.labels.count == 0);
	answered(f, "/api/v1/namespaces/secret", 403, "{}");
	assert_true(secret->answers == 1 && !secret->ask.labels.present && !secret->ask.hasty);
	assert_int_equal(count(f, COUNT_OUTAGES), 1);
	assert_int_equal(count_reads(f), 0);
	close_fixture(f);
}

/* Pods of a namespace that is not known hold up all decisions; a question has it read already. */
static void test_a_namespace_of_pods_is_read_once(void **state)
{
	struct fixture *f = *state;
	open_fixture(f, BY_LABELS);
	struct error err = {0};
	const struct pair of_a = {STR("of"), STR("a")};
	const struct pairs labels = {&of_a, 1, true};
	assert_true(ledger_namespace(f->cluster.ledger, STR("known"), &labels) >= 0);
	assert_int_equal(
	    ledger_load(f->cluster.ledger, 7, STR("1;R nvidia.com/gpu;P x new p 0=1 -;"), kube_now_ms(), &err), 0);
	struct asked *labelled = ask_labels(f, 0, "new"), *held_up = ask(f, 1, "known");
	assert_int_equal(count_reads(f), 1);
	assert_true(lookup_holds_up(&f->cluster));
	lookup_for_pods(&f->cluster);
	assert_int_equal(count_reads(f), 1);
	assert_int_equal(held_up->answers, 0);
	answered(f, "/api/v1/namespaces/new", 404, "{}");
	assert_int_equal(labelled->answers, 1);
	assert_false(lookup_holds_up(&f->cluster));
	written(f);
	assert_true(is_admitted(held_up));
	close_fixture(f);
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_a_refusal_waits_for_one_read),
					   TEST(test_a_refusal_waits_for_what_terminates),
					   TEST(test_nobody_is_refused_by_a_view_that_stands_still),
					   TEST(test_those_who_wait_for_room_come_first),
					   TEST(test_a_namespace_is_read_once),
					   TEST(test_a_namespace_of_pods_is_read_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
