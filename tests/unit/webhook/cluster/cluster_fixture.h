/*
 * cluster_fixture: a cluster ledger that is driven by hand. The loop does not run, nothing is sent,
 * and the test plays the API server. The clock stands still, so that no test depends on how long it
 * takes. Deadlines are set to the past instead of waiting for them.
 */
#ifndef TESTS_CLUSTER_FIXTURE_H
#define TESTS_CLUSTER_FIXTURE_H

#include "tests/unit/policy_fixture.h"

#include "webhook/cluster/labels.h"
#include "webhook/cluster/state.h"
#include "webhook/cluster/step.h"
#include "webhook/kube/request.h"
#include "webhook/kube/watch_state.h"
#include "webhook/ledger/codec.h"

#define FAR_MS 3600000
#define CLOCK_S 1000000 /* What the clock shows; more than FAR_MS. */
#define CALLERS 8
#define CLAIMS_PATH "/apis/resource.k8s.io/v1/resourceclaims"

#define TENANT(name, spec) "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: " name "}\nspec: " spec "\n"

/* A request and its owner. */
struct caller {
	struct reservation_request request;
	struct arena arena;
	struct decision decision;
	struct resource_request resource_request;
	struct buf charges;
	char uid[40];
	int answers;
};

struct fixture {
	struct ledger_cluster cluster;
	struct policy *policy;
	struct kube_config *config;
	struct caller callers[CALLERS];
};

/* The Makefile links the tests with --wrap=clock_gettime. */
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){.tv_sec = CLOCK_S};
	return 0;
}

static inline void open_config(struct fixture *f)
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

static inline void set_watch(struct ledger_cluster *cluster, bool is_open)
{
	cluster->watches[WATCH_PODS]->phase = is_open ? WATCHING : PAUSED;
	cluster->watches[WATCH_PODS]->opened_ms = is_open;
}

static inline void open_watches(struct ledger_cluster *cluster)
{
	const struct kube_watch_options options = {.name = "gpuquotas", .path = "/"};
	struct error err = {0};
	assert_int_equal(watches_open(cluster, &err), 0);
	cluster->publish.watch = kube_watch_create(cluster->options.loop, cluster->options.background, &options, &err);
	assert_non_null(cluster->publish.watch);
	set_watch(cluster, true);
}

/* Opens a ledger with nothing pending, and a view that has reached it. */
static inline void open_fixture(struct fixture *f, const char *policy)
{
	struct error err = {0};
	struct ledger_cluster *cluster = &f->cluster;
	*f = (struct fixture){.policy = fixture_policy(policy, NULL, 0)};
	assert_non_null(f->policy);
	open_config(f);
	cluster->options.replica = "gpugate-1";
	cluster->options.loop = kube_loop_create(&err);
	cluster->options.client = kube_client_create(cluster->options.loop, f->config, &err);
	cluster->options.background = kube_client_create(cluster->options.loop, f->config, &err);
	const struct ledger_options rules = {.policy = f->policy, .shared = true, .ttl_ms = 60000};
	cluster->ledger = ledger_create(&rules, &err);
	assert_true(cluster->options.client && cluster->options.background && cluster->ledger);
	pthread_mutex_init(&cluster->mutex, NULL);
	arena_init(&cluster->scratch, 64 << 10, 1 << 20);
	record_open(cluster);
	queue_open(cluster);
	cluster->step = cluster_step;
	open_watches(cluster);
	cluster->record.state = RECORD_OPEN;
	cluster->record.resource_version = 7;
	cluster->synced[WATCH_PODS] = true;
	cluster->claims_api.state = CLAIMS_API_ABSENT;
	assert_int_equal(ledger_load(cluster->ledger, (struct ledger_versions){{7}}, STR(""), kube_now_ms(), &err), 0);
	ledger_reach(cluster->ledger, CONSUMER_POD, 7);
}

/* The API server also has claims: they were listed, and the copy knows their version. */
static inline void serve_claims(struct fixture *f)
{
	struct ledger_cluster *cluster = &f->cluster;
	struct error err = {0};
	cluster->claims_api = (struct claims_api){.state = CLAIMS_API_SERVED, .path = CLAIMS_PATH};
	kube_watch_set_path(cluster->watches[WATCH_CLAIMS], CLAIMS_PATH);
	cluster->watches[WATCH_CLAIMS]->phase = WATCHING;
	cluster->watches[WATCH_CLAIMS]->opened_ms = true;
	cluster->synced[WATCH_CLAIMS] = true;
	assert_int_equal(ledger_load(cluster->ledger, (struct ledger_versions){{7, 5}}, STR(""), kube_now_ms(), &err),
			 0);
	ledger_reach(cluster->ledger, CONSUMER_CLAIM, 5);
}

static inline void close_fixture(struct fixture *f)
{
	struct ledger_cluster *cluster = &f->cluster;
	queue_close(cluster);
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(f->callers[i].answers, f->callers[i].request.done ? 1 : 0);
		arena_release(&f->callers[i].arena);
		buf_release(&f->callers[i].charges);
	}
	lookup_close(cluster);
	kube_timer_clear(cluster->options.loop, &cluster->queue.timer);
	kube_timer_clear(cluster->options.loop, &cluster->record.again);
	assert_true(ledger_check(cluster->ledger));
	ledger_destroy(cluster->ledger);
	watches_close(cluster);
	kube_watch_destroy(cluster->publish.watch);
	kube_client_destroy(cluster->options.background);
	kube_client_destroy(cluster->options.client);
	kube_loop_destroy(cluster->options.loop);
	kube_config_destroy(f->config);
	buf_release(&cluster->record.body);
	arena_release(&cluster->scratch);
	pthread_mutex_destroy(&cluster->mutex);
	policy_release(f->policy);
}

static inline void on_done(struct reservation_request *request)
{
	struct caller *caller = request->context;
	caller->answers++;
}

static inline struct caller *prepare(struct fixture *f, int number, const char *namespace)
{
	struct caller *caller = &f->callers[number];
	arena_init(&caller->arena, 4096, 1 << 20);
	buf_init(&caller->charges, 4096);
	caller->resource_request = (struct resource_request){.resource = STR("nvidia.com/gpu"), .count = 1};
	snprintf(caller->uid, sizeof caller->uid, "00000000-0000-4000-8000-%012d", number);
	caller->decision.consumer = (struct consumer){.uid = str_of(caller->uid),
						      .namespace = str_of(namespace),
						      .name = STR("p"),
						      .requests = &caller->resource_request,
						      .request_count = 1};
	caller->request = (struct reservation_request){.deadline_ms = kube_now_ms() + FAR_MS,
						       .arena = &caller->arena,
						       .namespace = str_of(namespace),
						       .decision = &caller->decision,
						       .charges = &caller->charges,
						       .done = on_done,
						       .context = caller};
	return caller;
}

static inline void arrive(struct fixture *f)
{
	f->cluster.queue.arrived.run(&f->cluster);
}

static inline void time_passes(struct fixture *f)
{
	f->cluster.queue.timer.run(&f->cluster);
}

static inline void tick(struct fixture *f)
{
	f->cluster.stepping.ticked = true;
	cluster_step(&f->cluster);
}

static inline struct caller *submit(struct fixture *f, int number, const char *namespace)
{
	struct caller *caller = prepare(f, number, namespace);
	queue_admit(&f->cluster, &caller->request);
	arrive(f);
	return caller;
}

/* The write in flight succeeds. */
static inline void written(struct fixture *f)
{
	struct ledger_cluster *cluster = &f->cluster;
	if (!cluster->record.writing)
		fail_msg("nothing is being written: waiting %d, crowded %d, batch %d", !!cluster->queue.waiting.first,
			 !!cluster->queue.backpressure.first, !!cluster->queue.batch.first);
	cluster->record.writing = false;
	queue_write_ended(cluster, true);
	cluster_step(cluster);
}

static inline void read_ends(struct fixture *f)
{
	assert_true(f->cluster.record.reading);
	f->cluster.record.reading = false;
	f->cluster.record.read = f->cluster.record.reads;
	cluster_step(&f->cluster);
}

static inline uint64_t count(const struct fixture *f, enum cluster_count which)
{
	return atomic_load(&f->cluster.counts[which]);
}

static inline bool is_admitted(const struct caller *caller)
{
	return caller->answers == 1 && !caller->decision.denied;
}

static inline bool is_refused(const struct caller *caller)
{
	return caller->answers == 1 && caller->decision.denied;
}

static inline int count_reads(const struct fixture *f)
{
	int reads = 0;
	for (const struct kube_request *request = f->cluster.options.background->requests; request;
	     request = request->next)
		reads++;
	return reads;
}

/* The API server answers a call that is in flight; `path` is without its query. */
static inline void answer(struct kube_client *client, const char *method, const char *path, unsigned status,
			  const char *body)
{
	struct kube_request *request = client->requests;
	char text[512] = "";
	while (request &&
	       (strcmp(request->call.method, method) != 0 || strcspn(request->call.path, "?") != strlen(path) ||
		strncmp(request->call.path, path, strlen(path)) != 0))
		request = request->next;
	assert_non_null(request);
	snprintf(text, sizeof text - REVIEW_PADDING, "%s", body);
	const struct kube_response answer = {.status = status, .body = str_of(text), .problem = "it is so"};
	const struct kube_call call = request->call;
	kube_cancel(client, request);
	call.done(call.context, &answer);
}

static inline int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static inline int tear_down(void **state)
{
	free(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
